"""What an order owes back of what it was paid with. Pure."""

from collections.abc import Collection

from keyrail.ordering.model.orders import Order, Unit, UnitStatus
from keyrail.payments.model.confirmations import DisputeState
from keyrail.payments.model.refunds import Refund, RefundStatus
from keyrail.platform.money import Money, total

_GIVEN_UP = {UnitStatus.FAILED, UnitStatus.REFUNDED}
_ASKED_FOR = {RefundStatus.UNKNOWN, RefundStatus.PROCESSING, RefundStatus.SUCCEEDED}


def left_to_refund(order: Order) -> int:
    """Minor units of what the order was paid with that are neither owed back, nor went back, nor lost to a bank."""
    received = order.received()
    if received is None:
        return 0
    gone = (each.amount.amount_minor for each in order.refunds if each.is_owed and not is_surplus(order, each))
    return max(0, received.amount_minor - sum(gone) - _lost_minor(order))


def may_go_back(order: Order, refund: Refund) -> bool:
    """Not while the buyer's bank may take the same money back, nor what it has taken already.

    A second payment is another one than the bank speaks of.
    """
    received = order.received()
    if received is None or is_surplus(order, refund):
        return True
    if is_disputed(order):
        return False
    others = (
        other.amount.amount_minor
        for other in order.refunds
        if other.status in _ASKED_FOR and other.refund_id != refund.refund_id and not is_surplus(order, other)
    )
    return sum(others) + _lost_minor(order) + refund.amount.amount_minor <= received.amount_minor


def owed_for(order: Order, units: Collection[Unit]) -> Money:
    """What these units cost, but never more in all than was received.

    With the last ones it is what was paid too much as well. A payment of less that was taken for the whole runs out
    with the first units; the others are owed nothing.
    """
    cost = total([unit.amount for unit in units]).amount_minor
    received, last = order.received(), all(unit in units or unit.status in _GIVEN_UP for unit in order.units)
    surplus = max(0, received.amount_minor - order.total.amount_minor) if received and last else 0
    return Money(min(cost + surplus, left_to_refund(order)), order.total.currency)


def is_disputed(order: Order) -> bool:
    """The bank has the money and has not decided yet, so that nothing is refunded: it would be given back twice."""
    return any(dispute.state is DisputeState.OPEN for dispute in order.disputes or ())


def is_surplus(order: Order, refund: Refund) -> bool:
    """Whether it gives back another payment than the one that paid the order."""
    paid = order.paid_attempt()
    reference = refund.payment_reference
    return paid is None or refund.attempt_id != paid.attempt_id or reference not in {None, paid.reference}


def _lost_minor(order: Order) -> int:
    lost = (each.amount for each in order.disputes or () if each.state is DisputeState.LOST)
    return sum(amount.amount_minor for amount in lost if amount)
