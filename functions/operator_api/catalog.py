"""Products and SKUs."""

from functions.operator_api.access import READ, STOCK, NotInGroup, allow
from functions.operator_api.app import api, catalog, keys, settings
from functions.operator_api.schemas.catalog import ProductIn, ProductOut, SkuDetails, SkuIn, SkuOut
from functions.operator_api.schemas.terms import TermsOut
from keyrail.catalog.model import CodeFormat, FieldFixed, Product, Sku, UnknownProduct, UnknownSku, check_slug
from keyrail.inventory.service.claims import Claims
from keyrail.platform.changes import stamp
from keyrail.platform.clock import system_now_ms
from keyrail.platform.documents import view
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call


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
        code_format=view(CodeFormat, wanted.code_format),
        terms=wanted.terms.terms() if wanted.terms else None,
        account_fields=tuple(field.field() for field in wanted.account_fields or ()) or None,
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
    details = view(SkuDetails, sku, terms=TermsOut.of(sku.terms))
    return SkuOut(sku=details, stock=Claims(keys(), system_now_ms).stock(sku.sku_id))
