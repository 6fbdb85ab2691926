"""A unit that is supplied: a supplier credits its buyer's account. An order in, the next order out.

Every step is decided by the one write that puts the next order in the place of this one. So of all who would ask a
supplier, one does: whoever stored that they would (promise I7).
"""

from dataclasses import replace

from keyrail.ordering.model.orders import Order, Unit, UnitStatus
from keyrail.ordering.model.steps import moved, settled
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
    """Whether somebody may be asked for it now: it is paid for, and open, and nobody else may have done it."""
    tries = len(unit.attempts or ())
    return (
        order.paid_attempt() is not None
        and unit in order.units_to_supply()
        and unit.open_attempt() is None
        and tries < MAX_ATTEMPTS_PER_UNIT
    )


def next_reference(unit: Unit) -> str:
    return reference(unit.unit_id, len(unit.attempts or ()) + 1)


def begin(order: Order, unit_id: str, attempt: SupplyAttempt, decision: Decision, origin: Origin) -> Order:
    """The order with the attempt on it, before anybody is asked. Raises NotSuppliable."""
    unit = order.unit(unit_id)
    if not may_begin(order, unit) or attempt.reference != next_reference(unit) or not attempt.is_open:
        raise NotSuppliable
    begun = replace(unit, attempts=(*(unit.attempts or ()), attempt), decisions=(*(unit.decisions or ()), decision))
    return _with(order, moved(begun, UnitStatus.RECHARGING, attempt.asked_at_ms), origin, attempt.asked_at_ms)


def hear(order: Order, reference: str, outcome: Outcome, origin: Origin, now_ms: int) -> Order:
    """The order as the answer leaves it; the very order where it says nothing new, or is about no attempt of its."""
    unit, attempt = _attempt(order, reference)
    if unit is None or attempt is None:
        return order
    known = heard(attempt, outcome, now_ms)
    if known == attempt:
        return order
    attempts = tuple(known if each is attempt else each for each in unit.attempts or ())
    return _with(order, moved(replace(unit, attempts=attempts), _STATUS[known.state], now_ms), origin, now_ms)


def _attempt(order: Order, reference: str) -> tuple[Unit | None, SupplyAttempt | None]:
    found = ((unit, each) for unit in order.units for each in unit.attempts or () if each.reference == reference)
    return next(found, (None, None))


def _with(order: Order, changed: Unit, origin: Origin, now_ms: int) -> Order:
    units = tuple(changed if unit.unit_id == changed.unit_id else unit for unit in order.units)
    return settled(order, units, order.refunds, origin, now_ms)
