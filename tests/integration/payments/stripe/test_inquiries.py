"""Asking Stripe about an attempt: by what was opened for it, or by our number where that was never told."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable, attempt_id
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.providers.stripe import Stripe
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.provider_server import ProviderServer, address_of_nobody

ATTEMPT = PaymentAttempt(
    attempt_id=attempt_id(derived_id("ord", "inquiry"), 1),
    provider="stripe",
    account="main",
    amount=Money(1990, "CNY"),
)
OF_SESSION = replace(ATTEMPT, handle="cs_test_1")
OF_INTENT = replace(ATTEMPT, handle="pi_1", method="payment_intent")
SESSION = {
    "id": "cs_test_1",
    "amount_total": 1990,
    "client_reference_id": ATTEMPT.attempt_id,
    "currency": "cny",
    "livemode": False,
    "payment_intent": "pi_1",
    "payment_status": "paid",
    "status": "complete",
}
INTENT = {
    "id": "pi_1",
    "amount": 1990,
    "amount_received": 1990,
    "currency": "cny",
    "livemode": False,
    "metadata": {"attempt": ATTEMPT.attempt_id},
    "status": "succeeded",
}
SAID = Confirmation(
    provider="stripe",
    account="main",
    merchant="acct_1",
    attempt_id=ATTEMPT.attempt_id,
    reference="pi_1",
    amount=Money(1990, "CNY"),
    paid=True,
    status="succeeded",
)
UNKNOWN = Inquiry(state=InquiryState.UNKNOWN)


def answers(stripe: ProviderServer, document: object) -> None:
    stripe.always(body=json.dumps(document).encode())


def test_a_session_that_was_paid_says_what_its_event_would(stripe: ProviderServer, account: Stripe) -> None:
    answers(stripe, SESSION)
    assert account.query(OF_SESSION) == Inquiry(state=InquiryState.PAID, said=replace(SAID, status="paid"))
    (sent,) = stripe.requests
    assert (sent.method, sent.path) == ("GET", "/v1/checkout/sessions/cs_test_1")
    assert sent.headers["authorization"] == "Bearer sk_test_of_the_test"
    assert sent.headers["stripe-version"]


def test_an_intent_that_was_paid_says_what_its_event_would(stripe: ProviderServer, account: Stripe) -> None:
    answers(stripe, INTENT)
    assert account.query(OF_INTENT) == Inquiry(state=InquiryState.PAID, said=SAID)
    assert stripe.requests[0].path == "/v1/payment_intents/pi_1"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("open", "open"),
        ("complete", "open"),
        ("expired", "closed"),
        ("", "unknown"),
        ("OPEN", "unknown"),
        (None, "unknown"),
        ("a status of next year", "unknown"),
    ],
)
def test_a_session_without_money_is_open_or_closed(
    stripe: ProviderServer, account: Stripe, status: str | None, state: str
) -> None:
    answers(stripe, {**SESSION, "payment_status": "unpaid", "status": status})
    assert account.query(OF_SESSION) == Inquiry(state=InquiryState(state))


@pytest.mark.parametrize("payment_status", ["no_payment_required", "PAID", "", None])
def test_a_payment_status_that_nobody_reviewed_is_unknown(
    stripe: ProviderServer, account: Stripe, payment_status: str | None
) -> None:
    answers(stripe, {**SESSION, "payment_status": payment_status})
    assert account.query(OF_SESSION) == UNKNOWN


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("requires_payment_method", "open"),
        ("requires_confirmation", "open"),
        ("requires_action", "open"),
        ("processing", "open"),
        ("canceled", "closed"),
        ("requires_capture", "unknown"),
        ("Succeeded", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_intent_without_money_is_open_or_closed(
    stripe: ProviderServer, account: Stripe, status: str | None, state: str
) -> None:
    answers(stripe, {**INTENT, "status": status})
    assert account.query(OF_INTENT) == Inquiry(state=InquiryState(state))


def test_what_was_opened_for_another_attempt_says_nothing_of_this_one(stripe: ProviderServer, account: Stripe) -> None:
    other = attempt_id(derived_id("ord", "inquiry"), 2)
    answers(stripe, {**SESSION, "client_reference_id": other})
    assert account.query(OF_SESSION) == UNKNOWN
    for metadata in ({"attempt": other}, {"checkout_attempt": ATTEMPT.attempt_id}, {}, None):
        answers(stripe, {**INTENT, "metadata": metadata})
        assert account.query(OF_INTENT) == UNKNOWN


def test_a_payment_of_the_other_mode_is_another_merchants(stripe: ProviderServer, account: Stripe) -> None:
    answers(stripe, {**INTENT, "livemode": True})
    said = account.query(OF_INTENT).said
    assert said is not None
    assert said.merchant != account.merchant


@pytest.mark.parametrize("name", ["attempt", "checkout_attempt"])
def test_an_attempt_whose_opening_was_never_answered_is_searched_by_our_number(
    stripe: ProviderServer, account: Stripe, name: str
) -> None:
    waiting = {**INTENT, "id": "pi_0", "status": "canceled"}
    answers(stripe, {"data": ["pi_2", waiting, {**INTENT, "metadata": {name: ATTEMPT.attempt_id}}]})
    assert account.query(ATTEMPT) == Inquiry(state=InquiryState.PAID, said=SAID)
    address = urlsplit(stripe.requests[0].path)
    assert address.path == "/v1/payment_intents/search"
    assert parse_qs(address.query)["query"] == [
        f'metadata["attempt"]:"{ATTEMPT.attempt_id}" OR metadata["checkout_attempt"]:"{ATTEMPT.attempt_id}"'
    ]


@pytest.mark.parametrize(
    "document",
    [
        {"data": []},
        {"data": None},
        {},
        {"data": [{**INTENT, "status": "processing"}]},
        {"data": [{**INTENT, "status": "canceled"}]},
        {"data": [{**INTENT, "metadata": {"attempt": "pay_of_somebody_else"}}]},
    ],
)
def test_an_index_that_lags_can_only_tell_of_a_payment(
    stripe: ProviderServer, account: Stripe, document: object
) -> None:
    answers(stripe, document)
    assert account.query(ATTEMPT) == UNKNOWN


@pytest.mark.parametrize("attempt", [ATTEMPT, OF_SESSION, OF_INTENT])
def test_what_stripe_does_not_know_is_unknown(stripe: ProviderServer, account: Stripe, attempt: PaymentAttempt) -> None:
    stripe.always(404, b'{"error": {"type": "invalid_request_error", "code": "resource_missing"}}')
    assert account.query(attempt) == UNKNOWN


def test_a_handle_that_is_no_name_of_stripes_is_not_asked_for(stripe: ProviderServer, account: Stripe) -> None:
    assert account.query(replace(ATTEMPT, handle="sub_1")) == UNKNOWN
    assert stripe.requests == []


def test_a_handle_cannot_lead_elsewhere(stripe: ProviderServer, account: Stripe) -> None:
    answers(stripe, SESSION)
    account.query(replace(ATTEMPT, handle="cs_1/../../refunds?a=b"))
    assert stripe.requests[0].path == "/v1/checkout/sessions/cs_1%2F..%2F..%2Frefunds%3Fa%3Db"


@pytest.mark.parametrize("attempt", [ATTEMPT, OF_SESSION, OF_INTENT])
@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (401, b"{}"), (429, b"{}"), (302, b""), (200, b"<html>"), (200, b"[]"), (200, b'{"a": 1, "a": 1}')],
)
def test_an_answer_that_is_none_is_no_state(
    stripe: ProviderServer, account: Stripe, attempt: PaymentAttempt, status: int, body: bytes
) -> None:
    stripe.always(status, body)
    with pytest.raises(ProviderUnavailable):
        account.query(attempt)


def test_a_payment_without_a_number_is_no_answer(stripe: ProviderServer, account: Stripe) -> None:
    answers(stripe, {**INTENT, "id": None})
    with pytest.raises(ProviderUnavailable):
        account.query(OF_INTENT)


def test_a_stripe_that_is_not_there_is_unavailable(account: Stripe) -> None:
    with pytest.raises(ProviderUnavailable):
        replace(account, api_base=address_of_nobody()).query(OF_SESSION)
