"""The shelf as buyers see it, and the catalog in the operator's hands."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from keyrail.catalog.model import (
    FieldFixed,
    Issuer,
    NotOnSale,
    Product,
    Shelf,
    Sku,
    UnknownProduct,
    UnknownSku,
    check_code_format,
    check_code_prefix,
    check_kind,
    check_slug,
    check_terms,
)
from keyrail.catalog.store import CatalogStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money
from keyrail.platform.patterns import is_pattern

MAX_REWRITES = 5
PRODUCT_CACHE_MS = 2_000
MAX_REMEMBERED_PRODUCTS = 1_000
MAX_REMEMBERED_ISSUERS = 1_000

Item = TypeVar("Item", Product, Sku)


@dataclass(frozen=True)
class Listing:
    """A product with its SKUs."""

    product: Product
    skus: tuple[Sku, ...]


@dataclass
class Catalog:
    """Remembers products for seconds while it sells; a SKU and its price are always read."""

    store: CatalogStore
    now_ms: NowMs
    _products: dict[str, tuple[int, Product | None]] = field(default_factory=dict)
    _issuers: dict[str, Issuer] = field(default_factory=dict)

    def sku(self, sku_id: str) -> Sku:
        """Raises UnknownSku."""
        sku = self.store.sku(sku_id)
        if sku is None:
            raise UnknownSku
        return sku

    def sku_on_sale(self, store_id: str, sku_id: str) -> Sku:
        """Raises UnknownSku (also for another store's SKU), NotOnSale (also if its product is off the shelf)."""
        sku = self.sku(sku_id)
        if sku.store_id != store_id:
            raise UnknownSku
        product = self._remembered(sku.product_id)
        if sku.shelf is not Shelf.ON or product is None or product.shelf is not Shelf.ON:
            raise NotOnSale
        return sku

    def _remembered(self, product_id: str) -> Product | None:
        now_ms = self.now_ms()
        known = self._products.get(product_id)
        if known is None or now_ms - known[0] >= PRODUCT_CACHE_MS:
            known = (now_ms, self.store.product(product_id))
            if len(self._products) >= MAX_REMEMBERED_PRODUCTS:
                self._products.clear()
            self._products[product_id] = known
        return known[1]

    def issuer(self, issuer_id: str) -> Issuer | None:
        """Remembered for good, since an issuer never changes; what is none is asked for again each time."""
        known = self._issuers.get(issuer_id) or self.store.issuer(issuer_id)
        if known is not None and len(self._issuers) < MAX_REMEMBERED_ISSUERS:
            self._issuers[issuer_id] = known
        return known

    def shelf(self, store_id: str, limit: int, after: str | None) -> tuple[list[Listing], str | None]:
        """A page of what the store shows, and where the next begins: about `limit` SKUs and products together, since a
        product is on one page with all of its SKUs.
        """
        items, last = self.store.listing(store_id, limit, after)
        return self._grouped(items), last

    def product_on_shelf(self, store_id: str, product_id: str) -> Listing:
        """Raises UnknownProduct, also for what is no slug and so can name none."""
        try:
            check_slug("product_id", product_id)
        except Invalid:
            raise UnknownProduct from None
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
                # The index may show a SKU before its product.
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
        """Create it or replace what stands under its id. Raises FieldFixed."""

        def next_version(standing: Product | None) -> Product:
            _check_fixed(standing, product, "store_id")
            return product

        return self._save(next_version, lambda: self.store.product(product.product_id), origin)

    def save_sku(self, sku: Sku, origin: Origin) -> Sku:
        """Create it or replace what stands under its id. Raises UnknownProduct, Invalid, FieldFixed."""
        if sku.price.amount_minor < 1:
            raise Invalid(FieldError("price.amount_minor", "below_one"))
        if sku.pick_fee is not None and sku.pick_fee.currency != sku.price.currency:
            raise Invalid(FieldError("pick_fee.currency", "not_that_of_price"))
        check_code_format(sku.code_format, is_pattern=is_pattern)
        check_code_prefix(sku.code_prefix)
        check_kind(sku, is_pattern=is_pattern)
        if sku.terms is not None:
            check_terms(sku.terms)
        if self.product(sku.product_id).store_id != sku.store_id:
            raise UnknownProduct

        def next_version(standing: Sku | None) -> Sku:
            _check_fixed(standing, sku, "store_id", "product_id")
            if standing is not None and standing.issuer is not None:
                _check_fixed(standing, sku, "issuer", "case_sensitive")
            if sku.issuer is not None:
                self._check_issuer(sku, sku.issuer, origin)
            return sku

        return self._save(next_version, lambda: self.store.sku(sku.sku_id), origin)

    def move_price(self, sku: Sku, price: Money, origin: Origin) -> bool:
        """Another price for the SKU as it was read; False if it changed meanwhile. Raises Invalid."""
        if price.amount_minor < 1:
            raise Invalid(FieldError("price.amount_minor", "below_one"))
        return self.store.put(replace(sku, price=price, **stamp(origin, self.now_ms(), sku.version + 1)))

    def _check_issuer(self, sku: Sku, issuer_id: str, origin: Origin) -> None:
        """The first SKU of an issuer fixes the rule of case for all its codes, even if its own save then fails."""
        wanted = Issuer(issuer_id=issuer_id, case_sensitive=sku.case_sensitive, **stamp(origin, self.now_ms()))
        if self.store.add_issuer(wanted).case_sensitive != sku.case_sensitive:
            raise FieldFixed(FieldError("code_format.case_sensitive", "fixed_for_the_issuer"))

    def _save(
        self, next_version: Callable[[Item | None], Item], read: Callable[[], Item | None], origin: Origin
    ) -> Item:
        """Whoever stored a version meanwhile is read again, so that what may not change is checked against it."""
        for _ in range(MAX_REWRITES):
            standing = read()
            version = standing.version + 1 if standing else 1
            stored = replace(next_version(standing), **stamp(origin, self.now_ms(), version))
            if self.store.put(stored):
                return stored
        raise StoreUnavailable


def _check_fixed(standing: Product | Sku | None, wanted: Product | Sku, *names: str) -> None:
    changed = [name for name in names if standing is not None and getattr(standing, name) != getattr(wanted, name)]
    if changed:
        raise FieldFixed(*(FieldError(name, "fixed") for name in changed))
