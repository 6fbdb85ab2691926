"""A day at a supplier and what we know of it: the same, until a test plants differences."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date

from keyrail.ordering.model.orders import order_of, unit_id
from keyrail.platform.clock import rfc3339
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import Comparison, DifferenceKind, OurSide, compare
from keyrail.reconciliation.model.days import window
from keyrail.reconciliation.model.movements import Booking, Known, Movement
from keyrail.reconciliation.model.supplies import SupplyKind, netted
from keyrail.suppliers.model.attempts import reference, unit_of
from keyrail.suppliers.model.statements import Moved, SupplierLine

DAY = date(2026, 11, 20)
WINDOW = window(DAY, UTC)
NOON_MS = WINDOW.begin_ms + 12 * 60 * 60 * 1000
COST = Money(950, "CNY")


def name(number: int) -> str:
    """Our reference of the first attempt at the first unit of an order of that number."""
    return reference(unit_id(derived_id("ord", str(number)), 1), 1)


def line(
    number: int,
    moved: Moved = Moved.TAKEN,
    amount: Money = COST,
    status: str = "done",
    *,
    theirs: str = "",
    is_over: bool = True,
) -> SupplierLine:
    return SupplierLine(
        line=1,
        moved=moved,
        reference=name(number),
        their_reference=theirs or f"S-{number}",
        amount=amount,
        status=status,
        is_over=is_over,
        at=rfc3339(NOON_MS),
    )


def back(number: int, amount: Money = COST, theirs: str = "") -> SupplierLine:
    return line(number, Moved.RETURNED, amount, "failed", theirs=theirs)


def ours(number: int, known: Known = Known.DONE, amount: Money | None = COST) -> Movement:
    reference_ = name(number)
    return Movement(
        name=f"supply:{reference_}",
        kind=SupplyKind.SUPPLY,
        number=reference_,
        reference=f"S-{number}",
        amount=amount if known is Known.DONE else None,
        known=known,
        order_id=order_of(unit_of(reference_) or ""),
        asked_at_ms=NOON_MS,
        booked_between=(NOON_MS, NOON_MS) if known is Known.DONE and amount else None,
        in_no_books=known is Known.DONE and amount is None,
    )


@dataclass
class Day:
    """Of `count` orders, all done; every tenth was tried in vain first, and the money for that came back."""

    count: int = 0
    lines: list[SupplierLine] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    bookings: dict[str, Booking] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in range(self.count):
            tried = [line(number, theirs="first"), back(number, theirs="first")] if number % 10 == 9 else []
            self.add([*tried, line(number)], ours(number))

    def add(self, lines: list[SupplierLine], movement: Movement | None, booked: Money | None = COST) -> "Day":
        self.lines += [replace(each, line=len(self.lines) + at) for at, each in enumerate(lines, start=1)]
        if movement:
            self.movements.append(movement)
            if booked and movement.known is Known.DONE and not movement.in_no_books:
                self.bookings[movement.name] = Booking(booked, NOON_MS)
        return self

    def plant(self, kind: DifferenceKind, number: int) -> None:
        """In the order of that number, which agreed so far."""
        movement = self.movements[number]
        match kind:
            case DifferenceKind.MISSING_WITH_US:
                self.bookings.pop(movement.name)
                self.movements[number] = replace(movement, number=None, reference=None, name=f"gone-{number}")
            case DifferenceKind.MISSING_WITH_THEM:
                self.lines = [each for each in self.lines if each.reference != movement.number]
            case DifferenceKind.AMOUNT_DIFFERS:
                more = Money(COST.amount_minor + 1, "CNY")
                self.lines = [
                    replace(each, amount=more) if each.their_reference == movement.reference else each
                    for each in self.lines
                ]
            case DifferenceKind.STATUS_DIFFERS if number % 2:
                self.add([back(number)], None)
            case DifferenceKind.STATUS_DIFFERS:
                self.bookings.pop(movement.name)
                self.movements[number] = ours(number, Known.FAILED if number % 4 else Known.OPEN)
            case DifferenceKind.TWICE_WITH_THEM:
                self.add([line(number, theirs="again")], None)

    def our_side(self) -> OurSide:
        return OurSide(self.movements, self.bookings, WINDOW.begin_ms, WINDOW.end_ms)

    def compared(self) -> Comparison:
        return compare(WINDOW, netted(self.lines), self.our_side())
