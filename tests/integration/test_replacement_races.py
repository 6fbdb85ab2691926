"""A bad key in many hands at once: operators, its buyer, other buyers of the last key."""

import dataclasses
import time
from functools import partial

import pytest

from keyrail.fulfilment.model import Complaint, Replacement, RevealedUnit
from keyrail.inventory.model.keys import Fault, KeyState, SoldOut
from keyrail.ordering.service.checkout import Placed
from tests.promises import check_promises, check_stock
from tests.racing import at_once, refusals
from tests.redeeming import ONCE, redeem
from tests.world import BUYER, OPERATOR, SKU, World, new_codes

OPERATORS = 12
CHARGED = Complaint(fault=Fault.BAD_CODE, charge_back=True)
UNCHARGED = Complaint(fault=Fault.OTHER, charge_back=False)


def sold(world: World, quantity: int = 1, sku_id: str = SKU) -> tuple[Placed, tuple[str, ...]]:
    placed = world.order(quantity, sku_id=sku_id)
    world.pay(placed.attempt)
    return placed, world.orders.of_operator(placed.order.order_id).units[0].key_ids


def replace(process: World, key_id: str, complaint: Complaint = CHARGED) -> Replacement:
    return process.after_sales.replace(key_id, complaint, OPERATOR)


def charged(world: World) -> int:
    return world.sources.of("supplier").source.charged_back


