"""Units that are supplied: the steps of their workflow, and whoever looks for forgotten ones."""

import secrets
from typing import Any

from keyrail.catalog.model import SkuKind
from keyrail.fulfilment.service.forgotten import STALE_MS, ForgottenUnits
from keyrail.fulfilment.service.recharging import Turn
from keyrail.ordering.model.orders import OrderStatus
from keyrail.ordering.service.checkout import Placed
from tests.faults.use_cases.case import Case, Step, expect, revealed, status
from tests.recharging import MANUAL, POOL, buy, keys_of, recharge, run, sell, take, unit_of
from tests.supplier import Plan, Wholesaler
from tests.world import PRICE, SYSTEM, World, new_codes

SETTLES_IN_MS = 20_000
SHORT_FOR_MS = 8_000


def recharge_that_takes_its_time(world: World) -> Case:
    """Its workflow waits for news, is told of some, and asks."""
    placed = _bought(world, [Plan.SLOW])
    order_id, unit_id = placed.order.order_id, placed.order.units[0].unit_id

    def act(process: World) -> None:
        if take(process, order_id, unit_id, Turn.PLACE).turn is Turn.ASK:
            process.recharging.await_news(unit_id, "token", 5)
            process.news.tell(unit_id)
            run(process, order_id, unit_id)

    return _delivered(placed, act)


def recharge_that_is_refused_by_the_first(world: World) -> Case:
    return _delivered(_bought(world, [Plan.REFUSED], [Plan.DONE]))


def recharge_that_waits_for_its_supplier(world: World) -> Case:
    """Our balance there does not do for a while."""
    placed = _bought(world, [Plan.DONE])
    *_, name = world.wholesalers
    world.suppliers.put_short(name, world.now_ms() + SHORT_FOR_MS)
    return _delivered(placed)


def recharge_of_which_the_answer_is_lost(world: World) -> Case:
    return _delivered(_bought(world, [Plan.LOST_REFUSED], [Plan.LOST]))


def recharge_that_nobody_does(world: World) -> Case:
    placed = _bought(world, [Plan.REFUSED])

    def check(world: World) -> None:
        order = world.orders.of_operator(placed.order.order_id)
        if not order.units[0].work:
            expect(order.status is OrderStatus.REFUNDING, "neither goods nor money back")
            expect([refund.amount for refund in order.refunds] == [PRICE], "another sum is owed back")

    return Case(_running(placed), check, [], [])


def recharge_that_nobody_knows_of(world: World) -> Case:
    return _with_a_person(_bought(world, [Plan.UNHEARD]))


def recharge_by_hand(world: World) -> Case:
    return _with_a_person(buy(world, sell(world, MANUAL)))


def unit_that_may_be_a_key(world: World) -> Case:
    sku_id = sell(world, POOL, kind=SkuKind.EITHER)
    codes = new_codes(1)
    world.import_codes(codes, sku_id)
    placed = buy(world, sku_id)

    def check(world: World) -> None:
        """Of the last key that there was, too: the lease of a process that is gone lapses, and is waited for."""
        expect(status(world, placed) is OrderStatus.DELIVERED, "not delivered")

    return Case(_running(placed), check, codes, [sku_id])


def keys_bought_for_a_unit(world: World) -> Case:
    """Whatever breaks once its supplier was asked, it is delivered with the very keys that were bought."""
    name, quantity, codes = f"supplier-{secrets.token_hex(6)}", 2, list[str]()
    world.wholesalers[name] = Wholesaler(settlement_ms=SETTLES_IN_MS)
    sku_id = sell(world, keys_of(name), kind=SkuKind.KEY)
    placed = buy(world, sku_id, quantity=quantity, account=False)
    its = _delivered(placed)

    def check(world: World) -> None:
        its.check(world)
        codes.extend(world.wholesalers[name].codes())
        if codes:
            expect(sorted(revealed(world, placed)) == sorted(codes), "other keys than were bought for it")

    return Case(its.act, check, codes, [sku_id])


def look_for_a_forgotten_unit(world: World) -> Case:
    placed = _bought(world, [Plan.DONE])

    def sweep(process: World) -> None:
        def start(name: str, order_id: str, unit_id: str) -> bool:
            expect(name.startswith(unit_id), "of another unit")
            return run(process, order_id, unit_id) is Turn.DONE

        forgotten = ForgottenUnits(process.orders, process.news, start, process.now_ms)
        forgotten.sweep(forgotten.new_round(), SYSTEM)

    def sweep_later(process: World) -> None:
        process.ahead_ms += 2 * STALE_MS
        sweep(process)

    return _delivered(placed, sweep, ahead_ms=2 * STALE_MS, afterwards=sweep_later)


def _bought(world: World, *plans: list[Plan]) -> Placed:
    """From as many suppliers, one after the other, who may take some seconds."""
    names = [f"supplier-{secrets.token_hex(6)}" for _ in plans]
    for name, its_plans in zip(names, plans, strict=True):
        world.wholesalers[name] = Wholesaler(list(its_plans), settlement_ms=SETTLES_IN_MS)
    sources = [recharge(name, priority=100 + number) for number, name in enumerate(names)]
    return buy(world, sell(world, *sources))


def _running(placed: Placed) -> Step:
    return lambda process: run(process, placed.order.order_id, placed.order.units[0].unit_id)


def _delivered(placed: Placed, act: Step | None = None, **more: Any) -> Case:
    def check(world: World) -> None:
        attempt = unit_of(world, placed).open_attempt()
        if attempt is None:
            expect(status(world, placed) is OrderStatus.DELIVERED, "not delivered")
            return
        # On record, and the process was gone before it called: nobody can know that, and a person finds out.
        called = {wanted.reference for each in world.wholesalers.values() for wanted in each.placed}
        expect(attempt.reference not in called, "the supplier knows, and was not asked")
        expect(unit_of(world, placed).work, "nobody's work")

    case = {"codes": [], "skus": [], **more}
    return Case(act or _running(placed), check, **case)


def _with_a_person(placed: Placed) -> Case:
    def check(world: World) -> None:
        expect(unit_of(world, placed).work, "nobody's work")

    return Case(_running(placed), check, [], [])


USE_CASES = (
    recharge_that_takes_its_time,
    recharge_that_is_refused_by_the_first,
    recharge_that_waits_for_its_supplier,
    recharge_of_which_the_answer_is_lost,
    recharge_that_nobody_does,
    recharge_that_nobody_knows_of,
    recharge_by_hand,
    unit_that_may_be_a_key,
    keys_bought_for_a_unit,
    look_for_a_forgotten_unit,
)
