"""Units that nobody can supply for the moment, on the engine: they wait for a source to come back, and not for ever."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keyrail.catalog.model import SkuKind
from keyrail.fulfilment.service.forgotten import STALE_MS
from keyrail.fulfilment.service.recharging import Turn
from keyrail.ordering.model.orders import OrderStatus, UnitStatus
from keyrail.ordering.model.patience import PATIENCE_MS
from keyrail.payments.model.confirmations import DisputeState
from keyrail.suppliers.model.attempts import MAX_ATTEMPTS_PER_UNIT
from keyrail.suppliers.model.breaker import opened
from keyrail.suppliers.model.routing import PassedOver
from keyrail.suppliers.model.waiting import MAX_LOOK_S
from tests.disputes import dispute_of
from tests.engines import Engine
from tests.recharging import POOL, buy, recharge, run, sell, supplied, take, unit_of
from tests.supplier import Plan
from tests.world import PRICE, SYSTEM, World, new_codes

pytestmark = pytest.mark.usefixtures("kept_books", "kept_promises")


def left_alone(world: World, supplier: str, *, for_ms: int) -> None:
    """Its breaker is open for so long."""
    health = world.suppliers.health(supplier)
    assert health is not None
    until_ms = world.now_ms() + for_ms
    assert world.suppliers.move(replace(opened(health, SYSTEM, world.now_ms()), until_ms=until_ms)) is None


def short_of_money(world: World, supplier: str, *, for_ms: int) -> None:
    world.suppliers.put_short(supplier, world.now_ms() + for_ms)


Away = Callable[..., None]
AWAY = pytest.mark.parametrize(
    ("away", "reason"), [(left_alone, PassedOver.BREAKER_OPEN), (short_of_money, PassedOver.BALANCE_SHORT)]
)


@AWAY
def test_a_unit_waits_for_its_only_source_to_come_back(world: World, away: Away, reason: PassedOver) -> None:
    placed = buy(world, sell(world, recharge("first")))
    away(world, "first", for_ms=PATIENCE_MS - 60_000)
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id
    following = take(world, order_id, unit_id, Turn.PLACE)
    assert (following.turn, 0 < following.wait_s <= MAX_LOOK_S) == (Turn.WAIT, True)
    waiting = world.orders.of_operator(order_id)
    assert (waiting.units[0].status, waiting.refunds) == (UnitStatus.QUEUED, ())
    for turn in (Turn.PLACE, Turn.ASK):
        assert take(world, order_id, unit_id, turn).turn is Turn.WAIT
    assert world.orders.of_operator(order_id).version == waiting.version, "to look costs no write"
    assert run(world, order_id, unit_id, following) is Turn.DONE
    unit = unit_of(world, placed)
    assert unit.status is UnitStatus.DELIVERED
    first, second = unit.decisions or ()
    assert (first.chosen, first.passed_over, second.chosen) == (None, {"first": reason}, "first")


@AWAY
def test_a_source_that_does_not_come_back_is_waited_for_so_long_and_no_longer(
    world: World, away: Away, reason: PassedOver
) -> None:
    placed = buy(world, sell(world, recharge("first")))
    away(world, "first", for_ms=2 * PATIENCE_MS)
    began_ms = world.now_ms()
    assert supplied(world, placed) is Turn.DONE
    assert PATIENCE_MS <= world.now_ms() - began_ms < PATIENCE_MS + 60_000
    order = world.orders.of_operator(placed.order.order_id)
    assert (order.status, [refund.amount for refund in order.refunds]) == (OrderStatus.REFUNDING, [PRICE])
    _, gives_up = order.units[0].decisions or ()
    assert (gives_up.passed_over, gives_up.waits_until_ms) == ({"first": reason}, None)
    assert world.wholesalers["first"].placed == []


@pytest.mark.parametrize("tries", [1, 3])
def test_a_supplier_that_was_not_reached_is_tried_again_where_nobody_else_is_left(world: World, tries: int) -> None:
    plans: dict[str, Any] = {"first": [Plan.NOT_SENT] * tries, "second": [Plan.REFUSED]}
    placed = buy(world, sell(world, recharge("first"), recharge("second", priority=200), **plans))
    assert supplied(world, placed) is Turn.DONE
    unit = unit_of(world, placed)
    assert unit.status is UnitStatus.DELIVERED
    assert [each.source_id for each in unit.attempts or ()] == ["first", "second", *["first"] * tries]
    assert len({each.reference for each in unit.attempts or ()}) == tries + 2


def test_a_supplier_that_is_never_reached_is_not_tried_for_ever(world: World) -> None:
    placed = buy(world, sell(world, recharge("first"), recharge("second")))
    for each in world.wholesalers.values():
        each.plans += [Plan.NOT_SENT] * 100
    began_ms = world.now_ms()
    assert supplied(world, placed) is Turn.DONE
    assert unit_of(world, placed).status is UnitStatus.FAILED
    assert len(unit_of(world, placed).attempts or ()) <= MAX_ATTEMPTS_PER_UNIT
    assert world.now_ms() - began_ms < PATIENCE_MS + 60_000


def test_a_unit_that_waits_stands_still_with_its_order(world: World) -> None:
    placed = buy(world, sell(world, recharge("first")))
    left_alone(world, "first", for_ms=60_000)
    take(world, placed.order.order_id, unit_of(world, placed).unit_id, Turn.PLACE)
    world.disputes.hear(dispute_of(placed, DisputeState.OPEN), SYSTEM)
    assert supplied(world, placed) is Turn.HELD
    world.disputes.hear(dispute_of(placed, DisputeState.WON), SYSTEM)
    assert supplied(world, placed) is Turn.DONE
    assert unit_of(world, placed).status is UnitStatus.DELIVERED


def test_the_last_key_is_waited_for_while_a_process_that_is_gone_holds_it(world: World, engine: Engine) -> None:
    sku_id = sell(world, POOL, kind=SkuKind.EITHER)
    world.import_codes(new_codes(1), sku_id)
    placed, gone = buy(world, sku_id), world.another_process(engine.dynamodb())
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id
    gone.claims.lease(sku_id, 1, order_id, world.now_ms() + 60_000, SYSTEM)
    assert take(world, order_id, unit_id, Turn.PLACE).turn is Turn.WAIT
    (waits,) = unit_of(world, placed).decisions or ()
    assert waits.passed_over == {"pool": PassedOver.KEYS_LEASED}
    assert supplied(world, placed) is Turn.DONE
    assert len(unit_of(world, placed).key_ids) == 1


def test_a_pool_without_a_key_is_not_waited_for(world: World) -> None:
    sku_id = sell(world, POOL, kind=SkuKind.EITHER)
    world.import_codes(new_codes(1), sku_id)
    first, second = buy(world, sku_id), buy(world, sku_id)
    assert [supplied(world, each) for each in (first, second)] == [Turn.DONE, Turn.DONE]
    (decision,) = unit_of(world, second).decisions or ()
    assert (unit_of(world, second).status, decision.passed_over) == (UnitStatus.FAILED, {"pool": PassedOver.SOLD_OUT})


def test_keys_that_would_not_do_when_they_come_free_are_not_waited_for(world: World) -> None:
    sku_id = sell(world, POOL, kind=SkuKind.EITHER)
    world.import_codes(new_codes(1), sku_id)
    placed = buy(world, sku_id, quantity=2)
    world.claims.lease(sku_id, 1, "ord_of_another", world.now_ms() + 60_000, SYSTEM)
    assert supplied(world, placed) is Turn.DONE
    assert len(unit_of(world, placed).decisions or ()) == 1


def test_whoever_is_overtaken_leaves_the_key_that_it_took_to_others(world: World, engine: Engine) -> None:
    sku_id = sell(world, POOL, kind=SkuKind.EITHER)
    world.import_codes(new_codes(2), sku_id)
    placed, slow, faster = buy(world, sku_id), world.another_process(engine.dynamodb()), [world.another_process()]
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id

    def overtake(**_: object) -> None:
        while faster:
            take(faster.pop(), order_id, unit_id, Turn.PLACE)

    slow.dynamodb.meta.events.register_first("before-send.dynamodb.TransactWriteItems", overtake)
    assert take(slow, order_id, unit_id, Turn.PLACE).turn is Turn.DONE
    left = world.claims.stock(sku_id)
    assert (faster, left.claimable, left.leased) == ([], 1, 0)


def test_nobody_takes_a_unit_that_waits_for_a_forgotten_one() -> None:
    assert PATIENCE_MS + 1000 * MAX_LOOK_S < STALE_MS
