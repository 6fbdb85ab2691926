"""Whom a recharge credits: every way of writing it comes to one form, and what is anything else is refused."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keyrail.catalog.account_fields import (
    MAX_ACCOUNT_FIELDS,
    MAX_ACCOUNT_LENGTH,
    MAX_ACCOUNT_PATTERN_LENGTH,
    MAX_CHOICES,
    MAX_LABEL_LENGTH,
    AccountField,
    Choice,
    FieldKind,
    check_account_fields,
    masked_account,
    read_account,
)
from keyrail.platform.errors import Invalid
from keyrail.platform.patterns import is_pattern, matches
from tests.accounts import GAME, GAME_ACCOUNT, NOTE, PHONE, QQ, REGION, ROLE, SERVER

QUICKSTART = Path(__file__).resolve().parents[3] / "docs/quickstart.md"
DIGITS = AccountField(name="card", label="Card", kind=FieldKind.DIGITS)


def read(fields: Sequence[AccountField], given: Mapping[str, str]) -> dict[str, str]:
    return read_account(fields, given, matches=matches)


def refused(fields: Sequence[AccountField], given: Mapping[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refusal:
        read(fields, given)
    return [(error.field, error.reason) for error in refusal.value.fields]


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        "  13800138000\t",
        "138 0013 8000",
        "138-0013-8000",
        "+8613800138000",
        "+86 138 0013 8000",
        "+86-138-0013-8000",
        "008613800138000",
        "１３８００１３８０００",
        "＋８６　１３８００１３８０００",
        "138－0013－8000",
        "138\u20110013\u20118000",  # so that no line ends there
        "138\u20130013\u20148000",
        "\u202d138 0013 8000\u202c",  # as an address book copies it
        "13800138000\ufeff",
        "\u300013800138000\xa0",
    ],
)
def test_every_way_of_writing_a_mobile_number_comes_to_its_eleven_digits(written: str) -> None:
    assert read((PHONE,), {"phone": written}) == {"phone": "13800138000"}


@pytest.mark.parametrize(
    "written",
    [
        "1380013800",
        "138001380000",
        "12800138000",  # no mobile number begins so
        "03800138000",
        "8613800138000",  # nobody said that this is a country's code
        "+8513800138000",
        "+852 9123 4567",
        "010-62345678",
        "(+86)13800138000",
        "13800138000x",
        "13800138000,13900139000",
        "138001380O0",
        "١٣٨٠٠١٣٨٠٠٠",
        "十三八零零一三八零零零",
        "\u202e13800138000",  # whoever wrote it saw 00083100831
        "+",
        "-",
    ],
)
def test_nothing_else_is_made_a_mobile_number(written: str) -> None:
    assert refused((PHONE,), {"phone": written}) == [("phone", "not_a_mobile_number")]


@pytest.mark.parametrize(
    ("field", "written", "kept"),
    [
        (QQ, "10001", "10001"),
        (QQ, " １２３４５６７８９ ", "123456789"),
        (QQ, "12345678901", "12345678901"),
        (DIGITS, "000123", "000123"),
        (ROLE, "  剑 客 ", "剑 客"),
        (ROLE, "ＡＢ１２", "ＡＢ１２"),  # a name may be written so on purpose
        (ROLE, "\u200bplayer\u200b", "player"),
        (REGION, " ios ", "ios"),
    ],
)
def test_what_fits_is_kept_without_the_blanks_around_it(field: AccountField, written: str, kept: str) -> None:
    assert read((field,), {field.name: written}) == {field.name: kept}


@pytest.mark.parametrize(
    ("field", "written", "reason"),
    [
        (QQ, "1000", "too_short"),
        (QQ, "123456789012", "too_long"),
        (QQ, "0123456", "not_of_the_pattern"),
        (QQ, "123 456 789", "not_digits"),
        (QQ, "123456a", "not_digits"),
        (QQ, "１２３４５ａ", "not_digits"),
        (QQ, "-12345", "not_digits"),
        (QQ, "१२३४५६", "not_digits"),
        (QQ, "12345²", "not_digits"),
        (ROLE, "x" * 13, "too_long"),
        (ROLE, "a\nb", "not_printable"),
        (ROLE, "a\u202eb", "not_printable"),
        (ROLE, "a\x00", "not_printable"),
        (NOTE, "x" * (MAX_ACCOUNT_LENGTH + 1), "too_long"),
        (REGION, "windows", "not_a_choice"),
        (REGION, "IOS", "not_a_choice"),
        (REGION, "iOS", "not_a_choice"),
        (QQ, " \u3000\t", "missing"),
        (REGION, "", "missing"),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_of_its_field(field: AccountField, written: str, reason: str) -> None:
    assert refused((replace(field, required=True),), {field.name: written}) == [(field.name, reason)]


def test_a_pattern_looks_at_the_whole_of_what_is_kept() -> None:
    mobile = replace(PHONE, pattern="13[4-9][0-9]{8}")
    assert read((mobile,), {"phone": "+86 138-0013-8000"}) == {"phone": "13800138000"}
    assert refused((mobile,), {"phone": "13300138000"}) == [("phone", "not_of_the_pattern")]
    assert refused((replace(ROLE, pattern="[a-z]+"),), {"role": "abc1"}) == [("role", "not_of_the_pattern")]


def test_every_reason_is_in_the_quickstart_with_words_for_the_buyer() -> None:
    region = replace(REGION, required=False)
    cases: list[tuple[Sequence[AccountField], dict[str, str]]] = [
        ((PHONE,), {}),
        ((PHONE,), {"phone": "1", "Phone": "1"}),
        ((QQ,), {"qq": "a"}),
        ((QQ,), {"qq": "1"}),
        ((QQ,), {"qq": "1" * 20}),
        ((QQ,), {"qq": "0123456"}),
        ((ROLE,), {"role": "a\x00"}),
        ((REGION,), {"region": "windows"}),
        ((region, SERVER), {"server": "1"}),
        ((region, SERVER), {"region": "ios", "server": "2"}),
    ]
    told = {reason.replace("region", "<field>") for fields, given in cases for _, reason in refused(fields, given)}
    page = QUICKSTART.read_text().partition("| `reason` |")[2].partition("\n\n")[0]
    of_json = {"string_type", "string_too_long"}
    assert {name for row in page.splitlines()[2:] for name in re.findall("`([^`]+)`", row)} == told | of_json


def test_an_account_has_all_that_is_required_and_nothing_that_is_unknown() -> None:
    assert read(GAME, GAME_ACCOUNT) == GAME_ACCOUNT
    assert read(GAME, {**GAME_ACCOUNT, "note": "   "}) == GAME_ACCOUNT
    assert read(GAME, {**GAME_ACCOUNT, "note": " hi "}) == {**GAME_ACCOUNT, "note": "hi"}
    assert refused(GAME, {}) == [("qq", "missing"), ("region", "missing")]
    assert refused(GAME, {**GAME_ACCOUNT, "QQ": "10001"}) == [("QQ", "unknown")]
    assert refused(GAME, {"region": "ios", "server": "9", "phone": ""}) == [
        ("phone", "unknown"),
        ("qq", "missing"),
        ("server", "not_a_choice"),
    ]


def test_of_names_that_nobody_asked_for_only_so_many_are_told() -> None:
    wrong = refused((PHONE,), {"phone": "13800138000", **{f"{number}" * 100: "x" for number in range(10, 99)}})
    assert len(wrong) == MAX_ACCOUNT_FIELDS
    assert {(len(name), reason) for name, reason in wrong} == {(MAX_ACCOUNT_LENGTH, "unknown")}


@pytest.mark.parametrize(
    ("region", "server", "wrong"),
    [
        ("ios", "1", []),
        ("android", "测试服", []),
        ("ios", "2", [("server", "not_of_this_region")]),
        ("ios", "3", [("server", "not_a_choice")]),
        ("windows", "1", [("region", "not_a_choice")]),
        ("", "1", [("region", "missing")]),
        ("ios", "", [("server", "missing")]),
    ],
)
def test_a_server_is_one_of_its_region(region: str, server: str, wrong: list[tuple[str, str]]) -> None:
    given = {"qq": "10001", "region": region, "server": server}
    if wrong:
        assert refused(GAME, given) == wrong
    else:
        assert read(GAME, given) == given


def test_a_server_without_a_region_that_may_be_left_out_is_refused() -> None:
    fields = (QQ, replace(REGION, required=False), replace(SERVER, required=False))
    assert refused(fields, {"qq": "10001", "server": "1"}) == [("server", "without_region")]
    assert read(fields, {"qq": "10001"}) == {"qq": "10001"}


def test_of_an_account_little_is_shown() -> None:
    fields = (PHONE, QQ, ROLE, REGION, DIGITS)
    account = {"phone": "13800138000", "qq": "12345678", "role": "abc", "region": "ios", "card": "12345"}
    assert masked_account(fields, account) == {
        "phone": "138****8000",
        "qq": "12****78",
        "role": "****",
        "region": "ios",
        "card": "1****5",
    }
    assert masked_account((), account)["phone"] == "13****00"


def problems(*fields: AccountField) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refusal:
        check_account_fields(fields, is_pattern=is_pattern)
    return [(error.field.removeprefix("account_fields"), error.reason) for error in refusal.value.fields]


@pytest.mark.parametrize("fields", [GAME, (PHONE,), (ROLE, NOTE), (replace(PHONE, pattern="13.*"), QQ)])
def test_fields_that_make_sense_are_taken(fields: tuple[AccountField, ...]) -> None:
    check_account_fields(fields, is_pattern=is_pattern)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        (replace(QQ, name="QQ"), [(".0.name", "not_a_name")]),
        (replace(QQ, name="q" * 33), [(".0.name", "not_a_name")]),
        (replace(QQ, name="recharge.qq"), [(".0.name", "not_a_name")]),
        (replace(QQ, label=""), [(".0.label", f"not_1_to_{MAX_LABEL_LENGTH}_characters")]),
        (replace(QQ, label_zh="号" * 61), [(".0.label_zh", f"not_1_to_{MAX_LABEL_LENGTH}_characters")]),
        (replace(QQ, pattern="(?=1)1"), [(".0.pattern", "not_a_pattern_of_re2")]),
        (replace(QQ, pattern=""), [(".0.pattern", "not_a_pattern_of_re2")]),
        (replace(QQ, pattern="1" * (MAX_ACCOUNT_PATTERN_LENGTH + 1)), [(".0.pattern", "not_a_pattern_of_re2")]),
        (replace(QQ, min_length=0), [(".0.min_length", "not_1_to_max_length")]),
        (replace(QQ, min_length=12), [(".0.min_length", "not_1_to_max_length")]),
        (replace(QQ, max_length=MAX_ACCOUNT_LENGTH + 1), [(".0.min_length", "not_1_to_max_length")]),
        (replace(PHONE, max_length=11), [(".0.max_length", "not_of_this_kind")]),
        (replace(QQ, choices=REGION.choices), [(".0.choices", "not_of_this_kind")]),
        (replace(QQ, depends_on="region"), [(".0.depends_on", "not_of_this_kind")]),
        (replace(REGION, choices=()), [(".0.choices", "empty")]),
        (replace(REGION, pattern="a"), [(".0.pattern", "not_of_this_kind")]),
        (replace(REGION, choices=(Choice(value=" a", label="A"),)), [(".0.choices.0.value", "not_a_value")]),
        (
            replace(REGION, choices=(Choice(value="a", label="A"), Choice(value="a", label="B"))),
            [(".0.choices.1.value", "repeated")],
        ),
        (
            replace(REGION, choices=(Choice(value="a", label="A", within=("b",)),)),
            [(".0.choices.0.within", "without_depends_on")],
        ),
        (SERVER, [(".0.depends_on", "not_an_earlier_choice")]),
        (NOTE, [("", "none_required")]),
    ],
)
def test_a_field_that_contradicts_itself_is_refused_by_name(field: AccountField, wrong: list[tuple[str, str]]) -> None:
    assert problems(field) == wrong


def test_fields_that_contradict_each_other_are_refused_by_name() -> None:
    assert problems(QQ, QQ) == [(".1.name", "repeated")]
    assert problems(SERVER, REGION) == [(".0.depends_on", "not_an_earlier_choice")]
    assert problems(QQ, replace(SERVER, depends_on="qq")) == [(".1.depends_on", "not_an_earlier_choice")]
    assert (".2.depends_on", "not_required") in problems(QQ, replace(REGION, required=False), SERVER)
    elsewhere = replace(SERVER, choices=(Choice(value="1", label="1", within=("ios", "windows")),))
    assert problems(REGION, elsewhere) == [
        (".1.choices", "none_for_some_region"),
        (".1.choices.0.within", "not_of_region"),
    ]
    nowhere = replace(SERVER, choices=(*(SERVER.choices or ()), Choice(value="3", label="3")))
    assert problems(REGION, nowhere) == [(".1.choices.4.within", "not_of_region")]
    again = replace(SERVER, choices=(*(SERVER.choices or ()), Choice(value="2", label="2", within=("ios", "android"))))
    assert problems(REGION, again) == [(".1.choices.4.value", "repeated")]


def test_there_are_only_so_many_fields_and_choices() -> None:
    fields = [replace(QQ, name=f"q{number}") for number in range(MAX_ACCOUNT_FIELDS + 1)]
    check_account_fields(fields[1:], is_pattern=is_pattern)
    assert problems(*fields) == [("", f"over_{MAX_ACCOUNT_FIELDS}_fields")]
    choices = tuple(Choice(value=str(number), label="x") for number in range(MAX_CHOICES - 1))
    two = (REGION, replace(REGION, name="other", choices=choices))
    assert problems(*two) == [("", f"over_{MAX_CHOICES}_choices")]
