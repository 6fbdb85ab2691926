"""Supply in the operator's hands: what is looked after, what is bought by itself, and for how much."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from keyrail.catalog.service import Catalog
from keyrail.platform.changes import Origin, Versioned, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import MINOR_DIGITS, Money
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.guarding import MAX_GUARDS, NoGuard, PriceGuard, TooManyGuards, WrongCurrency, check_guard
from keyrail.suppliers.model.offers import KnownOffer, Watch, new_watch, watched
from keyrail.suppliers.model.purchases import (
    MAX_PIECES,
    MAX_RULES,
    Budget,
    NoBudget,
    NoRule,
    PurchaseRule,
    TooManyRules,
)
from keyrail.suppliers.model.sources import ITEM_NAME
from keyrail.suppliers.service.purchases import WantedKeys
from keyrail.suppliers.store import SuppliersStore
from keyrail.suppliers.supply_store import SupplyStore

MAX_REWRITES = 5

Item = TypeVar("Item", bound=Versioned)


@dataclass(frozen=True)
class SupplyDesk:
    store: SupplyStore
    suppliers: SuppliersStore
    catalog: Catalog
    now_ms: NowMs

    # suppliers' balances and catalogues

    def watch(self, supplier: str, origin: Origin) -> Watch:
        """Raises UnknownSupplier."""
        standing = self.store.watch(supplier)
        if standing is None and self.suppliers.health(supplier) is None:
            raise UnknownSupplier
        return standing or new_watch(supplier, origin, self.now_ms())

    def set_threshold(self, supplier: str, threshold: Money | None, origin: Origin) -> Watch:
        """Below which what we have with the supplier is too little. None: nobody wants to know.

        Raises UnknownSupplier.
        """
        for _ in range(MAX_REWRITES):
            changed = watched(self.watch(supplier, origin), threshold, origin, self.now_ms())
            if self.store.put_watch(changed):
                return changed
        raise StoreUnavailable

    def offers(self, supplier: str, limit: int, behind: str | None) -> tuple[list[KnownOffer], str | None]:
        """A page by item, from `behind` one on, and behind which the next begins. Raises UnknownSupplier."""
        found, following = self.store.offers_page(supplier, limit, behind)
        if not found and self.suppliers.health(supplier) is None:
            raise UnknownSupplier
        return found, following

    # price rules

    def guard(self, sku_id: str) -> PriceGuard:
        """Raises UnknownSku, NoGuard."""
        self.catalog.sku(sku_id)
        guard = self.store.guard(sku_id)
        if guard is None:
            raise NoGuard
        return guard

    def save_guard(self, wanted: PriceGuard, origin: Origin) -> PriceGuard:
        """Raises UnknownSku, Invalid, WrongCurrency, TooManyGuards."""
        check_guard(wanted)
        price = self.catalog.sku(wanted.sku_id).price
        if any(each.currency != price.currency for each in wanted.amounts()):
            raise WrongCurrency

        def next_one(standing: PriceGuard | None) -> PriceGuard:
            return replace(wanted, withheld=standing.withheld if standing else None)

        saved = self._save(lambda: self.store.guard(wanted.sku_id), next_one, self.store.put_guard, origin)
        if saved is None and len(self.store.guarded_skus()) >= MAX_GUARDS:
            raise TooManyGuards
        return _stored(saved)

    # purchases

    def rule(self, sku_id: str) -> PurchaseRule:
        """Raises UnknownSku, NoRule."""
        self.catalog.sku(sku_id)
        rule = self.store.rule(sku_id)
        if rule is None:
            raise NoRule
        return rule

    def save_rule(self, wanted: WantedKeys, *, up_to: int, enabled: bool, origin: Origin) -> PurchaseRule:
        """Raises UnknownSku, Invalid, TooManyRules."""
        self.catalog.sku(wanted.sku_id)
        check_wanted(wanted)
        if self.suppliers.health(wanted.supplier) is None:
            raise Invalid(FieldError("supplier", "unknown"))
        rule = PurchaseRule(
            sku_id=wanted.sku_id,
            supplier=wanted.supplier,
            item=wanted.item,
            pieces=wanted.pieces,
            up_to=up_to,
            max_price=wanted.max_price,
            enabled=enabled,
            **stamp(origin, self.now_ms()),
        )
        saved = self._save(lambda: self.store.rule(wanted.sku_id), lambda _: rule, self.store.put_rule, origin)
        if saved is None and len(self.store.skus_with_rules()) >= MAX_RULES:
            raise TooManyRules
        return _stored(saved)

    def budget(self, currency: str) -> Budget:
        """Raises NoBudget."""
        budget = self.store.budget(currency)
        if budget is None:
            raise NoBudget
        return budget

    def save_budget(self, a_day: Money, alone: Money, origin: Origin) -> Budget:
        """Raises Invalid."""
        if a_day.currency != alone.currency:
            raise Invalid(FieldError("alone.currency", "not_that_of_a_day"))
        budget = Budget(a_day=a_day, alone=alone, **stamp(origin, self.now_ms()))
        currency = a_day.currency
        return _stored(self._save(lambda: self.store.budget(currency), lambda _: budget, self.store.put_budget, origin))

    def spent(self, currency: str, day: str) -> Money:
        return Money(self.store.spent(currency, day), currency)

    def _save(
        self,
        read: Callable[[], Item | None],
        next_one: Callable[[Item | None], Item],
        put: Callable[[Item], bool],
        origin: Origin,
    ) -> Item | None:
        """None if it would not go in."""
        for _ in range(MAX_REWRITES):
            standing = read()
            version = standing.version + 1 if standing else 1
            stored = replace(next_one(standing), **stamp(origin, self.now_ms(), version))
            if put(stored):
                return stored
        return None


def currency_named(name: str) -> str:
    """Raises Invalid for one that we do not deal in."""
    if name not in MINOR_DIGITS:
        raise Invalid(FieldError("currency", "unknown"))
    return name


def check_wanted(wanted: WantedKeys) -> None:
    """Raises Invalid."""
    wrong = []
    if not 1 <= wanted.pieces <= MAX_PIECES:
        wrong.append(FieldError("pieces", f"not_between_1_and_{MAX_PIECES}"))
    if not ITEM_NAME.fullmatch(wanted.item):
        wrong.append(FieldError("item", "not_the_name_of_an_item"))
    if wanted.max_price.amount_minor < 1:
        wrong.append(FieldError("max_price.amount_minor", "below_one"))
    if wrong:
        raise Invalid(*wrong)


def _stored(saved: Item | None) -> Item:
    """Raises StoreUnavailable."""
    if saved is None:
        raise StoreUnavailable
    return saved
