"""Of all who would ask a supplier for a unit, on the engine: whoever stored that they would does, and nobody else."""

from contextlib import suppress

import pytest

from keyrail.fulfilment.service.recharging import Turn
from keyrail.inventory.model.keys import SoldOut
from keyrail.ordering.model.orders import UnitStatus
from keyrail.suppliers.model.breaker import FIRST_OPEN_MS, opened
from tests.engines import Engine
from tests.faults.breaking import Killed, Way, Wire
from tests.racing import at_once
from tests.recharging import buy, recharge, sell, supplied, unit_of
from tests.supplier import Plan
from tests.world import SYSTEM, World

pytestmark = pytest.mark.usefixtures("kept_books", "kept_promises")
RACERS = 8


def test_many_steps_at_once_ask_one_supplier_once(world: World) -> None:
    world.stock_up(1)
    placed = buy(world, sell(world, recharge("first"), recharge("second")))
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id
    at_once([lambda: world.another_process().recharging.place(order_id, unit_id, SYSTEM)] * RACERS)
    assert supplied(world, placed) is Turn.DONE
    assert sum(len(each.placed) for each in world.wholesalers.values()) == 1


@pytest.mark.parametrize("overtaken_at", ["PutItem", "TransactWriteItems"])
def test_whoever_is_overtaken_asks_nobody_and_leaves_the_quota_to_who_was_faster(
    world: World, engine: Engine, overtaken_at: str
) -> None:
    """At the order; or at the quota, and they have not heard of that supplier yet."""
    sku_id = sell(world, recharge("first", quota=1), first=[Plan.UNHEARD])
    placed = buy(world, sku_id)
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id
    slow = world.another_process(engine.dynamodb())
    slow.wholesalers = world.wholesalers if overtaken_at == "PutItem" else {}
    faster = [world.another_process()]

    def overtake(**_: object) -> None:
        while faster:
            faster.pop().recharging.place(order_id, unit_id, SYSTEM)

    slow.dynamodb.meta.events.register_first(f"before-send.dynamodb.{overtaken_at}", overtake)
    assert slow.recharging.place(order_id, unit_id, SYSTEM).turn is Turn.ASK
    assert (faster, len(world.wholesalers["first"].placed)) == ([], 1)
    with pytest.raises(SoldOut):
        buy(world, sku_id)


def first_write(world: World, engine: Engine) -> int:
    """Which of the requests of placing a unit it is that puts on record who asks."""
    placed, clean = buy(world, sell(world, recharge("first"))), Wire()
    process = world.another_process(engine.dynamodb())
    with clean.carrying(process.dynamodb):
        process.recharging.place(placed.order.order_id, unit_of(world, placed).unit_id, SYSTEM)
    return next(number for number, each in enumerate(clean.requests) if each.endswith("PutItem"))


def test_a_quota_that_whoever_was_killed_had_taken_goes_back_where_the_unit_comes_from_elsewhere(
    world: World, engine: Engine
) -> None:
    at = first_write(world, engine)
    sku_id = sell(world, recharge("third", quota=1), recharge("fourth", priority=200))
    placed, process = buy(world, sku_id), world.another_process(engine.dynamodb())
    with Wire(at, Way.KILLED).carrying(process.dynamodb), suppress(Killed):
        process.recharging.place(placed.order.order_id, unit_of(world, placed).unit_id, SYSTEM)
    health = world.suppliers.health("third")
    assert health is not None
    assert world.suppliers.move(opened(health, SYSTEM, world.now_ms())) is None
    assert (supplied(world, placed), len(world.wholesalers["fourth"].placed)) == (Turn.DONE, 1)
    world.ahead_ms += FIRST_OPEN_MS
    assert (supplied(world, buy(world, sku_id)), len(world.wholesalers["third"].placed)) == (Turn.DONE, 1)


def test_whoever_loses_the_answer_to_their_own_write_asks_all_the_same(world: World, engine: Engine) -> None:
    number = first_write(world, engine)
    placed = buy(world, sell(world, recharge("first")))
    process = world.another_process(engine.dynamodb())
    with Wire(number, Way.ANSWER_LOST).carrying(process.dynamodb):
        process.recharging.place(placed.order.order_id, unit_of(world, placed).unit_id, SYSTEM)
    assert unit_of(world, placed).status is UnitStatus.DELIVERED


@pytest.mark.parametrize("way", [Way.REFUSED, Way.CUT_OFF])
def test_an_answer_that_the_table_does_not_take_at_first_is_stored_while_it_is_in_hand(
    world: World, engine: Engine, way: Way
) -> None:
    """Nobody there ever heard of it, so that no question would bring that answer again."""
    at = first_write(world, engine) + 2  # a quota is taken before, and the answer comes behind
    sku_id = sell(world, recharge("third", quota=1), recharge("fourth", priority=200), third=[Plan.NOT_SENT])
    placed, process, wire = buy(world, sku_id), world.another_process(engine.dynamodb()), Wire(at, way)
    with wire.carrying(process.dynamodb):
        process.recharging.place(placed.order.order_id, unit_of(world, placed).unit_id, SYSTEM)
    assert (wire.broken, supplied(world, placed)) == (True, Turn.DONE)
    assert unit_of(world, placed).status is UnitStatus.DELIVERED
    assert [supplied(world, buy(world, sku_id)), len(world.wholesalers["third"].placed)] == [Turn.DONE, 2]


def test_whoever_asks_in_the_same_moment_knows_another_write_from_their_own(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, now_ms = first_write(world, engine), world.now_ms()
    placed = buy(world, sell(world, recharge("second")))
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id
    monkeypatch.setattr("tests.world.system_now_ms", lambda: now_ms)
    slow, faster = (world.another_process(engine.dynamodb()) for _ in range(2))
    gone: list[Wire] = []

    def overtake(**_: object) -> None:
        if not gone:
            gone.append(Wire(number, Way.KILLED))
            with gone[0].carrying(faster.dynamodb), suppress(Killed):
                faster.recharging.place(order_id, unit_id, SYSTEM)

    slow.dynamodb.meta.events.register_first("before-send.dynamodb.PutItem", overtake)
    assert slow.recharging.place(order_id, unit_id, SYSTEM).turn is Turn.ASK
    assert (len(gone), world.wholesalers["second"].placed) == (1, []), "the other one may have asked"
