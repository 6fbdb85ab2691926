"""A shop that sells recharges, and what a workflow does for each of them, without one."""

import secrets
from typing import Any

from keyrail.catalog.account_fields import AccountField, FieldKind
from keyrail.catalog.model import Product, Sku, SkuKind
from keyrail.fulfilment.service.recharging import Next, Turn
from keyrail.ordering.model.orders import Line, Unit
from keyrail.ordering.service.checkout import Placed
from keyrail.platform.changes import stamp
from keyrail.suppliers.model.breaker import new_supplier
from keyrail.suppliers.model.sources import Source, SourceKind, Sourcing
from tests.supplier import COST, ITEM, Wholesaler
from tests.world import OPERATOR, PRICE, SYSTEM, World

PHONE = "13800138000"
PHONE_FIELD = (AccountField(name="phone", label="Phone", kind=FieldKind.PHONE),)
PATIENCE = 200
BEGIN = Next(Turn.PLACE)


def recharge(name: str, **fields: Any) -> Source:
    """A source at the supplier of that name."""
    return Source(source_id=name, kind=SourceKind.RECHARGE, supplier=name, item=ITEM, cost=COST, **fields)


def keys_of(name: str, **fields: Any) -> Source:
    """The same, which sells keys."""
    return Source(source_id=name, kind=SourceKind.KEYS, supplier=name, item=ITEM, cost=COST, **fields)


MANUAL = Source(source_id="manual", kind=SourceKind.MANUAL, priority=900)
POOL = Source(source_id="pool", kind=SourceKind.POOL)


def sell(world: World, *sources: Source, kind: SkuKind = SkuKind.RECHARGE, **plans: Any) -> str:
    """A SKU with these sources; suppliers that are new answer as `plans` say, a list by their name. Returns its id."""
    now, sku_id = stamp(OPERATOR, world.now_ms()), f"phone-{secrets.token_hex(6)}"
    world.catalog.save_product(Product(product_id="phone", store_id="main", name="Phone", **now), OPERATOR)
    sku = Sku(
        sku_id=sku_id,
        product_id="phone",
        store_id="main",
        name="10 yuan",
        price=PRICE,
        issuer=None if kind is SkuKind.RECHARGE else "phone",
        kind=kind,
        account_fields=None if kind is SkuKind.KEY else PHONE_FIELD,
        **now,
    )
    world.catalog.save_sku(sku, OPERATOR)
    for name in (each.supplier for each in sources if each.supplier):
        world.wholesalers.setdefault(name, Wholesaler(plans=plans.get(name, [])))
        world.suppliers.add(new_supplier(name, OPERATOR, world.now_ms()))
    if sources:
        assert world.suppliers.put_sourcing(Sourcing(sku_id=sku_id, sources=sources, **now))
    return sku_id


def buy(world: World, *sku_ids: str, quantity: int = 1, account: bool = True) -> Placed:
    """An order of these that is paid; without an account it is of keys."""
    to = {"phone": PHONE} if account else None
    lines = tuple(Line(sku_id, quantity, recharge_account=to) for sku_id in sku_ids)
    placed = world.order(lines=lines)
    world.pay(placed.attempt)
    return placed


def unit_of(world: World, placed: Placed, number: int = 0) -> Unit:
    return world.orders.of_operator(placed.order.order_id).units[number]


def take(process: World, order_id: str, unit_id: str, turn: Turn) -> Next:
    """One step."""
    step = process.recharging.ask if turn is Turn.ASK else process.recharging.place
    return step(order_id, unit_id, SYSTEM)


def run(process: World, order_id: str, unit_id: str, following: Next = BEGIN) -> Turn:
    """Step after step, as the workflow takes them, until there is none any more; waits are over at once."""
    for _ in range(PATIENCE):
        if following.turn not in {Turn.PLACE, Turn.WAIT, Turn.ASK}:
            return following.turn
        process.ahead_ms += following.wait_s * 1000
        following = take(process, order_id, unit_id, following.turn)
    raise AssertionError("a workflow without an end")


def supplied(world: World, placed: Placed, number: int = 0) -> Turn:
    return run(world, placed.order.order_id, unit_of(world, placed, number).unit_id)
