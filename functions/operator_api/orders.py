"""Orders, found by our number, by status, by a provider's number or by their buyer."""

from functions.operator_api.access import AFTER_SALES, READ, NotInGroup, allow, is_in
from functions.operator_api.app import api, audit, orders
from functions.operator_api.schemas.orders import FindOrdersIn, OrderOut, OrdersOut, OrdersQuery
from keyrail.ordering.model.orders import Contact, Order, OrderNotFound
from keyrail.platform.audit import Trace
from keyrail.platform.clock import system_now_ms
from keyrail.platform.documents import view
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.http import Call

UNTRACED = Trace(records=(), complete=False)


@api.operation(
    "GET",
    "/ops/v1/orders/{order_id}",
    summary="An order with its trace",
    answer=OrderOut,
    raises=(OrderNotFound, NotInGroup),
)
def get_order(call: Call) -> OrderOut:
    allow(call, READ)
    order = orders().of_operator(call.path["order_id"])
    return told(call, order, audit().of(f"order:{order.order_id}"))


@api.operation(
    "GET",
    "/ops/v1/orders",
    summary="Orders by status, newest first, or by a provider's number; without their traces",
    query=OrdersQuery,
    answer=OrdersOut,
    raises=(Invalid, NotInGroup),
)
def find_orders(call: Call) -> OrdersOut:
    allow(call, READ)
    found = _find(call.query)
    return OrdersOut(orders=tuple(told(call, order) for order in found))


@api.operation(
    "POST",
    "/ops/v1/orders/find",
    summary="A buyer's orders by e-mail address or telephone number, newest first; without their traces",
    body=FindOrdersIn,
    answer=OrdersOut,
    raises=(Invalid, NotInGroup),
)
def find_orders_of_buyer(call: Call) -> OrdersOut:
    allow(call, AFTER_SALES)
    wanted: FindOrdersIn = call.body
    found, behind = orders().of_contact(view(Contact, wanted), wanted.limit, wanted.cursor)
    return OrdersOut(orders=tuple(told(call, order) for order in found), next_cursor=behind)


def told(call: Call, order: Order, trace: Trace = UNTRACED) -> OrderOut:
    """The order as this caller may see it."""
    return OrderOut.of(order, system_now_ms(), trace, with_contact=is_in(call, AFTER_SALES))


def _find(wanted: OrdersQuery) -> list[Order]:
    if wanted.status is not None:
        return orders().with_status(wanted.status, wanted.limit, system_now_ms())
    if wanted.provider and wanted.account and wanted.reference:
        return orders().paid_by(wanted.provider, wanted.account, wanted.reference)
    raise Invalid(FieldError("query", "status_or_provider_account_reference"))
