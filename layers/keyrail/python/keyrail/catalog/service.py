"""The shelf as buyers see it, and the catalog in the operator's hands."""

from dataclasses import dataclass, replace
from typing import TypeVar

from keyrail.catalog.model import IssuerFixed, NotOnSale, Product, Shelf, Sku, UnknownProduct, UnknownSku
from keyrail.catalog.store import CatalogStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import FieldError, Invalid

MAX_REWRITES = 5

Item = TypeVar("Item", Product, Sku)


@dataclass(frozen=True)
class Listing:
    """A product with its SKUs."""

    product: Product
    skus: tuple[Sku, ...]


@dataclass
class Catalog:
    store: CatalogStore
    now_ms: NowMs

    def sku(self, sku_id: str) -> Sku:
        """Raises UnknownSku."""
        sku = self.store.sku(sku_id)
        if sku is None:
            raise UnknownSku
        return sku

    def sku_on_sale(self, store_id: str, sku_id: str) -> Sku:
        """Raises UnknownSku (also for another store's SKU), NotOnSale."""
        sku = self.sku(sku_id)
        if sku.store_id != store_id:
            raise UnknownSku
        if sku.shelf is not Shelf.ON:
            raise NotOnSale
        return sku

    def shelf(self, store_id: str, limit: int, after: str | None) -> tuple[list[Listing], str | None]:
        """A page of what the store shows, at most `limit` SKUs and products together, and where the next begins."""
        items, last = self.store.listing(store_id, limit, after)
        return self._grouped(items), last

    def product_on_shelf(self, store_id: str, product_id: str) -> Listing:
        """Raises UnknownProduct."""
        found = self._grouped(self.store.product_listing(store_id, product_id))
        if not found:
            raise UnknownProduct
        return found[0]

    def _grouped(self, items: list[Product | Sku]) -> list[Listing]:
        listings: dict[str, Listing] = {}
        for item in items:
            if isinstance(item, Product):
                listings[item.product_id] = Listing(item, ())
            elif item.shelf is Shelf.ON:
                # A page may begin between a product and its SKUs.
                known = listings.get(item.product_id)
                product = known.product if known else self.product(item.product_id)
                listings[item.product_id] = Listing(product, (*(known.skus if known else ()), item))
        return [listing for listing in listings.values() if listing.product.shelf is Shelf.ON and listing.skus]

    def product(self, product_id: str) -> Product:
        """Raises UnknownProduct."""
        product = self.store.product(product_id)
        if product is None:
            raise UnknownProduct
        return product

    def save_product(self, product: Product, origin: Origin) -> Product:
        """Create it or replace what stands under its id."""
        return self._save(product, self.store.product(product.product_id), origin)

    def save_sku(self, sku: Sku, origin: Origin) -> Sku:
        """Create it or replace what stands under its id. Raises UnknownProduct, Invalid, IssuerFixed."""
        if sku.price.amount_minor < 1:
            raise Invalid(FieldError("price.amount_minor", "below_one"))
        if self.product(sku.product_id).store_id != sku.store_id:
            raise UnknownProduct
        standing = self.store.sku(sku.sku_id)
        if standing is not None and standing.issuer != sku.issuer:
            raise IssuerFixed
        return self._save(sku, standing, origin)

    def _save(self, item: Item, standing: Item | None, origin: Origin) -> Item:
        version = standing.version + 1 if standing else 1
        for number in range(version, version + MAX_REWRITES):
            stored = replace(item, **stamp(origin, self.now_ms(), number))
            if self.store.put(stored):
                return stored
        raise StoreUnavailable
