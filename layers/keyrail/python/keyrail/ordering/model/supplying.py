"""A unit that is supplied: somebody credits its buyer's account, or keys are bought for it. An order in, the next out.

Every step is decided by the one write that puts the next order in the place of this one. So of all who would ask a
supplier, one does: whoever stored that they would (promise I7).
"""

from collections.abc import Iterator
from dataclasses import replace

from keyrail.ordering.model.disputes import conclude, is_frozen
from keyrail.ordering.model.orders import Order, Unit, UnitStatus
from keyrail.ordering.model.room import has_room_for_tries
from keyrail.ordering.model.steps import fail_unit, moved, settled
from keyrail.ordering.model.work import DEFAULT_WORK_MINUTES, Contradiction, Verdict, Work, WorkKind
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import Conflict
from keyrail.suppliers.model.attempts import (
    MAX_ATTEMPTS_PER_UNIT,
    Decision,
    SupplyAttempt,
    SupplyState,
    heard,
    reference,
)
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Success, Unknown

BY_HAND = "by_hand"  # the source of an attempt that nobody routed: a person was given the unit as it stood
NOT_SUPPLIED = "not_supplied"  # why its money goes back
_STATUS = {
    SupplyState.UNKNOWN: UnitStatus.UNKNOWN,
    SupplyState.PROCESSING: UnitStatus.RECHARGING,
    SupplyState.SUCCEEDED: UnitStatus.DELIVERED,
    SupplyState.FAILED: UnitStatus.QUEUED,
}


class NotSuppliable(Conflict):
    code = "not_suppliable"
    title = "This unit is over, or somebody has been asked for it and has not answered yet."
    title_zh = "该商品已处理完毕，或充值结果尚未确定。"


def may_begin(order: Order, unit: Unit) -> bool:
    """Whether somebody may be asked for it now: it is paid for and open, and nobody else may have done it.

    Nothing is delivered for money that a bank may take back. Each unit is asked for once, and as often as there may be
    tries while its order has room for them.
    """
    tries = len(unit.attempts or ())
    return may_go_on(order, unit) and (not tries or (tries < MAX_ATTEMPTS_PER_UNIT and has_room_for_tries(order)))


def may_go_on(order: Order, unit: Unit) -> bool:
    """Whether it is to be decided now who is asked for it, or that nobody is left.

    Not while a person has it, nor while a supplier says that it was supplied, whatever a person has said.
    """
    waits = order.paid_attempt() is not None and unit in order.units_to_supply()
    is_free = unit.open_attempt() is None and unit.work is None and not unit.in_doubt
    return waits and is_free and not is_frozen(order)


def next_reference(unit: Unit) -> str:
    return reference(unit.unit_id, len(unit.attempts or ()) + 1)


def begin(
    order: Order, unit_id: str, attempt: SupplyAttempt, decision: Decision, origin: Origin, work: WorkKind | None = None
) -> Order:
    """The order with the attempt on it, before anybody is asked; with `work`, a person is. A supplier is asked for all
    of it: the unit counts on no keys any more. Raises NotSuppliable.
    """
    unit = order.unit(unit_id)
    if not may_begin(order, unit) or attempt.reference != next_reference(unit) or not attempt.is_open:
        raise NotSuppliable
    decided = _decided(unit, decision)
    job = _job(unit, work, attempt.reference, attempt.asked_at_ms) if work else None
    begun = replace(decided, attempts=(*(unit.attempts or ()), attempt), work=job, key_ids=unit.key_ids if work else ())
    return _with(order, moved(begun, UnitStatus.RECHARGING, attempt.asked_at_ms), origin, attempt.asked_at_ms)


