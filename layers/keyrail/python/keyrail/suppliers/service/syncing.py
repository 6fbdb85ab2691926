"""Suppliers' catalogues, prices and balances, as they are looked at on a schedule; and what follows from the prices."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from keyrail.catalog.model import UnknownSku
from keyrail.catalog.service import Catalog
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import new_supplier
from keyrail.suppliers.model.errors import SupplierUnavailable, UnknownSupplier
from keyrail.suppliers.model.guarding import PriceGuard, guarded
from keyrail.suppliers.model.offers import (
    MAX_ITEM_LENGTH,
    MAX_NAME_LENGTH,
    MAX_OFFERS,
    KnownOffer,
    Watch,
    changes,
    looked_at,
    new_watch,
)
from keyrail.suppliers.model.sources import Source, Sourcing
from keyrail.suppliers.providers import Supplier
from keyrail.suppliers.service.accounts import SupplierAccounts
from keyrail.suppliers.store import SuppliersStore
from keyrail.suppliers.supply_store import SupplyStore

MAX_REWRITES = 5
MAX_PARALLEL_WRITES = 8  # a first look at MAX_OFFERS is written in seconds, which the function has behind its look
LOOKS_FOR_MS = 200_000
"""At one catalogue. Its pages may be many and each of them slow, and what it said has to be written down after it."""
BETWEEN_STEPS_MS = 9 * 60_000  # of a price that follows: a step a round, however often it is looked at in between


@dataclass(frozen=True)
class Synced:
    """How it went; `reached` False: what was known before stays. `whole` False: it has more than is looked at."""

    supplier: str
    reached: bool
    offers: int = 0
    changed: int = 0
    whole: bool = True


@dataclass
class Syncing:
    accounts: SupplierAccounts
    supply: SupplyStore
    suppliers: SuppliersStore
    now_ms: NowMs

    def names(self) -> list[str]:
        """Of those that we have an account with, and of those that units are sent to though we have none."""
        used = (each.supplier for each in self.suppliers.all_health() if not each.disabled)
        return sorted({*self.accounts.names(), *used})

    def sync(self, name: str, origin: Origin) -> Synced:
        """The catalogue of one supplier, of which only what changed is written; and whether our balance there does.

        A catalogue that breaks off changes nothing, and one that is too long takes nothing away. Killed half way, it
        goes on there: what is in is no change any more. One that is known and has no account cannot be reached either.
        Raises UnknownSupplier, StoreUnavailable.
        """
        health = self.suppliers.health(name)
        balance = health.balance if health else None
        try:
            supplier = self.accounts.at(name)
        except UnknownSupplier:
            if health is None:
                raise
            self._put_watch(name, balance, None, origin)
            return Synced(name, reached=False)
        if health is None:
            self.suppliers.add(new_supplier(name, origin, self.now_ms()))
        try:
            told = self._told(supplier)
        except SupplierUnavailable:
            self._put_watch(name, balance, None, origin)
            return Synced(name, reached=False)
        whole = len(told) <= MAX_OFFERS
        del told[MAX_OFFERS:]
        changed = changes(self.supply.offers(name), told, whole=whole)
        with ThreadPoolExecutor(MAX_PARALLEL_WRITES, "sync") as writers:
            list(writers.map(partial(self.supply.put_offer, name), changed))
        self._put_watch(name, balance, len(told), origin)
        return Synced(name, reached=True, offers=len(told), changed=len(changed), whole=whole)

    def does_poorly(self, name: str) -> bool:
        """Whether units are sent there, and others are asked before it. Raises StoreUnavailable."""
        health = self.suppliers.health(name)
        return health is not None and not health.disabled and health.does_poorly(self.now_ms())

    def _told(self, supplier: Supplier) -> list[KnownOffer]:
        """Each item once, up to one more than MAX_OFFERS; of several prices the highest, for any of them may be asked.

        Raises SupplierUnavailable, also for what takes too long.
        """
        now_ms, told = self.now_ms(), dict[str, KnownOffer]()
        for offer in supplier.catalog():
            if self.now_ms() > now_ms + LOOKS_FOR_MS:
                raise SupplierUnavailable
            known = told.get(offer.item)
            if not 0 < len(offer.item) <= MAX_ITEM_LENGTH or (known and not _costs_more(offer.price, known.price)):
                continue
            told[offer.item] = KnownOffer(
                item=offer.item,
                name=offer.name[:MAX_NAME_LENGTH],
                price=offer.price,
                on_sale=offer.on_sale,
                stock=offer.stock,
                changed_at_ms=now_ms,
            )
            if len(told) > MAX_OFFERS:
                break
        return list(told.values())

    def _put_watch(self, name: str, balance: Money | None, offers: int | None, origin: Origin) -> Watch:
        for _ in range(MAX_REWRITES):
            now_ms = self.now_ms()
            watch = self.supply.watch(name) or new_watch(name, origin, now_ms)
            changed = looked_at(watch, balance, offers, origin, now_ms)
            if self.supply.put_watch(changed):
                return changed
        raise StoreUnavailable


def _costs_more(price: Money, than: Money) -> bool:
    return price.currency == than.currency and price.amount_minor > than.amount_minor


@dataclass
class Guarding:
    """Price rules, each decided on what stands: the sourcing and the price are replaced under their versions."""

    supply: SupplyStore
    suppliers: SuppliersStore
    catalog: Catalog
    now_ms: NowMs

    def skus(self) -> list[str]:
        """That have a rule."""
        return self.supply.guarded_skus()

    def guard(self, sku_id: str, origin: Origin) -> bool:
        """Whether anything moved. Safe to repeat, after a kill as well. Raises StoreUnavailable."""
        for _ in range(MAX_REWRITES):
            moved = self._guard(sku_id, origin)
            if moved is not None:
                return moved
        raise StoreUnavailable

    def _guard(self, sku_id: str, origin: Origin) -> bool | None:
        """None if somebody changed meanwhile what it was decided on."""
        rule, sourcing = self.supply.guard(sku_id), self.suppliers.sourcing(sku_id)
        if rule is None or sourcing is None:
            return False
        try:
            sku = self.catalog.sku(sku_id)
        except UnknownSku:
            return False
        if rule.enabled and any(each.currency != sku.price.currency for each in rule.amounts()):
            return False
        named = {(each.supplier, each.item) for each in sourcing.sources if each.supplier and each.item}
        has_just_moved = sku.changed_by == origin.by and self.now_ms() < sku.changed_at_ms + BETWEEN_STEPS_MS
        result = guarded(rule, sourcing, sku.price, self.supply.known(named), may_move=not has_just_moved)
        steps: list[Callable[[], bool]] = []
        if result.price != sku.price:
            steps.append(lambda: self.catalog.move_price(sku, result.price, origin))
        if result.sources != sourcing.sources:
            steps.append(lambda: self._move_sources(sourcing, result.sources, origin))
        if result.price.amount_minor < sku.price.amount_minor:
            # A higher price comes before the sources that it lets through, a lower one behind those that it stops.
            steps.reverse()
        if result.withheld != (rule.withheld or {}):
            steps.append(lambda: self._note(rule, result.withheld, origin))
        return bool(steps) if all(step() for step in steps) else None

    def _move_sources(self, standing: Sourcing, sources: tuple[Source, ...], origin: Origin) -> bool:
        changed = replace(standing, sources=sources, **stamp(origin, self.now_ms(), standing.version + 1))
        return self.suppliers.put_sourcing(changed)

    def _note(self, rule: PriceGuard, withheld: dict[str, str], origin: Origin) -> bool:
        now_ms = self.now_ms()
        return self.supply.put_guard(
            replace(rule, withheld=withheld or None, **stamp(origin, now_ms, rule.version + 1))
        )
