"""A provider's or a supplier's statement of a day held against what we know: every line and every entry, once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from keyrail.payments.model.statements import LineState, StatementKind
from keyrail.platform.money import Money
from keyrail.reconciliation.model.days import Window
from keyrail.reconciliation.model.movements import Booking, Known, Line, Movement, MovementKind, agrees, is_void
from keyrail.reconciliation.model.supplies import SupplyKind


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
    line: Line | None = None
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
        if movement.booked_between is None:
            return movement.in_no_books
        earliest, latest = movement.booked_between
        return self.booked_from_ms <= earliest and latest < self.booked_until_ms


@dataclass
class Comparison:
    """What became of each line, and which entries of the day are in no line.

    Of what was `matched`, a supplier is still at work on what is `under_way`, and may yet give it back.
    """

    matched: int = 0
    under_way: int = 0
    found: list[Found] = field(default_factory=list)
    unexplained: list[Line] = field(default_factory=list)
    left: list[Movement] = field(default_factory=list)


def compare(window: Window, lines: Sequence[Line], ours: OurSide) -> Comparison:
    """Each line is matched or differs in one way; `left` may be in statements of days before.

    A line that names our number takes what it names before those do that have only the provider's.
    """
    result, shelf = Comparison(), _Shelf(ours)
    for line in sorted(lines, key=lambda each: each.number is None):
        found = shelf.judge(line)
        if found is None:
            result.matched += 1
            result.under_way += line.kind is SupplyKind.SUPPLY and line.state is LineState.UNDER_WAY
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


_Name = tuple[MovementKind, str | None, str]
_GIVEN_BACK = ""  # in the place of their reference, which is the same as of what they took


class _Shelf:
    """Our movements by either number, and by which line each was taken."""

    def __init__(self, ours: OurSide) -> None:
        self._ours = ours
        self.taken: dict[str, Line] = {}
        self._seen: dict[_Name, int] = {}
        self._credited = {each.name: list(each.credited) for each in ours.movements if each.credited}
        self._by_number: dict[tuple[MovementKind, str], list[Movement]] = {}
        self._by_reference: dict[tuple[MovementKind, str], list[Movement]] = {}
        for movement in ours.movements:
            if movement.number:
                self._by_number.setdefault((movement.kind, movement.number), []).append(movement)
            if movement.reference:
                self._by_reference.setdefault((movement.kind, movement.reference), []).append(movement)

    def judge(self, line: Line) -> Found | None:
        movement = self._of(line)
        if is_void(line.state, line.kind, movement):
            return None
        if movement and line.kind is SupplyKind.SUPPLY and line.state is LineState.FAILED:
            return self._given_back(line, movement)
        again = self._count(line, line.reference)
        if movement is None:
            kind = DifferenceKind.TWICE_WITH_THEM if again else DifferenceKind.MISSING_WITH_US
            return Found(kind=kind, line=line, again=again)
        booked = self._ours.bookings.get(movement.name)
        before = self.taken.get(movement.name)
        if before is not None:
            same = again or before.reference == line.reference or line.kind is not StatementKind.PAYMENT
            kind = DifferenceKind.TWICE_WITH_THEM if same else DifferenceKind.MISSING_WITH_US
            return Found(kind=kind, line=line, ours=movement, booked=booked, again=again + 1 if same else 0)
        self.taken[movement.name] = line
        difference = self._difference(line, movement, booked)
        return None if difference is None else Found(kind=difference, line=line, ours=movement, booked=booked)

    def _count(self, line: Line, reference: str) -> int:
        """How many lines with the same numbers were there before."""
        name = (line.kind, line.number, reference)
        self._seen[name] = self._seen.get(name, -1) + 1
        return self._seen[name]

    def _given_back(self, line: Line, movement: Movement) -> Found | None:
        """What a supplier gave back of an order that is not known to have failed. What the books credit it with for bad
        keys is no difference, once.
        """
        self.taken.setdefault(movement.name, line)
        credited = self._credited.get(movement.name, [])
        booked = self._ours.bookings.get(movement.name)
        if line.amount is None and booked is not None and _comes_to(credited, booked.amount):
            return None
        if line.amount in credited:
            credited.remove(line.amount)
            return None
        again = 1 + self._count(line, _GIVEN_BACK)  # what they took for it has 0
        return Found(kind=DifferenceKind.STATUS_DIFFERS, line=line, ours=movement, booked=booked, again=again)

    def _of(self, line: Line) -> Movement | None:
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

    def _difference(self, line: Line, movement: Movement, booked: Booking | None) -> DifferenceKind | None:
        if not agrees(line.state, movement):
            return DifferenceKind.STATUS_DIFFERS
        amount = movement.amount if line.amount is None else line.amount
        if amount is None:
            return None
        if not movement.is_of(amount, booked.amount if booked else None):
            return DifferenceKind.AMOUNT_DIFFERS
        has_moved = line.state is LineState.DONE and movement.known is Known.DONE and amount.amount_minor > 0
        if has_moved and booked is None and self._ours.must_be_booked(movement):
            return DifferenceKind.MISSING_WITH_US
        return None


def _comes_to(parts: Sequence[Money], whole: Money) -> bool:
    of_currency = all(part.currency == whole.currency for part in parts)
    return of_currency and bool(parts) and sum(part.amount_minor for part in parts) == whole.amount_minor


def named_in(lines: Iterable[Line], left: Sequence[Movement]) -> set[str]:
    """The names of those among `left` that another day's statement has, as more than an attempt that was in vain."""
    payments = {each.reference: each for each in left if each.kind is StatementKind.PAYMENT and each.reference}
    numbers = {
        (each.kind, each.number): each
        for each in left
        if each.number and (each.kind is not StatementKind.PAYMENT or not each.reference)
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


def is_kept_for_nothing(found: Found) -> bool:
    """Whether a supplier took money for an order that has failed with us, and did not give it back on that day."""
    line, ours = found.line, found.ours
    of_supply = line is not None and line.kind is SupplyKind.SUPPLY and line.state is not LineState.FAILED
    return of_supply and ours is not None and ours.known is Known.FAILED


def came_back(result: Comparison, lines: Iterable[Line]) -> None:
    """What a later day's statement gives back was not kept for nothing: it is matched after all."""
    back = Counter((line.number, line.amount) for line in lines if line.state is LineState.FAILED)
    left: list[Found] = []
    for each in result.found:
        kept = (each.line.number, each.line.amount) if each.line and is_kept_for_nothing(each) else None
        if kept is not None and back[kept]:
            back[kept] -= 1
            result.matched += 1
        else:
            left.append(each)
    result.found = left