def hear(
    order: Order,
    reference: str,
    outcome: Outcome,
    origin: Origin,
    now_ms: int,
    *,
    keys: tuple[str, ...] | None = None,
    sold: bool = False,
) -> Order:
    """The order as the answer leaves it; the very order where it says nothing new, or is about no attempt of its.

    What a person has said before stands, and that a supplier says the opposite is kept beside it. What a bank took
    while nobody knew is given up with the answer that decides. Of a success in keys `keys` are those that came, leased
    to the order; only where they are `sold` to the unit by the same write is it delivered, else it is with them next.
    """
    unit, attempt = _attempt(order, reference)
    if unit is None or attempt is None:
        return order
    known = heard(attempt, outcome, now_ms)
    if known == attempt:
        return _contradicted(order, unit, attempt, outcome, origin, now_ms)
    attempts = tuple(known if each is attempt else each for each in unit.attempts or ())
    is_credited = known.state is SupplyState.SUCCEEDED and not _in_keys(unit, known)
    counts_on = unit.key_ids if keys is None else keys
    answered = replace(unit, attempts=attempts, key_ids=() if is_credited else counts_on)
    if unit.work is not None and not known.is_open:
        over = replace(unit.work, ended_by=origin.by, ended_at_ms=now_ms)
        answered = replace(answered, work=None, worked=(*(unit.worked or ()), over))
    changed = _with(order, moved(answered, _status(answered, known, sold=sold), now_ms), origin, now_ms)
    concluded = changed if known.is_open else conclude(changed, unit.unit_id, origin, now_ms)
    return replace(concluded, version=changed.version)


def hold(order: Order, reference: str, said: Success, keys: tuple[str, ...], origin: Origin, now_ms: int) -> Order:
    """Fewer keys came of a success than were bought, or none: a person finds out, and `keys` wait with the unit.

    The very order where that is nothing new, or the attempt is over.
    """
    unit, attempt = _attempt(order, reference)
    if unit is None or attempt is None or not attempt.is_open:
        return order
    known = heard(attempt, Unknown(said=said.said, their_reference=said.their_reference), now_ms)
    attempts = tuple(known if each is attempt else each for each in unit.attempts or ())
    work = unit.work or _job(unit, WorkKind.UNKNOWN, reference, now_ms)
    held = moved(replace(unit, attempts=attempts, key_ids=keys, work=work), UnitStatus.UNKNOWN, now_ms)
    return order if held == unit else _with(order, held, origin, now_ms)


def is_said_to_be_in_stock(unit: Unit) -> bool:
    """The last who was asked has supplied it, and it is not delivered: its keys are to be found in our stock."""
    return unit.is_open and bool(unit.attempts) and (unit.attempts or ())[-1].state is SupplyState.SUCCEEDED


def hand_over(order: Order, unit_id: str, origin: Origin, now_ms: int, keys: tuple[str, ...] = ()) -> Order:
    """The unit is a person's from now on: to find out about its open attempt, or to supply it by hand. `keys` came in
    for that attempt and are leased to the order, and wait with the unit. One for which nobody may be asked any more is
    given up.

    The very order where there is nothing to do about it, or a person has it already.
    """
    unit = order.unit(unit_id)
    attempt = unit.open_attempt()
    if attempt is not None and unit.work is None:
        work = _job(unit, WorkKind.UNKNOWN, attempt.reference, now_ms)
        return _with(
            order,
            moved(replace(unit, work=work, key_ids=keys or unit.key_ids), UnitStatus.UNKNOWN, now_ms),
            origin,
            now_ms,
        )
    if not may_go_on(order, unit):
        return order
    if not may_begin(order, unit):
        return give_up(order, unit_id, Decision(at_ms=now_ms), origin, now_ms)
    decision = Decision(at_ms=now_ms, chosen=BY_HAND)
    return begin(order, unit_id, by_hand(unit, BY_HAND, now_ms), decision, origin, WorkKind.MANUAL)


def by_hand(unit: Unit, source_id: str, now_ms: int) -> SupplyAttempt:
    """The next attempt, which is a person's: no supplier is asked about it, and nobody else may try meanwhile."""
    return SupplyAttempt(
        reference=next_reference(unit),
        source_id=source_id,
        supplier="",
        item="",
        quantity=unit.quantity,
        limit=unit.amount,
        asked_at_ms=now_ms,
        until_ms=now_ms,
        state=SupplyState.PROCESSING,
    )


def deliver_keys(
    order: Order, unit_id: str, keys: tuple[str, ...], decision: Decision, origin: Origin, now_ms: int
) -> Order:
    """The unit is delivered with these keys of our own instead. Raises NotSuppliable."""
    unit = order.unit(unit_id)
    if not may_go_on(order, unit):
        raise NotSuppliable
    if not len(keys) == len(set(keys)) == unit.quantity:
        raise ValueError("a unit is delivered whole and once")
    delivered = replace(_decided(unit, decision), key_ids=keys)
    return _with(order, moved(delivered, UnitStatus.DELIVERED, now_ms), origin, now_ms)


