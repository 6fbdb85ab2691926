"""What people and the clock do about reconciliations: ask for them, read them, resolve what differs."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.ids import body_of
from keyrail.reconciliation.model.days import LOOK_BACK_DAYS
from keyrail.reconciliation.model.differences import Difference, DifferenceNotFound, DifferenceStatus, resolve
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.runs import (
    ASKED_LATER_DAYS,
    MAX_MORNINGS_LATE,
    AccountNotReconciled,
    ReconciliationNotFound,
    Run,
    RunStatus,
    ask_again,
    check_day,
    is_asked_later,
    new_run,
    run_id,
)
from keyrail.reconciliation.store import ReconciliationStore

MAX_TRIES = 8
KNOWN_DAYS = 7  # a holder is known by a run of one of the last days


@dataclass(frozen=True)
class ReconciliationDesk:
    store: ReconciliationStore
    now_ms: NowMs

    def request_day(self, holders: Iterable[Holder], origin: Origin) -> int:
        """Yesterday, for each of them, and what a morning that did not come has left out; and the days before that
        still have open differences, which may be gone by now, or something that was under way. A supplier that was
        asked order by order is asked again later.

        How many runs were asked for. Asking twice is asking once. Raises StoreUnavailable.
        """
        today = date.fromisoformat(utc_date(self.now_ms()))
        asked = 0
        for holder in holders:
            for day in self._never_asked(holder, today):
                run = new_run(holder, day, RunStatus.REQUESTED, origin, self.now_ms())
                asked += self.store.add(run) is None
            for number in range(2, LOOK_BACK_DAYS + 2):
                asked += self._ask_if_open(holder, today - timedelta(days=number), origin)
            asked += sum(self._ask_again(run, origin) for run in self._to_ask_later(holder, today))
        return asked

    def _never_asked(self, holder: Holder, today: date) -> list[date]:
        """Of the last days those that no run is of: of a new holder yesterday, else from its first one on."""
        standing = {run.day for run in self._of_last_days(holder, today)}
        yesterday = today - timedelta(days=1)
        first = min(standing, default=yesterday.isoformat())
        days = (today - timedelta(days=number) for number in range(1, KNOWN_DAYS + 1))
        return [day for day in days if first <= day.isoformat() not in standing]

    def _of_last_days(self, holder: Holder, today: date) -> list[Run]:
        days = (today - timedelta(days=number) for number in range(1, KNOWN_DAYS + 1))
        return self.store.runs([run_id(holder, day.isoformat()) for day in days])

    def _ask_if_open(self, holder: Holder, day: date, origin: Origin) -> bool:
        run = self.store.run(run_id(holder, day.isoformat()))
        if run is None or run.status is not RunStatus.RECONCILED or not (run.may_change or self._has_open(run)):
            return False
        return self._ask_again(run, origin)

    def _ask_again(self, run: Run, origin: Origin) -> bool:
        return self.store.replace(run, ask_again(run, origin, self.now_ms()))

    def _to_ask_later(self, holder: Holder, today: date) -> list[Run]:
        ages = (age + late for age in ASKED_LATER_DAYS for late in range(MAX_MORNINGS_LATE + 1))
        runs = self.store.runs([run_id(holder, (today - timedelta(days=age)).isoformat()) for age in ages])
        return [run for run in runs if is_asked_later(run, today)]

    def _has_open(self, run: Run) -> bool:
        if not (run.tally.differences or run.tally.unheard):
            return False
        return any(each.status is DifferenceStatus.OPEN for each in self.store.all_differences(run.run_id))

    def request(self, holder: Holder, day: date, origin: Origin) -> Run:
        """Compare a holder's day, for the first time or anew; while it waits, asking again changes nothing.

        Raises Invalid, AccountNotReconciled, StoreUnavailable.
        """
        check_day(day, self.now_ms())
        self._check_known(holder)
        for _ in range(MAX_TRIES):
            run = new_run(holder, day, RunStatus.REQUESTED, origin, self.now_ms())
            standing = self.store.add(run)
            if standing is None:
                return run
            asked = ask_again(standing, origin, self.now_ms())
            if asked is standing or self.store.replace(standing, asked):
                return asked
        raise StoreUnavailable

    def _check_known(self, holder: Holder) -> None:
        today = date.fromisoformat(utc_date(self.now_ms()))
        if not self._of_last_days(holder, today):
            raise AccountNotReconciled

    def run(self, run_id: str) -> Run:
        """Raises ReconciliationNotFound."""
        run = self.store.run(run_id)
        if run is None:
            raise ReconciliationNotFound
        return run

    def of_month(self, month: str, limit: int, behind: str | None) -> tuple[list[Run], str | None]:
        """Raises Invalid for a place that no page ended with."""
        if behind is not None:
            place, _, name = behind.rpartition("#")
            if not place or body_of(name, "rec") is None:
                raise Invalid(FieldError("cursor", "unknown"))
        return self.store.of_month(month, limit, behind)

    def of_holder(self, holder: Holder, month: str) -> list[Run]:
        """Its runs of the days of a month (`2026-11`), the latest day first."""
        year, number = (int(part) for part in month.split("-"))
        days = (f"{month}-{day:02d}" for day in range(monthrange(year, number)[1], 0, -1))
        return sorted(self.store.runs([run_id(holder, day) for day in days]), key=lambda run: run.day, reverse=True)

    def differences(self, run_id: str, limit: int, behind: str | None) -> tuple[list[Difference], str | None]:
        """Raises Invalid for a place that no page ended with."""
        if behind is not None and body_of(behind, "dif") is None:
            raise Invalid(FieldError("cursor", "unknown"))
        return self.store.differences(run_id, limit, behind)

    def all_differences(self, run_id: str) -> list[Difference]:
        return self.store.all_differences(run_id)

    def resolve(self, run_id: str, difference_id: str, seen_version: int, origin: Origin) -> Difference:
        """With the origin's reason, which is for the version that they saw; the same again is once.

        Raises DifferenceNotFound, DifferenceGone, AlreadyResolved, DifferenceChanged, StoreUnavailable.
        """
        for _ in range(MAX_TRIES):
            standing = self.store.difference(run_id, difference_id)
            if standing is None:
                raise DifferenceNotFound
            resolved = resolve(standing, seen_version, origin, self.now_ms())
            if resolved is standing or self.store.resolve(standing, resolved):
                return resolved
        raise StoreUnavailable
