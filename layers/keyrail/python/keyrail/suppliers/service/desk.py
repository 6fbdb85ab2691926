"""Where SKUs come from and how their suppliers do, in the operator's hands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from keyrail.catalog.model import Sku, SkuKind
from keyrail.catalog.service import Catalog
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.suppliers.model.breaker import Breaker, Health, closed, new_supplier, opened, switched
from keyrail.suppliers.model.errors import TooManySuppliers, UnknownSourcing, UnknownSupplier
from keyrail.suppliers.model.figures import Tally
from keyrail.suppliers.model.sources import (
    EVERY_KIND,
    KEY_KINDS,
    RECHARGE_KINDS,
    Sold,
    Source,
    SourceKind,
    Sourcing,
    check_sourcing,
    check_supplier_name,
)
from keyrail.suppliers.store import SuppliersStore
from keyrail.vault.codes import OWN_ISSUER

MAX_REWRITES = 5
_DELIVERING = {
    SkuKind.KEY: KEY_KINDS,
    SkuKind.RECHARGE: RECHARGE_KINDS,
    SkuKind.EITHER: EVERY_KIND,
    SkuKind.CHOICE: EVERY_KIND,
}


@dataclass(frozen=True)
class SupplierDesk:
    store: SuppliersStore
    catalog: Catalog
    now_ms: NowMs

    def sourcing(self, sku_id: str) -> Sourcing:
        """Raises UnknownSku, UnknownSourcing."""
        self.catalog.sku(sku_id)
        found = self.store.sourcing(sku_id)
        if found is None:
            raise UnknownSourcing
        return found

    def save_sourcing(self, wanted: Sourcing, origin: Origin) -> Sourcing:
        """Say for the first time, or anew, where a SKU comes from. Raises UnknownSku, Invalid.

        What its price rule withholds stays so, until the rule looks again.
        """
        sku = self.catalog.sku(wanted.sku_id)
        sold = Sold(currency=sku.price.currency, kinds=delivering(sku))
        named = {each.supplier for each in wanted.sources if each.kind.is_bought and each.supplier}
        check_sourcing(wanted, sold, {health.supplier for health in self.store.health_of(sorted(named))})
        for _ in range(MAX_REWRITES):
            standing = self.store.sourcing(wanted.sku_id)
            version = standing.version + 1 if standing else 1
            sources = _withheld_as_before(wanted.sources, standing.sources if standing else ())
            saved = replace(wanted, sources=sources, **stamp(origin, self.now_ms(), version))
            if self.store.put_sourcing(saved):
                return saved
        raise StoreUnavailable

    def suppliers(self) -> list[Health]:
        """All of them, by name."""
        return self.store.all_health()

    def supplier(self, name: str) -> tuple[Health, Tally]:
        """Its health, and how it did in the last day. Raises UnknownSupplier."""
        health = self._health(name)
        return health, self.store.figures(name, self.now_ms())

    def save(self, name: str, origin: Origin, *, disabled: bool) -> Health:
        """Make a supplier known, or keep all units from one, or no longer. Raises Invalid, TooManySuppliers."""
        check_supplier_name(name)
        wanted = replace(new_supplier(name, origin, self.now_ms()), disabled=disabled)
        if self.store.health(name) is None and self.store.add(wanted):
            return wanted
        try:
            return self._move(name, lambda health: _switched(health, origin, self.now_ms(), disabled=disabled))
        except UnknownSupplier:
            raise TooManySuppliers from None

    def set_breaker(self, name: str, breaker: Breaker, origin: Origin) -> Health:
        """Open it, as if the supplier did not answer, or close it, as if it did. Raises UnknownSupplier."""
        if breaker is Breaker.OPEN:
            return self._move(name, lambda health: _opened(health, origin, self.now_ms()))
        return self._move(name, lambda health: _closed(health, origin, self.now_ms()))

    def _move(self, name: str, moved: Callable[[Health], Health]) -> Health:
        """The health as it is then; the very one that stands where nothing has to change."""
        health = self._health(name)
        for _ in range(MAX_REWRITES):
            wanted = moved(health)
            if wanted is health:
                return health
            standing = self.store.move(wanted)
            if standing is None:
                return wanted
            health = standing
        raise StoreUnavailable

    def _health(self, name: str) -> Health:
        health = self.store.health(name)
        if health is None:
            raise UnknownSupplier
        return health


def delivering(sku: Sku) -> frozenset[SourceKind]:
    """The kinds of source that it may have. Nobody else sells codes that we make ourselves; an issuer is fixed for
    good, so what is said here stays true.
    """
    kinds = _DELIVERING[sku.kind]
    return kinds - {SourceKind.KEYS} if sku.issuer == OWN_ISSUER else kinds


def _withheld_as_before(sources: Sequence[Source], before: Sequence[Source]) -> tuple[Source, ...]:
    withheld = {(each.supplier, each.item): each.withheld for each in before if each.kind.is_bought}
    return tuple(replace(each, withheld=withheld.get((each.supplier, each.item))) for each in sources)


def _switched(health: Health, origin: Origin, now_ms: int, *, disabled: bool) -> Health:
    return health if health.disabled is disabled else switched(health, disabled=disabled, origin=origin, now_ms=now_ms)


def _opened(health: Health, origin: Origin, now_ms: int) -> Health:
    is_left = health.breaker is Breaker.OPEN and not health.may_be_probed(now_ms)
    return health if is_left else opened(health, origin, now_ms)


def _closed(health: Health, origin: Origin, now_ms: int) -> Health:
    is_well = health.breaker is Breaker.CLOSED and not health.strain and not health.let_downs and not health.is_full
    return health if is_well else closed(health, origin, now_ms)
