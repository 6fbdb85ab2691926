"""What a supplier's statement of a day comes to, order by order of ours. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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

    `amount` None: they do not say. What they gave back was all of it then, or nothing had been taken.
    """

    line: int
    number: str | None = None
    reference: str
    amount: Money | None = None
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
    """Several orders of theirs may be one of ours: what came back is first looked for in the same one of theirs."""
    kept, back = _unpaired(of.taken, of.returned, lambda line: (line.amount, line.their_reference))
    kept, back = _unpaired(kept, back, lambda line: (line.amount, ""))
    for line in kept:
        yield _line(line, LineState.DONE if line.is_over else LineState.UNDER_WAY)
    in_vain = of.returned[-1:] if not kept and not back else []
    for line in (*in_vain, *back):
        yield _line(line, LineState.FAILED)


_Mark = tuple[Money, str]


def _unpaired(
    taken: list[SupplierLine], returned: list[SupplierLine], mark: Callable[[SupplierLine], _Mark]
) -> tuple[list[SupplierLine], list[SupplierLine]]:
    """Without those of either that have a counterpart of the same mark among the others; of several the first."""
    pairs = Counter(map(mark, taken)) & Counter(map(mark, returned))
    return _behind(pairs.copy(), taken, mark), _behind(pairs, returned, mark)


def _behind(
    pairs: Counter[_Mark], lines: list[SupplierLine], mark: Callable[[SupplierLine], _Mark]
) -> list[SupplierLine]:
    left: list[SupplierLine] = []
    for line in lines:
        if pairs[mark(line)]:
            pairs[mark(line)] -= 1
        else:
            left.append(line)
    return left


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
