"""The desk of refunds that a provider refuses."""

from functools import cache

from functions.operator_api.access import PAYS_BACK, NotInGroup, allow
from functions.operator_api.app import api, desk, orders
from functions.operator_api.orders import UNTRACED
from functions.operator_api.schemas.orders import OrderOut
from functions.operator_api.schemas.refunds import AskAgainIn, GivenBackIn
from keyrail.fulfilment.service.refund_desk import RefundDesk
from keyrail.ordering.model.orders import Order, OrderNotFound
from keyrail.payments.model.refunds import RefundNotFailed, RefundNotFound
from keyrail.platform.clock import system_now_ms
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call


@cache
def refund_desk() -> RefundDesk:
    return RefundDesk(orders(), desk(), system_now_ms)


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/refunds/{refund_id}/retry",
    summary="Ask the provider once more for a refund that it refused",
    body=AskAgainIn,
    answer=OrderOut,
    raises=(Invalid, OrderNotFound, RefundNotFound, RefundNotFailed, NotInGroup),
)
def ask_again(call: Call) -> OrderOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return _shown(refund_desk().ask_again(call.path["order_id"], call.path["refund_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/refunds/{refund_id}/given-back",
    summary="Put on record that somebody has given back what the provider refused to",
    body=GivenBackIn,
    answer=OrderOut,
    raises=(Invalid, OrderNotFound, RefundNotFound, RefundNotFailed, NotInGroup),
)
def give_by_hand(call: Call) -> OrderOut:
    said: GivenBackIn = call.body
    origin = allow(call, PAYS_BACK, said.reason)
    order_id, refund_id = call.path["order_id"], call.path["refund_id"]
    return _shown(refund_desk().give_by_hand(order_id, refund_id, said.reference, origin))


def _shown(order: Order) -> OrderOut:
    return OrderOut.of(order, system_now_ms(), UNTRACED)
