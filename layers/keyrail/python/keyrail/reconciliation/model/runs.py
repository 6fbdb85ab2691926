"""The reconciliation of one holder's day: asked for, compared, and what came of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from keyrail.payments.model.statements import StatementLine
from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.clock import utc_date
from keyrail.platform.errors import Conflict, FieldError, Invalid, NotFound
from keyrail.platform.ids import derived_id
from keyrail.reconciliation.model.comparing import Comparison, DifferenceKind, Found
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.movements import Line

PATIENCE_MS = 12 * 60 * 60 * 1000
"""For so long a statement is waited for that is not there, or that the provider does not hand out."""
MAX_DAYS_BACK = 90
MAX_LINES = 100_000  # of a statement; a line and what we know of it take about two kilobytes of memory
ASKED_LATER_DAYS = (7, 27)
"""After so many days a supplier without a statement is asked again about a day's orders: what was done is given back
late, and nobody says so. A house knows an order for a month.
"""
MAX_MORNINGS_LATE = 3  # when one did not come
MAX_LISTED = 5_000  # differences of a run that are kept one by one


class RunStatus(StrEnum):
    """`nothing_moved`: they have no statement of the day, and neither have our books an entry of it.

    `given_up`: the day could not be reconciled; somebody has to look, and ask for it again.
    """

    REQUESTED = "requested"
    COMPARING = "comparing"
    RECONCILED = "reconciled"
    NOTHING_MOVED = "nothing_moved"
    STATEMENT_NOT_OFFERED = "statement_not_offered"
    GIVEN_UP = "given_up"


WAITING = frozenset({RunStatus.REQUESTED, RunStatus.COMPARING})


class ReconciliationNotFound(NotFound):
    code = "reconciliation_not_found"
    title = "There is no such reconciliation."
    title_zh = "没有该对账记录。"


class AccountNotReconciled(NotFound):
    """No day of the last week was reconciled for an account of this name."""

    code = "account_not_reconciled"
    title = "No payment account or supplier of this name was reconciled in the last week."
    title_zh = "最近一周没有该支付账户或供货商的对账记录。"


class StatementTooLong(Invalid):
    code = "statement_too_long"
    title = "The statement of the day has more lines than one run may read."
    title_zh = "对账单行数超过上限。"


class RunMoved(Conflict):
    """Somebody else took up the run meanwhile; what they find counts."""

    code = "reconciliation_moved"
    title = "This reconciliation is being run by somebody else."
    title_zh = "该对账正在被其他进程处理。"


@dataclass(frozen=True, kw_only=True)
class FeeOfDay:
    """What the provider kept in a currency, less what it gave back; below zero where it gave back more."""

    currency: str
    kept_minor: int


@dataclass(frozen=True, kw_only=True)
class Tally:
    """`entries` are those of our books that the day had to account for; `elsewhere` of them stand in the statement of a
    day before. `unlisted` differences were found beyond those that are kept one by one. `fees_unread` lines have none
    that can be read. A supplier was still at work on what `under_way` of the lines are about. One without a statement
    was `asked` about so many orders, and did not say what became of `unheard` of them.
    """

    lines: int = 0
    matched: int = 0
    entries: int = 0
    elsewhere: int = 0
    missing_with_us: int = 0
    missing_with_them: int = 0
    amount_differs: int = 0
    status_differs: int = 0
    twice_with_them: int = 0
    unlisted: int = 0
    fees_unread: int = 0
    under_way: int = 0
    asked: int = 0
    unheard: int = 0

    @property
    def differences(self) -> int:
        return sum(getattr(self, kind) for kind in DifferenceKind)


@dataclass(frozen=True, kw_only=True)
class Run(Versioned):
    """`day` is an ISO date, as they count days. `trouble` is why it had to be given up: an error's code.

    `tally` and `fees` are of the last time that it was compared. A supplier's has no `provider`. `order_by_order`:
    there was no statement, but what the supplier said of each of our orders.
    """

    run_id: str
    provider: str | None = None
    account: str
    day: str
    status: RunStatus = RunStatus.REQUESTED
    requested_at_ms: int
    compared_at_ms: int | None = None
    trouble: str | None = None
    tally: Tally = Tally()
    fees: tuple[FeeOfDay, ...] = ()
    order_by_order: bool | None = None

    @property
    def holder(self) -> Holder:
        return Holder(self.account, self.provider)

    @property
    def may_change(self) -> bool:
        """Whether its day may be another when it is compared again, though nobody is told to do anything about it."""
        return self.tally.under_way > 0


def run_id(holder: Holder, day: str) -> str:
    return derived_id("rec", *holder.names, day)


def new_run(holder: Holder, day: date, status: RunStatus, origin: Origin, now_ms: int) -> Run:
    return Run(
        run_id=run_id(holder, day.isoformat()),
        provider=holder.provider,
        account=holder.account,
        day=day.isoformat(),
        status=status,
        requested_at_ms=now_ms,
        **stamp(origin, now_ms),
    )


def check_day(day: date, now_ms: int) -> None:
    """Raises Invalid for a day that is not over everywhere that providers count days, and for one too long ago."""
    today = date.fromisoformat(utc_date(now_ms))
    if day >= today:
        raise Invalid(FieldError("day", "not_over"))
    if day < today - timedelta(days=MAX_DAYS_BACK):
        raise Invalid(FieldError("day", "too_long_ago"))


def ask_again(run: Run, origin: Origin, now_ms: int) -> Run:
    """The very run while it waits, unless it waits too long for anybody to be at it; what it found stays until then."""
    if run.status in WAITING and not is_out_of_patience(run, now_ms):
        return run
    return _changed(run, origin, now_ms, status=RunStatus.REQUESTED, requested_at_ms=now_ms, trouble=None)


def take_up(run: Run, origin: Origin, now_ms: int) -> Run:
    """Whoever wrote this is the one whose comparison counts."""
    return _changed(run, origin, now_ms, status=RunStatus.COMPARING)


def finish(
    run: Run, tally: Tally, fees: tuple[FeeOfDay, ...], origin: Origin, now_ms: int, *, order_by_order: bool = False
) -> Run:
    return _changed(
        run,
        origin,
        now_ms,
        status=RunStatus.RECONCILED,
        tally=tally,
        fees=fees,
        compared_at_ms=now_ms,
        trouble=None,
        order_by_order=order_by_order or None,
    )


def end_without(run: Run, status: RunStatus, trouble: str | None, origin: Origin, now_ms: int) -> Run:
    """Without a statement; what was found and booked before stays."""
    return _changed(run, origin, now_ms, status=status, trouble=trouble)


def is_out_of_patience(run: Run, now_ms: int) -> bool:
    return now_ms - run.requested_at_ms >= PATIENCE_MS


def is_asked_later(run: Run, today: date) -> bool:
    """Whether its orders were not asked about since they came to the last of ASKED_LATER_DAYS."""
    if not run.order_by_order or run.status is not RunStatus.RECONCILED or run.compared_at_ms is None:
        return False
    compared, day = date.fromisoformat(utc_date(run.compared_at_ms)), date.fromisoformat(run.day)
    return any(compared < day + timedelta(days=age) <= today for age in ASKED_LATER_DAYS)


def _changed(run: Run, origin: Origin, now_ms: int, **changes: object) -> Run:
    return replace(run, **changes, **stamp(origin, now_ms, run.version + 1))  # type: ignore[arg-type]  # its own fields


def tally_of(
    lines: Sequence[Line], entries: int, elsewhere: int, compared: Comparison, found: list[Found], asked: int = 0
) -> Tally:
    """Of what a supplier was asked about each answer that says something is a line."""
    kinds = Counter(each.kind for each in found)
    return Tally(
        lines=len(lines),
        matched=compared.matched,
        entries=entries,
        elsewhere=elsewhere,
        unlisted=max(0, len(found) - MAX_LISTED),
        fees_unread=sum(isinstance(line, StatementLine) and line.fee is None for line in lines),
        under_way=compared.under_way,
        asked=asked,
        unheard=asked - len(lines) if asked else 0,
        **{kind: kinds[kind] for kind in DifferenceKind},
    )


def fees_of(lines: Iterable[Line]) -> tuple[FeeOfDay, ...]:
    """By currency, in the order of their names; one that comes to nothing is left out. A supplier names none."""
    kept: Counter[str] = Counter()
    for line in lines:
        if isinstance(line, StatementLine) and line.fee is not None:
            kept[line.fee.currency] += -line.fee.amount_minor if line.fee_returned else line.fee.amount_minor
    return tuple(FeeOfDay(currency=currency, kept_minor=minor) for currency, minor in sorted(kept.items()) if minor)


def events_between(old: Run | None, new: Run | None) -> list[Event]:
    if new is None or (old is not None and old.version == new.version):
        return []
    data: dict[str, object] = {**new.holder.plain(), "day": new.day}
    if new.status in WAITING:
        happened = new.status.value
    elif new.status is RunStatus.GIVEN_UP:
        happened, data = "given_up", data | {"trouble": new.trouble}
    else:
        happened, data = "finished", data | {"status": new.status, "differences": new.tally.differences}
    return [Event(f"reconciliation.{happened}", f"reconciliation:{new.run_id}", data)]
