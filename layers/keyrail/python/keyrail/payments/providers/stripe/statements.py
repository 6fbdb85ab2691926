"""A day of the account's balance transactions, in UTC.

Of their categories the money that buyers paid (`charge`) and the money that went back to them (`refund`) are lines.
Pay-outs, fees of the account, disputes and refunds that failed are not.

A payment in another currency than the account's is booked in the account's. A line says what the buyer paid, so that
it can be held against the attempt; its fee is in the currency of the booking.

Sources: docs.stripe.com/api/balance_transactions/list, /reports/reporting-categories.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.statements import LineState, StatementKind, StatementLine, StatementMissing
from keyrail.payments.providers.http_client import MAX_STATEMENT_BYTES, STATEMENT_READ_TIMEOUT_S
from keyrail.payments.providers.stripe.api import StripeApi
from keyrail.payments.providers.stripe.confirmations import attempt_of, money
from keyrail.platform.clock import epoch_ms, rfc3339
from keyrail.platform.json_objects import Document, child, text
from keyrail.platform.money import Money

KINDS = {"charge": StatementKind.PAYMENT, "refund": StatementKind.REFUND}
# A slow method's money is booked before it is there. What was not expanded says nothing, and is booked.
STATES = {"": LineState.DONE, "succeeded": LineState.DONE, "failed": LineState.FAILED, "canceled": LineState.FAILED}
MAX_PAGES = 10_000


def statement(api: StripeApi, day: date, now_ms: int) -> Iterator[StatementLine]:
    """The lines, the newest first, read page by page. Raises StatementMissing of a day that is not over."""
    begin_ms = epoch_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))
    end_ms = begin_ms + timedelta(days=1) // timedelta(milliseconds=1)
    if now_ms < end_ms:
        raise StatementMissing
    return _lines(api, begin_ms // 1000, end_ms // 1000)


def _lines(api: StripeApi, from_s: int, before_s: int) -> Iterator[StatementLine]:
    """Raises ProviderUnavailable."""
    query = [("created[gte]", str(from_s)), ("created[lt]", str(before_s)), ("expand[]", "data.source")]
    booked = api.pages("/v1/balance_transactions", query, MAX_PAGES, MAX_STATEMENT_BYTES, STATEMENT_READ_TIMEOUT_S)
    for line, transaction in enumerate(booked, start=1):
        kind = KINDS.get(text(transaction, "reporting_category"))
        if kind is not None:
            yield _line(line, kind, transaction)


def _line(line: int, kind: StatementKind, transaction: Document) -> StatementLine:
    source = child(transaction, "source")
    is_payment, named = kind is StatementKind.PAYMENT, child(source, "metadata")
    number = attempt_of(source) if is_payment else text(named, "refund")
    amount, created = _amount(kind, transaction, source), transaction.get("created")
    fee, fee_returned = _fee(transaction)
    intent = text(source, "payment_intent")
    reference = (intent if is_payment else "") or text(source, "id")
    if amount is None or type(created) is not int:
        raise ProviderUnavailable
    return StatementLine(
        line=line,
        kind=kind,
        number=number or None,
        reference=reference or text(transaction, "source") or text(transaction, "id"),
        amount=amount,
        fee=fee,
        status=text(source, "status"),
        at=rfc3339(created * 1000),
        state=STATES.get(text(source, "status"), LineState.UNDER_WAY),
        fee_returned=fee_returned,
        payment_number=None if is_payment else text(named, "attempt") or None,
        payment_reference=None if is_payment else intent or None,
    )


def _fee(transaction: Document) -> tuple[Money | None, bool]:
    """Some agreements give it back with a refund, below nothing; and whether it is one of these."""
    booked, currency = transaction.get("fee"), text(transaction, "currency")
    if type(booked) is int and booked < 0:
        return money(-booked, currency), True
    return money(booked, currency), False


def _amount(kind: StatementKind, transaction: Document, source: Document) -> Money | None:
    """As booked, where it is booked in the currency that the buyer paid in. What goes back is booked below nothing."""
    booked, currency = transaction.get("amount"), text(transaction, "currency")
    paid_in = text(source, "currency")
    if paid_in and paid_in != currency:
        exchanged = money(source.get("amount"), paid_in)
        if exchanged is not None:
            return exchanged
    if type(booked) is not int:
        return None
    return money(-booked if kind is StatementKind.REFUND else booked, currency)
