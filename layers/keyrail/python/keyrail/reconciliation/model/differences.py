"""A difference between a statement and our books: open, gone by itself, or resolved by a person with a reason."""

from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.ordering.model.orders import order_of
from keyrail.payments.model.attempts import order_id_of
from keyrail.payments.model.statements import LineState, StatementKind
from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.clock import rfc3339
from keyrail.platform.errors import Conflict, NotFound
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import DifferenceKind, Found
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.movements import Known, Line, MovementKind
from keyrail.reconciliation.model.runs import Run
from keyrail.reconciliation.model.supplies import SupplyKind, SupplyLine
from keyrail.suppliers.model.attempts import unit_of

MAX_TEXT_LENGTH = 200  # of what a statement says in its own words


class DifferenceStatus(StrEnum):
    """`gone`: a later comparison of the same day did not find it any more."""

    OPEN = "open"
    GONE = "gone"
    RESOLVED = "resolved"


class DifferenceNotFound(NotFound):
    code = "difference_not_found"
    title = "The reconciliation has no such difference."
    title_zh = "该对账没有此差异。"


class DifferenceGone(Conflict):
    code = "difference_gone"
    title = "This difference is gone by itself; there is nothing to resolve."
    title_zh = "该差异已自动消除，无需处理。"


class AlreadyResolved(Conflict):
    code = "difference_already_resolved"
    title = "Somebody has resolved this difference, with another reason."
    title_zh = "该差异已由他人以其他理由处理。"


class DifferenceChanged(Conflict):
    """A reason given for what they saw is none for what is there now."""

    code = "difference_changed"
    title = "A comparison has changed this difference since you looked; look again."
    title_zh = "该差异在您查看后已被新的对账更新，请重新查看。"


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """What the statement says; `line` counts from 1 in its file. `amount` None: it does not say."""

    line: int
    amount: Money | None = None
    status: str
    state: LineState
    at: str


@dataclass(frozen=True, kw_only=True)
class OurOwn:
    """`booked` is what the books have of it, and when. `amount` None: nobody has told us."""

    name: str
    amount: Money | None = None
    known: Known
    booked: Money | None = None
    booked_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Difference(Versioned):
    """`number` is ours, `reference` theirs; `resolution` is the reason it was resolved with. Of a supplier's day it has
    no `provider`.
    """

    difference_id: str
    run_id: str
    provider: str | None = None
    account: str
    day: str
    kind: DifferenceKind
    movement: MovementKind
    number: str | None = None
    reference: str | None = None
    order_id: str | None = None
    theirs: Theirs | None = None
    ours: OurOwn | None = None
    status: DifferenceStatus = DifferenceStatus.OPEN
    resolution: str | None = None

    @property
    def holder(self) -> Holder:
        return Holder(self.account, self.provider)


def difference_id(run_id: str, found: Found) -> str:
    """The same difference of the same day has the same one, however often the day is compared."""
    line, ours = found.line, found.ours
    subject = (line.kind, line.number or "", line.reference) if line else (ours.kind, ours.name) if ours else ()
    return derived_id("dif", run_id, found.kind, *subject, str(found.again))


def difference_of(run: Run, found: Found, origin: Origin, now_ms: int) -> Difference:
    line, ours = found.line, found.ours
    either = line or ours
    if either is None:
        raise ValueError("a difference is of a line or of a movement of ours")
    return Difference(
        difference_id=difference_id(run.run_id, found),
        run_id=run.run_id,
        provider=run.provider,
        account=run.account,
        day=run.day,
        kind=found.kind,
        movement=either.kind,
        number=_cut(either.number),
        reference=_cut(either.reference),
        order_id=ours.order_id if ours else _order_named_by(line),
        theirs=_theirs(found),
        ours=_ours(found),
        **stamp(origin, now_ms),
    )


def _order_named_by(line: Line | None) -> str | None:
    if isinstance(line, SupplyLine):
        unit_id = unit_of(line.number) if line.number else None
        return order_of(unit_id) if unit_id else None
    number = (line.payment_number if line.kind is StatementKind.REFUND else line.number) if line else None
    return order_id_of(number) if number else None


