"""The desk of refunds: what people ask for and approve, what a provider refuses, and what a bank takes back."""

from functools import cache

from functions.operator_api.access import MONEY, PAYS_BACK, NotInGroup, allow
from functions.operator_api.app import api, catalog, desk, keys, orders
from functions.operator_api.limits import given_today
from functions.operator_api.orders import told
from functions.operator_api.schemas.common import ReasonIn
from functions.operator_api.schemas.orders import OrderOut
from functions.operator_api.schemas.refunds import (
    GivenBackIn,
    RefundIn,
    RefundOut,
    RefundsOut,
    RefundsQuery,
    WaitingRefundOut,
)
from keyrail.catalog.model import UnknownSku
from keyrail.fulfilment.service.disputes import Freezing
from keyrail.fulfilment.service.refund_desk import RefundDesk
from keyrail.fulfilment.service.unit_refunds import UnitRefunds
from keyrail.inventory.model.keys import KeyRedeemed
from keyrail.inventory.service.withdrawals import Withdrawals
from keyrail.ordering.model.orders import (
    AccountCredited,
    NotRefundable,
    OrderDisputed,
    OrderNotFound,
    RefundWaits,
    SeenSince,
    TooManyRefunds,
)
from keyrail.ordering.model.refund_requests import WantedRefund, awaiting
from keyrail.payments.model.disputes import DisputeNotFound
from keyrail.payments.model.refunds import AlreadyDecided, OwnRequest, RefundNotFailed, RefundNotFound
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.documents import view
from keyrail.platform.errors import IdempotencyConflict, Invalid
from keyrail.platform.http import Call


@cache
def refund_desk() -> RefundDesk:
    return RefundDesk(orders(), desk(), system_now_ms)


@cache
def unit_refunds() -> UnitRefunds:
    return UnitRefunds(orders(), _withdrawals(), given_today(), client("dynamodb"), system_now_ms)


@cache
def freezing() -> Freezing:
    return Freezing(orders(), _withdrawals(), client("dynamodb"), system_now_ms)


def _withdrawals() -> Withdrawals:
    return Withdrawals(keys(), catalog(), system_now_ms)


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/refunds",
    summary="Give back what was delivered: its keys end, and its price is owed; above a limit a second person decides",
    headers=("Idempotency-Key",),
    body=RefundIn,
    answer=OrderOut,
    status=201,
    raises=(
        Invalid,
        OrderNotFound,
        NotRefundable,
        AccountCredited,
        OrderDisputed,
        RefundWaits,
        TooManyRefunds,
        KeyRedeemed,
        UnknownSku,
        IdempotencyConflict,
        NotInGroup,
    ),
)
def refund_units(call: Call) -> OrderOut:
    said: RefundIn = call.body
    origin = allow(call, PAYS_BACK, said.reason)
    wanted = view(WantedRefund, said, why=said.reason)
    return told(call, unit_refunds().request(call.path["order_id"], wanted, call.idempotency_key(), origin))


@api.operation(
    "GET",
    "/ops/v1/refunds",
    summary="Refunds that wait for a second person, longest first",
    query=RefundsQuery,
    answer=RefundsOut,
    raises=(Invalid, NotInGroup),
)
def list_refunds(call: Call) -> RefundsOut:
    allow(call, MONEY)
    found = orders().with_refunds_awaiting_approval(call.query.limit)
    waiting = ((order.order_id, refund) for order in found for refund in awaiting(order))
    return RefundsOut(
        refunds=tuple(WaitingRefundOut(order_id=of, refund=RefundOut.of(refund)) for of, refund in waiting)
    )


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/refunds/{refund_id}/approve",
    summary="Approve a refund that somebody else asked for",
    body=ReasonIn,
    answer=OrderOut,
    raises=(
        Invalid,
        OrderNotFound,
        RefundNotFound,
        OwnRequest,
        AlreadyDecided,
        SeenSince,
        NotRefundable,
        OrderDisputed,
        KeyRedeemed,
        UnknownSku,
        NotInGroup,
    ),
)
def approve_refund(call: Call) -> OrderOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return told(call, unit_refunds().approve(call.path["order_id"], call.path["refund_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/refunds/{refund_id}/reject",
    summary="Turn down a refund that waits for approval, or take one's own request back",
    body=ReasonIn,
    answer=OrderOut,
    raises=(Invalid, OrderNotFound, RefundNotFound, AlreadyDecided, NotInGroup),
)
def reject_refund(call: Call) -> OrderOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return told(call, unit_refunds().reject(call.path["order_id"], call.path["refund_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/disputes/{dispute_id}/unfreeze",
    summary="Let the buyer have what a dispute froze, whatever the bank says",
    body=ReasonIn,
    answer=OrderOut,
    raises=(Invalid, OrderNotFound, DisputeNotFound, NotInGroup),
)
def unfreeze_order(call: Call) -> OrderOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return told(call, freezing().unfreeze(call.path["order_id"], call.path["dispute_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/refunds/{refund_id}/retry",
    summary="Ask the provider once more for a refund that it refused",
    body=ReasonIn,
    answer=OrderOut,
    raises=(Invalid, OrderNotFound, RefundNotFound, RefundNotFailed, NotInGroup),
)
def ask_again(call: Call) -> OrderOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return told(call, refund_desk().ask_again(_of_an_order(call), call.path["refund_id"], origin))


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
    order_id, refund_id = _of_an_order(call), call.path["refund_id"]
    return told(call, refund_desk().give_by_hand(order_id, refund_id, said.reference, origin))


def _of_an_order(call: Call) -> str:
    """Raises OrderNotFound, also for a payment on the desk, which can owe a refund as well."""
    return orders().of_operator(call.path["order_id"]).order_id
