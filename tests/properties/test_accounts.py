"""Accounts: whatever is written, it is refused, or kept in a form that is read as itself."""

from contextlib import suppress

from hypothesis import assume, given
from hypothesis import strategies as st

from keyrail.catalog.account_fields import MAX_ACCOUNT_LENGTH, masked_account, read_account
from keyrail.platform.errors import Invalid
from keyrail.platform.patterns import matches
from tests.accounts import GAME, GAME_ACCOUNT, NOTE, PHONE, QQ, ROLE

FIELDS = (*GAME[:3], PHONE, ROLE, NOTE)
BLANKS = st.text(" \t\n\u3000\xa0\u200b\u202d\ufeff", max_size=3)
WIDE = {ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789+-"}
ACCOUNT = {**GAME_ACCOUNT, "phone": "13800138000", "role": "剑客"}
STRANGE = st.text(st.sampled_from("0123456789+-１８９ 　\u200b\u202da剑\x00é"), max_size=16)


@given(st.fixed_dictionaries(dict.fromkeys(ACCOUNT, STRANGE | st.text(max_size=80)), optional={"note": STRANGE}))
def test_what_is_taken_is_in_one_form_and_taken_again_unchanged(written: dict[str, str]) -> None:
    for name, value in written.items():  # one of them at a time, so that many are taken
        given_account = {**ACCOUNT, name: value}
        with suppress(Invalid):
            account = read_account(FIELDS, given_account, matches=matches)
            assert read_account(FIELDS, account, matches=matches) == account
            assert all(0 < len(each) <= MAX_ACCOUNT_LENGTH and each == each.strip() for each in account.values())
            assert account["phone"].isascii()
            assert len(account["phone"]) == 11


@given(
    st.sampled_from(["", "+86", "0086", "+86 "]),
    st.lists(st.sampled_from(["", " ", "-", "　"]), min_size=11, max_size=11),
    BLANKS,
    BLANKS,
    st.booleans(),
)
def test_however_a_number_is_written_it_is_the_same_account(
    country: str, between: list[str], before: str, behind: str, wide: bool
) -> None:
    written = country + "".join(digit + gap for digit, gap in zip(ACCOUNT["phone"], between, strict=True))
    written = before + (written.translate(WIDE) if wide else written) + behind
    assert read_account((PHONE,), {"phone": written}, matches=matches) == {"phone": ACCOUNT["phone"]}


@given(st.text("0123456789", min_size=5, max_size=11), st.text("0123456789", min_size=5, max_size=11))
def test_two_numbers_are_never_one_account(one: str, other: str) -> None:
    assume(one != other)
    kept = []
    for number in (one, other):
        with suppress(Invalid):
            kept.append(read_account((QQ,), {"qq": number}, matches=matches)["qq"])
    assert kept == [number for number in (one, other) if number[0] != "0"]


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.text(min_size=1, max_size=MAX_ACCOUNT_LENGTH))
def test_a_mask_hides_at_least_half(phone: str, role: str) -> None:
    mask = masked_account((PHONE, ROLE), {"phone": phone, "role": role})
    assert mask["phone"] == f"{phone[:3]}****{phone[-4:]}"
    first, last = mask["role"].split("****", 1) if "****" not in role else ("", "")
    assert len(first) + len(last) <= len(role) / 2
