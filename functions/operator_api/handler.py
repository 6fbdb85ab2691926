"""`/ops/v1`: products, SKUs, batches, order look-up, the trace of a key, the desk of unmatched payments."""

from dataclasses import dataclass
from functools import cache

from functions.operator_api.access import MONEY, READ, STOCK, NotInGroup, allow
from functions.operator_api.schemas import (
    BatchIn,
    BatchOut,
    FindKeyIn,
    KeyOut,
    LimitQuery,
    OrderOut,
    OrdersOut,
    OrdersQuery,
    ProductIn,
    ProductOut,
    SkuDetails,
    SkuIn,
    SkuOut,
    UnmatchedOut,
    UnmatchedPageOut,
    UploadOut,
)
from keyrail.catalog.model import FieldFixed, Product, Sku, UnknownProduct, UnknownSku, check_slug
from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.inventory.model import BatchNotFound, Key, KeyNotFound
from keyrail.inventory.service.batches import Batches, NewBatch
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.store import KeyStore
from keyrail.ordering.model import Order, OrderNotFound
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.payments.service.desk import Desk
from keyrail.payments.store import PaymentStore
from keyrail.platform.audit import AuditTrail, Trace
from keyrail.platform.aws import client
from keyrail.platform.changes import stamp
from keyrail.platform.clock import rfc3339, system_now_ms
from keyrail.platform.config import load
from keyrail.platform.documents import view
from keyrail.platform.errors import FieldError, IdempotencyConflict, Invalid
from keyrail.platform.http import Call, HttpApi
from keyrail.vault.providers.kms import KmsKeyWrapper

UPLOAD_URL_LIFETIME_S = 15 * 60
UNTRACED = Trace(records=(), complete=False)

api = HttpApi("keyrail back office")
handler = api


@dataclass(frozen=True)
class Settings:
    catalog_table: str
    keys_table: str
    orders_table: str
    payments_table: str
    audit_table: str
    import_bucket: str
    fingerprint_key_arn: str
    default_store_id: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def catalog() -> Catalog:
    return Catalog(CatalogStore(client("dynamodb"), settings().catalog_table), system_now_ms)


@cache
def keys() -> KeyStore:
    return KeyStore(client("dynamodb"), settings().keys_table)


@cache
def batches() -> Batches:
    wrapper = KmsKeyWrapper(client("kms"), settings().fingerprint_key_arn)
    return Batches(keys(), catalog(), wrapper, system_now_ms)


@cache
def orders() -> Orders:
    return Orders(OrderStore(client("dynamodb"), settings().orders_table))


@cache
def audit() -> AuditTrail:
    return AuditTrail(client("dynamodb"), settings().audit_table)


@cache
def desk() -> Desk:
    return Desk(PaymentStore(client("dynamodb"), settings().payments_table), system_now_ms)


@api.operation(
    "PUT",
    "/ops/v1/products/{product_id}",
    summary="Create a product or replace it",
    body=ProductIn,
    answer=ProductOut,
    raises=(Invalid, FieldFixed, NotInGroup),
)
def save_product(call: Call) -> ProductOut:
    wanted: ProductIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    product = view(
        Product,
        wanted,
        product_id=check_slug("product_id", call.path["product_id"]),
        store_id=wanted.store_id or settings().default_store_id,
        **stamp(origin, system_now_ms()),
    )
    return view(ProductOut, catalog().save_product(product, origin))


@api.operation(
    "PUT",
    "/ops/v1/skus/{sku_id}",
    summary="Create a SKU or replace it",
    body=SkuIn,
    answer=SkuOut,
    raises=(Invalid, UnknownProduct, FieldFixed, NotInGroup),
)
def save_sku(call: Call) -> SkuOut:
    wanted: SkuIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    sku = view(
        Sku,
        wanted,
        sku_id=check_slug("sku_id", call.path["sku_id"]),
        store_id=wanted.store_id or settings().default_store_id,
        **stamp(origin, system_now_ms()),
    )
    return _with_stock(catalog().save_sku(sku, origin))


