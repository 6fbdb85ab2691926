"""Asking Stripe about an attempt: for an intent that was paid and names it."""

import json
from dataclasses import replace
from typing import Any
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


def found(stripe: ProviderServer, *intents: object) -> None:
    answers(stripe, {"object": "search_result", "data": list(intents), "has_more": False})


@pytest.mark.parametrize("name", ["attempt", "checkout_attempt"])
def test_a_paid_intent_that_names_the_attempt_says_what_its_event_would(
    stripe: ProviderServer, account: Stripe, name: str
) -> None:
    waiting = {**INTENT, "id": "pi_0", "status": "canceled"}
    found(stripe, "pi_2", waiting, {**INTENT, "metadata": {name: ATTEMPT.attempt_id}})
    assert account.query(ATTEMPT) == Inquiry(state=InquiryState.PAID, said=SAID)
    (sent,) = stripe.requests
    assert sent.method == "GET"
    assert sent.headers["authorization"] == "Bearer sk_test_of_the_test"
    assert sent.headers["stripe-version"]
    address = urlsplit(sent.path)
    assert address.path == "/v1/payment_intents/search"
    assert parse_qs(address.query) == {
        "query": [f'metadata["attempt"]:"{ATTEMPT.attempt_id}" OR metadata["checkout_attempt"]:"{ATTEMPT.attempt_id}"'],
        "expand[]": ["data.latest_charge"],
    }


@pytest.mark.parametrize(
    "status",
    ["requires_payment_method", "requires_action", "requires_capture", "processing", "canceled", "Succeeded", "", None],
)
def test_only_an_intent_that_succeeded_is_an_answer(
    stripe: ProviderServer, account: Stripe, status: str | None
) -> None:
    """The index lags behind, so that whatever else it tells may be over by now."""
    found(stripe, {**INTENT, "status": status})
    assert account.query(ATTEMPT) == UNKNOWN


@pytest.mark.parametrize("document", [{"data": []}, {"data": None}, {"data": ["pi_1"]}, {}])
def test_what_is_not_found_may_be_paid_all_the_same(stripe: ProviderServer, account: Stripe, document: object) -> None:
    answers(stripe, document)
    assert account.query(ATTEMPT) == UNKNOWN


@pytest.mark.parametrize(
    "metadata", [{"attempt": attempt_id(derived_id("ord", "inquiry"), 2)}, {"order": "1"}, {}, None]
)
def test_an_intent_of_another_attempt_says_nothing_of_this_one(
    stripe: ProviderServer, account: Stripe, metadata: dict[str, str] | None
) -> None:
    found(stripe, {**INTENT, "metadata": metadata})
    assert account.query(ATTEMPT) == UNKNOWN


@pytest.mark.parametrize(
    ("charge", "state"),
    [
        ({"amount_refunded": 0}, "paid"),
        ("ch_1", "paid"),
        (None, "paid"),
        ({"amount_refunded": 1990}, "unknown"),
        ({"amount_refunded": 1}, "unknown"),
        ({"amount_refunded": None}, "unknown"),
    ],
)
def test_money_that_went_back_without_us_is_not_counted_on(
    stripe: ProviderServer, account: Stripe, charge: object, state: str
) -> None:
    found(stripe, {**INTENT, "latest_charge": charge})
    assert account.query(ATTEMPT).state == state


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({"livemode": True}, {"merchant": "acct_1 (live mode)"}),
        ({"amount_received": 1000}, {"amount": Money(1000, "CNY")}),
        ({"currency": "usd"}, {"amount": Money(1990, "USD")}),
        ({"amount_received": 19.9}, {"amount": None}),
    ],
)
def test_what_the_binding_has_to_refuse_is_told_as_it_is(
    stripe: ProviderServer, account: Stripe, changed: dict[str, object], differs: dict[str, Any]
) -> None:
    found(stripe, {**INTENT, **changed})
    assert account.query(ATTEMPT).said == replace(SAID, **differs)


def test_a_stripe_that_cannot_search_says_nothing(stripe: ProviderServer, account: Stripe) -> None:
    stripe.always(404, b'{"error": {"type": "invalid_request_error", "code": "resource_missing"}}')
    assert account.query(ATTEMPT) == UNKNOWN


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (401, b"{}"), (429, b"{}"), (302, b""), (200, b"<html>"), (200, b"[]"), (200, b'{"a": 1, "a": 1}')],
)
def test_an_answer_that_is_none_is_no_state(stripe: ProviderServer, account: Stripe, status: int, body: bytes) -> None:
    stripe.always(status, body)
    with pytest.raises(ProviderUnavailable):
        account.query(ATTEMPT)


def test_a_payment_without_a_number_is_no_answer(stripe: ProviderServer, account: Stripe) -> None:
    found(stripe, {**INTENT, "id": None})
    with pytest.raises(ProviderUnavailable):
        account.query(ATTEMPT)


def test_a_stripe_that_is_not_there_is_unavailable(account: Stripe) -> None:
    with pytest.raises(ProviderUnavailable):
        replace(account, api_base=address_of_nobody()).query(ATTEMPT)
