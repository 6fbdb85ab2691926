"""Compare a holder's day: fetch its statement, gather our side, keep what differs; the same again finds the same."""

from collections.abc import Iterable, Iterator, Sequence
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
from keyrail.reconciliation.service.counterparts import Counterpart, Counterparts, bounded
from keyrail.reconciliation.store import LOT, ReconciliationStore
from keyrail.suppliers.model.errors import SupplierUnavailable, UnknownSupplier
from keyrail.suppliers.model.statements import SupplierStatementMissing

MAX_TRIES = 5
MISSING = (StatementMissing, SupplierStatementMissing)
UNAVAILABLE = (ProviderUnavailable, SupplierUnavailable)


class Outcome(StrEnum):
    """`again`: they have no statement yet, or do not hand it out."""

    ENDED = "ended"
    AGAIN = "again"


@dataclass(frozen=True)
class Compared:
    tally: Tally
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Comparing:
    store: ReconciliationStore
    counterparts: Counterparts
    now_ms: NowMs

    def run(self, run_id: str, origin: Origin) -> Outcome:
        """Does nothing for one that nobody waits for. Raises RunMoved, StoreUnavailable; then it is to be run again."""
        run = self.store.run(run_id)
        if run is None or run.status not in WAITING:
            return Outcome.ENDED
        try:
            them = self.counterparts.of(run.holder)
        except (UnknownAccount, UnknownSupplier) as error:
            return self._end(run, RunStatus.GIVEN_UP, error.code, origin)
        zone = them.zone
        if zone is None:
            return self._end(run, RunStatus.STATEMENT_NOT_OFFERED, None, origin)
        day = window(date.fromisoformat(run.day), zone)
        try:
            # To its end, before anything of it is believed: what breaks off in the middle is no statement.
            lines = list(bounded(them.statement(day.day)))
            compared = self._compare(them, zone, day, lines)
        except (*MISSING, *UNAVAILABLE) as error:
            return self._without(run, them, zone, day, error, origin)
        except StatementTooLong as error:
            return self._end(run, RunStatus.GIVEN_UP, error.code, origin)
        self._keep(run, compared, lines, origin)
        return Outcome.ENDED

    def _compare(self, them: Counterpart, zone: tzinfo, day: Window, lines: Sequence[Line]) -> Compared:
        now_ms = self.now_ms()
        ours = them.gathering.our_side(day, lines, now_ms)
        result = compare(day, lines, ours)
        if result.unexplained:
            ours = them.gathering.looked_further(ours, result.unexplained)
            result = compare(day, lines, ours)
        _given_back_since(them, days_after(day.day, now_ms, zone), result)
        elsewhere = _elsewhere(them, zone, day, result.left)
        missing = [movement for movement in result.left if movement.name not in elsewhere]
        found = [*result.found, *missing_with_them(missing, ours)]
        entries = sum(day.judges(booking.at_ms) for booking in ours.bookings.values())
        return Compared(tally_of(lines, entries, len(elsewhere), result, found), tuple(found))

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
            return not self._compare(them, zone, day, ()).found
        except UNAVAILABLE:
            return False

    def _end(self, run: Run, status: RunStatus, trouble: str | None, origin: Origin) -> Outcome:
        ended = end_without(run, status, trouble, origin, self.now_ms())
        if not self.store.replace(run, ended):
            raise RunMoved
        logs.log(Entry.DAY_RECONCILED, run_id=run.run_id, status=status, trouble=trouble)
        return Outcome.ENDED

    def _keep(self, run: Run, compared: Compared, lines: Sequence[Line], origin: Origin) -> None:
        """First the run is ours, then its differences, then its end: whoever dies in between leaves it waiting."""
        mine = take_up(run, origin, self.now_ms())
        if not self.store.replace(run, mine):
            raise RunMoved
        listed = [difference_of(mine, each, origin, self.now_ms()) for each in compared.found[:MAX_LISTED]]
        found = {difference_id(mine.run_id, each) for each in compared.found}
        self._record(mine, {each.difference_id: each for each in listed}, found, origin)
        finished = finish(mine, compared.tally, fees_of(lines), origin, self.now_ms())
        if not self.store.replace(mine, finished):
            raise RunMoved
        logs.log(Entry.DAY_RECONCILED, run_id=run.run_id, status=finished.status, differences=len(compared.found))

    def _record(self, run: Run, listed: dict[str, Difference], found: set[str], origin: Origin) -> None:
        for _ in range(MAX_TRIES):
            standing = {each.difference_id: each for each in self.store.all_differences(run.run_id)}
            changes = list(_changes(standing, listed, found, origin, self.now_ms()))
            lots = (changes[first : first + LOT] for first in range(0, len(changes), LOT))
            if all(self.store.record(run, lot) for lot in lots):
                return
            if (now := self.store.run(run.run_id)) is None or now.version != run.version:
                raise RunMoved
        raise StoreUnavailable


def _changes(
    standing: dict[str, Difference], listed: dict[str, Difference], found: set[str], origin: Origin, now_ms: int
) -> Iterator[tuple[Difference | None, Difference]]:
    for name, difference in listed.items():
        before = standing.get(name)
        after = difference if before is None else found_again(before, difference)
        if after is not before:
            yield before, after
    for name, before in standing.items():
        after = before if name in found else gone(before, origin, now_ms)
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
