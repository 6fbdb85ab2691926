"""Stripe's events, signed by Stripe's own SDK: what it verifies we verify, and what it lets pass wrongly we refuse."""

import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest

from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.providers import Callback
from keyrail.payments.providers.stripe.signature import SIGNATURE_TOLERANCE_S
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from tests.stripe_events import (
    ACCOUNT,
    ATTEMPT_ID,
    NOW_MS,
    NOW_S,
    SECRET,
    claim,
    event,
    refused,
    said,
    sdk_accepts,
    sdk_header,
)


@pytest.mark.parametrize("kind", ["checkout.session.completed", "checkout.session.async_payment_succeeded"])
def test_an_event_that_the_sdk_verifies_is_a_payment_of_the_attempt(kind: str) -> None:
    payload = event(kind)
    assert sdk_accepts(payload, sdk_header(payload))
    assert said(payload) == Confirmation(
        provider="stripe",
        account="main",
        merchant="acct_1",
        attempt_id=ATTEMPT_ID,
        reference="pi_1",
        amount=Money(1990, "CNY"),
        paid=True,
        status="paid",
    )


def test_every_changed_byte_of_the_payload_is_refused() -> None:
    payload = event()
    header = sdk_header(payload)
    for place in range(len(payload)):
        changed = bytearray(payload)
        for flip in (0x01, 0x20, 0x80):
            changed[place] = payload[place] ^ flip
            assert refused(bytes(changed), header)


def test_every_changed_byte_of_the_header_is_refused() -> None:
    payload = event()
    header = sdk_header(payload)
    for place in range(len(header)):
        for code in range(256):
            changed = header[:place] + chr(code) + header[place + 1 :]
            assert changed == header or refused(payload, changed)


def test_a_cut_or_longer_payload_is_refused() -> None:
    payload = event()
    for other in (b"", payload[:-1], payload + b"\n", b"\xef\xbb\xbf" + payload):
        assert refused(other, sdk_header(payload))


@pytest.mark.parametrize("age_s", [SIGNATURE_TOLERANCE_S, 0, -SIGNATURE_TOLERANCE_S])
def test_a_time_stamp_inside_the_window_is_accepted(age_s: int) -> None:
    payload = event()
    assert not refused(payload, sdk_header(payload, NOW_S - age_s))


def test_a_time_stamp_that_is_too_old_is_refused() -> None:
    payload = event()
    header = sdk_header(payload, NOW_S - SIGNATURE_TOLERANCE_S - 1)
    assert refused(payload, header)
    assert not sdk_accepts(payload, header)


def test_a_time_stamp_from_the_future_is_refused_although_the_sdk_accepts_it() -> None:
    payload = event()
    header = sdk_header(payload, NOW_S + SIGNATURE_TOLERANCE_S + 1)
    assert refused(payload, header)
    assert sdk_accepts(payload, header)


def test_one_of_several_signatures_is_enough_while_a_secret_is_rolled() -> None:
    payload = event()
    time_stamp, _, right = sdk_header(payload).partition(",")
    wrong = "v1=" + "0" * 64
    for header in (f"{time_stamp},{wrong},{right}", f"{right},{wrong},{time_stamp}", f"{time_stamp},{right},v0=x"):
        assert not refused(payload, header)
        assert sdk_accepts(payload, header)
    assert refused(payload, f"{time_stamp},{wrong},{wrong}")


def test_a_header_that_is_not_stripes_is_refused() -> None:
    payload = event()
    time_stamp, _, right = sdk_header(payload).partition(",")
    signature = right.removeprefix("v1=")
    for header in (
        "",
        time_stamp,
        right,
        f"{time_stamp},v0={signature}",
        f"{time_stamp},v1=",
        f"{time_stamp},{time_stamp},{right}",
        f"{time_stamp},t=1,{right}",
        f"t=,{right}",
        f"t=now,{right}",
        f"t=-1,{right}",
        f"t=１,{right}",
        f"t=0{NOW_S},{right}",
        f"t={NOW_S}.0,{right}",
        f"{time_stamp};{right}",
        f"{time_stamp}, {right}",
        f"{time_stamp},{right},",
        f"{time_stamp},{right},\ud800=",
        f"{time_stamp},v1={signature.upper()}",
        f"{time_stamp},{right}," + ",".join(["v1=" + "0" * 64] * 40),
    ):
        assert refused(payload, header), header
    with pytest.raises(SignatureInvalid):
        ACCOUNT.confirm(Callback("POST", "", payload, {}), NOW_MS)


def test_while_a_secret_is_rolled_the_new_one_and_the_old_one_sign() -> None:
    rolled = replace(ACCOUNT, webhook_secret=None, webhook_secrets=["whsec_new", SECRET])
    payload = event()
    for secret in ("whsec_new", SECRET):
        assert said(payload, sdk_header(payload, secret=secret), rolled) is not None
    with pytest.raises(SignatureInvalid):
        said(payload, sdk_header(payload, secret="whsec_another"), rolled)


