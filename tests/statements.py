"""A day at a provider and what we know of it: the same, until a test plants differences."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date

from keyrail.payments.model.attempts import attempt_id
from keyrail.payments.model.statements import StatementKind, StatementLine
from keyrail.platform.clock import rfc3339
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import Comparison, DifferenceKind, OurSide, compare
from keyrail.reconciliation.model.days import window
from keyrail.reconciliation.model.movements import Booking, Known, Movement

DAY = date(2026, 11, 20)
WINDOW = window(DAY, UTC)
NOON_MS = WINDOW.begin_ms + 12 * 60 * 60 * 1000
HOUR_MS = 60 * 60 * 1000
PRICE = Money(1990, "CNY")


def payment(number: int, at_ms: int = NOON_MS) -> tuple[StatementLine, Movement]:
    """The line and what we know of it, which agree."""
    order = derived_id("ord", str(number))
    attempt, reference = attempt_id(order, 1), f"4200{number:012d}"
    ours = Movement(
        name=f"sale:{attempt}",
        kind=StatementKind.PAYMENT,
        number=attempt,
        reference=reference,
        amount=PRICE,
        known=Known.DONE,
        order_id=order,
        booked_between=(at_ms, at_ms),
    )
    return _line(number, StatementKind.PAYMENT, ours, attempt, at_ms), ours


def refund(number: int, at_ms: int = NOON_MS) -> tuple[StatementLine, Movement]:
    order = derived_id("ord", str(number))
    ours = Movement(
        name=f"refund:{derived_id('ref', order, 'unit')}",
        kind=StatementKind.REFUND,
        number=derived_id("ref", order, "unit"),
        reference=f"5000{number:012d}",
        amount=PRICE,
        known=Known.DONE,
        order_id=order,
        booked_between=(at_ms - HOUR_MS, at_ms),
    )
    return _line(number, StatementKind.REFUND, ours, attempt_id(order, 1), at_ms), ours


def _line(number: int, kind: StatementKind, ours: Movement, attempt: str, at_ms: int) -> StatementLine:
    is_refund = kind is StatementKind.REFUND
    return StatementLine(
        line=number + 1,
        kind=kind,
        number=ours.number,
        reference=ours.reference or "",
        amount=PRICE,
        fee=Money(12, "CNY"),
        status="SUCCESS",
        at=rfc3339(at_ms),
        fee_returned=is_refund,
        payment_number=attempt if is_refund else None,
    )


@dataclass
class Day:
    """Of `count` movements, every fourth a refund."""

    count: int = 0
    lines: list[StatementLine] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    bookings: dict[str, Booking] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in range(self.count):
            line, ours = refund(number) if number % 4 == 3 else payment(number)
            self.add(line, ours)

    def add(self, line: StatementLine | None, ours: Movement | None, booked_at_ms: int | None = NOON_MS) -> None:
        if line:
            self.lines.append(line)
        if ours:
            self.movements.append(ours)
            if booked_at_ms is not None:
                self.bookings[ours.name] = Booking(ours.amount or PRICE, booked_at_ms)

    def plant(self, kind: DifferenceKind, at: int) -> None:
        """In the movement of that number, which agreed so far."""
        line, ours = self.lines[at], self.movements[at]
        match kind:
            case DifferenceKind.MISSING_WITH_US:
                self.bookings.pop(ours.name)
                self.movements[at] = replace(self.movements[at], number=f"gone-{at}", reference=f"gone-{at}")
            case DifferenceKind.MISSING_WITH_THEM:
                self.lines[at] = replace(line, number=f"gone-{at}", kind=StatementKind.PAYMENT, reference="gone")
            case DifferenceKind.AMOUNT_DIFFERS:
                self.lines[at] = replace(line, amount=Money(line.amount.amount_minor + 1, "CNY"))
            case DifferenceKind.STATUS_DIFFERS:
                self.bookings.pop(ours.name)
                open_yet = ours.reference if ours.kind is StatementKind.REFUND else None
                self.movements[at] = replace(ours, known=Known.OPEN, reference=open_yet, booked_between=None)
            case DifferenceKind.TWICE_WITH_THEM:
                self.lines.append(replace(line, line=len(self.lines) + 1))

    @property
    def said(self) -> list[StatementLine]:
        """What the provider's statement has: a line that was taken out is not in it."""
        return [line for line in self.lines if line.reference != "gone"]

    def our_side(self) -> OurSide:
        return OurSide(self.movements, self.bookings, WINDOW.begin_ms, WINDOW.end_ms)

    def compared(self) -> Comparison:
        return compare(WINDOW, self.said, self.our_side())
