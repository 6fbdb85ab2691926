"""A day of balance transactions, page by page."""

import json
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.statements import LineState, StatementKind, StatementLine, StatementMissing
from keyrail.payments.providers.http_client import MAX_REPLY_BYTES
from keyrail.payments.providers.stripe import Stripe
from keyrail.platform.money import Money
from tests.provider_server import Answer, ProviderServer, Sent

DAY = date(2026, 9, 22)
MIDNIGHT_S = 1_790_035_200  # 2026-09-22T00:00:00Z
CHARGE = {
    "id": "ch_1",
    "amount": 1990,
    "currency": "cny",
    "metadata": {"attempt": "pay_1"},
    "payment_intent": "pi_1",
    "status": "succeeded",
}
REFUND = {
    "id": "re_1",
    "amount": 990,
    "currency": "cny",
    "metadata": {"refund": "rfd_1", "attempt": "pay_1"},
    "payment_intent": "pi_1",
    "status": "pending",
}
PAYMENT_BOOKED = {
    "id": "txn_1",
    "amount": 1990,
    "created": MIDNIGHT_S + 61,
    "currency": "cny",
    "fee": 88,
    "reporting_category": "charge",
    "source": CHARGE,
    "type": "charge",
}
REFUND_BOOKED = {
    **PAYMENT_BOOKED,
    "id": "txn_2",
    "amount": -990,
    "fee": 0,
    "reporting_category": "refund",
    "source": REFUND,
    "type": "refund",
}
PAYMENT = StatementLine(
    line=1,
    kind=StatementKind.PAYMENT,
    number="pay_1",
    reference="pi_1",
    amount=Money(1990, "CNY"),
    fee=Money(88, "CNY"),
    status="succeeded",
    at="2026-09-22T00:01:01.000Z",
)


def booked(stripe: ProviderServer, *transactions: object) -> None:
    stripe.always(body=json.dumps({"object": "list", "data": transactions, "has_more": False}).encode())


def test_what_came_in_and_what_went_back_are_lines(stripe: ProviderServer, account: Stripe) -> None:
    booked(stripe, PAYMENT_BOOKED, REFUND_BOOKED)
    assert list(account.statement(DAY)) == [
        PAYMENT,
        replace(
            PAYMENT,
            line=2,
            kind=StatementKind.REFUND,
            number="rfd_1",
            reference="re_1",
            amount=Money(990, "CNY"),
            fee=Money(0, "CNY"),
            status="pending",
            state=LineState.UNDER_WAY,
            payment_number="pay_1",
            payment_reference="pi_1",
        ),
    ]


def test_a_fee_that_comes_back_with_a_refund_is_one_that_is_given_back(stripe: ProviderServer, account: Stripe) -> None:
    booked(stripe, PAYMENT_BOOKED, {**REFUND_BOOKED, "fee": -44})
    payment, refund = account.statement(DAY)
    assert (payment.fee, payment.fee_returned) == (Money(88, "CNY"), False)
    assert (refund.fee, refund.fee_returned) == (Money(44, "CNY"), True)


def test_a_day_is_one_of_utc(stripe: ProviderServer, account: Stripe) -> None:
    booked(stripe)
    assert list(account.statement(DAY)) == []
    address = urlsplit(stripe.requests[0].path)
    assert address.path == "/v1/balance_transactions"
    assert parse_qs(address.query) == {
        "created[gte]": [str(MIDNIGHT_S)],
        "created[lt]": [str(MIDNIGHT_S + 24 * 60 * 60)],
        "expand[]": ["data.source"],
        "limit": ["100"],
    }


def test_a_day_that_is_not_over_has_no_statement(stripe: ProviderServer, account: Stripe) -> None:
    with pytest.raises(StatementMissing):
        account.statement(date(2026, 9, 23))
    almost_over = replace(account, now_ms=lambda: (MIDNIGHT_S + 24 * 60 * 60) * 1000 - 1)
    with pytest.raises(StatementMissing):
        almost_over.statement(DAY)
    assert stripe.requests == []


def test_it_is_read_to_its_end_page_by_page(stripe: ProviderServer, account: Stripe) -> None:
    whole = [
        {**PAYMENT_BOOKED, "id": f"txn_{number}", "source": {**CHARGE, "metadata": {"attempt": f"pay_{number}"}}}
        for number in range(250)
    ]

    def page(sent: Sent, _: BaseHTTPRequestHandler) -> Answer:
        query = parse_qs(urlsplit(sent.path).query)
        ids = [each["id"] for each in whole]
        begin = ids.index(query["starting_after"][0]) + 1 if "starting_after" in query else 0
        end = begin + int(query["limit"][0])
        return Answer(200, json.dumps({"data": whole[begin:end], "has_more": end < len(whole)}).encode())

    stripe.answer = page
    lines = list(account.statement(DAY))
    assert [(line.line, line.number) for line in lines] == [(number + 1, f"pay_{number}") for number in range(250)]
    assert len(stripe.requests) == 3