def test_another_endpoints_secret_does_not_sign_for_this_account() -> None:
    payload = event()
    assert refused(payload, sdk_header(payload, secret="whsec_another"))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b'"paid"',
        b"{",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b'{"a": 1, "a": 1}',
        b"[" * 100_000,
        "{}".encode("utf-16"),
    ],
)
def test_a_signed_body_that_is_no_json_object_is_refused(payload: bytes) -> None:
    signature = hmac.new(SECRET.encode(), b"%d." % NOW_S + payload, hashlib.sha256).hexdigest()
    assert refused(payload, f"t={NOW_S},v1={signature}")


@pytest.mark.parametrize("content", [None, [], {}, {"object": None}, {"object": "cs_1"}])
@pytest.mark.parametrize(
    "kind", ["checkout.session.completed", "payment_intent.succeeded", "refund.updated", "charge.dispute.created"]
)
def test_an_event_without_what_it_is_about_is_refused(kind: str, content: object) -> None:
    payload = event(kind, top={"data": content})
    assert refused(payload, sdk_header(payload))


def test_a_session_without_any_number_is_refused() -> None:
    payload = event(payment_intent=None, id=None)
    assert refused(payload, sdk_header(payload))


@pytest.mark.parametrize(
    "kind",
    ["checkout.session.expired", "checkout.session.async_payment_failed", "payment_intent.processing", "", None, []],
)
def test_other_events_are_no_payments(kind: Any) -> None:
    assert said(event(kind)) is None


@pytest.mark.parametrize("mode", ["subscription", "setup"])
def test_sessions_that_are_not_one_off_payments_are_none(mode: str) -> None:
    assert said(event(mode=mode)) is None


@pytest.mark.parametrize("mode", [None, "a mode of next year"])
def test_the_money_of_a_session_of_no_known_mode_is_not_passed_over(mode: str | None) -> None:
    assert claim(event(mode=mode)).attempt_id == ATTEMPT_ID


@pytest.mark.parametrize("status", ["unpaid", "no_payment_required", "PAID", "", None, True])
def test_only_paid_is_paid(status: object) -> None:
    assert claim(event(payment_status=status)).paid is False


def test_a_session_that_names_no_attempt_still_shows_its_money() -> None:
    confirmation = claim(event(client_reference_id=None))
    assert (confirmation.attempt_id, confirmation.paid, confirmation.reference) == ("", True, "pi_1")


def test_the_session_is_the_reference_where_there_is_no_payment_intent() -> None:
    assert claim(event(payment_intent=None)).reference == "cs_test_1"


@pytest.mark.parametrize("currency", ["xau", "", None, "c\u0148y", "u\u017fd", 156])
def test_an_unknown_currency_is_no_amount(currency: object) -> None:
    assert claim(event(currency=currency)).amount is None


def test_a_currency_without_minor_units_counts_whole_ones() -> None:
    assert claim(event(currency="jpy", amount_total=500)).amount == Money(500, "JPY")


@pytest.mark.parametrize("total", [1990.0, 19.9, "1990", True, None, -1, 10**13, [1990]])
def test_a_total_that_is_no_whole_number_in_bounds_is_no_amount(total: object) -> None:
    confirmation = claim(event(amount_total=total))
    assert confirmation.amount is None
    assert confirmation.reference == "pi_1"


def test_a_fraction_elsewhere_in_the_event_does_not_hide_the_payment() -> None:
    assert claim(event(total_details={"percent_off": 12.5})).amount == Money(1990, "CNY")


def test_a_connected_accounts_payment_is_not_ours() -> None:
    assert claim(event(top={"account": "acct_2"})).merchant == "acct_2"
    assert claim(event(top={"account": "acct_1"})).merchant == "acct_1"


@pytest.mark.parametrize(("key", "ours"), [("sk_test_x", False), ("rk_test_x", False), ("sk_live_x", True)])
def test_a_payment_of_the_other_mode_belongs_to_another_merchant(key: str, ours: bool) -> None:
    account = replace(ACCOUNT, secret_key=key)
    assert claim(event(top={"livemode": ours}), account).merchant == account.merchant
    others: list[object] = [not ours, None, "false", 0, 1, []]
    for mode in others:
        assert claim(event(top={"livemode": mode}), account).merchant != account.merchant


@pytest.mark.parametrize("name", ["client_reference_id", "payment_status"])
def test_half_a_character_is_no_text(name: str) -> None:
    named: dict[str, Any] = {name: "HALF"}
    payload = event(**named).replace(b"HALF", b"\\ud800")
    confirmation = claim(payload)
    assert "" in (confirmation.attempt_id, confirmation.status)
