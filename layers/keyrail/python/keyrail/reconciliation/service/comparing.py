"""Compare an account's day: fetch its statement, gather our side, keep what differs; the same again finds the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from enum import StrEnum

from keyrail.ledger.service import Books
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.statements import StatementLine, StatementMissing
from keyrail.payments.service.accounts import PaymentAccounts, PaymentProvider, UnknownAccount
from keyrail.payments.service.desk import Desk
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import KeyrailError
from keyrail.platform.logs import Entry
from keyrail.reconciliation.model.comparing import Found, compare, missing_with_them, named_in
from keyrail.reconciliation.model.days import Window, days_before, window
from keyrail.reconciliation.model.differences import Difference, difference_id, difference_of, found_again, gone
from keyrail.reconciliation.model.movements import Movement
from keyrail.reconciliation.model.runs import (
    MAX_LINES,
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
from keyrail.reconciliation.service.gathering import Gathering
from keyrail.reconciliation.store import LOT, ReconciliationStore

MAX_TRIES = 5


class Outcome(StrEnum):
    """`again`: the provider has no statement yet, or does not hand it out."""

    ENDED = "ended"
    AGAIN = "again"


@dataclass(frozen=True)
class Compared:
    tally: Tally
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Comparing:
    store: ReconciliationStore
    accounts: PaymentAccounts
    orders: Orders
    desk: Desk
    books: Books
    now_ms: NowMs

    def run(self, run_id: str, origin: Origin) -> Outcome:
        """Does nothing for one that nobody waits for. Raises RunMoved, StoreUnavailable; then it is to be run again."""
        run = self.store.run(run_id)
        if run is None or run.status not in WAITING:
            return Outcome.ENDED
        try:
            provider = self.accounts.at(run.provider, run.account)
        except UnknownAccount as error:
            return self._end(run, RunStatus.GIVEN_UP, error.code, origin)
        zone = provider.statement_zone
        if zone is None:
            return self._end(run, RunStatus.STATEMENT_NOT_OFFERED, None, origin)
        day = window(date.fromisoformat(run.day), zone)
        try:
            # To its end, before anything of it is believed: what breaks off in the middle is no statement.
            lines = _read(provider.statement(day.day))
            compared = self._compare(run, provider, zone, day, lines)
        except (StatementMissing, ProviderUnavailable) as error:
            return self._without(run, provider, zone, day, error, origin)
        except StatementTooLong as error:
            return self._end(run, RunStatus.GIVEN_UP, error.code, origin)
        self._keep(run, compared, lines, origin)
        return Outcome.ENDED

    def _compare(
        self, run: Run, provider: PaymentProvider, zone: tzinfo, day: Window, lines: Sequence[StatementLine]
    ) -> Compared:
        gathering, now_ms = self._gathering(run, provider), self.now_ms()
        ours = gathering.our_side(day, lines, now_ms)
        result = compare(day, lines, ours)
        if result.unexplained:
            ours = gathering.looked_further(ours, result.unexplained)
            result = compare(day, lines, ours)
        elsewhere = _elsewhere(provider, zone, day, result.left)
        missing = [movement for movement in result.left if movement.name not in elsewhere]
        found = [*result.found, *missing_with_them(missing, ours)]
        entries = sum(day.judges(booking.at_ms) for booking in ours.bookings.values())
        fees_unread = sum(line.fee is None for line in lines)
        return Compared(tally_of(len(lines), entries, len(elsewhere), result, found, fees_unread), tuple(found))

    def _gathering(self, run: Run, provider: PaymentProvider) -> Gathering:
        return Gathering(self.orders, self.desk, self.books, run.provider, run.account, provider.merchant)

    def _without(
        self, run: Run, provider: PaymentProvider, zone: tzinfo, day: Window, error: KeyrailError, origin: Origin
    ) -> Outcome:
        """Some providers have no statement of a day on which nothing moved."""
        logs.warn(Entry.NEIGHBOUR_UNAVAILABLE, refusal=error.code, run_id=run.run_id)
        if not is_out_of_patience(run, self.now_ms()):
            return Outcome.AGAIN
        if isinstance(error, StatementMissing) and self._would_agree(run, provider, zone, day):
            return self._end(run, RunStatus.NOTHING_MOVED, None, origin)
        return self._end(run, RunStatus.GIVEN_UP, error.code, origin)

    def _would_agree(self, run: Run, provider: PaymentProvider, zone: tzinfo, day: Window) -> bool:
        """With a statement that has no line."""
        try:
            return not self._compare(run, provider, zone, day, ()).found
        except ProviderUnavailable:
            return False

    def _end(self, run: Run, status: RunStatus, trouble: str | None, origin: Origin) -> Outcome:
        ended = end_without(run, status, trouble, origin, self.now_ms())
        if not self.store.replace(run, ended):
            raise RunMoved
        logs.log(Entry.DAY_RECONCILED, run_id=run.run_id, status=status, trouble=trouble)
        return Outcome.ENDED

    def _keep(self, run: Run, compared: Compared, lines: Sequence[StatementLine], origin: Origin) -> None:
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


def _read(statement: Iterator[StatementLine]) -> list[StatementLine]:
    """Raises StatementTooLong, and what the provider raises on the way."""
    lines: list[StatementLine] = []
    for line in statement:
        if len(lines) == MAX_LINES:
            raise StatementTooLong
        lines.append(line)
    return lines


def _elsewhere(provider: PaymentProvider, zone: tzinfo, day: Window, left: Sequence[Movement]) -> set[str]:
    """The names of those that stand in the statement of a day before. Reads as few of them as it takes."""
    found: set[str] = set()
    asked = [each.asked_at_ms for each in left if each.asked_at_ms is not None]
    for before in days_before(day.day, asked, zone):
        missing = [movement for movement in left if movement.name not in found]
        if not missing:
            break
        try:
            found |= named_in(provider.statement(before), missing)
        except StatementMissing:
            continue
    return found
