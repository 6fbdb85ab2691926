"""Our side of a supplier's day: what the books have as owed to it, and the attempts and purchases that its lines and
our entries are about.

An order with a supplier goes by our reference, a unit's attempt and a purchase of keys alike; so does what the books
have of it, be it the unit's own entry or that of the batch into which its keys came.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from itertools import chain

from keyrail.ledger.model import AccountKind, JournalEntry, Side
from keyrail.ledger.service import Books
from keyrail.ordering.model.orders import Order, OrderStatus, order_of
from keyrail.ordering.model.questions import Window as Changed
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import STATUS_SHARDS
from keyrail.platform.clock import end_of_day_ms
from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import OurSide
from keyrail.reconciliation.model.days import SKEW_MS, Window
from keyrail.reconciliation.model.movements import Booking, Known, Line, Movement
from keyrail.reconciliation.model.questions import Question
from keyrail.reconciliation.model.runs import StatementTooLong
from keyrail.reconciliation.model.supplies import SupplyKind
from keyrail.reconciliation.service.gathering import BOOKS_LAG_MS, ORDERS_AT_ONCE, postings_of
from keyrail.suppliers.model.attempts import SupplyAttempt, SupplyState, unit_of
from keyrail.suppliers.model.outcomes import Refusal
from keyrail.suppliers.model.purchases import Purchase, PurchaseStatus, purchase_of
from keyrail.suppliers.service.purchases import PurchaseRecords

MAX_ORDERS = 200_000
"""Orders that are looked through for those of a day: all that changed since it began. It takes five minutes."""
_SUPPLIED = (
    OrderStatus.PAID,
    OrderStatus.FULFILLING,
    OrderStatus.DELIVERED,
    OrderStatus.PARTIALLY_DELIVERED,
    OrderStatus.REFUNDING,
    OrderStatus.REFUNDED,
)
"""What an order may be of which a supplier was asked for a unit, in the order in which it becomes so."""
_UNIT, _KEYS, _CHARGED_BACK = "unit_supplied", "keys_delivered", "keys_charged_back"
_OF_ATTEMPT = {SupplyState.SUCCEEDED: Known.DONE, SupplyState.FAILED: Known.FAILED}
_OF_PURCHASE = {
    PurchaseStatus.STOCKED: Known.DONE,
    PurchaseStatus.DIFFERS: Known.DONE,
    PurchaseStatus.SETTLED: Known.DONE,
    PurchaseStatus.UNKNOWN: Known.OPEN,
    PurchaseStatus.PROCESSING: Known.OPEN,
    PurchaseStatus.UNDECIDED: Known.OPEN,
}
"""Of any other the supplier was not asked, or has nothing to supply."""


@dataclass
class _Booked:
    """By our references. `in_pieces` are those that are booked key by key, each at a share of the sum."""

    bookings: dict[str, Booking] = field(default_factory=dict)
    credited: dict[str, list[Money]] = field(default_factory=lambda: defaultdict(list))
    in_pieces: set[str] = field(default_factory=set)

    def upon(self, movement: Movement, reference: str) -> Movement:
        """With what the books say of it: keys that came in are owed for, though somebody said that none would."""
        of_keys = reference in self.in_pieces
        return replace(
            movement,
            known=Known.DONE if of_keys and movement.known is Known.FAILED else movement.known,
            rounding_minor=movement.rounding_minor if of_keys else 0,
            credited=tuple(self.credited.get(reference, ())),
        )


@dataclass(frozen=True)
class SupplyGathering:
    orders: Orders
    purchases: PurchaseRecords
    books: Books
    supplier: str

    def our_side(self, window: Window, lines: Sequence[Line], now_ms: int) -> OurSide:
        """Raises StoreUnavailable."""
        days, since_ms = window.books(now_ms), window.begin_ms - SKEW_MS
        booked = self._read_books(days, since_ms)
        references = {*booked.bookings, *(line.number for line in lines if line.number)}
        movements = {each: _as_booked(each, booking) for each, booking in booked.bookings.items()}
        for movement in self._read(references):
            reference = movement.number or ""
            movements[reference] = booked.upon(movement, reference)
        until_ms = min(end_of_day_ms(days[-1], UTC), now_ms - BOOKS_LAG_MS)
        bookings = {_name(reference): booking for reference, booking in booked.bookings.items()}
        return OurSide(tuple(movements.values()), bookings, since_ms, until_ms)

    def questions(self, window: Window, now_ms: int) -> Iterator[Question]:
        """Of each order with the supplier that was begun on the day. A purchase that has failed is in no list; what was
        never sent was nobody's.

        Raises StatementTooLong, StoreUnavailable.
        """
        for order in self._changed_since(window.begin_ms, now_ms):
            for unit in order.units:
                for attempt in unit.attempts or ():
                    was_sent = attempt.supplier == self.supplier and attempt.refusal is not Refusal.NOT_SENT
                    if was_sent and window.has(attempt.asked_at_ms):
                        yield _about_attempt(attempt)
        booked = self._read_books(window.books(now_ms), window.begin_ms - SKEW_MS)
        names = sorted({name for each in booked.bookings if (name := purchase_of(each))})
        lots = (names[first : first + ORDERS_AT_ONCE] for first in range(0, len(names), ORDERS_AT_ONCE))
        for purchase in chain(self.purchases.open(), *map(self.purchases.some, lots)):
            if purchase.supplier == self.supplier and purchase.asked_at_ms and window.has(purchase.asked_at_ms):
                yield _about_purchase(purchase)

    def _changed_since(self, since_ms: int, now_ms: int) -> Iterator[Order]:
        """Whatever was asked for since has changed its order."""
        count = 0
        changed = Changed(since_ms, now_ms + SKEW_MS)
        for status in _SUPPLIED:
            for shard in range(STATUS_SHARDS):
                behind: str | None = None
                while True:
                    order_ids, behind = self.orders.changed_between(status, shard, changed, ORDERS_AT_ONCE, behind)
                    count += len(order_ids)
                    if count > MAX_ORDERS:
                        raise StatementTooLong
                    yield from self.orders.some(order_ids)
                    if behind is None:
                        break

    def looked_further(self, ours: OurSide, _lines: Sequence[Line]) -> OurSide:
        """What no reference leads to is nothing of ours."""
        return ours

    def _read_books(self, days: Iterable[str], since_ms: int) -> _Booked:
        """What is not about an order of ours is in no statement: keys that came as a file, and vouchers."""
        booked = _Booked()
        for entry, posting in postings_of(self.books, AccountKind.SUPPLIER_PAYABLE, self.supplier, days, since_ms):
            reference = _reference_of(entry)
            if reference is None:
                continue
            if entry.what == _CHARGED_BACK:
                booked.credited[reference].append(posting.amount)
            elif entry.what in {_UNIT, _KEYS} and posting.side is Side.CREDIT:
                before = booked.bookings.get(reference)
                amount = before.amount + posting.amount if before else posting.amount
                booked.bookings[reference] = Booking(amount, before.at_ms if before else entry.at_ms)
            if entry.what == _KEYS:
                booked.in_pieces.add(reference)
        return booked

    def _read(self, references: Iterable[str]) -> Iterator[Movement]:
        """Of what there is under these references with this supplier."""
        units = {unit_id for each in references if (unit_id := unit_of(each))}
        order_ids = sorted({order_of(unit_id) for unit_id in units})
        purchase_ids = sorted({name for each in references if (name := purchase_of(each))})
        for first in range(0, len(order_ids), ORDERS_AT_ONCE):
            for order in self.orders.some(order_ids[first : first + ORDERS_AT_ONCE]):
                yield from _of_order(order, self.supplier)
        for first in range(0, len(purchase_ids), ORDERS_AT_ONCE):
            for purchase in self.purchases.some(purchase_ids[first : first + ORDERS_AT_ONCE]):
                if purchase.supplier == self.supplier:
                    yield _of_purchase(purchase)


def _reference_of(entry: JournalEntry) -> str | None:
    """What is more than an amount may be is booked in parts, each with a number behind the reference."""
    reference = entry.number.partition("/")[0]
    return reference if unit_of(reference) or purchase_of(reference) else None


def _name(reference: str) -> str:
    return f"{SupplyKind.SUPPLY}:{reference}"


def _as_booked(reference: str, booking: Booking) -> Movement:
    """What it is if there is nothing else of it any more."""
    unit_id = unit_of(reference)
    return Movement(
        name=_name(reference),
        kind=SupplyKind.SUPPLY,
        number=reference,
        reference=None,
        amount=booking.amount,
        known=Known.DONE,
        order_id=order_of(unit_id) if unit_id else None,
    )


def _about_attempt(attempt: SupplyAttempt) -> Question:
    return Question(
        reference=attempt.reference,
        their_reference=attempt.their_reference,
        quantity=attempt.quantity,
        of_keys=bool(attempt.of_keys),
        in_vain=attempt.state is SupplyState.FAILED,
    )


def _about_purchase(purchase: Purchase) -> Question:
    return Question(
        reference=purchase.reference,
        their_reference=purchase.their_reference,
        quantity=purchase.pieces,
        of_keys=True,
        in_vain=_OF_PURCHASE.get(purchase.status) is None,
    )


def _of_order(order: Order, supplier: str) -> Iterator[Movement]:
    for unit in order.units:
        for attempt in unit.attempts or ():
            if attempt.supplier == supplier:
                yield _of_attempt(order, attempt)


def _of_attempt(order: Order, attempt: SupplyAttempt) -> Movement:
    """What a supplier did not say the cost of, or a person said was done, is in no book (ADR 61)."""
    known, decided_at_ms = _OF_ATTEMPT.get(attempt.state, Known.OPEN), attempt.decided_at_ms
    cost = attempt.cost if known is Known.DONE else None
    return Movement(
        name=_name(attempt.reference),
        kind=SupplyKind.SUPPLY,
        number=attempt.reference,
        reference=attempt.their_reference,
        amount=cost,
        known=known,
        order_id=order.order_id,
        asked_at_ms=attempt.asked_at_ms,
        booked_between=None if cost is None or decided_at_ms is None else (decided_at_ms, decided_at_ms),
        in_no_books=known is Known.DONE and cost is None,
        rounding_minor=attempt.quantity // 2,
    )


def _of_purchase(purchase: Purchase) -> Movement:
    """Keys that were not taken in, of which there may be none, are in no book."""
    known, asked_at_ms = _OF_PURCHASE.get(purchase.status, Known.FAILED), purchase.asked_at_ms
    between = (asked_at_ms, purchase.changed_at_ms) if asked_at_ms is not None and known is Known.DONE else None
    return Movement(
        name=_name(purchase.reference),
        kind=SupplyKind.SUPPLY,
        number=purchase.reference,
        reference=purchase.their_reference,
        amount=purchase.cost,
        known=known,
        asked_at_ms=asked_at_ms,
        booked_between=between if purchase.accepted else None,
        in_no_books=known is Known.DONE and not purchase.accepted,
        rounding_minor=purchase.pieces // 2,
    )
