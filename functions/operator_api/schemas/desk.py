"""The desk of unmatched payments."""

from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import Reason, TraceStep, traced
from functions.operator_api.schemas.refunds import RefundOut
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment
from keyrail.platform.audit import Trace
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money


@incoming
class DeskQuery:
    status: DeskStatus = DeskStatus.WAITING
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=128)] | None = None


@incoming
class AssignIn:
    """`accept_amount`: the order is paid by it though it is of another sum."""

    order_id: Annotated[str, Field(min_length=1, max_length=64)]
    accept_amount: bool = False
    reason: Reason


@outgoing
class DecisionOut:
    """Who decided what about a payment. `order_id` and `attempt_id` are what it pays from then on."""

    what: DeskStatus
    by: str
    at: str
    reason: str | None
    order_id: str | None
    attempt_id: str | None


@outgoing
class UnmatchedOut:
    """A payment with its trace. `trace_complete` false: all of it, or what lies between its ends, is left out."""

    payment_id: str
    provider: str
    account: str
    merchant: str
    attempt_id: str
    order_id: str | None
    reference: str
    amount: Money | None
    provider_status: str
    reason: Mismatch
    status: DeskStatus
    received_at: str
    decision: DecisionOut | None
    refund: RefundOut | None
    trace: tuple[TraceStep, ...]
    trace_complete: bool

    @classmethod
    def of(cls, payment: UnmatchedPayment, trace: Trace) -> "UnmatchedOut":
        decision = view(DecisionOut, payment.decision) if payment.decision else None
        refund = RefundOut.of(payment.refund) if payment.refund else None
        return view(cls, payment, decision=decision, refund=refund, **traced(trace))


@outgoing
class UnmatchedPageOut:
    """Without their traces."""

    payments: tuple[UnmatchedOut, ...]
    next_cursor: str | None = None
