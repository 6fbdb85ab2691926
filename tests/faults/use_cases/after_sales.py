"""Another key for a bad one, and its charge."""

from contextlib import suppress

from keyrail.fulfilment.model import Complaint
from keyrail.inventory.model.keys import Fault, KeyState, SoldOut
from tests.faults.use_cases.case import Case, Step, expect, nothing, revealed, stocked
from tests.world import OPERATOR, World

PLAIN = Complaint(fault=Fault.BAD_CODE, charge_back=False)
CHARGED = Complaint(fault=Fault.BAD_CODE, charge_back=True)


def replacing(key_id: str, complaint: Complaint) -> Step:
    return lambda process: process.after_sales.replace(key_id, complaint, OPERATOR)


def replace_one_of_two_keys_and_charge_it(world: World) -> Case:
    sku, codes = stocked(world, 4)
    placed = world.order(2, sku_id=sku)
    world.pay(placed.attempt)
    bad, good = placed.order.units[0].key_ids

    def check(world: World) -> None:
        key = world.keys.get(bad)
        expect(key.state is KeyState.VOID and key.charged_back_at_ms, "not void, or not charged")
        unit = world.orders.of_operator(placed.order.order_id).units[0]
        expect(unit.key_ids == (key.replaced_by, good), "the unit has other keys")
        expect(len(revealed(world, placed)) == 2, "the buyer does not see two keys")

    return Case(replacing(bad, CHARGED), check, codes, [sku])


def replace_that_nobody_repeats(world: World) -> Case:
    sku, codes = stocked(world, 3)
    placed = world.order(sku_id=sku)
    world.pay(placed.attempt)
    (bad,) = placed.order.units[0].key_ids

    def check(world: World) -> None:
        unit = world.orders.of_operator(placed.order.order_id).units[0]
        replaced = world.keys.get(bad).replaced_by
        expect(unit.key_ids == (replaced or bad,), "half a replacement")
        expect(len(revealed(world, placed)) == 1, "the buyer has nothing, or too much")

    return Case(replacing(bad, CHARGED), check, codes, [sku], repeat=nothing)


def replace_with_nothing_left(world: World) -> Case:
    sku, codes = stocked(world, 1)
    placed = world.order(sku_id=sku)
    world.pay(placed.attempt)
    (bad,) = placed.order.units[0].key_ids

    def act(process: World) -> None:
        with suppress(SoldOut):
            process.after_sales.replace(bad, CHARGED, OPERATOR)
            raise AssertionError("replaced with what is not there")

    def check(world: World) -> None:
        expect(world.keys.get(bad).state is KeyState.SOLD, "taken away, and nothing for it")
        expect(len(revealed(world, placed)) == 1, "the buyer lost what they had")

    return Case(act, check, codes, [sku])


def charge_of_a_key_that_was_replaced_before(world: World) -> Case:
    sku, codes = stocked(world, 2)
    placed = world.order(sku_id=sku)
    world.pay(placed.attempt)
    (bad,) = placed.order.units[0].key_ids
    done = world.after_sales.replace(bad, PLAIN, OPERATOR)

    def check(world: World) -> None:
        key = world.keys.get(bad)
        expect(key.replaced_by == done.by.key_id, "replaced anew")
        expect(key.charged_back_at_ms, "not charged")
        expect(world.batches.batch(key.batch_id).charged_back == 1, "charged to the batch, but not once")

    return Case(replacing(bad, CHARGED), check, codes, [sku])


USE_CASES = (
    replace_one_of_two_keys_and_charge_it,
    replace_that_nobody_repeats,
    replace_with_nothing_left,
    charge_of_a_key_that_was_replaced_before,
)
