"""The back office's wire format. Everything that changes something takes a `reason`."""

from typing import Annotated, Any

from pydantic import Field

from keyrail.catalog.model import (
    DEFAULT_LOW_STOCK,
    DEFAULT_MAX_QUANTITY,
    MAX_QUANTITY_PER_UNIT,
    Shelf,
    SkuKind,
)
from keyrail.inventory.model import Batch, BatchStatus, ImportReport, Key, KeyState, Stock
from keyrail.ordering.model import Contact, Order, OrderStatus, Refund, Unit
from keyrail.payments.model import AttemptStatus, DeskStatus, Mismatch
from keyrail.platform.audit import Trace
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money

Name = Annotated[str, Field(min_length=1, max_length=120)]
Slug = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,62}$")]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(max_length=2000)]


@incoming
class ProductIn:
    name: Name
    name_zh: Name | None = None
    description: Text | None = None
    store_id: Slug | None = None
    shelf: Shelf = Shelf.ON
    reason: Reason


@incoming
class SkuIn:
    product_id: Slug
    name: Name
    name_zh: Name | None = None
    kind: SkuKind = SkuKind.KEY
    price: Money
    issuer: Slug
    max_quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY_PER_UNIT)] = DEFAULT_MAX_QUANTITY
    low_stock: Annotated[int, Field(ge=0, le=10_000)] = DEFAULT_LOW_STOCK
    store_id: Slug | None = None
    shelf: Shelf = Shelf.ON
    reason: Reason


@incoming
class BatchIn:
    sku_id: Slug
    source: Name
    unit_cost: Money | None = None
    reason: Reason


@incoming
class FindKeyIn:
    """A code is posted, never put into an address."""

    sku_id: Slug
    code: Annotated[str, Field(min_length=1, max_length=256)]


@incoming
class OrdersQuery:
    """Either a status, or a provider's own number of a payment with the account it was made to."""

    status: OrderStatus | None = None
    provider: Annotated[str, Field(max_length=32)] | None = None
    account: Annotated[str, Field(max_length=64)] | None = None
    reference: Annotated[str, Field(max_length=256)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@incoming
class LimitQuery:
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@outgoing
class ProductOut:
    product_id: str
    store_id: str
    name: str
    name_zh: str | None
    description: str | None
    shelf: Shelf
    version: int


@outgoing
class SkuDetails:
    sku_id: str
    product_id: str
    store_id: str
    name: str
    name_zh: str | None
    kind: SkuKind
    price: Money
    issuer: str
    max_quantity: int
    low_stock: int
    shelf: Shelf
    version: int


@outgoing
class SkuOut:
    sku: SkuDetails
    stock: Stock


@outgoing
class UploadOut:
    """Send the file's bytes there with `method`, before it ends. Whoever has the address may."""

    method: str
    url: str
    expires_at: str


@outgoing
class BatchOut:
    batch_id: str
    sku_id: str
    source: str
    status: BatchStatus
    unit_cost: Money | None
    first_expiry: str | None
    last_expiry: str | None
    created_at: str
    report: ImportReport | None
    upload: UploadOut | None = None


@outgoing
class TraceStep:
    at: str
    what: tuple[str, ...]
    by: str
    address: str
    order_id: str | None
    reason: str | None


@outgoing
class KeyOut:
    """A key behind its mask, with its trace.

    `trace_complete` false: so much happened that only the beginning and the end are here.
    """

    key_id: str
    mask: str
    sku_id: str
    batch_id: str
    source: str
    line: int
    state: KeyState
    order_id: str | None
    sold_at: str | None
    revealed_at: str | None
    expires_on: str | None
    trace: tuple[TraceStep, ...]
    trace_complete: bool

    @classmethod
    def of(cls, key: Key, batch: Batch, trace: Trace) -> "KeyOut":
        return view(cls, key, source=batch.source, **_traced(trace))


@outgoing
class AttemptOut:
    attempt_id: str
    provider: str
    account: str
    amount: Money
    status: AttemptStatus
    method: str | None
    reference: str | None
    paid_at: str | None


@outgoing
class OrderOut:
    """An order with its trace. `trace_complete` false: all of it, or what lies between its ends, is left out."""

    order_id: str
    store_id: str
    channel: str
    status: OrderStatus
    total: Money
    created_at: str
    expires_at: str
    contact: Contact
    units: tuple[Unit, ...]
    payments: tuple[AttemptOut, ...]
    refunds: tuple[Refund, ...]
    trace: tuple[TraceStep, ...]
    trace_complete: bool

    @classmethod
    def of(cls, order: Order, now_ms: int, trace: Trace) -> "OrderOut":
        payments = tuple(view(AttemptOut, attempt) for attempt in order.attempts)
        return view(cls, order, status=order.status_at(now_ms), payments=payments, **_traced(trace))


def _traced(trace: Trace) -> dict[str, Any]:
    return {"trace": tuple(view(TraceStep, record) for record in trace.records), "trace_complete": trace.complete}


@outgoing
class OrdersOut:
    orders: tuple[OrderOut, ...]


@outgoing
class UnmatchedOut:
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


@outgoing
class UnmatchedPageOut:
    payments: tuple[UnmatchedOut, ...]
