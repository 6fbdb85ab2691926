"""The `catalog` table: products and SKUs. Nobody else talks to it."""

from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.catalog.model import Issuer, Product, Sku
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Table

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BY_LISTING = "by_listing"
_BEHIND_SKUS = "~"  # sorts behind every character of a slug
_PRODUCT, _SKU, _ISSUER = "product", "sku", "issuer"


class CatalogItem(Model):
    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    listing = UnicodeAttribute()
    listing_order = UnicodeAttribute()
    version = IntegerAttribute()


class CatalogStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._table = Table(client, table_name)

    def sku(self, sku_id: str) -> Sku | None:
        attributes = self._table.get(pk=f"sku#{sku_id}", sk=_SKU)
        return from_attributes(Sku, attributes) if attributes else None

    def product(self, product_id: str) -> Product | None:
        attributes = self._table.get(pk=f"product#{product_id}", sk=_PRODUCT)
        return from_attributes(Product, attributes) if attributes else None

    def put(self, item: Product | Sku) -> bool:
        """Store the first or next version; False if somebody else stored one meanwhile."""
        if isinstance(item, Sku):
            pk, sk, order = f"sku#{item.sku_id}", _SKU, f"{item.product_id}#{_SKU}#{item.sku_id}"
        else:
            pk, sk, order = f"product#{item.product_id}", _PRODUCT, f"{item.product_id}#"
        first = item.version == 1
        condition = CatalogItem.pk.does_not_exist() if first else CatalogItem.version == item.version - 1
        try:
            self._table.send(self._table.put(item, condition, pk=pk, sk=sk, listing=item.store_id, listing_order=order))
        except ConditionFailed:
            return False
        return True

    def add_issuer(self, issuer: Issuer) -> Issuer:
        """The first one stored stays; returns the one that stands."""
        pk = f"issuer#{issuer.issuer_id}"
        return self._table.put_first(issuer, CatalogItem.pk.does_not_exist(), pk=pk, sk=_ISSUER) or issuer

    def issuer(self, issuer_id: str) -> Issuer | None:
        attributes = self._table.get(pk=f"issuer#{issuer_id}", sk=_ISSUER)
        return from_attributes(Issuer, attributes) if attributes else None

    def listing(self, store_id: str, limit: int, after: str | None) -> tuple[list[Product | Sku], str | None]:
        """A page of the store's products, each followed by all of its SKUs, from the listing order `after` on.

        The SKUs of its last product come in addition to `limit`.
        """
        condition = CatalogItem.listing == store_id
        if after is not None:
            condition &= CatalogItem.listing_order > after
        page = self._table.query(condition, index=BY_LISTING, limit=limit)
        items, last = page.items, None
        if page.last_key:
            reached = items[-1]["listing_order"]["S"]
            last = f"{reached.partition('#')[0]}#{_BEHIND_SKUS}"
            behind = CatalogItem.listing_order.between(f"{reached}#", last)
            rest = (CatalogItem.listing == store_id) & behind
            items = [*items, *self._table.query_all(rest, index=BY_LISTING)]
        return [_item(attributes) for attributes in items], last

    def product_listing(self, store_id: str, product_id: str) -> list[Product | Sku]:
        here = (CatalogItem.listing == store_id) & CatalogItem.listing_order.startswith(f"{product_id}#")
        return [_item(attributes) for attributes in self._table.query_all(here, index=BY_LISTING)]


def _item(attributes: Attributes) -> Product | Sku:
    if attributes["sk"]["S"] == _SKU:
        return from_attributes(Sku, attributes)
    return from_attributes(Product, attributes)