def wait(order: Order, unit_id: str, decision: Decision, origin: Origin, now_ms: int) -> Order:
    """Nobody can supply it for the moment, which is on record now with its reasons. Raises NotSuppliable."""
    unit = order.unit(unit_id)
    if not may_begin(order, unit):
        raise NotSuppliable
    return _with(order, _decided(unit, decision), origin, now_ms)


def give_up(order: Order, unit_id: str, decision: Decision, origin: Origin, now_ms: int) -> Order:
    """Nobody is left who could supply it: its money is due back. Raises NotSuppliable."""
    unit = order.unit(unit_id)
    if not may_go_on(order, unit):
        raise NotSuppliable
    decided = _decided(unit, decision)
    units = tuple(decided if each is unit else each for each in order.units)
    return fail_unit(replace(order, units=units), unit_id, NOT_SUPPLIED, origin, now_ms)


def starts_between(old: Order | None, new: Order) -> Iterator[tuple[str, str]]:
    """Units that are to be supplied from this change on, each with a name for that, which no other change has.

    They are paid for by it; or a person has found out that nothing was supplied; or they stand still no more.
    """
    before = {unit.unit_id: unit for unit in old.units} if old else {}
    for unit in new.units_to_supply():
        if not may_go_on(new, unit):
            continue
        if old is None or old.paid_attempt() is None:
            yield unit.unit_id, unit.unit_id
        elif before[unit.unit_id].work is not None or before[unit.unit_id].in_doubt or is_frozen(old):
            yield unit.unit_id, again(new, unit)


def again(order: Order, unit: Unit) -> str:
    """A name for going on with the unit as its order stands."""
    return f"{unit.unit_id}-{order.version}"


def _in_keys(unit: Unit, attempt: SupplyAttempt) -> bool:
    """Whether what it supplies is keys, which a unit is delivered with only where they are sold to it."""
    return bool(attempt.of_keys) or unit.comes_as_keys


def _status(unit: Unit, attempt: SupplyAttempt, *, sold: bool) -> UnitStatus:
    """Where the attempt, which was heard of, leaves the unit."""
    if attempt.state is not SupplyState.SUCCEEDED or not _in_keys(unit, attempt):
        return _STATUS[attempt.state]
    if sold and len(set(unit.key_ids)) != unit.quantity:
        raise ValueError("a unit is delivered whole and once")
    return UnitStatus.DELIVERED if sold else UnitStatus.QUEUED


def _attempt(order: Order, reference: str) -> tuple[Unit | None, SupplyAttempt | None]:
    found = ((unit, each) for unit in order.units for each in unit.attempts or () if each.reference == reference)
    return next(found, (None, None))


def _job(unit: Unit, kind: WorkKind, name: str, now_ms: int) -> Work:
    lasts_ms = (unit.work_minutes or DEFAULT_WORK_MINUTES) * 60_000
    return Work(kind=kind, job=name, since_ms=now_ms, due_ms=now_ms + lasts_ms)


def _contradicted(
    order: Order, unit: Unit, attempt: SupplyAttempt, outcome: Outcome, origin: Origin, now_ms: int
) -> Order:
    """With the supplier's word where it is the opposite of a person's; the first time only. Of keys none is in doubt:
    they came, or they did not.
    """
    opposite = {Verdict.DONE: DefiniteFailure, Verdict.FAILED: Success}
    work = next((each for each in unit.worked or () if each.job == attempt.reference), None)
    word = work.word if work else None
    if (
        work is None
        or word is None
        or not word.final
        or work.contradiction
        or (attempt.of_keys and isinstance(outcome, Success))
        or not isinstance(outcome, opposite[word.verdict])
    ):
        return order
    verdict = Verdict.DONE if isinstance(outcome, Success) else Verdict.FAILED
    noted = replace(work, contradiction=Contradiction(at_ms=now_ms, verdict=verdict, said=outcome.said))
    changed = replace(unit, worked=tuple(noted if each is work else each for each in unit.worked or ()))
    units = tuple(changed if each is unit else each for each in order.units)
    return replace(order, units=units, **stamp(origin, now_ms, order.version + 1))


def _decided(unit: Unit, decision: Decision) -> Unit:
    return replace(unit, decisions=(*(unit.decisions or ()), decision))


def _with(order: Order, changed: Unit, origin: Origin, now_ms: int) -> Order:
    units = tuple(changed if unit.unit_id == changed.unit_id else unit for unit in order.units)
    return settled(order, units, order.refunds, origin, now_ms)
