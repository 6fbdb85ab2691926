"""What we know of a movement at a provider or a supplier, and whether that is what they say of it."""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.payments.model.statements import LineState, StatementKind, StatementLine
from keyrail.platform.money import Money
from keyrail.reconciliation.model.supplies import SupplyKind, SupplyLine

Line = StatementLine | SupplyLine
MovementKind = StatementKind | SupplyKind


class Known(StrEnum):
    """How far a movement is by our own records. `failed`: nothing moved with them, as far as we know."""

    DONE = "done"
    OPEN = "open"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Movement:
    """One of our own, by a `name` that an entry of the books about it has too (`sale:pay_…`, `refund:ref_…`,
    `supply:…`).

    `number` is what they know as ours, `reference` theirs. `amount` None: nobody has told us. `asked_at_ms` is when it
    began: it is in the statement of that day or of a later one. `booked_between` is when it must have been booked,
    where that is known; `in_no_books` is what never is. It may be booked as much as `rounding_minor` beside the sum.
    A refund that somebody gave by hand never passes the provider; one that was `refused` before and asked for again may
    stand in a statement for each time. A supplier may give back what it is `credited` with in the books.
    """

    name: str
    kind: MovementKind
    number: str | None
    reference: str | None
    amount: Money | None
    known: Known
    order_id: str | None = None
    asked_at_ms: int | None = None
    booked_between: tuple[int, int] | None = None
    by_hand: bool = False
    refused: bool = False
    in_no_books: bool = False
    rounding_minor: int = 0
    credited: tuple[Money, ...] = ()

    def is_of(self, amount: Money, booked: Money | None) -> bool:
        """Whether it is of that sum, by what we were told and by the books."""
        if booked is not None:
            beside_minor = abs(booked.amount_minor - amount.amount_minor)
            if booked.currency != amount.currency or beside_minor > self.rounding_minor:
                return False
        return self.amount in (None, amount)


@dataclass(frozen=True)
class Booking:
    """What the books have of a movement, on the provider's clearing account or as what the supplier is owed."""

    amount: Money
    at_ms: int


_AGREED = {
    LineState.DONE: {Known.DONE},
    # Accepted by the provider: it may have become good or not since, and we may have heard of it since.
    LineState.UNDER_WAY: {Known.DONE, Known.OPEN},
    LineState.FAILED: {Known.FAILED},
}


def agrees(said: LineState, movement: Movement) -> bool:
    return movement.known in _AGREED[said]


def is_void(said: LineState, kind: MovementKind, movement: Movement | None) -> bool:
    """Whether a line is about an attempt at a movement that came to nothing, as far as we know too, and is none itself.

    A payment may fail by one card and be made by the next under one number; a refund be refused and asked for again. A
    supplier may give back what it took for nothing.
    """
    if said is not LineState.FAILED:
        return False
    if kind is StatementKind.PAYMENT or (kind is SupplyKind.SUPPLY and movement is None):
        return True
    return movement is not None and (movement.refused or movement.known is Known.FAILED)
