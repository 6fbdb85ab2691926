"""A provider's statement of a day held against what we know: every line and every entry, once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from keyrail.payments.model.statements import LineState, StatementKind, StatementLine
from keyrail.reconciliation.model.days import Window
from keyrail.reconciliation.model.movements import Booking, Known, Movement, agrees, is_void


class DifferenceKind(StrEnum):
    """`missing_with_us`: their line, and nothing of ours that it is, or nothing in our books. `missing_with_them`: our
    entry, in no statement. `twice_with_them`: a movement that their statement has more than once.
    """

    MISSING_WITH_US = "missing_with_us"
    MISSING_WITH_THEM = "missing_with_them"
    AMOUNT_DIFFERS = "amount_differs"
    STATUS_DIFFERS = "status_differs"
    TWICE_WITH_THEM = "twice_with_them"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A difference as the comparison finds it. `again` counts a movement's further lines from 1, and is 0 elsewhere."""

    kind: DifferenceKind
    line: StatementLine | None = None
    ours: Movement | None = None
    booked: Booking | None = None
    again: int = 0


@dataclass(frozen=True)
class OurSide:
    """`bookings` by the name of the movement that each is about, and complete from `booked_from_ms` until
    `booked_until_ms`.
    """

    movements: Sequence[Movement]
    bookings: Mapping[str, Booking]
    booked_from_ms: int
    booked_until_ms: int

    def must_be_booked(self, movement: Movement) -> bool:
        if movement.booked_between is None or movement.amount.amount_minor == 0:
            return False
        earliest, latest = movement.booked_between
        return self.booked_from_ms <= earliest and latest < self.booked_until_ms


@dataclass
class Comparison:
    """What became of each line, and which entries of the day are in no line."""

    matched: int = 0
    found: list[Found] = field(default_factory=list)
    unexplained: list[StatementLine] = field(default_factory=list)
    left: list[Movement] = field(default_factory=list)


def compare(window: Window, lines: Sequence[StatementLine], ours: OurSide) -> Comparison:
    """Each line is matched or differs in one way; `left` may be in statements of days before.

    A line that names our number takes what it names before those do that have only the provider's.
    """
    result, shelf = Comparison(), _Shelf(ours)
    for line in sorted(lines, key=lambda each: each.number is None):
        found = shelf.judge(line)
        if found is None:
            result.matched += 1
        else:
            result.found.append(found)
            result.unexplained.append(line)
    result.left = [
        movement
        for movement in ours.movements
        if movement.name not in shelf.taken and not movement.by_hand and _is_due(window, ours, movement)
    ]
    return result


def _is_due(window: Window, ours: OurSide, movement: Movement) -> bool:
    """What came back since may be booked back on a day that is not read here any more."""
    booking = ours.bookings.get(movement.name)
    return booking is not None and movement.known is not Known.FAILED and window.judges(booking.at_ms)


_Name = tuple[StatementKind, str | None, str]


class _Shelf:
    """Our movements by either number, and by which line each was taken."""

    def __init__(self, ours: OurSide) -> None:
        self._ours = ours
        self.taken: dict[str, StatementLine] = {}
        self._seen: dict[_Name, int] = {}
        self._by_number: dict[tuple[StatementKind, str], list[Movement]] = {}
        self._by_reference: dict[tuple[StatementKind, str], list[Movement]] = {}
        for movement in ours.movements:
            if movement.number:
                self._by_number.setdefault((movement.kind, movement.number), []).append(movement)
            if movement.reference:
                self._by_reference.setdefault((movement.kind, movement.reference), []).append(movement)

    def judge(self, line: StatementLine) -> Found | None:
        movement = self._of(line)
        if is_void(line.state, line.kind, movement):
            return None
        name = (line.kind, line.number, line.reference)
        again = self._seen[name] = self._seen.get(name, -1) + 1
        if movement is None:
            kind = DifferenceKind.TWICE_WITH_THEM if again else DifferenceKind.MISSING_WITH_US
            return Found(kind=kind, line=line, again=again)
        booked = self._ours.bookings.get(movement.name)
        before = self.taken.get(movement.name)
        if before is not None:
            same = again or before.reference == line.reference or line.kind is StatementKind.REFUND
            kind = DifferenceKind.TWICE_WITH_THEM if same else DifferenceKind.MISSING_WITH_US
            return Found(kind=kind, line=line, ours=movement, booked=booked, again=again + 1 if same else 0)
        self.taken[movement.name] = line
        difference = self._difference(line, movement, booked)
        return None if difference is None else Found(kind=difference, line=line, ours=movement, booked=booked)

    def _of(self, line: StatementLine) -> Movement | None:
        """The provider's own number of a payment says which it is; an attempt that nobody heard of has none yet.

        Of a refund some providers give the payment's in its place, so that ours comes first there.
        """
        named = self._by_number.get((line.kind, line.number), []) if line.number else []
        referred = self._by_reference.get((line.kind, line.reference), []) if line.reference else []
        if line.kind is StatementKind.PAYMENT:
            candidates = referred or [each for each in named if each.reference is None]
        elif line.number:
            candidates = named
        else:
            candidates = [each for each in referred if each.name not in self.taken]
        # Of several the one that the books have, and that no line has taken.
        return min(
            candidates, key=lambda each: (each.name in self.taken, each.name not in self._ours.bookings), default=None
        )

    def _difference(self, line: StatementLine, movement: Movement, booked: Booking | None) -> DifferenceKind | None:
        if not agrees(line.state, movement):
            return DifferenceKind.STATUS_DIFFERS
        if line.amount != movement.amount or (booked is not None and booked.amount != line.amount):
            return DifferenceKind.AMOUNT_DIFFERS
        is_done = line.state is LineState.DONE and movement.known is Known.DONE
        if is_done and booked is None and self._ours.must_be_booked(movement):
            return DifferenceKind.MISSING_WITH_US
        return None


def named_in(lines: Iterable[StatementLine], left: Sequence[Movement]) -> set[str]:
    """The names of those among `left` that another day's statement has, as more than an attempt that was in vain."""
    payments = {each.reference: each for each in left if each.kind is StatementKind.PAYMENT and each.reference}
    numbers = {
        (each.kind, each.number): each
        for each in left
        if each.number and (each.kind is StatementKind.REFUND or not each.reference)
    }
    found: set[str] = set()
    for line in lines:
        movement = payments.get(line.reference) if line.kind is StatementKind.PAYMENT else None
        movement = movement or numbers.get((line.kind, line.number or ""))
        if movement and not is_void(line.state, line.kind, movement):
            found.add(movement.name)
    return found


def missing_with_them(left: Iterable[Movement], ours: OurSide) -> list[Found]:
    kind = DifferenceKind.MISSING_WITH_THEM
    return [Found(kind=kind, ours=each, booked=ours.bookings.get(each.name)) for each in left]
