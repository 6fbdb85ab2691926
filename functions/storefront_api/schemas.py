"""The storefront's wire format."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from keyrail.catalog.account_fields import AccountField
from keyrail.catalog.model import Sku, SkuKind
from keyrail.inventory.model.keys import LABEL_PATTERN, StockLevel
from keyrail.ordering.model.orders import Contact, Delivery, Line, Order, OrderStatus, Unit, UnitStatus
from keyrail.ordering.service.checkout import Placed, Wanted, WayToPay
from keyrail.ordering.service.supply import Offer
from keyrail.payments.model.attempts import AttemptStatus
from keyrail.payments.model.refunds import RefundStatus
from keyrail.platform.documents import Count, Text, incoming, outgoing, view
from keyrail.platform.money import Money


def _web_address(url: str) -> str:
    """What no browser could go to is refused here, and not by a provider once keys are held for it."""
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0:  # which raises over 65535
        raise ValueError("no host")
    return url


Slug = Annotated[str, Text(min_length=1, max_length=63)]
Label = Annotated[str, Text(LABEL_PATTERN)]
Url = Annotated[str, Text(r"^https?://[^\s]+$", max_length=2048, check=_web_address)]


@incoming
class LineIn:
    """`label` chooses one key by its public label, for the SKU's fee. `recharge_account` is whom to credit, by the
    names of the SKU's `account_fields`.
    """

    sku_id: Slug
    quantity: int
    label: Label | None = None
    recharge_account: dict[str, str] | None = None

    def line(self) -> Line:
        """JSON has no order of names, so the same request in another one is the same request."""
        given = self.recharge_account
        return view(Line, self, recharge_account=None if given is None else dict(sorted(given.items())))


@incoming
class ContactIn:
    email: Annotated[str, Text(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)] | None = None
    phone: Annotated[str, Text(r"^\+?[0-9][0-9 \-]{4,23}$")] | None = None


@incoming
class PaymentIn:
    provider: Annotated[str, Text("^[a-z0-9_]{1,32}$")]
    method: Annotated[str, Text("^[a-z0-9_]{1,32}$")] | None = None
    return_url: Url | None = None
    payer_id: Annotated[str, Text(r"^[\x21-\x7e]{1,128}$")] | None = None

    def way(self) -> WayToPay:
        return view(WayToPay, self)


@incoming
class OrderIn:
    items: tuple[LineIn, ...]
    payment: PaymentIn
    contact: ContactIn = ContactIn()
    expected_total: Money | None = None

    def wanted(self, store_id: str) -> Wanted:
        return view(
            Wanted,
            self,
            store_id=store_id,
            lines=tuple(line.line() for line in self.items),
            contact=view(Contact, self.contact),
            way=self.payment.way(),
        )


@incoming
class PageIn:
    limit: Annotated[int, Count(1, 100)] = 50
    cursor: Annotated[str, Text(max_length=256)] | None = None


_BY_KEYS = {SkuKind.KEY, SkuKind.CHOICE}


@outgoing
class SkuOut:
    """`account_fields` are what a recharge asks for, to draw a form of. Of kind `choice`, whoever fills it in is
    recharged, and whoever does not gets a key; while there is none, `delivery` says how it is recharged.
    """

    sku_id: str
    name: str
    name_zh: str | None
    kind: SkuKind
    price: Money
    currency: str
    stock: StockLevel
    delivery: Literal["instant_key", "recharge", "manual"]
    max_quantity: int
    pick_fee: Money | None
    account_fields: tuple[AccountField, ...]

    @classmethod
    def of(cls, sku: Sku, offer: Offer) -> "SkuOut":
        supplied = "manual" if offer.by_hand else "recharge"
        return view(
            cls,
            sku,
            currency=sku.price.currency,
            stock=offer.stock,
            delivery="instant_key" if sku.kind in _BY_KEYS and offer.keys else supplied,
            account_fields=sku.account_fields or (),
        )


@outgoing
class ProductOut:
    product_id: str
    name: str
    name_zh: str | None
    description: str | None
    skus: tuple[SkuOut, ...]


@outgoing
class ProductsOut:
    products: tuple[ProductOut, ...]
    next_cursor: str | None


@outgoing
class LabelOut:
    """`price` is what this one costs, the fee for choosing it included."""

    label: str
    price: Money


@outgoing
class LabelsOut:
    """A page may be short, or empty, and not the last: the last one has no `next_cursor`."""

    labels: tuple[LabelOut, ...]
    pick_fee: Money
    next_cursor: str | None


@outgoing
class ActionOut:
    """What the buyer's browser does next, by `type`.

    `redirect` goes to `url`; `form` posts `fields` to `url`; `qr_code` shows `svg`, a ready picture of `content`;
    `client_secret` hands `content` to the provider's own script, and `publishable_key` where that needs one; with
    `none` there is nothing to pay.
    """

    type: str
    url: str | None
    content: str | None
    svg: str | None
    fields: dict[str, str] | None
    publishable_key: str | None


@outgoing
class PaymentOut:
    attempt_id: str
    provider: str
    action: ActionOut

    @classmethod
    def of(cls, placed: Placed) -> "PaymentOut":
        return view(cls, placed.attempt, action=view(ActionOut, placed.action))


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
        return view(
            cls,
            placed.order,
            access_token=placed.token,
            status=placed.order.status_at(now_ms),
            payment=PaymentOut.of(placed),
        )


@outgoing
class StepOut:
    at: str
    status: UnitStatus


@outgoing
class UnitOut:
    """`account` is whom a recharge credits, with most of it hidden; `history` is how that went since it was paid.

    `came_as` is what was delivered, also where it was left open: keys are to be revealed, of a recharge there are none.
    """

    unit_id: str
    sku_id: str
    quantity: int
    label: str | None
    amount: Money
    status: UnitStatus
    delivery: Delivery
    came_as: Literal["key", "recharge"] | None
    account: dict[str, str] | None
    history: tuple[StepOut, ...]

    @classmethod
    def of(cls, unit: Unit) -> "UnitOut":
        return view(
            cls,
            unit,
            delivery=unit.delivery or Delivery.KEY,
            account=unit.account_mask,
            history=tuple(view(StepOut, step) for step in unit.history or ()),
        )


@outgoing
class AttemptOut:
    attempt_id: str
    provider: str
    amount: Money
    status: AttemptStatus


@outgoing
class RefundOut:
    """Without units, a whole payment goes back: one too many."""

    refund_id: str
    unit_ids: tuple[str, ...]
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
        return view(
            cls,
            order,
            status=order.status_at(now_ms),
            units=tuple(map(UnitOut.of, order.units)),
            payments=tuple(view(AttemptOut, attempt) for attempt in order.attempts),
            refunds=tuple(view(RefundOut, refund) for refund in order.refunds if refund.is_owed),
        )
