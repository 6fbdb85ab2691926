"""A disputed payment: what it paid for stands still until the bank has decided, or somebody of ours has. Pure."""

from dataclasses import replace

from keyrail.ordering.model.orders import Order, Unit, UnitStatus
from keyrail.ordering.model.owed import left_to_refund
from keyrail.ordering.model.steps import settled
from keyrail.payments.model.confirmations import DisputeNotice, DisputeState
from keyrail.payments.model.disputes import Dispute, DisputeNotFound
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.ids import derived_id
from keyrail.platform.money import total

MAX_DISPUTES = 10  # of one order, which has one payment
_AFTER = {DisputeState.ASKED: 0, DisputeState.OPEN: 1, DisputeState.WON: 2, DisputeState.LOST: 2}
_WITH_US = {UnitStatus.RESERVED, UnitStatus.DELIVERED}


def hear(order: Order, notice: DisputeNotice, origin: Origin, now_ms: int) -> Order:
    """The order as the notice leaves it; the very order where it says nothing new, or what it says is too much.

    The end of a dispute is final, also where it is heard of before the beginning. A bank that has only asked and takes
    the money then freezes what was let go before.
    """
    known = _dispute(order, notice.dispute_id)
    if known is None:
        if len(order.disputes or ()) >= MAX_DISPUTES:
            return order
        known = _new(order, notice, now_ms)
    elif _AFTER[notice.state] <= _AFTER[known.state]:
        return order
    heard = replace(known, state=notice.state, said=notice.status, amount=notice.amount or known.amount)
    match notice.state:
        case DisputeState.ASKED | DisputeState.OPEN:
            return _with(order, replace(heard, frozen=True), origin, now_ms)
        case DisputeState.WON:
            return _with(order, replace(heard, frozen=False), origin, now_ms)
        case DisputeState.LOST:
            return _lost(order, heard, origin, now_ms)


def release(order: Order, dispute_id: str, origin: Origin, now_ms: int) -> Order:
    """Nothing stands still for this dispute any more, whatever the bank says; the very order if so it was.

    Raises DisputeNotFound.
    """
    known = _dispute(order, dispute_id)
    if known is None:
        raise DisputeNotFound
    if not known.frozen:
        return order
    return _with(order, replace(known, frozen=False, released_by=origin.by), origin, now_ms)


def is_frozen(order: Order) -> bool:
    """What it paid for is neither shown nor redeemed, and what is not delivered yet is not delivered."""
    return any(dispute.frozen for dispute in order.disputes or ())


def _dispute(order: Order, dispute_id: str) -> Dispute | None:
    return next((each for each in order.disputes or () if each.dispute_id == dispute_id), None)


def _new(order: Order, notice: DisputeNotice, now_ms: int) -> Dispute:
    paid = order.paid_attempt()
    if paid is None:
        raise ValueError("nobody disputes what was not paid")
    return Dispute(
        dispute_id=notice.dispute_id,
        refund_id=derived_id("ref", order.order_id, "disputed", notice.dispute_id),
        attempt_id=paid.attempt_id,
        amount=notice.amount,
        state=notice.state,
        said=notice.status,
        heard_at_ms=now_ms,
    )


def _with(order: Order, dispute: Dispute, origin: Origin, now_ms: int) -> Order:
    return replace(order, disputes=_among(order, dispute), **stamp(origin, now_ms, order.version + 1))


def _among(order: Order, dispute: Dispute) -> tuple[Dispute, ...]:
    known = order.disputes or ()
    if _dispute(order, dispute.dispute_id) is None:
        return (*known, dispute)
    return tuple(dispute if each.dispute_id == dispute.dispute_id else each for each in known)


def _lost(order: Order, dispute: Dispute, origin: Origin, now_ms: int) -> Order:
    """Everything that the buyer has, or waits for, is given up, where the bank took its whole price.

    Where it took a part nobody can say for what: all stands still until somebody has decided.
    """
    mine = [unit for unit in order.units if unit.status in _WITH_US]
    if not mine or not _covers(order, dispute, mine):
        return _with(order, replace(dispute, frozen=bool(mine)), origin, now_ms)
    lost = replace(dispute, frozen=False, unit_ids=tuple(unit.unit_id for unit in mine))
    units = tuple(_given_up(unit) if unit in mine else unit for unit in order.units)
    return replace(settled(order, units, order.refunds, origin, now_ms), disputes=_among(order, lost))


def _covers(order: Order, dispute: Dispute, units: list[Unit]) -> bool:
    """It is the price of these units, or all that is left of what came in."""
    price = total([unit.amount for unit in units])
    taken, left = dispute.amount, left_to_refund(order)
    if taken is None or taken.currency != price.currency:
        return False
    return taken.amount_minor >= min(price.amount_minor, left)


def _given_up(unit: Unit) -> Unit:
    keys = unit.key_ids if unit.status is UnitStatus.DELIVERED else ()
    return replace(unit, status=UnitStatus.REFUNDED, key_ids=keys)
