"""A disputed payment: what it paid for stands still until the bank has decided, or somebody of ours has. Pure."""

from dataclasses import replace

from keyrail.ordering.model.orders import Order, Unit, UnitStatus
from keyrail.ordering.model.owed import left_to_refund
from keyrail.ordering.model.steps import moved, settled
from keyrail.payments.model.confirmations import DisputeNotice, DisputeState
from keyrail.payments.model.disputes import Dispute, DisputeNotFound
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.ids import derived_id
from keyrail.platform.money import total

MAX_DISPUTES = 10  # of one order, which has one payment
_AFTER = {DisputeState.ASKED: 0, DisputeState.OPEN: 1, DisputeState.WON: 2, DisputeState.LOST: 2}


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
    return _with(order, replace(known, frozen=False, awaits=None, released_by=origin.by), origin, now_ms)


def is_frozen(order: Order) -> bool:
    """What it paid for is neither shown nor redeemed, and what is not delivered yet is not delivered."""
    return any(dispute.frozen for dispute in order.disputes or ())


def conclude(order: Order, unit_id: str, origin: Origin, now_ms: int) -> Order:
    """The order once nobody may have supplied the unit any more: what a bank took meanwhile is given up now.

    What was supplied after all is gone, and stays with the buyer.
    """
    for dispute in order.disputes or ():
        awaits = dispute.awaits or ()
        if unit_id not in awaits:
            continue
        left = tuple(each for each in awaits if each != unit_id)
        known = replace(dispute, awaits=left or None, frozen=bool(left))
        unit = order.unit(unit_id)
        if unit.is_open:
            order = _give_up(order, replace(known, unit_ids=(*known.unit_ids, unit_id)), [unit], origin, now_ms)
        else:
            order = replace(order, disputes=_among(order, known))
    return order


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
    """Everything that the buyer has, or waits for, is given up, where the bank took the whole price of the order.

    Where it took a part nobody can say for what: all stands still until somebody has decided. A unit that may have been
    supplied is given up once that is known not to be so, and an account that was credited cannot be taken back.
    """
    mine = [unit for unit in order.units if not unit.is_given_up and not unit.is_credited]
    if not mine or not _covers(order, dispute, [unit for unit in order.units if not unit.is_given_up]):
        return _with(order, replace(dispute, frozen=bool(mine)), origin, now_ms)
    awaited = tuple(unit.unit_id for unit in mine if unit.open_attempt())
    given_up = [unit for unit in mine if unit.unit_id not in awaited]
    unit_ids = tuple(unit.unit_id for unit in given_up)
    lost = replace(dispute, frozen=bool(awaited), unit_ids=unit_ids, awaits=awaited or None)
    return _give_up(order, lost, given_up, origin, now_ms)


def _give_up(order: Order, dispute: Dispute, given_up: list[Unit], origin: Origin, now_ms: int) -> Order:
    units = tuple(_given_up(unit, now_ms) if unit in given_up else unit for unit in order.units)
    settled_order = settled(order, units, order.refunds, origin, now_ms)
    return replace(settled_order, disputes=_among(order, dispute))


def _covers(order: Order, dispute: Dispute, units: list[Unit]) -> bool:
    """It is the price of these units, or all that is left of what came in."""
    price = total([unit.amount for unit in units])
    taken, left = dispute.amount, left_to_refund(order)
    if taken is None or taken.currency != price.currency:
        return False
    return taken.amount_minor >= min(price.amount_minor, left)


def _given_up(unit: Unit, now_ms: int) -> Unit:
    keys = unit.key_ids if unit.status is UnitStatus.DELIVERED else ()
    return moved(replace(unit, key_ids=keys), UnitStatus.REFUNDED, now_ms)
