"""What a supplier's statement of a day comes to, order by order of ours. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from keyrail.payments.model.statements import LineState
from keyrail.platform.money import Money
from keyrail.suppliers.model.statements import Moved, SupplierLine


class SupplyKind(StrEnum):
    SUPPLY = "supply"


@dataclass(frozen=True, kw_only=True)
class SupplyLine:
    """What they took for an order of ours and kept, whether they are through with it (`done`) or not (`under_way`); or
    what they gave back (`failed`). `number` is our reference, `reference` theirs; `line` counts from 1 in their file.
    """

    line: int
    number: str | None
    reference: str
    amount: Money
    status: str
    at: str
    state: LineState = LineState.DONE
    kind: SupplyKind = SupplyKind.SUPPLY


@dataclass
class _Lines:
    taken: list[SupplierLine] = field(default_factory=list)
    returned: list[SupplierLine] = field(default_factory=list)


def netted(lines: Iterable[SupplierLine]) -> list[SupplyLine]:
    """What came back on the day on which it was taken was not taken. Of an order of which nothing else is left there is
    one line that says so: it was tried, in vain.
    """
    orders: dict[str, _Lines] = {}
    for line in lines:
        of = orders.setdefault(line.reference or f"#{line.their_reference}", _Lines())
        (of.taken if line.moved is Moved.TAKEN else of.returned).append(line)
    return [each for of in orders.values() for each in _left(of)]


def _left(of: _Lines) -> Iterator[SupplyLine]:
    kept, back, settled = list(of.taken), [], None
    for line in of.returned:
        taken = _taken_for(line, kept)
        if taken is None:
            back.append(line)
        else:
            kept.remove(taken)
            settled = line
    for line in kept:
        yield _line(line, LineState.DONE if line.is_over else LineState.UNDER_WAY)
    if settled is not None and not kept and not back:
        yield _line(settled, LineState.FAILED)
    for line in back:
        yield _line(line, LineState.FAILED)


def _taken_for(returned: SupplierLine, kept: list[SupplierLine]) -> SupplierLine | None:
    """The one whose whole sum it is: of the same order of theirs first, if they made several of one of ours."""
    alike = [each for each in kept if each.amount == returned.amount]
    return min(alike, key=lambda each: each.their_reference != returned.their_reference, default=None)


def _line(line: SupplierLine, state: LineState) -> SupplyLine:
    return SupplyLine(
        line=line.line,
        number=line.reference,
        reference=line.their_reference,
        amount=line.amount,
        status=line.status,
        at=line.at,
        state=state,
    )
