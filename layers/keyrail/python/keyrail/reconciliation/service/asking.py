"""Ask a supplier that makes no statement about each of our orders of a day, portion by portion.

What was said of a portion is stored before the next one is asked about, so that a message that ends, or is killed,
loses one portion at most, and the next goes on behind it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from keyrail.platform import logs
from keyrail.platform.clock import NowMs
from keyrail.platform.logs import Entry
from keyrail.reconciliation.model.days import Window
from keyrail.reconciliation.model.questions import (
    MAX_ASKING_MS,
    MAX_SILENT,
    PAUSE_S,
    PORTION_LENGTH,
    Portion,
    Question,
    line_of,
    portions_of,
    whole,
)
from keyrail.reconciliation.model.runs import MAX_LINES, Run, RunMoved, StatementTooLong
from keyrail.reconciliation.model.supplies import SupplyLine
from keyrail.reconciliation.store import ReconciliationStore
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import Outcome, Unknown
from keyrail.suppliers.model.statements import SupplierSaidNothing
from keyrail.suppliers.service.accounts import Placed


@dataclass(frozen=True)
class Interview:
    """`orders` are ours of a day with the supplier, by what we know at a time; `ask` has it say what became of one."""

    orders: Callable[[Window, int], Iterable[Question]]
    ask: Callable[[Placed], Outcome]


@dataclass(frozen=True)
class Asking:
    store: ReconciliationStore
    now_ms: NowMs
    pause: Callable[[float], None] = time.sleep

    def portions(self, run: Run, interview: Interview, day: Window) -> list[Portion] | None:
        """All of the day's orders with what was said of them since the run was requested; None while there are some to
        ask about in the next message.

        Raises SupplierUnavailable, StatementTooLong, RunMoved, StoreUnavailable.
        """
        began_ms = self.now_ms()
        answered: list[Portion] = []
        for portion in whole(self.store.portions(run.run_id)) or self._listed(run, interview, day):
            if portion.asked_for_ms == run.requested_at_ms:
                answered.append(portion)
                continue
            if self._is_over(began_ms):
                return None
            lines = self._lines(run, interview, portion)
            if run.compared_at_ms is None and _says_nothing([*answered, replace(portion, lines=lines)]):
                raise SupplierSaidNothing
            asked = replace(portion, lines=lines, asked_for_ms=run.requested_at_ms)
            if not self.store.put_portion(run.run_id, asked, portion.asked_for_ms):
                raise RunMoved
            answered.append(asked)
        return None if self._is_over(began_ms) else answered

    def _is_over(self, began_ms: int) -> bool:
        return self.now_ms() - began_ms >= MAX_ASKING_MS

    def _listed(self, run: Run, interview: Interview, day: Window) -> list[Portion]:
        """To its end, before anything is asked: what is asked about is the same however often the day is compared."""
        listed = list(portions_of(interview.orders(day, self.now_ms()), self.now_ms()))
        if sum(len(portion.questions) for portion in listed) > MAX_LINES:
            raise StatementTooLong
        for portion in listed:
            if not self.store.put_portion(run.run_id, portion, None):
                raise RunMoved
        return listed

    def _lines(self, run: Run, interview: Interview, portion: Portion) -> tuple[SupplyLine, ...]:
        """What they say. Raises SupplierUnavailable where they do not answer."""
        lines: list[SupplyLine] = []
        silent = 0
        for number, question in enumerate(portion.questions, start=(portion.number - 1) * PORTION_LENGTH + 1):
            outcome = interview.ask(_placed(question))
            silent = silent + 1 if isinstance(outcome, Unknown) and not outcome.answered else 0
            if silent == MAX_SILENT:
                raise SupplierUnavailable
            line = line_of(number, question, outcome, self.now_ms())
            if line is None:
                logs.log(
                    Entry.ORDER_UNHEARD, run_id=run.run_id, reference=question.reference, supplier_said=outcome.said
                )
            else:
                lines.append(line)
            self.pause(PAUSE_S)
        if 0 < silent == len(portion.questions):
            raise SupplierUnavailable
        return tuple(lines)


def _says_nothing(portions: Iterable[Portion]) -> bool:
    """Of no order, though some are wanted. A day that was compared before they may know no more."""
    asked = list(portions)
    is_wanted = any(not question.in_vain for portion in asked for question in portion.questions)
    return is_wanted and not any(portion.lines for portion in asked)


def _placed(question: Question) -> Placed:
    return Placed(
        reference=question.reference,
        their_reference=question.their_reference,
        quantity=question.quantity,
        of_keys=question.of_keys,
    )
