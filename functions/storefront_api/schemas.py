"""The storefront's wire format."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from keyrail.catalog.model import Sku, SkuKind
from keyrail.catalog.service import Listing
from keyrail.inventory.model import StockLevel
from keyrail.ordering.model import Contact, Line, Order, OrderStatus, RefundStatus, UnitStatus
from keyrail.ordering.service.checkout import Placed, Wanted
from keyrail.payments.model import AttemptStatus
from keyrail.payments.service.accounts import PaymentAction
from keyrail.platform.clock import rfc3339
from keyrail.platform.documents import incoming, outgoing
from keyrail.platform.money import Money


def _web_address(url: str) -> str:
    """What no browser could go to is refused here, and not by a provider once keys are held for it."""
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0:  # which raises over 65535
        raise ValueError("no host")
    return url


Slug = Annotated[str, Field(min_length=1, max_length=63)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2048), AfterValidator(_web_address)]


@incoming
class LineIn:
    sku_id: Slug
    quantity: int


@incoming
class ContactIn:
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)] | None = None
    phone: Annotated[str, Field(pattern=r"^\+?[0-9][0-9 \-]{4,23}$")] | None = None


@incoming
class PaymentIn:
    provider: Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")]
    method: Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")] | None = None
    return_url: Url | None = None


@incoming
class OrderIn:
    items: tuple[LineIn, ...]
    payment: PaymentIn
    contact: ContactIn = ContactIn()
    expected_total: Money | None = None

    def wanted(self, store_id: str) -> Wanted:
        return Wanted(
            store_id=store_id,
            lines=tuple(Line(line.sku_id, line.quantity) for line in self.items),
            contact=Contact(email=self.contact.email, phone=self.contact.phone),
            provider=self.payment.provider,
            method=self.payment.method,
            return_url=self.payment.return_url,
            expected_total=self.expected_total,
        )


@incoming
class PageIn:
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=256)] | None = None


@outgoing
class SkuOut:
    sku_id: str
    name: str
    name_zh: str | None
    kind: SkuKind
    price: Money
    currency: str
    stock: StockLevel
    delivery: Literal["instant_key"]
    max_quantity: int

    @classmethod
    def of(cls, sku: Sku, stock: StockLevel) -> "SkuOut":
        return cls(
            sku_id=sku.sku_id,
            name=sku.name,
            name_zh=sku.name_zh,
            kind=sku.kind,
            price=sku.price,
            currency=sku.price.currency,
            stock=stock,
            delivery="instant_key",
            max_quantity=sku.max_quantity,
        )


@outgoing
class ProductOut:
    product_id: str
    name: str
    name_zh: str | None
    description: str | None
    skus: tuple[SkuOut, ...]

    @classmethod
    def of(cls, listing: Listing, skus: tuple[SkuOut, ...]) -> "ProductOut":
        product = listing.product
        return cls(
            product_id=product.product_id,
            name=product.name,
            name_zh=product.name_zh,
            description=product.description,
            skus=skus,
        )


@outgoing
class ProductsOut:
    products: tuple[ProductOut, ...]
    next_cursor: str | None


@outgoing
class PaymentOut:
    attempt_id: str
    provider: str
    action: PaymentAction


@outgoing
class PlacedOut:
    order_id: str
    access_token: str
    status: OrderStatus
    total: Money
    expires_at: str
    payment: PaymentOut

    @classmethod
    def of(cls, placed: Placed, now_ms: int) -> "PlacedOut":
        return cls(
            order_id=placed.order.order_id,
            access_token=placed.token,
            status=placed.order.status_at(now_ms),
            total=placed.order.total,
            expires_at=rfc3339(placed.order.expires_at_ms),
            payment=PaymentOut(
                attempt_id=placed.attempt.attempt_id, provider=placed.attempt.provider, action=placed.action
            ),
        )


@outgoing
class UnitOut:
    unit_id: str
    sku_id: str
    quantity: int
    amount: Money
    status: UnitStatus


@outgoing
class AttemptOut:
    attempt_id: str
    provider: str
    amount: Money
    status: AttemptStatus


@outgoing
class RefundOut:
    refund_id: str
    unit_id: str
    amount: Money
    status: RefundStatus


@outgoing
class OrderOut:
    """Never a secret: those are revealed elsewhere, on record."""

    order_id: str
    status: OrderStatus
    total: Money
    created_at: str
    expires_at: str
    units: tuple[UnitOut, ...]
    payments: tuple[AttemptOut, ...]
    refunds: tuple[RefundOut, ...]

    @classmethod
    def of(cls, order: Order, now_ms: int) -> "OrderOut":
        return cls(
            order_id=order.order_id,
            status=order.status_at(now_ms),
            total=order.total,
            created_at=rfc3339(order.created_at_ms),
            expires_at=rfc3339(order.expires_at_ms),
            units=tuple(
                UnitOut(unit_id=u.unit_id, sku_id=u.sku_id, quantity=u.quantity, amount=u.amount, status=u.status)
                for u in order.units
            ),
            payments=tuple(
                AttemptOut(attempt_id=a.attempt_id, provider=a.provider, amount=a.amount, status=a.status)
                for a in order.attempts
            ),
            refunds=tuple(
                RefundOut(refund_id=r.refund_id, unit_id=r.unit_id, amount=r.amount, status=r.status)
                for r in order.refunds
            ),
        )
