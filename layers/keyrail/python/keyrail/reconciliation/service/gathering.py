"""Our side of a provider's day: what the books have on its clearing account, and the attempts, refunds and payments on
the desk that its lines and our entries are about.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC

from keyrail.ledger.model import AccountKind, JournalEntry, Posting, Side
from keyrail.ledger.service import Books
from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.owed import is_surplus
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.attempts import AttemptStatus, PaymentAttempt, order_id_of
from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.model.desk import UnmatchedPayment, payment_id, refunded_by
from keyrail.payments.model.refunds import BY_HAND, Refund, RefundStatus
from keyrail.payments.model.statements import StatementKind, StatementLine
from keyrail.payments.service.desk import Desk
from keyrail.platform.clock import end_of_day_ms
from keyrail.reconciliation.model.comparing import OurSide
from keyrail.reconciliation.model.days import SKEW_MS, Window
from keyrail.reconciliation.model.movements import Booking, Known, Line, Movement

BOOKS_LAG_MS = 60 * 60 * 1000
"""What was paid so lately may not have come through the stream into the books."""
ORDERS_AT_ONCE = 100
_SALE, _SURPLUS, _REFUND, _RETURNED = "sale", "surplus", "refund", "refund_returned"
_UNMATCHED, _DISMISSED = "unmatched", "dismissed"
IN_STATEMENTS = frozenset({_SALE, _SURPLUS, _REFUND, _RETURNED, _UNMATCHED, _DISMISSED})
"""What the books call that which a line of a statement may be. Lost disputes, fees and payouts are in none."""
_KNOWN = {
    RefundStatus.SUCCEEDED: Known.DONE,
    RefundStatus.FAILED: Known.FAILED,
    # Nothing may have moved there yet, or ever.
    RefundStatus.AWAITING_APPROVAL: Known.FAILED,
    RefundStatus.REJECTED: Known.FAILED,
}
_ORDER, _PAYMENT = "order:", "payment:"


@dataclass
class _Gathered:
    movements: dict[str, Movement] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)


def postings_of(
    books: Books, kind: AccountKind, holder: str, days: Iterable[str], since_ms: int
) -> Iterator[tuple[JournalEntry, Posting]]:
    """What the journals of these UTC days have on the holder's account of that kind, from that time on."""
    for day in days:
        for entry in books.journal(day, since_ms):
            for posting in entry.postings:
                if posting.account.kind is kind and posting.account.holder == holder:
                    yield entry, posting
                    break


@dataclass(frozen=True)
class PaymentGathering:
    """`provider` and `account` name the payment account, `merchant` is the provider's name for it."""

    orders: Orders
    desk: Desk
    books: Books
    provider: str
    account: str
    merchant: str

    def our_side(self, window: Window, lines: Sequence[Line], now_ms: int) -> OurSide:
        """Raises StoreUnavailable."""
        gathered = _Gathered()
        days = window.books(now_ms)
        sources = self._read_books(days, window.begin_ms - SKEW_MS, gathered)
        order_ids = {source.removeprefix(_ORDER) for source in sources if source.startswith(_ORDER)}
        order_ids |= self._orders_of(_of_payments(lines))
        placed = self._read_orders(sorted(order_ids), gathered)
        of_desk = {source.removeprefix(_PAYMENT) for source in sources if source.startswith(_PAYMENT)}
        self._read_desk(of_desk | placed, gathered)
        until_ms = min(end_of_day_ms(days[-1], UTC), now_ms - BOOKS_LAG_MS)
        movements = tuple(gathered.movements.values())
        return OurSide(movements, gathered.bookings, window.begin_ms - SKEW_MS, until_ms)

    def looked_further(self, ours: OurSide, lines: Sequence[Line]) -> OurSide:
        """Our side with what is known of lines that nothing else explains.

        On the desk, however long ago it came there; and in the order that a payment has paid whose number is another's.
        """
        gathered = _Gathered({each.name: each for each in ours.movements})
        unexplained = _of_payments(lines)
        back = {line.payment_reference for line in unexplained if line.kind is StatementKind.REFUND}
        self._read_orders(
            sorted({name for reference in back if reference for name in self._paid_by(reference)}), gathered
        )
        self._read_desk((name for line in unexplained if (name := self._desk_id(line))), gathered)
        return OurSide(tuple(gathered.movements.values()), ours.bookings, ours.booked_from_ms, ours.booked_until_ms)

    def _read_books(self, days: Iterable[str], since_ms: int, gathered: _Gathered) -> set[str]:
        """The entries of the account on these UTC days from that time on; gives back what they are about."""
        sources: set[str] = set()
        holder = f"{self.provider}/{self.account}"
        for entry, posting in postings_of(self.books, AccountKind.CLEARING, holder, days, since_ms):
            if entry.what in IN_STATEMENTS:
                sources.add(entry.source)
                self._book(entry, posting, gathered)
        return sources

    def _book(self, entry: JournalEntry, posting: Posting, gathered: _Gathered) -> None:
        """A refund that came back is no movement in a statement, and the refund was none either; nor is a payment that
        an order turned out to have.
        """
        name = _name_of(entry)
        if entry.what in {_RETURNED, _DISMISSED}:
            gathered.bookings.pop(name, None)
            gathered.movements.pop(name, None)
            return
        came_in = posting.side is Side.DEBIT
        gathered.bookings[name] = Booking(posting.amount, entry.at_ms)
        gathered.movements[name] = Movement(
            name=name,
            kind=StatementKind.PAYMENT if came_in else StatementKind.REFUND,
            number=entry.number,
            reference=None,
            amount=posting.amount,
            known=Known.DONE,
            order_id=entry.source.removeprefix(_ORDER) if entry.source.startswith(_ORDER) else None,
        )

    def _orders_of(self, lines: Iterable[StatementLine]) -> set[str]:
        """Of the orders that lines name by our number, or that their provider's number is known to have paid."""
        found: set[str] = set()
        referred: set[str] = set()
        for line in lines:
            of_payment = line.kind is StatementKind.PAYMENT
            number = line.number if of_payment else line.payment_number
            reference = line.reference if of_payment else line.payment_reference
            order_id = order_id_of(number) if number else None
            if order_id:
                found.add(order_id)
            elif reference and reference not in referred:
                referred.add(reference)
                found |= self._paid_by(reference)
        return found

    def _paid_by(self, reference: str) -> set[str]:
        return {order.order_id for order in self.orders.paid_by(self.provider, self.account, reference)}

    def _read_orders(self, order_ids: Sequence[str], gathered: _Gathered) -> set[str]:
        """Lot by lot, of which only the movements are kept; gives back the payments of the desk that paid some."""
        placed: set[str] = set()
        for first in range(0, len(order_ids), ORDERS_AT_ONCE):
            for order in self.orders.some(order_ids[first : first + ORDERS_AT_ONCE]):
                for movement in movements_of(order, self.provider, self.account):
                    gathered.movements[movement.name] = movement
                placed |= {attempt.payment_id for attempt in order.attempts if attempt.payment_id}
        return placed

    def _read_desk(self, payment_ids: Iterable[str], gathered: _Gathered) -> None:
        for payment in self.desk.some(sorted(set(payment_ids))):
            for movement in _on_desk(payment):
                gathered.movements[movement.name] = movement

    def _desk_id(self, line: StatementLine) -> str | None:
        """By which the desk knows a payment that was told to us as the statement tells it, or that goes back by it."""
        if line.kind is StatementKind.REFUND:
            return refunded_by(line.number) if line.number else None
        said = Confirmation(
            provider=self.provider,
            account=self.account,
            merchant=self.merchant,
            attempt_id=line.number or "",
            reference=line.reference,
            amount=line.amount,
            paid=True,
            status=line.status,
        )
        return payment_id(said)


