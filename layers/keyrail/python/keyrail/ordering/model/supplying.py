"""A unit that is supplied: a supplier, or a person, credits its buyer's account. An order in, the next order out.

Every step is decided by the one write that puts the next order in the place of this one. So of all who would ask a
supplier, one does: whoever stored that they would (promise I7).
"""

from collections.abc import Iterator
from dataclasses import replace

from keyrail.ordering.model.disputes import conclude, is_frozen
from keyrail.ordering.model.orders import Order, Unit, UnitStatus, Work, WorkKind
from keyrail.ordering.model.steps import fail_unit, moved, settled
from keyrail.platform.changes import Origin
from keyrail.platform.errors import Conflict
from keyrail.suppliers.model.attempts import (
    MAX_ATTEMPTS_PER_UNIT,
    Decision,
    SupplyAttempt,
    SupplyState,
    heard,
    reference,
)
from keyrail.suppliers.model.outcomes import Outcome

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

    Nothing is delivered for money that a bank may take back.
    """
    return may_go_on(order, unit) and len(unit.attempts or ()) < MAX_ATTEMPTS_PER_UNIT


def may_go_on(order: Order, unit: Unit) -> bool:
    """Whether it is to be decided now who is asked for it, or that nobody is left."""
    waits = order.paid_attempt() is not None and unit in order.units_to_supply()
    return waits and unit.open_attempt() is None and unit.work is None and not is_frozen(order)


def next_reference(unit: Unit) -> str:
    return reference(unit.unit_id, len(unit.attempts or ()) + 1)


def begin(
    order: Order, unit_id: str, attempt: SupplyAttempt, decision: Decision, origin: Origin, work: Work | None = None
) -> Order:
    """The order with the attempt on it, before anybody is asked; with `work`, a person is. Raises NotSuppliable."""
    unit = order.unit(unit_id)
    if not may_begin(order, unit) or attempt.reference != next_reference(unit) or not attempt.is_open:
        raise NotSuppliable
    decided = _decided(unit, decision)
    begun = replace(decided, attempts=(*(unit.attempts or ()), attempt), work=work)
    return _with(order, moved(begun, UnitStatus.RECHARGING, attempt.asked_at_ms), origin, attempt.asked_at_ms)


def hear(order: Order, reference: str, outcome: Outcome, origin: Origin, now_ms: int) -> Order:
    """The order as the answer leaves it; the very order where it says nothing new, or is about no attempt of its.

    What a bank took while nobody knew is given up with the answer that decides.
    """
    unit, attempt = _attempt(order, reference)
    if unit is None or attempt is None:
        return order
    known = heard(attempt, outcome, now_ms)
    if known == attempt:
        return order
    attempts = tuple(known if each is attempt else each for each in unit.attempts or ())
    answered = replace(unit, attempts=attempts, work=unit.work if known.is_open else None)
    changed = _with(order, moved(answered, _STATUS[known.state], now_ms), origin, now_ms)
    concluded = changed if known.is_open else conclude(changed, unit.unit_id, origin, now_ms)
    return replace(concluded, version=changed.version)


def hand_over(order: Order, unit_id: str, origin: Origin, now_ms: int) -> Order:
    """The unit is a person's from now on: to find out about its open attempt, or to supply it by hand.

    The very order where there is nothing to do about it, or a person has it already.
    """
    unit = order.unit(unit_id)
    if unit.open_attempt() is not None and unit.work is None:
        work = Work(kind=WorkKind.UNKNOWN, since_ms=now_ms)
        return _with(order, moved(replace(unit, work=work), UnitStatus.UNKNOWN, now_ms), origin, now_ms)
    if not may_begin(order, unit):
        return order
    decision = Decision(at_ms=now_ms, chosen=BY_HAND)
    work = Work(kind=WorkKind.MANUAL, since_ms=now_ms)
    return begin(order, unit_id, by_hand(unit, BY_HAND, now_ms), decision, origin, work)


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

    They are paid for now; or a person has found out that nothing was supplied; or they stand still no more.
    """
    before = {unit.unit_id: unit for unit in old.units} if old else {}
    for unit in new.units_to_supply():
        if not may_go_on(new, unit):
            continue
        if old is None or old.paid_attempt() is None:
            yield unit.unit_id, unit.unit_id
        elif before[unit.unit_id].work is not None or is_frozen(old):
            yield unit.unit_id, again(new, unit)


def again(order: Order, unit: Unit) -> str:
    """A name for going on with the unit as its order stands."""
    return f"{unit.unit_id}-{order.version}"


def _attempt(order: Order, reference: str) -> tuple[Unit | None, SupplyAttempt | None]:
    found = ((unit, each) for unit in order.units for each in unit.attempts or () if each.reference == reference)
    return next(found, (None, None))


def _decided(unit: Unit, decision: Decision) -> Unit:
    return replace(unit, decisions=(*(unit.decisions or ()), decision))


def _with(order: Order, changed: Unit, origin: Origin, now_ms: int) -> Order:
    units = tuple(changed if unit.unit_id == changed.unit_id else unit for unit in order.units)
    return settled(order, units, order.refunds, origin, now_ms)