@pytest.mark.parametrize("spare", [1, 30])
def test_many_operators_at_once_replace_and_charge_once(world: World, spare: int) -> None:
    codes = world.stock_up(1 + spare)
    _, (bad,) = sold(world)
    complaints = [CHARGED, UNCHARGED] * (OPERATORS // 2)
    results = at_once([partial(replace, world.another_process(), bad, complaint) for complaint in complaints])
    # Whoever finds the last key under another's lease is refused, and finds the replacement by asking again.
    assert set(refusals(results)) <= ({"sold_out"} if spare == 1 else set())
    assert {each.by.key_id for each in results if isinstance(each, Replacement)} == {replace(world, bad).by.key_id}
    assert len(world.sold()) == 1
    assert charged(world) == 1
    check_promises(world, codes)
    check_stock(world, SKU)


def test_all_keys_of_a_unit_replaced_at_once_are_each_replaced(world: World) -> None:
    codes = world.stock_up(20)
    placed, bad = sold(world, 6)
    waiting = list(bad)
    for _ in range(5):
        results = at_once([partial(replace, world.another_process(), key) for key in waiting])
        assert set(refusals(results)) <= {"store_unavailable"}  # so many hands on one order: ask again
        waiting = [key for key, result in zip(waiting, results, strict=True) if not isinstance(result, Replacement)]
        if not waiting:
            break
    unit = world.orders.of_operator(placed.order.order_id).units[0]
    assert set(unit.replaced) == set(bad)
    assert len(set(unit.key_ids) - set(bad)) == 6
    assert charged(world) == 6
    check_promises(world, codes)
    check_stock(world, SKU)


def test_bad_keys_of_one_source_in_many_orders_are_all_charged(world: World) -> None:
    world.stock_up(40)
    bad = [sold(world)[1][0] for _ in range(8)]
    results = at_once([partial(replace, world.another_process(), key) for key in bad])
    assert set(refusals(results)) <= {"store_unavailable"}
    for key in bad:
        replace(world, key)
    assert charged(world) == 8
    check_promises(world)


def test_a_buyer_who_looks_while_the_key_is_replaced_sees_one_whole_unit(world: World) -> None:
    for number in range(8):
        sku = f"look-{number}"
        codes = world.stock_up(4, sku)
        placed, (first, bad) = sold(world, 2, sku)
        seen: list[RevealedUnit] = []
        look = partial(look_often, world.another_process(), placed, seen)
        assert refusals(at_once([look, partial(give_another, world.another_process(), bad)])) == []
        by = str(world.keys.get(bad).replaced_by)
        for unit in seen:
            assert [key.key_id for key in unit.keys] in ([first, bad], [first, by])
            assert {key.code for key in unit.keys} <= set(codes)
        last = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
        assert [key.key_id for unit in last for key in unit.keys] == [first, by]
    check_promises(world)


def test_the_last_key_goes_to_a_buyer_or_stands_in_and_never_both(world: World) -> None:
    for number in range(8):
        sku = f"last-{number}"
        world.stock_up(2, sku)
        placed, (bad,) = sold(world, sku_id=sku)
        rivals = [partial(buy, world.another_process(), sku), partial(give_another, world.another_process(), bad)]
        assert set(refusals(at_once(rivals))) <= {"sold_out"}
        unit = world.orders.of_operator(placed.order.order_id).units[0]
        owners = [key.unit_id for key in world.sold() if key.sku_id == sku]
        assert len(set(owners)) == len(owners)
        assert unit.key_ids == (bad,) or world.keys.get(bad).state is KeyState.VOID
        check_stock(world, sku)
    check_promises(world)


def test_a_key_that_is_replaced_while_its_batch_is_frozen_ends_frozen_or_replaced(world: World) -> None:
    for number in range(8):
        sku = f"freeze-{number}"
        world.stock_up(1, sku)
        placed, (bad,) = sold(world, sku_id=sku)
        world.import_codes(new_codes(2), sku)
        batch_id = world.keys.get(bad).batch_id
        freezer, operator = world.another_process(), world.another_process()

        def freeze(by: World = freezer, batch_id: str = batch_id) -> None:
            by.commands.freeze(batch_id, OPERATOR)
            by.follow(batch_id)

        assert set(refusals(at_once([freeze, partial(give_another, operator, bad)]))) <= {"key_frozen"}
        world.follow(batch_id)
        unit = world.orders.of_operator(placed.order.order_id).units[0]
        key = world.keys.get(bad)
        if key.replaced_by:
            assert (key.state, unit.key_ids) == (KeyState.VOID, (key.replaced_by,))
        else:
            assert (key.state, unit.key_ids) == (KeyState.FROZEN, (bad,))
            world.commands.unfreeze(batch_id, OPERATOR)
            world.follow(batch_id)
            replace(world.another_process(), bad)
    check_promises(world)


def test_a_code_is_redeemed_or_replaced_and_never_both(world: World) -> None:
    for number in range(10):
        sku = f"redeem-{number}"
        world.stock_up(0, sku)
        world.catalog.save_sku(dataclasses.replace(world.catalog.sku(sku), terms=ONCE), OPERATOR)
        world.import_codes(new_codes(2), sku)
        placed, (bad,) = sold(world, sku_id=sku)
        (unit,) = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
        till, operator = world.another_process(), world.another_process()
        use = partial(use_up, till, str(unit.keys[0].code), after_s=number * 0.003)
        refused = refusals(at_once([use, partial(give_another, operator, bad)]))
        key = world.keys.get(bad)
        if key.replaced_by:
            assert (refused, key.uses) == (["key_void"], None)
        else:
            assert (refused, key.state) == (["key_redeemed"], KeyState.REDEEMED)
    check_promises(world)


def test_nothing_of_a_frozen_batch_stands_in(world: World) -> None:
    world.stock_up(1)
    _, (bad,) = sold(world)
    _, frozen = world.import_codes(new_codes(3))
    world.commands.freeze(frozen.batch_id, OPERATOR)
    with pytest.raises(SoldOut):
        replace(world.another_process(), bad)
    world.commands.unfreeze(frozen.batch_id, OPERATOR)
    world.follow(frozen.batch_id)
    assert replace(world.another_process(), bad).by.batch_id == frozen.batch_id
    check_promises(world)


def use_up(till: World, code: str, after_s: float) -> None:
    """A little later each time, so that now the one and now the other is faster."""
    time.sleep(after_s)
    redeem(till, code, issuer="game")


def look_often(buyer: World, placed: Placed, seen: list[RevealedUnit]) -> None:
    for _ in range(4):
        seen += buyer.delivery.reveal(placed.order.order_id, placed.token, BUYER)


def give_another(process: World, key_id: str) -> None:
    replace(process, key_id)


def buy(process: World, sku_id: str) -> None:
    sold(process, sku_id=sku_id)
