"""What we know of a movement at a provider, and whether that is what the provider says of it."""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.payments.model.statements import LineState, StatementKind
from keyrail.platform.money import Money


class Known(StrEnum):
    """How far a movement is by our own records. `failed`: nothing moved at the provider, as far as we know."""

    DONE = "done"
    OPEN = "open"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Movement:
    """One of our own, by a `name` that an entry of the books about it has too (`sale:pay_…`, `refund:ref_…`).

    `number` is what the provider knows as ours, `reference` the provider's. `asked_at_ms` is when it began: it is in
    the statement of that day or of a later one. `booked_between` is when it must have been booked, where that is known.
    A refund that somebody gave by hand never passes the provider; one that was `refused` before and asked for again may
    stand in a statement for each time.
    """

    name: str
    kind: StatementKind
    number: str | None
    reference: str | None
    amount: Money
    known: Known
    order_id: str | None = None
    asked_at_ms: int | None = None
    booked_between: tuple[int, int] | None = None
    by_hand: bool = False
    refused: bool = False


@dataclass(frozen=True)
class Booking:
    """What the books have of a movement on the provider's clearing account."""

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


def is_void(said: LineState, kind: StatementKind, movement: Movement | None) -> bool:
    """Whether a line is about an attempt at a movement that came to nothing, as far as we know too, and is none itself.

    A payment may fail by one card and be made by the next under one number; a refund be refused and asked for again.
    """
    if said is not LineState.FAILED:
        return False
    if kind is StatementKind.PAYMENT:
        return True
    return movement is not None and (movement.refused or movement.known is Known.FAILED)