def _theirs(found: Found) -> Theirs | None:
    line = found.line
    if line is None:
        return None
    status = line.status[:MAX_TEXT_LENGTH]
    return Theirs(line=line.line, amount=line.amount, status=status, state=line.state, at=line.at)


def _ours(found: Found) -> OurOwn | None:
    ours, booked = found.ours, found.booked
    if ours is None:
        return None
    return OurOwn(
        name=ours.name,
        amount=ours.amount,
        known=ours.known,
        booked=booked.amount if booked else None,
        booked_at=rfc3339(booked.at_ms) if booked else None,
    )


def _cut(text: str | None) -> str | None:
    return text and text[:MAX_TEXT_LENGTH]


def found_again(standing: Difference, found: Difference) -> Difference:
    """The very one that stands, where nothing is new about it. What somebody has resolved stays so while it is what
    they saw: a reason given for a cent is none for a fortune, and one for money that is under way none for money gone.
    """
    if standing.status is DifferenceStatus.RESOLVED and _seen(standing) == _seen(found):
        return standing
    as_it_is = replace(
        found,
        version=standing.version,
        changed_by=standing.changed_by,
        changed_from=standing.changed_from,
        changed_at_ms=standing.changed_at_ms,
        changed_reason=standing.changed_reason,
    )
    return standing if standing == as_it_is else replace(found, version=standing.version + 1)


def _seen(difference: Difference) -> tuple[object, ...]:
    """The amounts; and how far either side is, where that is the difference."""
    theirs, ours = difference.theirs, difference.ours
    amounts = theirs and theirs.amount, ours and ours.amount
    if difference.kind is not DifferenceKind.STATUS_DIFFERS:
        return amounts
    return *amounts, theirs and theirs.state, ours and ours.known


def gone(standing: Difference, origin: Origin, now_ms: int) -> Difference:
    """A comparison did not find it. The very one where it is not open."""
    if standing.status is not DifferenceStatus.OPEN:
        return standing
    return replace(standing, status=DifferenceStatus.GONE, **stamp(origin, now_ms, standing.version + 1))


def resolve(standing: Difference, seen_version: int, origin: Origin, now_ms: int) -> Difference:
    """With the origin's reason, which is for the version that they saw; the very one if it was resolved with the same.

    Raises DifferenceGone, AlreadyResolved, DifferenceChanged.
    """
    if standing.status is DifferenceStatus.RESOLVED:
        if standing.resolution != origin.reason:
            raise AlreadyResolved
        return standing
    if standing.status is DifferenceStatus.GONE:
        raise DifferenceGone
    if standing.version != seen_version:
        raise DifferenceChanged
    changed = stamp(origin, now_ms, standing.version + 1)
    return replace(standing, status=DifferenceStatus.RESOLVED, resolution=origin.reason, **changed)


def calls_for_refunds(difference: Difference) -> bool:
    """The provider is further with a refund than we have heard: it is to be asked about."""
    return _waits_with_us(difference) and difference.movement is StatementKind.REFUND


def calls_for_inquiry(difference: Difference) -> bool:
    """The provider has the money of an attempt that is open with us: it is to be asked at once."""
    return _waits_with_us(difference) and difference.movement is StatementKind.PAYMENT


def calls_for_question(difference: Difference) -> str | None:
    """The reference of an order that is over with its supplier and open with us: it is to be asked about."""
    asks = _waits_with_us(difference) and difference.movement is SupplyKind.SUPPLY
    return difference.number if asks else None


def _waits_with_us(difference: Difference) -> bool:
    return (
        difference.status is DifferenceStatus.OPEN
        and difference.kind is DifferenceKind.STATUS_DIFFERS
        and difference.ours is not None
        and difference.ours.known is Known.OPEN
    )


def events_between(old: Difference | None, new: Difference | None) -> list[Event]:
    if new is None:
        return []
    was_open = old is not None and old.status is DifferenceStatus.OPEN
    happened = {
        DifferenceStatus.OPEN: "difference_changed" if was_open else "difference",
        DifferenceStatus.GONE: "difference_gone",
        DifferenceStatus.RESOLVED: "difference_resolved",
    }[new.status]
    data = {"kind": new.kind, **new.holder.plain(), "day": new.day, "order_id": new.order_id}
    return [Event(f"reconciliation.{happened}", f"difference:{new.run_id}/{new.difference_id}", data)]
