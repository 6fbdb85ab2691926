"""A supplier of keys for tests, at the outside port: it keeps its books, and answers as it is told to."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date
from enum import StrEnum
from functools import cached_property
from threading import Lock
from zoneinfo import ZoneInfo

from keyrail.fulfilment.service.purchasing import Purchasing
from keyrail.platform.changes import Origin
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import new_supplier
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import Card, DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from keyrail.suppliers.model.purchases import Purchase
from keyrail.suppliers.model.statements import SupplierLine, SupplierStatementMissing
from keyrail.suppliers.providers import Acknowledgement, Callback, Offer, Placed, Wanted
from keyrail.suppliers.service.accounts import SupplierAccounts
from keyrail.suppliers.service.purchases import Purchases, WantedKeys
from keyrail.suppliers.service.supply_desk import SupplyDesk
from keyrail.suppliers.service.syncing import Guarding, Synced, Syncing
from keyrail.suppliers.supply_store import SupplyStore
from tests.world import BUSINESS_TIME_ZONE, World

HOUSE, ITEM = "house", "card-100"
COST = Money(800, "CNY")
SETTLEMENT_MS = 60 * 60_000


class Plan(StrEnum):
    """What becomes of an order, and what is said of it at first."""

    DONE = "done"
    REFUSED = "refused"
    SLOW = "slow"  # its cards come with the first question
    STUCK = "stuck"  # accepted, and never done
    LOST = "lost"  # done, and the answer is lost
    UNHEARD = "unheard"  # not done, no answer, and nobody there knows of it


@dataclass
class CardHouse:
    """`odd` changes the cards that are told, each time alike; `between` comes before each offer. While it is `silent`
    nobody can ask it anything.
    """

    plans: list[Plan] = field(default_factory=list)
    silent: bool = False
    offers: list[Offer] = field(default_factory=lambda: [Offer(item=ITEM, name="100 points", price=COST, on_sale=True)])
    breaks_after: int | None = None
    between: Callable[[], None] = lambda: None
    takes: Money | None = None
    odd: Callable[[tuple[Card, ...]], tuple[Card, ...]] | None = None
    orders: list[Wanted] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    sold: dict[str, tuple[Card, ...]] = field(default_factory=dict)
    statements: dict[date, list[SupplierLine]] = field(default_factory=dict)
    _accepted: dict[str, tuple[Wanted, Plan]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    acknowledgement = Acknowledgement("ok", "text/plain")
    statement_zone = UTC
    settlement_ms = SETTLEMENT_MS

    def place(self, wanted: Wanted) -> Outcome:
        return DefiniteFailure(said=wanted.item, refusal=Refusal.REFUSED)

    def buy_keys(self, wanted: Wanted) -> Outcome:
        with self._lock:
            self.orders.append(wanted)
            plan = self.plans.pop(0) if self.plans else Plan.DONE
            if plan is Plan.REFUSED:
                return DefiniteFailure(said="1005", refusal=Refusal.SOLD_OUT)
            if plan is Plan.UNHEARD:
                return Unknown(said="no_answer")
            self._accepted[wanted.reference] = wanted, plan
            if plan in {Plan.DONE, Plan.LOST}:
                self._deliver(wanted)
            return Unknown(said="no_answer") if plan is Plan.LOST else self._said(wanted.reference)

    def query(self, placed: Placed) -> Outcome:
        with self._lock:
            self.questions.append(placed.reference)
            if self.silent or placed.reference not in self._accepted:
                return Unknown(said="no_answer")
            if not placed.of_keys or placed.quantity != self._accepted[placed.reference][0].quantity:
                return Unknown(said="another_kind")
            wanted, plan = self._accepted[placed.reference]
            if plan is Plan.SLOW:
                self._deliver(wanted)
            return self._said(placed.reference)

    def _deliver(self, wanted: Wanted) -> None:
        cards = (Card(code=f"{secrets.token_hex(8).upper()}", password="7351") for _ in range(wanted.quantity))
        self.sold.setdefault(wanted.reference, tuple(cards))

    def _said(self, reference: str) -> Outcome:
        wanted, _ = self._accepted[reference]
        cards = self.sold.get(reference)
        if cards is None:
            return Processing(said="2", their_reference=f"S-{reference}")
        told = self.odd(cards) if self.odd else cards
        cost = self.takes or COST.times(wanted.quantity)
        return Success(said="4", their_reference=f"S-{reference}", cost=cost, cards=told)

    def balance(self) -> Money:
        return COST.times(1_000)

    def catalog(self) -> Iterator[Offer]:
        for number, offer in enumerate(self.offers):
            self.between()
            if self.silent or number == self.breaks_after:
                raise SupplierUnavailable
            yield offer

    def statement(self, day: date) -> Iterator[SupplierLine]:
        if day not in self.statements:
            raise SupplierStatementMissing
        return iter(self.statements[day])

    def parse_callback(self, callback: Callback, now_ms: int) -> str:
        raise SignatureInvalid


def accounts(house: CardHouse) -> SupplierAccounts:
    return SupplierAccounts({HOUSE: house})


BOSS = Origin("operator:boss", "192.0.2.2", "test")
BUYER = Origin("operator:buyer", "192.0.2.3", "test")
CLOCK = Origin("system:supply", "test")


@dataclass
class Buying:
    """A process of the shop that buys keys at the house: the use cases, wired as the function wires them."""

    world: World
    house: CardHouse

    @cached_property
    def store(self) -> SupplyStore:
        return SupplyStore(self.world.dynamodb, self.world.names["suppliers"])

    @cached_property
    def purchases(self) -> Purchases:
        return Purchases(self.store, self.world.suppliers, ZoneInfo(BUSINESS_TIME_ZONE), self.world.now_ms)

    @cached_property
    def purchasing(self) -> Purchasing:
        return Purchasing(
            self.purchases, accounts(self.house), self.world.intake, self.world.stock_figures, "https://api.example"
        )

    @cached_property
    def desk(self) -> SupplyDesk:
        return SupplyDesk(self.store, self.world.suppliers, self.world.catalog, self.world.now_ms)

    @cached_property
    def syncing(self) -> Syncing:
        return Syncing(accounts(self.house), self.store, self.world.suppliers, self.world.now_ms)

    @cached_property
    def guarding(self) -> Guarding:
        return Guarding(self.store, self.world.suppliers, self.world.catalog, self.world.now_ms)

    def sync(self) -> Synced:
        return self.syncing.sync(HOUSE, CLOCK)

    def spend(self, a_day_minor: int = 10_000_000, alone_minor: int = 10_000_000) -> None:
        self.desk.save_budget(Money(a_day_minor, "CNY"), Money(alone_minor, "CNY"), BOSS)

    def want(self, sku_id: str, pieces: int = 5, max_price: Money = COST) -> WantedKeys:
        return WantedKeys(sku_id=sku_id, supplier=HOUSE, item=ITEM, pieces=pieces, max_price=max_price)

    def request(self, sku_id: str, pieces: int = 5, key: str | None = None, by: Origin = BUYER) -> Purchase:
        return self.purchases.request(self.want(sku_id, pieces), key or secrets.token_hex(16), by)

    def rule(self, sku_id: str, pieces: int = 5, up_to: int = 100) -> None:
        self.world.suppliers.add(new_supplier(HOUSE, BOSS, self.world.now_ms()))  # unless it is known
        self.desk.save_rule(self.want(sku_id, pieces), up_to=up_to, enabled=True, origin=BOSS)

    def go_on(self, purchase: Purchase) -> Purchase:
        return self.purchasing.go_on(purchase.purchase_id, CLOCK)
