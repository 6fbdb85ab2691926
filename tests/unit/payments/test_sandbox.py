"""The provider without money: as hard to deceive as those with it, and nowhere to be found in production."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.providers import Callback, Means, Opening
from keyrail.payments.providers.sandbox import Sandbox
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import Invalid, SignatureInvalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

SECRET, OLD_SECRET = "sandbox-secret-of-the-test-0123456789", "old-secret-of-the-test-0123456789abcd"
NOW_S = 1_790_000_000
ATTEMPT_ID = attempt_id(derived_id("ord", "sandbox"), 1)
ATTEMPT = PaymentAttempt(attempt_id=ATTEMPT_ID, provider="sandbox", account="main", amount=Money(1990, "CNY"))
OPENING = Opening(
    "VIP会员 & more", "https://api.example/webhooks/payments/sandbox/main", "https://shop.example/o?a=1", 5
)
ACCOUNT = Sandbox(
    account="main",
    merchant="sbx_1",
    base_url="https://api.example/sandbox",
    secrets=[SECRET, OLD_SECRET],
    stage="dev",
)
PAID: dict[str, Any] = {
    "merchant": "sbx_1",
    "attempt_id": ATTEMPT_ID,
    "reference": "sbxpay_1",
    "amount_minor": 1990,
    "currency": "CNY",
    "status": "paid",
}


def hmac_of(signed: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def callback(body: bytes, secret: str = SECRET, signed_at_s: int = NOW_S, **changed: Any) -> Callback:
    header = f"t={signed_at_s},v1={hmac_of(b'callback.%d.' % signed_at_s + body, secret)}"
    return replace(Callback("POST", "", body, {"sandbox-signature": header}), **changed)


def said(body: dict[str, Any]) -> Confirmation:
    return ACCOUNT.confirm(callback(json.dumps(body).encode()), NOW_S * 1000)


def refused(sent: Callback) -> bool:
    try:
        ACCOUNT.confirm(sent, NOW_S * 1000)
    except SignatureInvalid:
        return True
    return False


def test_a_signed_payment_is_a_payment_of_the_attempt() -> None:
    assert said(PAID) == Confirmation(
        provider="sandbox",
        account="main",
        merchant="sbx_1",
        attempt_id=ATTEMPT_ID,
        reference="sbxpay_1",
        amount=Money(1990, "CNY"),
        paid=True,
        status="paid",
    )


@pytest.mark.parametrize("status", ["failed", "Paid", "waiting"])
def test_only_paid_is_paid(status: str) -> None:
    assert not said({**PAID, "status": status}).paid


@pytest.mark.parametrize("amount", [-1, 19.9, "1990", True, None, [1990], 10**13])
def test_an_amount_that_is_none_is_passed_on_as_none(amount: Any) -> None:
    assert said({**PAID, "amount_minor": amount}).amount is None


def test_a_currency_that_nobody_knows_makes_no_amount() -> None:
    assert said({**PAID, "currency": "XXX"}).amount is None


def test_every_changed_byte_of_body_and_header_is_refused() -> None:
    body = json.dumps(PAID).encode()
    genuine = callback(body)
    header = genuine.headers["sandbox-signature"]
    assert not refused(genuine)
    for place in range(len(body)):
        for bit in range(8):
            changed = bytes([body[place] ^ 1 << bit])
            assert refused(replace(genuine, raw_body=body[:place] + changed + body[place + 1 :]))
    for place in range(len(header)):
        for bit in range(7):
            letter = chr(ord(header[place]) ^ 1 << bit)
            assert refused(
                replace(genuine, headers={"sandbox-signature": header[:place] + letter + header[place + 1 :]})
            )


def test_each_secret_of_a_rotation_verifies_and_no_other() -> None:
    body = json.dumps(PAID).encode()
    assert not refused(callback(body, OLD_SECRET))
    assert refused(callback(body, "another-secret-of-the-test-0123456789"))


@pytest.mark.parametrize("off_s", [-301, -300, 300, 301])
def test_a_callback_counts_for_five_minutes_both_ways(off_s: int) -> None:
    assert refused(callback(json.dumps(PAID).encode(), signed_at_s=NOW_S + off_s)) is (abs(off_s) > 300)


@pytest.mark.parametrize("header", ["", "t=1790000000", "v1=", "t=,v1="])
def test_a_callback_without_a_whole_signature_is_refused(header: str) -> None:
    assert refused(callback(json.dumps(PAID).encode(), headers={"sandbox-signature": header}))
    assert refused(callback(json.dumps(PAID).encode(), headers={}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"<html>",
        b"\xff",
        b"[" * 4000,
        json.dumps({**PAID, "added": 1}).encode(),
        json.dumps({name: PAID[name] for name in PAID if name != "reference"}).encode(),
        json.dumps({**PAID, "reference": ""}).encode(),
        json.dumps({**PAID, "reference": "\ud800"}).encode(),
        json.dumps(PAID).encode("utf-16"),
        json.dumps({**PAID, "merchant": ["sbx_1"]}).encode(),
        json.dumps({**PAID, "attempt_id": None}).encode(),
        json.dumps(PAID).encode().replace(b'"status"', b'"status": "failed", "status"'),
        json.dumps(PAID).encode().replace(b"1990", b"NaN"),
        json.dumps({**PAID, "reference": "x" * 5000}).encode(),
    ],
)
def test_a_signed_body_that_is_no_callback_is_refused(body: bytes) -> None:
    assert refused(callback(body))


def test_parameters_and_other_methods_are_refused() -> None:
    body = json.dumps(PAID).encode()
    assert refused(callback(body, method="GET"))
    assert refused(callback(body, raw_query="a=b"))


def test_the_signature_of_a_link_is_none_of_a_callback() -> None:
    url = ACCOUNT.open(ATTEMPT, OPENING).url or ""
    query, _, sign = urlsplit(url).query.rpartition("&sign=")
    assert sign == hmac_of(b"page." + query.encode())
    assert refused(callback(query.encode(), headers={"sandbox-signature": f"t={NOW_S},v1={sign}"}))


def test_the_page_learns_all_that_it_has_to_know() -> None:
    action = ACCOUNT.open(ATTEMPT, OPENING)
    parts = urlsplit(action.url or "")
    parameters = dict(parse_qsl(parts.query, strict_parsing=True))
    del parameters["sign"]
    assert (action.type, parts.netloc, parts.path) == ("redirect", "api.example", "/sandbox/pay")
    assert parameters == {
        "merchant": "sbx_1",
        "attempt_id": ATTEMPT_ID,
        "amount_minor": "1990",
        "currency": "CNY",
        "title": OPENING.title,
        "notify_url": OPENING.notify_url,
        "return_url": "https://shop.example/o?a=1",
        "expires_at_ms": "5",
    }
    assert ACCOUNT.open(ATTEMPT, OPENING) == action


def test_what_cannot_be_opened_is_refused_before_there_is_an_attempt() -> None:
    with pytest.raises(Invalid):
        ACCOUNT.check(ATTEMPT.amount, Means(method="alipay", return_url="https://shop.example"))
    with pytest.raises(Invalid):
        ACCOUNT.check(ATTEMPT.amount, Means())
    assert replace(ACCOUNT, return_url="https://shop.example").check(ATTEMPT.amount, Means())


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//shop.example",
        "https://",
        "https://user@shop.example",
        "https://shop.example;script-src",
        "https://shop.example/a b",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "https://shop.example:port/",
    ],
)
def test_a_browser_is_sent_to_a_web_page_or_nowhere(url: str) -> None:
    with pytest.raises(Invalid):
        ACCOUNT.check(ATTEMPT.amount, Means(return_url=url))


@pytest.mark.parametrize("stage", ["prod", "production", "", "DEV", None, "staging"])
def test_there_is_no_sandbox_in_production_nor_on_a_stage_that_nobody_named(stage: Any) -> None:
    with pytest.raises(ConfigError, match=r"^sandbox\.stage$"):
        replace(ACCOUNT, stage=stage)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("account", ""),
        ("merchant", ""),
        ("merchant", 7),
        ("base_url", "http://api.example/pay"),
        ("base_url", "javascript:alert(1)"),
        ("base_url", "https://api.example/pay?a=1"),
        ("base_url", " https://api.example/pay"),
        ("base_url", "https://api.example/sandbox/"),
        ("base_url", "https://api.example:99999/sandbox"),
        ("base_url", "https://api.example/sandbox?"),
        ("return_url", "javascript:alert(1)"),
        ("return_url", 7),
        ("late_after_s", 0),
        ("late_after_s", "30"),
        ("late_after_s", 86_401),
        ("secrets", []),
        ("secrets", SECRET),
        ("secrets", ["short"]),
        ("secrets", [SECRET, ""]),
        ("secrets", [f" {SECRET}"]),
        ("secrets", [SECRET] * 17),
        ("secrets", None),
    ],
)
def test_a_setting_that_cannot_be_right_stops_the_start(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^sandbox\.{setting}$"):
        replace(ACCOUNT, **{setting: value})


def test_no_secret_shows_in_any_text() -> None:
    shown = repr(ACCOUNT) + repr(ACCOUNT.open(ATTEMPT, OPENING))
    assert SECRET not in shown
    assert OLD_SECRET not in shown