def _of_payments(lines: Iterable[Line]) -> list[StatementLine]:
    """All of them, since a provider's statement has no others."""
    return [line for line in lines if isinstance(line, StatementLine)]


def _name_of(entry: JournalEntry) -> str:
    if entry.source.startswith(_PAYMENT) and entry.what in {_UNMATCHED, _DISMISSED}:
        return f"desk:{entry.source.removeprefix(_PAYMENT)}"
    return f"{_REFUND if entry.what == _RETURNED else entry.what}:{entry.number}"


def movements_of(order: Order, provider: str, account: str) -> Iterator[Movement]:
    """The payments of an order at that account, and what went back of them.

    An attempt that was paid by a payment on the desk is that payment.
    """
    here = {each.attempt_id: each for each in order.attempts if (each.provider, each.account) == (provider, account)}
    for attempt in here.values():
        if attempt.payment_id is None:
            yield _of_attempt(order, attempt)
    for refund in order.refunds:
        if refund.attempt_id in here:
            if is_surplus(order, refund):
                yield _of_surplus(order, refund)
            yield _of_refund(refund, order.order_id, order.changed_at_ms)


def _of_attempt(order: Order, attempt: PaymentAttempt) -> Movement:
    paid_at_ms = attempt.paid_at_ms
    return Movement(
        name=f"{_SALE}:{attempt.attempt_id}",
        kind=StatementKind.PAYMENT,
        number=attempt.attempt_id,
        reference=attempt.reference,
        amount=attempt.amount,
        known=Known.DONE if attempt.status is AttemptStatus.PAID else Known.OPEN,
        order_id=order.order_id,
        asked_at_ms=order.created_at_ms,
        booked_between=None if paid_at_ms is None else (paid_at_ms, paid_at_ms),
    )


def _of_surplus(order: Order, refund: Refund) -> Movement:
    return Movement(
        name=f"{_SURPLUS}:{refund.refund_id}",
        kind=StatementKind.PAYMENT,
        number=refund.attempt_id,
        reference=refund.payment_reference,
        amount=refund.amount,
        known=Known.DONE,
        order_id=order.order_id,
        asked_at_ms=order.created_at_ms,
    )


def _of_refund(refund: Refund, order_id: str | None, changed_at_ms: int) -> Movement:
    """What somebody gave by hand is not to go back through the provider as well."""
    by_hand = refund.status is RefundStatus.SUCCEEDED and refund.said == BY_HAND
    known = Known.FAILED if by_hand else _KNOWN.get(refund.status, Known.OPEN)
    asked_at_ms = refund.asked_at_ms or refund.due_at_ms
    return Movement(
        name=f"{_REFUND}:{refund.refund_id}",
        kind=StatementKind.REFUND,
        number=refund.refund_id,
        reference=None if by_hand else refund.reference,
        amount=refund.amount,
        known=known,
        order_id=order_id,
        asked_at_ms=asked_at_ms,
        booked_between=None if asked_at_ms is None or by_hand else (asked_at_ms, changed_at_ms),
        by_hand=by_hand,
        refused=refund.round > 0,
    )


def _on_desk(payment: UnmatchedPayment) -> Iterator[Movement]:
    """Nothing of what is no payment that came in: a dispute, a refund that hangs."""
    if payment.money is None:
        return
    yield Movement(
        name=f"desk:{payment.payment_id}",
        kind=StatementKind.PAYMENT,
        number=payment.attempt_id or None,
        reference=payment.reference,
        amount=payment.money,
        known=Known.DONE,
        order_id=payment.order_id,
        booked_between=(payment.received_at_ms, payment.received_at_ms),
    )
    if payment.refund is not None:
        yield _of_refund(payment.refund, payment.order_id, payment.changed_at_ms)
