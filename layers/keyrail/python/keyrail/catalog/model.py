"""What is sold: products and their SKUs."""

import re
from dataclasses import dataclass
from enum import StrEnum

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import Conflict, FieldError, Invalid, NotFound
from keyrail.platform.money import Money

MAX_QUANTITY_PER_UNIT = 90  # a unit's keys and its order fit into one transaction of 100 writes
DEFAULT_MAX_QUANTITY = 10
DEFAULT_LOW_STOCK = 10

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class SkuKind(StrEnum):
    """How a SKU is delivered."""

    KEY = "key"


class Shelf(StrEnum):
    ON = "on_shelf"
    OFF = "off_shelf"


class UnknownSku(NotFound):
    code = "unknown_sku"
    title = "There is no such SKU in this store."
    title_zh = "商品规格不存在。"


class UnknownProduct(NotFound):
    code = "unknown_product"
    title = "There is no such product in this store."
    title_zh = "商品不存在。"


class NotOnSale(Conflict):
    code = "not_on_sale"
    title = "This SKU is not on sale at the moment."
    title_zh = "该商品暂未上架。"


class FieldFixed(Conflict):
    """A field that other records were built on: a SKU's issuer is part of every fingerprint of its keys, a store and
    a product are where its orders come from.
    """

    code = "field_fixed"
    title = "This cannot be changed any more."
    title_zh = "该字段不可更改。"


@dataclass(frozen=True, kw_only=True)
class Product(Versioned):
    """What a store shows. `product_id` is the merchant's own slug."""

    product_id: str
    store_id: str
    name: str
    name_zh: str | None = None
    description: str | None = None
    shelf: Shelf = Shelf.ON


@dataclass(frozen=True, kw_only=True)
class Sku(Versioned):
    """What is priced, stocked and ordered.

    `issuer` is who redeems the code: two SKUs with one issuer can never hold the same code twice.
    `low_stock` is the number of claimable keys below which the shelf says `low`.
    """

    sku_id: str
    product_id: str
    store_id: str
    name: str
    name_zh: str | None = None
    kind: SkuKind = SkuKind.KEY
    price: Money
    issuer: str
    max_quantity: int = DEFAULT_MAX_QUANTITY
    low_stock: int = DEFAULT_LOW_STOCK
    shelf: Shelf = Shelf.ON


def check_slug(field: str, value: str) -> str:
    """Raises Invalid unless `value` is lower-case letters, digits and dashes, at most 63 characters."""
    if not _SLUG.fullmatch(value):
        raise Invalid(FieldError(field, "not_a_slug"))
    return value


def events_between(old: Product | Sku | None, new: Product | Sku | None) -> list[Event]:
    if new is None:
        return []
    what, subject = ("sku", new.sku_id) if isinstance(new, Sku) else ("product", new.product_id)
    happened = "created" if old is None else "changed"
    data: dict[str, object] = {"store_id": new.store_id, "shelf": new.shelf}
    if isinstance(new, Sku):
        data["price"] = new.price.plain()
    return [Event(f"{what}.{happened}", f"{what}:{subject}", data)]
