"""A supplier's price that has risen, on its way through the catalogue to the SKU's sources and its price."""

import secrets

from keyrail.platform.changes import stamp
from keyrail.platform.money import Money
from keyrail.suppliers.model.guarding import GuardMode, PriceGuard
from keyrail.suppliers.model.sources import Source, SourceKind, Sourcing
from keyrail.suppliers.providers import Offer
from tests.card_house import BOSS, CLOCK, HOUSE, Buying, CardHouse
from tests.faults.use_cases.case import Case, expect, stocked
from tests.world import PRICE, World

MARGIN, STEP = Money(100, "CNY"), Money(50, "CNY")
BEFORE, ASKED = (Money(PRICE.amount_minor - MARGIN.amount_minor + risen, "CNY") for risen in (0, 70))


def a_price_that_follows_its_supplier(world: World) -> Case:
    """By one step, which is not as far as the supplier has gone: so that its source stands aside until the next one."""
    house, item = CardHouse(), f"card-{secrets.token_hex(6)}"
    sku_id, codes = stocked(world, 1)
    house.offers.append(Offer(item=item, name=item, price=ASKED, on_sale=True))
    source = Source(source_id="house", kind=SourceKind.KEYS, supplier=HOUSE, item=item, cost=BEFORE)
    now = stamp(BOSS, world.now_ms())
    expect(world.suppliers.put_sourcing(Sourcing(sku_id=sku_id, sources=(source,), **now)), "not arranged")
    rule = PriceGuard(sku_id=sku_id, mode=GuardMode.FOLLOW, margin=MARGIN, max_step=STEP, ceiling=PRICE.times(2), **now)
    Buying(world, house).desk.save_guard(rule, BOSS)

    def go_round(process: World) -> None:
        buying = Buying(process, house)
        buying.sync()
        buying.guarding.guard(sku_id, CLOCK)

    def check(world: World) -> None:
        sourcing, rule = world.suppliers.sourcing(sku_id), Buying(world, house).store.guard(sku_id)
        expect(sourcing is not None and rule is not None, "gone")
        if sourcing is not None and rule is not None:
            (found,) = sourcing.sources
            expect((found.cost, found.withheld) == (ASKED, "too_dear"), "sold for less than its margin")
            expect(rule.withheld == {"house": "too_dear"}, "withheld, and nobody is told")
        expect(world.catalog.sku(sku_id).price == PRICE + STEP, "another price than by one step")

    return Case(go_round, check, codes, [], afterwards=go_round)


USE_CASES = (a_price_that_follows_its_supplier,)
