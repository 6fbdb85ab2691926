"""Orders with their traces."""

from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import TraceStep, traced
from functions.operator_api.schemas.refunds import RefundOut
from functions.operator_api.schemas.units import UnitOut
from keyrail.ordering.model.orders import Contact, Order, OrderStatus
from keyrail.payments.model.attempts import AttemptStatus
from keyrail.payments.model.confirmations import DisputeState
from keyrail.platform.audit import Trace
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money


@incoming
class OrdersQuery:
    """Either a status, or a provider's own number of a payment with the account it was made to."""

    status: OrderStatus | None = None
    provider: Annotated[str, Field(max_length=32)] | None = None
    account: Annotated[str, Field(max_length=64)] | None = None
    reference: Annotated[str, Field(max_length=256)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@incoming
class FindOrdersIn:
    """Either of what the buyer gave at checkout; posted, since an address ends in logs and histories."""

    email: Annotated[str, Field(min_length=1, max_length=254)] | None = None
    phone: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=128)] | None = None


@outgoing
class AttemptOut:
    """`payment_id` is the payment from the desk that it was paid by; then `received` is what came if that is not
    `amount`, and `known_as` what its provider calls it if that is not `attempt_id`.
    """

    attempt_id: str
    provider: str
    account: str
    amount: Money
    status: AttemptStatus
    method: str | None
    reference: str | None
    paid_at: str | None
    payment_id: str | None
    received: Money | None
    known_as: str | None


@outgoing
class DisputeOut:
    """`said` is the provider's word. `frozen`: nothing of the order is shown, redeemed or delivered.

    `released_by` let it go on by hand. `unit_ids` were lost.
    """

    dispute_id: str
    state: DisputeState
    said: str
    amount: Money | None
    heard_at: str
    frozen: bool
    unit_ids: tuple[str, ...]
    released_by: str | None


@outgoing
class OrderOut:
    """An order with its trace. `trace_complete` false: all of it, or what lies between its ends, is left out.

    `contact` is shown to whoever looks after buyers.
    """

    order_id: str
    store_id: str
    channel: str
    status: OrderStatus
    total: Money
    created_at: str
    expires_at: str
    contact: Contact | None
    units: tuple[UnitOut, ...]
    payments: tuple[AttemptOut, ...]
    refunds: tuple[RefundOut, ...]
    disputes: tuple[DisputeOut, ...]
    trace: tuple[TraceStep, ...]
    trace_complete: bool

    @classmethod
    def of(cls, order: Order, now_ms: int, trace: Trace, *, with_contact: bool) -> "OrderOut":
        payments = tuple(view(AttemptOut, attempt) for attempt in order.attempts)
        return view(
            cls,
            order,
            status=order.status_at(now_ms),
            contact=order.contact if with_contact else None,
            units=tuple(map(UnitOut.of, order.units)),
            payments=payments,
            refunds=tuple(map(RefundOut.of, order.refunds)),
            disputes=tuple(view(DisputeOut, dispute) for dispute in order.disputes or ()),
            **traced(trace),
        )


@outgoing
class OrdersOut:
    """Without their traces. `next_cursor` where there may be more, and the search has pages."""

    orders: tuple[OrderOut, ...]
    next_cursor: str | None = None
