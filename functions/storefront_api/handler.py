"""`/v1`: catalog, checkout, order status, cancel."""

from dataclasses import dataclass
from functools import cache

from functions.storefront_api.schemas import (
    LabelOut,
    LabelsOut,
    OrderIn,
    OrderOut,
    PageIn,
    PaymentIn,
    PaymentOut,
    PlacedOut,
    ProductOut,
    ProductsOut,
    SkuOut,
)
from keyrail.catalog.model import NotOffered, NotOnSale, UnknownProduct, UnknownSku, check_slug
from keyrail.catalog.service import Catalog, Listing
from keyrail.catalog.store import CatalogStore
from keyrail.inventory.model.keys import LabelTaken, PoolContended, SoldOut
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.service.labels import Labels
from keyrail.inventory.store.keys import KeyStore
from keyrail.ordering.model.orders import (
    NotCancellable,
    NotPayable,
    OrderNotFound,
    OrderTooLarge,
    TooManyAttempts,
    TotalChanged,
)
from keyrail.ordering.service.checkout import Checkout
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.service.supply import Supply
from keyrail.ordering.store import OrderStore
from keyrail.payments.model.attempts import PaymentRefused, ProviderUnavailable, UnknownProvider
from keyrail.payments.service.accounts import watched_accounts
from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load, zone_named
from keyrail.platform.cursor import decode_cursor, encode_cursor
from keyrail.platform.documents import view
from keyrail.platform.errors import IdempotencyConflict, Invalid
from keyrail.platform.http import Call, HttpApi, Reply
from keyrail.platform.logs import Entry
from keyrail.platform.secrets import read_secret
from keyrail.suppliers.service.routing import Routing
from keyrail.suppliers.store import SuppliersStore

api = HttpApi("keyrail storefront")
handler = api


@dataclass(frozen=True)
class Settings:
    catalog_table: str
    keys_table: str
    orders_table: str
    suppliers_table: str
    business_time_zone: str
    access_token_secret_arn: str
    payment_accounts_secret_arn: str
    public_api_url: str
    default_store_id: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def catalog() -> Catalog:
    return Catalog(CatalogStore(client("dynamodb"), settings().catalog_table), system_now_ms)


@cache
def claims() -> Claims:
    return Claims(KeyStore(client("dynamodb"), settings().keys_table), system_now_ms)


@cache
def orders() -> Orders:
    return Orders(OrderStore(client("dynamodb"), settings().orders_table))


@cache
def supply() -> Supply:
    store = SuppliersStore(client("dynamodb"), settings().suppliers_table)
    routing = Routing(store, zone_named(settings().business_time_zone), system_now_ms)
    return Supply(routing, claims(), system_now_ms)


@cache
def checkout() -> Checkout:
    return Checkout(
        orders(),
        catalog(),
        claims(),
        supply(),
        watched_accounts(lambda: read_secret(settings().payment_accounts_secret_arn), system_now_ms),
        read_secret(settings().access_token_secret_arn),
        settings().public_api_url.rstrip("/"),
        system_now_ms,
    )


def _store(call: Call) -> str:
    """Raises Invalid for a header that names no store."""
    return check_slug("Keyrail-Store", call.header("keyrail-store") or settings().default_store_id)


def _buyer(call: Call) -> Origin:
    return Origin("buyer", call.address)


def _product(listing: Listing) -> ProductOut:
    skus = tuple(SkuOut.of(sku, supply().offer(sku)) for sku in listing.skus)
    return view(ProductOut, listing.product, skus=skus)


@api.operation("GET", "/v1/products", summary="The shelf", query=PageIn, answer=ProductsOut, raises=(Invalid,))
def list_products(call: Call) -> ProductsOut:
    page: PageIn = call.query
    listings, last = catalog().shelf(_store(call), page.limit, decode_cursor(page.cursor))
    return ProductsOut(products=tuple(map(_product, listings)), next_cursor=encode_cursor(last))


@api.operation("GET", "/v1/products/{product_id}", summary="One product", answer=ProductOut, raises=(UnknownProduct,))
def get_product(call: Call) -> ProductOut:
    return _product(catalog().product_on_shelf(_store(call), call.path["product_id"]))


@api.operation(
    "GET",
    "/v1/skus/{sku_id}/labels",
    summary="Keys that can be chosen by their public label, for a fee",
    query=PageIn,
    answer=LabelsOut,
    raises=(Invalid, UnknownSku, NotOnSale, NotOffered),
)
def list_labels(call: Call) -> LabelsOut:
    page: PageIn = call.query
    sku = catalog().sku_on_sale(_store(call), call.path["sku_id"])
    if sku.pick_fee is None:
        raise NotOffered
    found, last = Labels(claims()).free(sku.sku_id, page.limit, decode_cursor(page.cursor))
    labels = tuple(LabelOut(label=label, price=sku.price + sku.pick_fee) for label in found)
    return LabelsOut(labels=labels, pick_fee=sku.pick_fee, next_cursor=encode_cursor(last))


@api.operation(
    "POST",
    "/v1/orders",
    summary="Place an order; the same Idempotency-Key and body give the same order",
    headers=("Idempotency-Key",),
    body=OrderIn,
    answer=PlacedOut,
    status=201,
    raises=(
        Invalid,
        UnknownSku,
        NotOnSale,
        SoldOut,
        LabelTaken,
        PoolContended,
        OrderTooLarge,
        TotalChanged,
        UnknownProvider,
        PaymentRefused,
        ProviderUnavailable,
        IdempotencyConflict,
    ),
)
def place_order(call: Call) -> Reply:
    wanted: OrderIn = call.body
    placed = checkout().place(wanted.wanted(_store(call)), call.idempotency_key(), _buyer(call))
    if placed.fresh:
        logs.log(Entry.ORDER_PLACED, order_id=placed.order.order_id, provider=placed.attempt.provider)
    return Reply(PlacedOut.of(placed, system_now_ms()), 201 if placed.fresh else 200)


@api.operation(
    "POST",
    "/v1/orders/{order_id}/payments",
    summary="Pay in another way; what was started before stays valid, and the same way again is the same attempt",
    body=PaymentIn,
    answer=PaymentOut,
    status=201,
    raises=(
        Invalid,
        OrderNotFound,
        NotPayable,
        TooManyAttempts,
        UnknownProvider,
        PaymentRefused,
        ProviderUnavailable,
    ),
)
def start_payment(call: Call) -> Reply:
    asked: PaymentIn = call.body
    started = checkout().start_payment(call.path["order_id"], call.bearer_token(), asked.way(), _buyer(call))
    return Reply(PaymentOut.of(started), 201 if started.fresh else 200)


@api.operation("GET", "/v1/orders/{order_id}", summary="How the order stands", answer=OrderOut, raises=(OrderNotFound,))
def get_order(call: Call) -> OrderOut:
    order = orders().of_buyer(call.path["order_id"], call.bearer_token())
    return OrderOut.of(order, system_now_ms())


@api.operation(
    "POST",
    "/v1/orders/{order_id}/cancel",
    summary="Cancel an unpaid order and give its keys back",
    answer=OrderOut,
    raises=(OrderNotFound, NotCancellable),
)
def cancel_order(call: Call) -> OrderOut:
    order = checkout().cancel(call.path["order_id"], call.bearer_token(), _buyer(call))
    logs.log(Entry.ORDER_CANCELLED, order_id=order.order_id)
    return OrderOut.of(order, system_now_ms())