def test_a_page_may_be_longer_than_another_answer(stripe: ProviderServer, account: Stripe) -> None:
    booked(stripe, {**PAYMENT_BOOKED, "description": "x" * MAX_REPLY_BYTES})
    assert list(account.statement(DAY)) == [PAYMENT]


@pytest.mark.parametrize(
    "category", ["payout", "fee", "dispute", "refund_failure", "partial_capture_reversal", "", None]
)
def test_other_bookings_are_no_lines_and_are_counted_all_the_same(
    stripe: ProviderServer, account: Stripe, category: str | None
) -> None:
    booked(stripe, {**PAYMENT_BOOKED, "reporting_category": category}, PAYMENT_BOOKED)
    assert list(account.statement(DAY)) == [replace(PAYMENT, line=2)]


def test_a_sessions_payment_names_its_attempt_too(stripe: ProviderServer, account: Stripe) -> None:
    booked(stripe, {**PAYMENT_BOOKED, "source": {**CHARGE, "metadata": {"checkout_attempt": "pay_2"}}})
    assert [line.number for line in account.statement(DAY)] == ["pay_2"]


@pytest.mark.parametrize("transaction", [PAYMENT_BOOKED, REFUND_BOOKED])
def test_what_is_not_ours_names_no_number_and_is_a_line_all_the_same(
    stripe: ProviderServer, account: Stripe, transaction: dict[str, dict[str, object]]
) -> None:
    booked(stripe, {**transaction, "source": {**transaction["source"], "metadata": {}}})
    assert [line.number for line in account.statement(DAY)] == [None]


@pytest.mark.parametrize(
    ("source", "reference"),
    [({**CHARGE, "payment_intent": None}, "ch_1"), ("ch_1", "ch_1"), (None, "txn_1")],
)
def test_without_an_intent_the_next_number_is_the_reference(
    stripe: ProviderServer, account: Stripe, source: object, reference: str
) -> None:
    booked(stripe, {**PAYMENT_BOOKED, "source": source})
    assert [(line.reference, line.amount) for line in account.statement(DAY)] == [(reference, Money(1990, "CNY"))]


def test_a_payment_in_another_currency_is_held_against_what_the_buyer_paid(
    stripe: ProviderServer, account: Stripe
) -> None:
    exchanged = {"amount": 279, "currency": "usd", "fee": 12, "exchange_rate": 0.1402}
    booked(stripe, {**PAYMENT_BOOKED, **exchanged}, {**REFUND_BOOKED, **exchanged, "amount": -139, "fee": 0})
    assert [(line.amount, line.fee) for line in account.statement(DAY)] == [
        (Money(1990, "CNY"), Money(12, "USD")),
        (Money(990, "CNY"), Money(0, "USD")),
    ]


def test_in_one_currency_what_was_booked_counts(stripe: ProviderServer, account: Stripe) -> None:
    booked(stripe, {**PAYMENT_BOOKED, "amount": 1989})
    assert [line.amount for line in account.statement(DAY)] == [Money(1989, "CNY")]


def test_a_fee_in_a_currency_that_we_do_not_know_is_left_out(stripe: ProviderServer, account: Stripe) -> None:
    booked(stripe, {**PAYMENT_BOOKED, "amount": 1500, "currency": "brl", "fee": 30})
    assert [(line.amount, line.fee) for line in account.statement(DAY)] == [(Money(1990, "CNY"), None)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 19.9},
        {"amount": None},
        {"amount": True},
        {"amount": -1990},
        {"currency": "brl", "source": None},
        {"created": "1790035261"},
        {"created": None},
    ],
)
def test_a_line_that_cannot_be_read_is_not_passed_over(
    stripe: ProviderServer, account: Stripe, wrong: dict[str, object]
) -> None:
    booked(stripe, {**PAYMENT_BOOKED, **wrong})
    with pytest.raises(ProviderUnavailable):
        list(account.statement(DAY))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (401, b"{}"),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b'{"has_more": false}'),
        (200, b'{"data": ["txn_1"], "has_more": false}'),
        (200, b'{"data": [], "has_more": true}'),
        (200, b'{"data": [], "has_more": "false"}'),
        (200, b'{"data": [{"amount": 1}], "has_more": true}'),
    ],
)
def test_a_page_that_is_none_ends_it_loudly(stripe: ProviderServer, account: Stripe, status: int, body: bytes) -> None:
    stripe.always(status, body)
    with pytest.raises(ProviderUnavailable):
        list(account.statement(DAY))
