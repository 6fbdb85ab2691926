"""Compare a holder's day: fetch its statement, gather our side, keep what differs; the same again finds the same."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from enum import StrEnum

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.statements import StatementMissing
from keyrail.payments.service.accounts import UnknownAccount
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import KeyrailError
from keyrail.platform.logs import Entry
from keyrail.reconciliation.model.comparing import (
    Comparison,
    Found,
    came_back,
    compare,
    is_kept_for_nothing,
    missing_with_them,
    named_in,
)
from keyrail.reconciliation.model.days import Window, days_after, days_before, window
from keyrail.reconciliation.model.differences import Difference, difference_id, difference_of, found_again, gone
from keyrail.reconciliation.model.movements import Line, Movement
from keyrail.reconciliation.model.runs import (
    MAX_LISTED,
    WAITING,
    Run,
    RunMoved,
    RunStatus,
    StatementTooLong,
    Tally,
    end_without,
    fees_of,
    finish,
    is_out_of_patience,
    take_up,
    tally_of,
)
from keyrail.reconciliation.service.asking import Asking
from keyrail.reconciliation.service.counterparts import Counterpart, Counterparts, bounded
from keyrail.reconciliation.store import LOT, ReconciliationStore
from keyrail.suppliers.model.errors import SupplierUnavailable, UnknownSupplier
from keyrail.suppliers.model.statements import SupplierStatementMissing

MAX_TRIES = 5
MISSING = (StatementMissing, SupplierStatementMissing)
UNAVAILABLE = (ProviderUnavailable, SupplierUnavailable)


class Outcome(StrEnum):
    """`again`: they have no statement yet, or do not hand it out. `on`: the next message asks them on."""

    ENDED = "ended"
    AGAIN = "again"
    ON = "on"


@dataclass(frozen=True)
class Told:
    """What they say of a day: a statement; or, where they were `asked` about so many orders of ours, what they said of
    these. Of `unheard` ones they did not say what became of them.
    """

    lines: Sequence[Line]
    asked: int | None = None
    unheard: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Compared:
    tally: Tally
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Comparing:
    store: ReconciliationStore
    counterparts: Counterparts
    now_ms: NowMs
    pause: Callable[[float], None] = time.sleep

    def run(self, run_id: str, origin: Origin) -> Outcome:
        """Does nothing for one that nobody waits for. Raises RunMoved, StoreUnavailable; then it is to be run again."""
        run = self.store.run(run_id)
        if run is None or run.status not in WAITING:
            return Outcome.ENDED
        try:
            them = self.counterparts.of(run.holder)
        except (UnknownAccount, UnknownSupplier) as error:
            return self._end(run, RunStatus.GIVEN_UP, error.code, origin)
        if them.zone is None:
            return self._end(run, RunStatus.STATEMENT_NOT_OFFERED, None, origin)
        return self._run(run, them, them.zone, origin)

    def _run(self, run: Run, them: Counterpart, zone: tzinfo, origin: Origin) -> Outcome:
        day = window(date.fromisoformat(run.day), zone)
        try:
            told = self._told(run, them, day)
            if told is None:
                return Outcome.ON
            compared = self._compare(them, zone, day, told)
        except (*MISSING, *UNAVAILABLE) as error:
            return self._without(run, them, zone, day, error, origin)
        except StatementTooLong as error:
            return self._end(run, RunStatus.GIVEN_UP, error.code, origin)
        self._keep(run, compared, told, origin)
        return Outcome.ENDED

    def _told(self, run: Run, them: Counterpart, day: Window) -> Told | None:
        """To its end, before anything of it is believed: what breaks off in the middle is no statement."""
        if them.interview is None:
            return Told(list(bounded(them.statement(day.day))))
        portions = Asking(self.store, self.now_ms, self.pause).portions(run, them.interview, day)
        if portions is None:
            return None
        lines = {line.number: line for portion in portions for line in portion.lines}
        asked = {question.reference for portion in portions for question in portion.questions}
        return Told(tuple(lines.values()), len(asked), frozenset(asked - lines.keys()))

    def _compare(self, them: Counterpart, zone: tzinfo, day: Window, told: Told) -> Compared:
        """Of those who are asked nobody knows what they would tell of another day: nothing is missing with them."""
        now_ms, lines = self.now_ms(), told.lines
        ours = them.gathering.our_side(day, lines, now_ms)
        result = compare(day, lines, ours)
        if result.unexplained:
            ours = them.gathering.looked_further(ours, result.unexplained)
            result = compare(day, lines, ours)
        if them.interview is None:
            _given_back_since(them, days_after(day.day, now_ms, zone), result)
        else:
            result.left = []
        elsewhere = _elsewhere(them, zone, day, result.left)
        missing = [movement for movement in result.left if movement.name not in elsewhere]
        found = [*result.found, *missing_with_them(missing, ours)]
        entries = sum(day.judges(booking.at_ms) for booking in ours.bookings.values())
        return Compared(tally_of(lines, entries, len(elsewhere), result, found, told.asked or 0), tuple(found))

    def _without(
        self, run: Run, them: Counterpart, zone: tzinfo, day: Window, error: KeyrailError, origin: Origin
    ) -> Outcome:
        """Some have no statement of a day on which nothing moved."""
        logs.warn(Entry.NEIGHBOUR_UNAVAILABLE, refusal=error.code, run_id=run.run_id)
        if not is_out_of_patience(run, self.now_ms()):
            return Outcome.AGAIN
        if isinstance(error, MISSING) and self._would_agree(them, zone, day):
            return self._end(run, RunStatus.NOTHING_MOVED, None, origin)
        return self._end(run, RunStatus.GIVEN_UP, error.code, origin)

    def _would_agree(self, them: Counterpart, zone: tzinfo, day: Window) -> bool:
        """With a statement that has no line."""
        try:
            return not self._compare(them, zone, day, Told(())).found
        except UNAVAILABLE:
            return False

    def _end(self, run: Run, status: RunStatus, trouble: str | None, origin: Origin) -> Outcome:
        ended = end_without(run, status, trouble, origin, self.now_ms())
        if not self.store.replace(run, ended):
            raise RunMoved
        logs.log(Entry.DAY_RECONCILED, run_id=run.run_id, status=status, trouble=trouble)
        return Outcome.ENDED

    def _keep(self, run: Run, compared: Compared, told: Told, origin: Origin) -> None:
        """First the run is ours, then its differences, then its end: whoever dies in between leaves it waiting."""
        mine = take_up(run, origin, self.now_ms())
        if not self.store.replace(run, mine):
            raise RunMoved
        listed = [difference_of(mine, each, origin, self.now_ms()) for each in compared.found[:MAX_LISTED]]
        found = {difference_id(mine.run_id, each) for each in compared.found}
        self._record(mine, {each.difference_id: each for each in listed}, found, origin, told.unheard)
        fees, asked = fees_of(told.lines), told.asked is not None
        finished = finish(mine, compared.tally, fees, origin, self.now_ms(), order_by_order=asked)
        if not self.store.replace(mine, finished):
            raise RunMoved
        logs.log(Entry.DAY_RECONCILED, run_id=run.run_id, status=finished.status, differences=len(compared.found))

    def _record(
        self,
        run: Run,
        listed: dict[str, Difference],
        found: set[str],
        origin: Origin,
        unheard: frozenset[str] = frozenset(),
    ) -> None:
        for _ in range(MAX_TRIES):
            standing = {each.difference_id: each for each in self.store.all_differences(run.run_id)}
            changes = list(_changes(standing, listed, found, unheard, origin, self.now_ms()))
            lots = (changes[first : first + LOT] for first in range(0, len(changes), LOT))
            if all(self.store.record(run, lot) for lot in lots):
                return
            if (now := self.store.run(run.run_id)) is None or now.version != run.version:
                raise RunMoved
        raise StoreUnavailable


def _changes(
    standing: dict[str, Difference],
    listed: dict[str, Difference],
    found: set[str],
    unheard: frozenset[str],
    origin: Origin,
    now_ms: int,
) -> Iterator[tuple[Difference | None, Difference]]:
    """What differed, and was not heard of this time, differs until it is."""
    for name, difference in listed.items():
        before = standing.get(name)
        after = difference if before is None else found_again(before, difference)
        if after is not before:
            yield before, after
    for name, before in standing.items():
        after = before if name in found or before.number in unheard else gone(before, origin, now_ms)
        if after is not before:
            yield before, after


def _given_back_since(them: Counterpart, days: Iterable[date], result: Comparison) -> None:
    """Take off what they took in vain and gave back later. Reads as few statements as it takes."""
    for after in days:
        if not any(map(is_kept_for_nothing, result.found)):
            return
        try:
            came_back(result, them.statement(after))
        except MISSING:
            continue


def _elsewhere(them: Counterpart, zone: tzinfo, day: Window, left: Sequence[Movement]) -> set[str]:
    """The names of those that stand in the statement of a day before. Reads as few of them as it takes."""
    found: set[str] = set()
    asked = [each.asked_at_ms for each in left if each.asked_at_ms is not None]
    for before in days_before(day.day, asked, zone):
        missing = [movement for movement in left if movement.name not in found]
        if not missing:
            break
        try:
            found |= named_in(them.statement(before), missing)
        except MISSING:
            continue
    return found
