"""Keys on their way from a supplier into the pool: bought once, and all of them in stock, whatever breaks."""

import secrets

from keyrail.suppliers.model.purchases import PurchaseStatus
from tests.card_house import BOSS, COST, Buying, CardHouse, Plan
from tests.faults.use_cases.case import Case, expect, stocked
from tests.world import World

PIECES = 2


def _shop(world: World) -> tuple[CardHouse, str]:
    """A house that the shop buys at, and a SKU with one key; all fingerprints have their key."""
    house = CardHouse()
    sku, _ = stocked(world, 1)
    buying = Buying(world, house)
    buying.sync()
    if buying.store.budget("CNY") is None:
        buying.spend()
    return house, sku


def _case(world: World, plan: Plan) -> Case:
    house, sku = _shop(world)
    house.plans = [plan]
    purchase = Buying(world, house).request(sku, PIECES)
    name, codes = purchase.purchase_id, list[str]()
    if plan is not Plan.DONE:
        Buying(world, house).go_on(purchase)

    def go_on(process: World) -> None:
        Buying(process, house).purchasing.go_on(name, BOSS)

    def rounds(process: World) -> None:
        for _ in range(2):
            go_on(process)

    def check(world: World) -> None:
        buying = Buying(world, house)
        codes.extend(card.code for card in house.sold.get(purchase.reference, ()))
        over = buying.purchases.find(name)
        expect([each.reference for each in house.orders] in ([], [purchase.reference]), "asked for twice")
        expect(len(codes) in {0, PIECES}, "sold twice")
        expect(over.status is PurchaseStatus.STOCKED or not house.orders, f"left {over.status}")
        mine = [key for key in world.stored_keys() if key.batch_id == over.batch_id]
        expect(len(mine) == len(codes), "other keys in stock than were bought")
        expect(world.claims.stock(sku).claimable == 1 + len(codes), "bought and not for sale")

    return Case(go_on, check, codes, [], afterwards=rounds)


def keys_that_are_bought(world: World) -> Case:
    return _case(world, Plan.DONE)


def keys_that_are_told_when_they_are_asked_about(world: World) -> Case:
    return _case(world, Plan.LOST)


def purchase_that_is_requested_by_name(world: World) -> Case:
    house, sku = _shop(world)
    name = secrets.token_hex(16)

    def request(process: World) -> None:
        Buying(process, house).request(sku, PIECES, name)

    def check(world: World) -> None:
        buying = Buying(world, house)
        made = buying.purchases.of_sku(sku)
        expect(len(made) == 1, "not one purchase")
        expect(buying.store.spent("CNY", made[0].day) % COST.times(PIECES).amount_minor == 0, "reserved in part")
        expect(made[0] in buying.purchases.open(), "nobody goes on with it")

    return Case(request, check, [], [])


USE_CASES = (keys_that_are_bought, keys_that_are_told_when_they_are_asked_about, purchase_that_is_requested_by_name)
