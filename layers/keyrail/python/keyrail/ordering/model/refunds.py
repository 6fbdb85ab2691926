"""How money goes back: due, asked for, and what the provider says of it. An order in, the next order out."""

from dataclasses import replace

from keyrail.ordering.model.orders import (
    Order,
    OrderStatus,
    Refund,
    RefundNotFailed,
    RefundNotFound,
    RefundStatus,
    Unit,
    UnitStatus,
)
from keyrail.payments.model import RefundAnswer, RefundState
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.ids import derived_id

DOUBLE_PAYMENT = "double_payment"
BY_HAND = "by_hand"
_HEARD = {
    RefundState.PROCESSING: RefundStatus.PROCESSING,
    RefundState.SUCCEEDED: RefundStatus.SUCCEEDED,
    RefundState.FAILED: RefundStatus.FAILED,
    RefundState.UNKNOWN: RefundStatus.UNKNOWN,
}


def give_back(order: Order, attempt_id: str, payment_reference: str, origin: Origin, now_ms: int) -> Order:
    """A payment that the order needs no more is owed back whole; the very order if it is already."""
    attempt = next(a for a in order.attempts if a.attempt_id == attempt_id)
    refund = Refund(
        refund_id=derived_id("ref", order.order_id, attempt_id, payment_reference),
        attempt_id=attempt_id,
        payment_reference=payment_reference,
        unit_id=None,
        amount=attempt.amount,
        reason=DOUBLE_PAYMENT,
        due_at_ms=now_ms,
    )
    if order.refund(refund.refund_id) is not None:
        return order
    return replace(order, refunds=(*order.refunds, refund), **stamp(origin, now_ms, order.version + 1))


def ask(order: Order, refund_id: str, origin: Origin, now_ms: int) -> Order:
    """The provider is about to be asked: whatever becomes of the request, how it ended is unknown until it answers."""
    due = _refund(order, refund_id)
    if not due.may_be_asked_for(now_ms):
        raise ValueError("asked for already")
    asked = replace(due, status=RefundStatus.UNKNOWN, asked_at_ms=now_ms)
    return _with(order, asked, origin, now_ms)


def hear(order: Order, answer: RefundAnswer, origin: Origin, now_ms: int) -> Order:
    """The order as the provider's answer leaves it; the very order where that says nothing new.

    What has failed stays so, whatever an answer says that was under way meanwhile; what has succeeded may fall back, as
    to a card that is closed, unless somebody gave it by hand. An answer about another
    sum than was asked for leaves it unknown, for a person to look at.
    """
    asked = _refund(order, answer.refund_id)
    fell_back = asked.status is RefundStatus.SUCCEEDED and asked.said != BY_HAND and answer.state is RefundState.FAILED
    if not fell_back and (not asked.is_open or asked.status is RefundStatus.DUE):
        return order
    other_sum = answer.amount not in {None, asked.amount}
    heard = RefundStatus.UNKNOWN if other_sum else _HEARD[answer.state]
    if heard is RefundStatus.UNKNOWN and asked.status is RefundStatus.PROCESSING and not other_sum:
        return order
    told = replace(asked, status=heard, said=answer.status or asked.said, reference=answer.reference or asked.reference)
    return order if told == asked else _with(order, told, origin, now_ms)


def ask_again(order: Order, refund_id: str, origin: Origin, now_ms: int) -> Order:
    """A refused refund is due again, under its own number. Raises RefundNotFound, RefundNotFailed."""
    return _with(order, replace(_failed(order, refund_id), status=RefundStatus.DUE, due_at_ms=now_ms), origin, now_ms)


def give_by_hand(order: Order, refund_id: str, reference: str, origin: Origin, now_ms: int) -> Order:
    """Somebody has given back what the provider refused to; `reference` is where it shows, at the bank say.

    The very order if that is on record. Raises RefundNotFound, RefundNotFailed.
    """
    standing = order.refund(refund_id)
    if standing and (standing.status, standing.said, standing.reference) == (
        RefundStatus.SUCCEEDED,
        BY_HAND,
        reference,
    ):
        return order
    given = replace(_failed(order, refund_id), status=RefundStatus.SUCCEEDED, said=BY_HAND, reference=reference)
    return _with(order, given, origin, now_ms)


def _failed(order: Order, refund_id: str) -> Refund:
    refund = order.refund(refund_id)
    if refund is None:
        raise RefundNotFound
    if refund.status is not RefundStatus.FAILED:
        raise RefundNotFailed
    return refund


def _refund(order: Order, refund_id: str) -> Refund:
    return next(r for r in order.refunds if r.refund_id == refund_id)


def _with(order: Order, refund: Refund, origin: Origin, now_ms: int) -> Order:
    refunds = tuple(refund if r.refund_id == refund.refund_id else r for r in order.refunds)
    is_back = refund.status is RefundStatus.SUCCEEDED
    units = tuple(_owed(unit, is_back=is_back) if unit.unit_id == refund.unit_id else unit for unit in order.units)
    all_back = {unit.status for unit in units} == {UnitStatus.REFUNDED}
    status = OrderStatus.REFUNDED if all_back else order.status
    if status is OrderStatus.REFUNDED and not all_back:
        status = OrderStatus.REFUNDING
    return replace(order, status=status, units=units, refunds=refunds, **stamp(origin, now_ms, order.version + 1))


def _owed(unit: Unit, *, is_back: bool) -> Unit:
    if unit.status not in {UnitStatus.FAILED, UnitStatus.REFUNDED}:
        raise ValueError("goods xor money back")
    return replace(unit, status=UnitStatus.REFUNDED if is_back else UnitStatus.FAILED)
