"""The back office's wire format. Everything that changes something takes a `reason`."""

from typing import Annotated

from pydantic import Field

from keyrail.catalog.model import (
    DEFAULT_LOW_STOCK,
    DEFAULT_MAX_QUANTITY,
    MAX_QUANTITY_PER_UNIT,
    Product,
    Shelf,
    Sku,
    SkuKind,
)
from keyrail.inventory.model import Batch, BatchStatus, ImportReport, Key, KeyState, Stock
from keyrail.ordering.model import Contact, Order, OrderStatus, Refund, Unit
from keyrail.payments.model import DeskStatus, Mismatch, PaymentAttempt, UnmatchedPayment
from keyrail.platform.audit import AuditRecord, Trace
from keyrail.platform.clock import rfc3339
from keyrail.platform.documents import incoming, outgoing
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

    @classmethod
    def of(cls, product: Product) -> "ProductOut":
        return cls(
            product_id=product.product_id,
            store_id=product.store_id,
            name=product.name,
            name_zh=product.name_zh,
            description=product.description,
            shelf=product.shelf,
            version=product.version,
        )


@outgoing
class SkuOut:
    sku: Sku
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

    @classmethod
    def of(cls, batch: Batch, upload: UploadOut | None = None) -> "BatchOut":
        return cls(
            batch_id=batch.batch_id,
            sku_id=batch.sku_id,
            source=batch.source,
            status=batch.status,
            unit_cost=batch.unit_cost,
            first_expiry=batch.first_expiry,
            last_expiry=batch.last_expiry,
            created_at=rfc3339(batch.created_at_ms),
            report=batch.report,
            upload=upload,
        )


@outgoing
class TraceStep:
    at: str
    what: tuple[str, ...]
    by: str
    address: str
    order_id: str | None
    reason: str | None

    @classmethod
    def of(cls, record: AuditRecord) -> "TraceStep":
        return cls(
            at=rfc3339(record.at_ms),
            what=record.what,
            by=record.by,
            address=record.address,
            order_id=record.order_id,
            reason=record.reason,
        )


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
        return cls(
            key_id=key.key_id,
            mask=key.mask,
            sku_id=key.sku_id,
            batch_id=key.batch_id,
            source=batch.source,
            line=key.line,
            state=key.state,
            order_id=key.order_id,
            sold_at=rfc3339(key.sold_at_ms) if key.sold_at_ms else None,
            revealed_at=rfc3339(key.revealed_at_ms) if key.revealed_at_ms else None,
            expires_on=key.expires_on,
            trace=tuple(map(TraceStep.of, trace.records)),
            trace_complete=trace.complete,
        )


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
    payments: tuple[PaymentAttempt, ...]
    refunds: tuple[Refund, ...]
    trace: tuple[TraceStep, ...]
    trace_complete: bool

    @classmethod
    def of(cls, order: Order, now_ms: int, trace: Trace) -> "OrderOut":
        return cls(
            order_id=order.order_id,
            store_id=order.store_id,
            channel=order.channel,
            status=order.status_at(now_ms),
            total=order.total,
            created_at=rfc3339(order.created_at_ms),
            expires_at=rfc3339(order.expires_at_ms),
            contact=order.contact,
            units=order.units,
            payments=order.attempts,
            refunds=order.refunds,
            trace=tuple(map(TraceStep.of, trace.records)),
            trace_complete=trace.complete,
        )


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

    @classmethod
    def of(cls, payment: UnmatchedPayment) -> "UnmatchedOut":
        return cls(
            payment_id=payment.payment_id,
            provider=payment.provider,
            account=payment.account,
            merchant=payment.merchant,
            attempt_id=payment.attempt_id,
            order_id=payment.order_id,
            reference=payment.reference,
            amount=payment.amount,
            provider_status=payment.provider_status,
            reason=payment.reason,
            status=payment.status,
            received_at=rfc3339(payment.received_at_ms),
        )


@outgoing
class UnmatchedPageOut:
    payments: tuple[UnmatchedOut, ...]
