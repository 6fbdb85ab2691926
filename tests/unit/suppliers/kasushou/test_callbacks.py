"""A callback of 卡速售: who speaks is verified, and what is taken of it is which of our references there is news of."""

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from keyrail.platform.errors import SignatureInvalid
from keyrail.suppliers.providers import Callback
from keyrail.suppliers.providers.kasushou.callbacks import AHEAD_MS, LASTS_MS, MAX_CALLBACK_BYTES
from tests.kasushou_house import KEY, NOW_MS, REFERENCE, THEIRS, account

SAID: dict[str, Any] = {
    "external_orderno": REFERENCE,
    "has_back_money": "0.00",
    "ordersn": THEIRS,
    "recharge_hints": "订单处理完成/期待您的下次光临",
    "status": "3",
    "time": str(NOW_MS),
    "total_price": "3.05",
}


def signed(said: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    """With the signature that their example makes: sorted, slashes escaped, Chinese not."""
    written = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    signature = hashlib.sha1(f"{said['time']}{written}{key}".encode()).hexdigest()
    return {**said, "sign": signature}


def parse(body: bytes, now_ms: int = NOW_MS, method: str = "POST", **settings: Any) -> str:
    return account(**settings).parse_callback(Callback(method, "", body, {}), now_ms)


def in_json(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()


def refused(body: bytes, now_ms: int = NOW_MS, method: str = "POST", **settings: Any) -> bool:
    with pytest.raises(SignatureInvalid):
        parse(body, now_ms, method, **settings)
    return True


@pytest.mark.parametrize("write", [in_json, lambda said: urlencode(said).encode()], ids=["json", "form"])
def test_a_genuine_callback_is_brought_down_to_our_reference(write: Any) -> None:
    assert parse(write(signed(SAID))) == REFERENCE


def test_the_cards_in_it_are_not_signed_and_not_looked_at() -> None:
    cards = {"card_list": [{"card_no": "forged"}], "express_list": []}
    assert parse(in_json({**signed(SAID), **cards})) == REFERENCE
    assert parse(urlencode({**signed(SAID), "card_list[0][card_no]": "forged"}).encode()) == REFERENCE


def test_a_number_is_signed_as_it_was_written() -> None:
    said = {**SAID, "total_price": 3.0, "status": 3, "user": None}
    assert parse(in_json(signed(said))) == REFERENCE


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_member_that_was_changed_taken_or_added_is_seen(name: str) -> None:
    whole = signed(SAID)
    assert refused(in_json({**whole, name: whole[name][:-1] + "9"}))
    assert refused(in_json({each: value for each, value in whole.items() if each != name}))
    assert refused(in_json({**whole, f"{name}_2": "x"}))


@pytest.mark.parametrize(
    "said",
    [
        signed(SAID, "another key"),
        {**signed(SAID), "sign": ""},
        {**signed(SAID), "sign": signed(SAID)["sign"].upper()},
        {**signed(SAID), "sign": [signed(SAID)["sign"]]},
        {**signed(SAID), "sign": "密"},
        SAID,
        signed({**SAID, "time": "1700000000"}),
        signed({**SAID, "time": "170000000000x"}),
        signed({**SAID, "time": "１700000000000"}),
        signed({**SAID, "external_orderno": ""}),
        signed({**SAID, "external_orderno": "x" * 65}),
        signed({**SAID, "external_orderno": f"{REFERENCE}\n"}),
        signed({**SAID, "external_orderno": [REFERENCE]}),
    ],
    ids=range(13),
)
def test_what_is_forged_or_not_understood_is_refused(said: dict[str, Any]) -> None:
    assert refused(in_json(said))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b"{" * 100_000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
        in_json(signed(SAID))[:-1],
        in_json(signed(SAID)).replace(b'"status"', b'"status": "5", "status"'),
        in_json(signed(SAID)).replace(b'"0.00"', b'"\\ud800"'),
        urlencode(signed(SAID)).encode() + b"&status=3",
        urlencode(signed(SAID)).encode() + b"&x",
        "&".join(f"a{n}=1" for n in range(300)).encode(),
        in_json(signed(SAID)) + b" " * MAX_CALLBACK_BYTES,
        b"\xff\xfe",
    ],
    ids=range(16),
)
def test_nonsense_is_refused_and_breaks_nothing(body: bytes) -> None:
    assert refused(body)


def test_only_a_post_is_a_callback() -> None:
    assert refused(in_json(signed(SAID)), method="GET")


@pytest.mark.parametrize(("age_ms", "taken"), [(LASTS_MS, True), (LASTS_MS + 1, False), (-AHEAD_MS, True)])
def test_an_old_callback_is_stale(age_ms: int, taken: bool) -> None:
    body = in_json(signed(SAID))
    assert parse(body, NOW_MS + age_ms) == REFERENCE if taken else refused(body, NOW_MS + age_ms)


def test_a_callback_of_tomorrow_is_refused() -> None:
    assert refused(in_json(signed(SAID)), NOW_MS - AHEAD_MS - 1)


def test_a_house_that_signs_without_escapes_is_taken_at_its_word_and_not_at_the_others() -> None:
    written = json.dumps(SAID, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    signature = hashlib.sha1(f"{NOW_MS}{written}{KEY}".encode()).hexdigest()
    body = in_json({**SAID, "sign": signature})
    assert parse(body, callback_signing={"escape_slashes": False}) == REFERENCE
    assert refused(body)


def test_the_acknowledgement_is_the_word_that_they_wait_for() -> None:
    assert account().acknowledgement.body == "ok"
