"""Verified payments that fit no open attempt, and what becomes of them."""

from functools import cache

from functions.operator_api.access import MONEY, PAYS_BACK, NotInGroup, allow
from functions.operator_api.app import api, audit, desk, keys, orders
from functions.operator_api.limits import given_today
from functions.operator_api.orders import UNTRACED
from functions.operator_api.refunds import refund_desk
from functions.operator_api.schemas.common import ReasonIn
from functions.operator_api.schemas.desk import AssignIn, DeskQuery, UnmatchedOut, UnmatchedPageOut
from functions.operator_api.schemas.refunds import GivenBackIn
from keyrail.fulfilment.service.issuance import Issuance
from keyrail.fulfilment.service.paying import Paying
from keyrail.fulfilment.service.payment_desk import PaymentDesk, PaysAnOrder
from keyrail.inventory.service.claims import Claims
from keyrail.ordering.model.orders import OrderNotFound
from keyrail.ordering.model.placing import NotAcceptable, OrderPaid, OtherCurrency, OtherSum, TooMuchMissing
from keyrail.payments.model.desk import (
    AlreadyDecided,
    MoneyInIt,
    NoMoneyInIt,
    PaymentNotFound,
    UnmatchedPayment,
    refund_id,
)
from keyrail.payments.model.refunds import AlreadyDecided as RefundDecided
from keyrail.payments.model.refunds import OwnRequest, RefundNotFailed, RefundNotFound
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call


@cache
def payment_desk() -> PaymentDesk:
    dynamodb, claims = client("dynamodb"), Claims(keys(), system_now_ms)
    issuance = Issuance(orders(), claims, dynamodb, system_now_ms)
    paying = Paying(orders(), claims, issuance, dynamodb, system_now_ms)
    return PaymentDesk(orders(), desk(), paying, given_today(), dynamodb, system_now_ms)


@api.operation(
    "GET",
    "/ops/v1/payments/unmatched",
    summary="Verified payments that fit no open attempt, newest first: those that wait, or those of another status",
    query=DeskQuery,
    answer=UnmatchedPageOut,
    raises=(Invalid, NotInGroup),
)
def list_unmatched(call: Call) -> UnmatchedPageOut:
    allow(call, MONEY)
    wanted: DeskQuery = call.query
    found, behind = desk().page(wanted.status, wanted.limit, wanted.cursor)
    return UnmatchedPageOut(payments=tuple(map(_shown, found)), next_cursor=behind)


@api.operation(
    "GET",
    "/ops/v1/payments/{payment_id}",
    summary="A payment that fitted no open attempt, with its trace",
    answer=UnmatchedOut,
    raises=(PaymentNotFound, NotInGroup),
)
def get_payment(call: Call) -> UnmatchedOut:
    allow(call, MONEY)
    payment = desk().payment(call.path["payment_id"])
    return UnmatchedOut.of(payment, audit().of(f"payment:{payment.payment_id}"))


@api.operation(
    "POST",
    "/ops/v1/payments/{payment_id}/accept",
    summary="Take a payment of another sum for the whole of the order that it names, and deliver that",
    body=ReasonIn,
    answer=UnmatchedOut,
    raises=(
        Invalid,
        PaymentNotFound,
        AlreadyDecided,
        NoMoneyInIt,
        NotAcceptable,
        OrderPaid,
        OtherCurrency,
        TooMuchMissing,
        NotInGroup,
    ),
)
def accept_payment(call: Call) -> UnmatchedOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return _shown(payment_desk().accept(call.path["payment_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/payments/{payment_id}/assign",
    summary="Say which order a payment is of, and deliver that",
    body=AssignIn,
    answer=UnmatchedOut,
    raises=(
        Invalid,
        PaymentNotFound,
        OrderNotFound,
        AlreadyDecided,
        NoMoneyInIt,
        OrderPaid,
        OtherCurrency,
        OtherSum,
        TooMuchMissing,
        PaysAnOrder,
        NotInGroup,
    ),
)
def assign_payment(call: Call) -> UnmatchedOut:
    wanted: AssignIn = call.body
    origin = allow(call, PAYS_BACK, wanted.reason)
    payment_id, order_id = call.path["payment_id"], wanted.order_id
    return _shown(payment_desk().assign(payment_id, order_id, origin, accept_amount=wanted.accept_amount))


@api.operation(
    "POST",
    "/ops/v1/payments/{payment_id}/refund",
    summary="Give a payment back to whoever made it, through its provider; above a limit a second person decides",
    body=ReasonIn,
    answer=UnmatchedOut,
    raises=(Invalid, PaymentNotFound, AlreadyDecided, NoMoneyInIt, PaysAnOrder, NotInGroup),
)
def refund_payment(call: Call) -> UnmatchedOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return _shown(payment_desk().refund(call.path["payment_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/payments/{payment_id}/refund/approve",
    summary="Approve the refund of a payment that somebody else asked for",
    body=ReasonIn,
    answer=UnmatchedOut,
    raises=(Invalid, PaymentNotFound, RefundNotFound, OwnRequest, RefundDecided, PaysAnOrder, NotInGroup),
)
def approve_payments_refund(call: Call) -> UnmatchedOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return _shown(payment_desk().approve_refund(call.path["payment_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/payments/{payment_id}/refund/reject",
    summary="Turn down the refund of a payment that waits for approval, or take one's own request back",
    body=ReasonIn,
    answer=UnmatchedOut,
    raises=(Invalid, PaymentNotFound, RefundNotFound, RefundDecided, NotInGroup),
)
def reject_payments_refund(call: Call) -> UnmatchedOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return _shown(payment_desk().reject_refund(call.path["payment_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/payments/{payment_id}/dismiss",
    summary="Take off the desk what has no money of ours in it",
    body=ReasonIn,
    answer=UnmatchedOut,
    raises=(Invalid, PaymentNotFound, AlreadyDecided, MoneyInIt, NotInGroup),
)
def dismiss_payment(call: Call) -> UnmatchedOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return _shown(payment_desk().dismiss(call.path["payment_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/payments/{payment_id}/refund/retry",
    summary="Ask the provider once more for a payment's refund that it refused",
    body=ReasonIn,
    answer=UnmatchedOut,
    raises=(Invalid, PaymentNotFound, RefundNotFound, RefundNotFailed, NotInGroup),
)
def ask_for_payment_again(call: Call) -> UnmatchedOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    payment_id = _of_the_desk(call.path["payment_id"])
    return _shown(refund_desk().ask_again(payment_id, refund_id(payment_id), origin))


@api.operation(
    "POST",
    "/ops/v1/payments/{payment_id}/refund/given-back",
    summary="Put on record that somebody has given back a payment that the provider refused to",
    body=GivenBackIn,
    answer=UnmatchedOut,
    raises=(Invalid, PaymentNotFound, RefundNotFound, RefundNotFailed, NotInGroup),
)
def give_payment_by_hand(call: Call) -> UnmatchedOut:
    said: GivenBackIn = call.body
    origin = allow(call, PAYS_BACK, said.reason)
    payment_id = _of_the_desk(call.path["payment_id"])
    return _shown(refund_desk().give_by_hand(payment_id, refund_id(payment_id), said.reference, origin))


def _shown(payment: UnmatchedPayment) -> UnmatchedOut:
    return UnmatchedOut.of(payment, UNTRACED)


def _of_the_desk(payment_id: str) -> str:
    """Raises PaymentNotFound, also for the id of an order."""
    return desk().payment(payment_id).payment_id