@api.operation(
    "GET",
    "/ops/v1/skus/{sku_id}",
    summary="A SKU with its stock, counted now",
    answer=SkuOut,
    raises=(UnknownSku, NotInGroup),
)
def get_sku(call: Call) -> SkuOut:
    allow(call, READ)
    return _with_stock(catalog().sku(call.path["sku_id"]))


def _with_stock(sku: Sku) -> SkuOut:
    return SkuOut(sku=view(SkuDetails, sku), stock=Claims(keys(), system_now_ms).stock(sku.sku_id))


@api.operation(
    "POST",
    "/ops/v1/batches",
    summary="Open a batch and get the address its key file is uploaded to",
    headers=("Idempotency-Key",),
    body=BatchIn,
    answer=BatchOut,
    status=201,
    raises=(Invalid, UnknownSku, IdempotencyConflict, NotInGroup),
)
def open_batch(call: Call) -> BatchOut:
    wanted: BatchIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    new = view(NewBatch, wanted)
    batch = batches().open(new, call.idempotency_key(), origin)
    # An import that was broken off takes its file again; it takes no other one.
    return view(BatchOut, batch, upload=None if batch.is_settled else _upload(batch.batch_id))


def _upload(batch_id: str) -> UploadOut:
    url = client("s3").generate_presigned_url(
        "put_object",
        Params={"Bucket": settings().import_bucket, "Key": f"imports/{batch_id}"},
        ExpiresIn=UPLOAD_URL_LIFETIME_S,
    )
    return UploadOut(method="PUT", url=url, expires_at=rfc3339(system_now_ms() + UPLOAD_URL_LIFETIME_S * 1000))


@api.operation(
    "GET",
    "/ops/v1/batches/{batch_id}",
    summary="A batch and its import report",
    answer=BatchOut,
    raises=(BatchNotFound, NotInGroup),
)
def get_batch(call: Call) -> BatchOut:
    allow(call, READ)
    return view(BatchOut, batches().batch(call.path["batch_id"]), upload=None)


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
    return OrderOut.of(order, system_now_ms(), audit().of(f"order:{order.order_id}"))


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
    return OrdersOut(orders=tuple(OrderOut.of(order, system_now_ms(), UNTRACED) for order in found))


def _find(wanted: OrdersQuery) -> list[Order]:
    if wanted.status is not None:
        return orders().with_status(wanted.status, wanted.limit, system_now_ms())
    if wanted.provider and wanted.account and wanted.reference:
        return orders().paid_by(wanted.provider, wanted.account, wanted.reference)
    raise Invalid(FieldError("query", "status_or_provider_account_reference"))


@api.operation(
    "GET",
    "/ops/v1/keys/{key_id}",
    summary="A key behind its mask, with its trace",
    answer=KeyOut,
    raises=(KeyNotFound, NotInGroup),
)
def get_key(call: Call) -> KeyOut:
    allow(call, READ)
    return _traced(batches().key(call.path["key_id"]))


@api.operation(
    "POST",
    "/ops/v1/keys/find",
    summary="The key of a code that somebody presents",
    body=FindKeyIn,
    answer=KeyOut,
    raises=(Invalid, UnknownSku, KeyNotFound, NotInGroup),
)
def find_key(call: Call) -> KeyOut:
    allow(call, READ)
    presented: FindKeyIn = call.body
    return _traced(batches().find(presented.sku_id, presented.code))


def _traced(key: Key) -> KeyOut:
    return KeyOut.of(key, batches().batch(key.batch_id), audit().of(f"key:{key.key_id}"))


@api.operation(
    "GET",
    "/ops/v1/payments/unmatched",
    summary="Verified payments that fit no open attempt, newest first",
    query=LimitQuery,
    answer=UnmatchedPageOut,
    raises=(Invalid, NotInGroup),
)
def list_unmatched(call: Call) -> UnmatchedPageOut:
    allow(call, MONEY)
    page: LimitQuery = call.query
    return UnmatchedPageOut(payments=tuple(view(UnmatchedOut, payment) for payment in desk().waiting(page.limit)))
