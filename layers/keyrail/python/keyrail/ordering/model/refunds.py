"""How money goes back: due, asked for, and what the provider says of it. An order in, the next order out."""

from dataclasses import replace

from keyrail.ordering.model.orders import Order, OrderStatus, Unit, UnitStatus
from keyrail.ordering.model.owed import may_go_back
from keyrail.ordering.model.steps import moved
from keyrail.payments.model import refunds
from keyrail.payments.model.refunds import Refund, RefundAnswer, RefundNotFailed, RefundNotFound, RefundStatus
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.ids import derived_id

DOUBLE_PAYMENT = "double_payment"


def give_back(order: Order, attempt_id: str, payment_reference: str, origin: Origin, now_ms: int) -> Order:
    """A payment that the order needs no more is owed back whole; the very order if it is already."""
    attempt = next(a for a in order.attempts if a.attempt_id == attempt_id)
    refund = Refund(
        refund_id=derived_id("ref", order.order_id, attempt_id, payment_reference),
        attempt_id=attempt_id,
        payment_reference=payment_reference,
        amount=attempt.amount,
        reason=DOUBLE_PAYMENT,
        due_at_ms=now_ms,
    )
    if order.refund(refund.refund_id) is not None:
        return order
    return replace(order, refunds=(*order.refunds, refund), **stamp(origin, now_ms, order.version + 1))


def ask(order: Order, refund_id: str, origin: Origin, now_ms: int) -> Order:
    """The provider is about to be asked for the refund."""
    return _with(order, refunds.ask(_refund(order, refund_id), now_ms), origin, now_ms)


def hear(order: Order, answer: RefundAnswer, origin: Origin, now_ms: int) -> Order:
    """The order as the provider's answer leaves it; the very order where that says nothing new."""
    asked = _refund(order, answer.refund_id)
    heard = refunds.hear(asked, answer)
    return order if heard is asked else _with(order, heard, origin, now_ms)


def ask_again(order: Order, refund_id: str, origin: Origin, now_ms: int) -> Order:
    """A refused refund is due again, under its own number. Raises RefundNotFound, RefundNotFailed."""
    return _with(order, refunds.ask_again(_known(order, refund_id), now_ms), origin, now_ms)


def give_by_hand(order: Order, refund_id: str, reference: str, origin: Origin, now_ms: int) -> Order:
    """Somebody has given back what the provider did not; the very order if that is on record. Not what is due still and
    the buyer's bank has taken, or may take yet.

    Raises RefundNotFound, RefundNotFailed.
    """
    known = _known(order, refund_id)
    if known.status is RefundStatus.DUE and not may_go_back(order, known):
        raise RefundNotFailed
    given = refunds.give_by_hand(known, reference, now_ms)
    return order if given is known else _with(order, given, origin, now_ms)


def _known(order: Order, refund_id: str) -> Refund:
    refund = order.refund(refund_id)
    if refund is None:
        raise RefundNotFound
    return refund


def _refund(order: Order, refund_id: str) -> Refund:
    return next(r for r in order.refunds if r.refund_id == refund_id)


def _with(order: Order, refund: Refund, origin: Origin, now_ms: int) -> Order:
    refunds = tuple(refund if r.refund_id == refund.refund_id else r for r in order.refunds)
    is_back = refund.status is RefundStatus.SUCCEEDED
    status = UnitStatus.REFUNDED if is_back else UnitStatus.FAILED
    units = tuple(_owed(unit, status, now_ms) if unit.unit_id in refund.unit_ids else unit for unit in order.units)
    all_back = {unit.status for unit in units} == {UnitStatus.REFUNDED}
    standing = OrderStatus.REFUNDED if all_back else order.status
    if standing is OrderStatus.REFUNDED and not all_back:
        standing = OrderStatus.REFUNDING
    return replace(order, status=standing, units=units, refunds=refunds, **stamp(origin, now_ms, order.version + 1))


def _owed(unit: Unit, status: UnitStatus, now_ms: int) -> Unit:
    if unit.status not in {UnitStatus.FAILED, UnitStatus.REFUNDED}:
        raise ValueError("goods xor money back")
    return moved(unit, status, now_ms)
