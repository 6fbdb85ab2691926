"""Purchases of keys as the table has them: who may want one, what is left of the budget, and who may ask for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed
from keyrail.platform.errors import IdempotencyConflict
from keyrail.platform.money import Money
from keyrail.suppliers.model import purchases as model
from keyrail.suppliers.model.offers import KnownOffer
from keyrail.suppliers.model.outcomes import Outcome, Success
from keyrail.suppliers.model.purchases import (
    Budget,
    BudgetSpent,
    NoBudget,
    NotOffered,
    Purchase,
    PurchaseNotFound,
    PurchaseRule,
    PurchaseStatus,
    PurchaseUnderWay,
    Resolution,
    Stocked,
    TooManyPurchases,
    pieces_wanted,
    purchase_id,
)
from keyrail.suppliers.store import SuppliersStore
from keyrail.suppliers.supply_store import OF_BUDGET, OF_ITSELF, OF_LIST, SupplyStore

MAX_TRIES = 60  # of adding a purchase while others take from the same budget
MAX_REWRITES = 10
COUNTED_AFTER_MS = 5 * 60 * 1000  # keys that came in are in the stock's figures by then
ASKED_AGAIN_FOR_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, kw_only=True)
class WantedKeys:
    """What an operator wants bought."""

    sku_id: str
    supplier: str
    item: str
    pieces: int
    max_price: Money


@dataclass(frozen=True)
class PurchaseRecords:
    """For whoever only reads them."""

    store: SupplyStore

    def some(self, names: Sequence[str]) -> list[Purchase]:
        """Those of them that there are. Raises StoreUnavailable."""
        return self.store.purchases(names)

    def open(self) -> list[Purchase]:
        """All that are not over. Raises StoreUnavailable."""
        return self.store.open_purchases()


@dataclass(frozen=True)
class Purchases:
    """`zone` is where the business is: a budget's day is meant by it."""

    store: SupplyStore
    suppliers: SuppliersStore
    zone: tzinfo
    now_ms: NowMs

    # how one comes about

    def for_stock(self, sku_id: str, on_hand: int, origin: Origin) -> Purchase | None:
        """What the SKU's rule has bought for so much stock; None if that is nothing.

        Raises PurchaseUnderWay, NotOffered, NoBudget, BudgetSpent, TooManyPurchases, StoreUnavailable.
        """
        rule = self.store.rule(sku_id)
        pieces = pieces_wanted(rule, on_hand) if rule and rule.enabled else 0
        if rule is None or not pieces or self._came_just_now(sku_id):
            return None
        wanted = WantedKeys(
            sku_id=sku_id, supplier=rule.supplier, item=rule.item, pieces=pieces, max_price=rule.max_price
        )
        return self._add(wanted, None, origin, rule.changed_by)

    def _came_just_now(self, sku_id: str) -> bool:
        """Then the stock may not be counted with them yet. A hint: the number tells two apart."""
        latest = self.store.of_sku(sku_id, 1)
        return any(
            each.batch_id is not None and self.now_ms() < each.changed_at_ms + COUNTED_AFTER_MS for each in latest
        )

    def request(self, wanted: WantedKeys, idempotency_key: str, origin: Origin) -> Purchase:
        """The same one again for the same key.

        Raises PurchaseUnderWay, NotOffered, NoBudget, BudgetSpent, TooManyPurchases, IdempotencyConflict,
        StoreUnavailable.
        """
        name = purchase_id(origin.by, "purchase", idempotency_key)
        try:
            standing = self.store.purchase(name)
        except PurchaseNotFound:
            return self._add(wanted, name, origin, None)
        return _same(standing, wanted)

    def _add(self, wanted: WantedKeys, name: str | None, origin: Origin, rule_by: str | None) -> Purchase:
        budget = self.store.budget(wanted.max_price.currency)
        if budget is None:
            raise NoBudget
        offer = self._offer(wanted)
        pieces = wanted.pieces if offer.stock is None or name else min(wanted.pieces, offer.stock)
        wanted = replace(wanted, pieces=pieces)
        for tries in range(MAX_TRIES):
            number, under_way = self.store.latest(wanted.sku_id)
            if under_way is not None and under_way != name:
                raise PurchaseUnderWay
            purchase = self._purchase(wanted, offer, budget, number + 1, name, origin, rule_by)
            try:
                self.store.add_purchase(purchase, budget.a_day.amount_minor)
            except TransactionFailed as refused:
                if OF_ITSELF in refused.failed and name:
                    return _same(self.store.purchase(name), wanted)
                _check_room(refused)
                let_others_go(tries)
            else:
                return purchase
        raise StoreUnavailable

    def _offer(self, wanted: WantedKeys) -> KnownOffer:
        """As the catalogue told of it last. Raises NotOffered, also for a supplier that is kept out by hand."""
        offer = self.store.known([(wanted.supplier, wanted.item)]).get((wanted.supplier, wanted.item))
        health = self.suppliers.health(wanted.supplier)
        if offer is None or health is None or health.disabled or not offer.can_be_had:
            raise NotOffered
        is_dear = offer.price.amount_minor > wanted.max_price.amount_minor
        if offer.price.currency != wanted.max_price.currency or is_dear:
            raise NotOffered
        return offer

    def _purchase(
        self,
        wanted: WantedKeys,
        offer: KnownOffer,
        budget: Budget,
        number: int,
        name: str | None,
        origin: Origin,
        rule_by: str | None,
    ) -> Purchase:
        reserved = wanted.max_price.times(wanted.pieces)
        now_ms = self.now_ms()
        waits = model.needs_second_person(budget, reserved)
        return Purchase(
            purchase_id=name or purchase_id(wanted.sku_id, str(number)),
            sku_id=wanted.sku_id,
            number=number,
            supplier=wanted.supplier,
            item=wanted.item,
            pieces=wanted.pieces,
            price=offer.price,
            max_price=wanted.max_price,
            reserved=reserved,
            day=self._day(now_ms),
            status=PurchaseStatus.AWAITING_APPROVAL if waits else PurchaseStatus.APPROVED,
            requested_by=origin.by,
            rule_by=rule_by,
            created_at_ms=now_ms,
            **stamp(origin, now_ms),
        )

    def today(self) -> str:
        """The day whose budget counts, as an ISO date."""
        return self._day(self.now_ms())

    def _day(self, now_ms: int) -> str:
        return datetime.fromtimestamp(now_ms // 1000, self.zone).date().isoformat()

    # what people decide

    def approve(self, name: str, origin: Origin) -> Purchase:
        """The same again for whoever approved it. Raises PurchaseNotFound, PurchaseDecided, OwnPurchase."""
        standing = self.store.purchase(name)
        if standing.decided_by == origin.by and standing.status is not PurchaseStatus.REJECTED:
            return standing
        return self._change(name, lambda each: model.approved(each, origin, self.now_ms()))

    def reject(self, name: str, origin: Origin) -> Purchase:
        """The same again for whoever rejected it. Raises PurchaseNotFound, PurchaseDecided."""
        standing = self.store.purchase(name)
        if standing.decided_by == origin.by and standing.status is PurchaseStatus.REJECTED:
            return standing
        return self._change(name, lambda each: model.rejected(each, origin, self.now_ms()))

    def resolve(self, name: str, resolution: Resolution, origin: Origin) -> Purchase:
        """Raises PurchaseNotFound, PurchaseDecided."""
        return self._change(
            name, lambda each: model.resolved(each, resolution, ASKED_AGAIN_FOR_MS, origin, self.now_ms())
        )

    # what is heard of it

    def begin(self, purchase: Purchase, settlement_ms: int, origin: Origin) -> Purchase | None:
        """As it is stored now that the caller, and nobody else ever, asks its supplier; None for everybody else.

        Nobody asks a supplier that is kept out by hand: the purchase waits until it is let back, or rejected.

        Raises PurchaseDecided, StoreUnavailable.
        """
        health = self.suppliers.health(purchase.supplier)
        if health is not None and health.disabled:
            return None
        begun = model.begun(purchase, settlement_ms, origin, self.now_ms())
        return begun if self.store.replace_purchase(purchase, begun) else None

    def hear(self, name: str, outcome: Outcome, origin: Origin) -> Purchase:
        return self._change(name, lambda each: model.heard(each, outcome, origin, self.now_ms()))

    def stocked(self, name: str, success: Success, stock: Stocked, origin: Origin) -> Purchase:
        return self._change(name, lambda each: model.stocked(each, success, stock, origin, self.now_ms()))

    def _change(self, name: str, change: Callable[[Purchase], Purchase]) -> Purchase:
        for tries in range(MAX_REWRITES):
            standing = self.store.purchase(name)
            changed = change(standing)
            if changed is standing or self.store.replace_purchase(standing, changed):
                return changed
            let_others_go(tries)
        raise StoreUnavailable

    # what there is

    def find(self, name: str) -> Purchase:
        """Raises PurchaseNotFound."""
        return self.store.purchase(name)

    def open(self) -> list[Purchase]:
        """All that are not over, oldest first."""
        return self.store.open_purchases()

    def of_sku(self, sku_id: str) -> list[Purchase]:
        """The latest, newest first."""
        return self.store.of_sku(sku_id)

    def rule(self, sku_id: str) -> PurchaseRule | None:
        return self.store.rule(sku_id)

    def skus_with_rules(self) -> list[str]:
        return self.store.skus_with_rules()


def _check_room(refused: TransactionFailed) -> None:
    """Raises BudgetSpent, TooManyPurchases; nothing for what may be otherwise the next time."""
    if OF_BUDGET in refused.failed:
        raise BudgetSpent from None
    if OF_LIST in refused.failed:
        raise TooManyPurchases from None


def _same(standing: Purchase, wanted: WantedKeys) -> Purchase:
    """What stands under the name, if it is the same request. Raises IdempotencyConflict."""
    asked = (standing.sku_id, standing.supplier, standing.item, standing.pieces, standing.max_price)
    if asked != (wanted.sku_id, wanted.supplier, wanted.item, wanted.pieces, wanted.max_price):
        raise IdempotencyConflict
    return standing
