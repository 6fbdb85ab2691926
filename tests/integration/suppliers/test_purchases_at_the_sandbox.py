"""Keys bought for the pool at the sandbox supplier, over HTTP: each magic item comes to its end, ordered once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import pytest

from functions.supplier_sandbox.scenarios import Scenario
from keyrail.fulfilment.service.purchasing import Purchasing
from keyrail.platform.money import Money
from keyrail.suppliers.model.purchases import PurchaseStatus
from keyrail.suppliers.service.accounts import SupplierAccounts
from keyrail.suppliers.service.purchases import WantedKeys
from keyrail.suppliers.service.syncing import Syncing
from tests.card_house import BUYER, CLOCK, Buying, CardHouse
from tests.integration.suppliers.house_street import NAME, Street
from tests.integration.suppliers.test_sandbox_function import built, street
from tests.world import World

__all__ = ["built", "street"]

PIECES = 2
PRICE = Money(9_40, "CNY")
ENDS = {
    **dict.fromkeys(Scenario, PurchaseStatus.STOCKED),
    Scenario.ACCEPT_THEN_FAIL: PurchaseStatus.FAILED,
    Scenario.TIMEOUT_THEN_NOTHING: PurchaseStatus.UNKNOWN,
    Scenario.PARTIAL: PurchaseStatus.UNKNOWN,
    Scenario.PRICE_CHANGED: PurchaseStatus.FAILED,
    Scenario.BALANCE_SHORT: PurchaseStatus.FAILED,
    Scenario.SOLD_OUT: PurchaseStatus.FAILED,
    Scenario.BAD_ACCOUNT: PurchaseStatus.FAILED,
    Scenario.MONEY_KEPT: PurchaseStatus.UNKNOWN,
    Scenario.NEW_WORD: PurchaseStatus.UNKNOWN,
}


@dataclass
class Shop:
    buying: Buying
    purchasing: Purchasing

    def ends(self, street: Street, scenario: Scenario) -> tuple[PurchaseStatus, int]:
        """How a purchase of that magic item ends, and how many keys came into the pool."""
        sku = f"sku-{secrets.token_hex(4)}"
        self.buying.world.stock_up(0, sku)
        item = f"card-10.{scenario}"
        wanted = WantedKeys(sku_id=sku, supplier=NAME, item=item, pieces=PIECES, max_price=PRICE)
        purchase = self.buying.purchases.request(wanted, secrets.token_hex(16), BUYER)
        for _ in range(3):
            purchase = self.purchasing.go_on(purchase.purchase_id, CLOCK)
            street.later(60)
        placed = street.ask("tally", reference=purchase.reference)["placed"]
        assert placed == "1"
        pool = self.buying.world.keys.get_pool(sku)
        return purchase.status, self.buying.world.claims.stock(sku).claimable if pool else 0


@pytest.fixture
def shop(street: Street) -> Shop:
    world = World(street.cloud.client("dynamodb"), street.cloud.client("kms"))
    buying, accounts = Buying(world, CardHouse()), SupplierAccounts({NAME: street.account})
    buying.spend()
    synced = Syncing(accounts, buying.store, world.suppliers, world.now_ms).sync(NAME, CLOCK)
    assert (synced.reached, synced.offers > 100) == (True, True)
    purchasing = Purchasing(buying.purchases, accounts, world.intake, world.stock_figures, street.server.url)
    return Shop(buying, purchasing)


def test_each_magic_item_ends_as_it_is_told_and_is_ordered_once(shop: Shop, street: Street) -> None:
    ends = {scenario: shop.ends(street, scenario) for scenario in Scenario}
    expected = {each: (status, PIECES * (status is PurchaseStatus.STOCKED)) for each, status in ENDS.items()}
    assert ends == expected
