"""A supplier that makes no statement is asked about each of our orders of a day; its answers are the lines. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from keyrail.payments.model.statements import LineState
from keyrail.platform.clock import rfc3339
from keyrail.reconciliation.model.supplies import SupplyLine
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Success

PORTION_LENGTH = 50
"""Questions whose answers are stored together: all of them take ten minutes at most (11 s each, without an answer)."""
MAX_SILENT = 5  # questions without any answer, one after the other, until the supplier is taken to be away
PAUSE_S = 0.2  # between two questions: of one day a supplier is asked at most five a second
MAX_ASKING_MS = 3 * 60 * 1000  # until no further portion is begun in one message: with one a function is done in time
KEPT_S = 40 * 24 * 60 * 60  # which orders were asked about, and what was said


@dataclass(frozen=True, kw_only=True)
class Question:
    """An order of ours with a supplier. One that was `in_vain` has failed with us, and they need not know of it."""

    reference: str
    their_reference: str | None = None
    quantity: int
    of_keys: bool = False
    in_vain: bool = False


@dataclass(frozen=True, kw_only=True)
class Portion:
    """Some of a day's orders, by `number` from 1. `lines` is what was said of them when the run was requested at
    `asked_for_ms`; whatever has no line was not heard of. `expires_at`: epoch seconds.
    """

    number: int
    is_last: bool
    questions: tuple[Question, ...]
    asked_for_ms: int | None = None
    lines: tuple[SupplyLine, ...] = ()
    expires_at: int


def portions_of(questions: Iterable[Question], now_ms: int) -> Iterator[Portion]:
    """In an order that is the same each time; a day without orders has one that is empty."""
    wanted = {question.reference: question for question in questions}
    listed = tuple(wanted[reference] for reference in sorted(wanted))
    firsts = range(0, max(1, len(listed)), PORTION_LENGTH)
    for number, first in enumerate(firsts, start=1):
        yield Portion(
            number=number,
            is_last=number == len(firsts),
            questions=listed[first : first + PORTION_LENGTH],
            expires_at=now_ms // 1000 + KEPT_S,
        )


def whole(portions: Iterable[Portion]) -> list[Portion]:
    """All of a day, to the last; none where whoever listed them broke off."""
    found: list[Portion] = []
    for portion in portions:
        if portion.number != len(found) + 1:
            return []
        found.append(portion)
        if portion.is_last:
            return found
    return []


def line_of(line: int, question: Question, outcome: Outcome, now_ms: int) -> SupplyLine | None:
    """None for what is not understood: it may be kept, given back or never have been."""
    match outcome:
        case Success():
            state, amount = LineState.DONE, outcome.cost
        case Processing():
            state, amount = LineState.UNDER_WAY, None
        case DefiniteFailure():
            state, amount = LineState.FAILED, None
        case _:
            return None
    return SupplyLine(
        line=line,
        number=question.reference,
        reference=outcome.their_reference or question.their_reference or "",
        amount=amount,
        status=outcome.said,
        at=rfc3339(now_ms),
        state=state,
    )
