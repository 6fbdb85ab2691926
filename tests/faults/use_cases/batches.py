"""Commands on a batch, keys that follow them, and keys that are chosen."""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from keyrail.inventory.model.batches import Batch, Stage, Standing
from keyrail.inventory.model.keys import KeyFrozen, KeyState
from keyrail.inventory.service.batches import NewBatch
from keyrail.ordering.model.orders import Channel, Line, OrderStatus, order_id
from keyrail.ordering.service.checkout import Placed
from keyrail.platform.money import Money
from tests.faults.use_cases.case import (
    ORDER_IS_OVER_MS,
    POOLS_ARE_READ_AGAIN_MS,
    Case,
    Step,
    expect,
    later,
    nothing,
    queue_behind,
    revealed,
    run_queue,
    settling,
    status,
    stocked,
)
from tests.files import UploadInMemory
from tests.world import BUYER, OPERATOR, SYSTEM, World, new_codes

KEYS = 3
NUMBER = "888"
FEE = Money(5_000, "CNY")
A_LATER_DAY = "2099-12-31"


# commands


def _batch_with_a_sold_key(world: World) -> tuple[str, str, list[str], Placed]:
    sku, codes = stocked(world, KEYS)
    placed = world.order(sku_id=sku)
    world.pay(placed.attempt)
    return _batch_of(world, sku), sku, codes, placed


def _batch_of(world: World, sku: str) -> str:
    (batch_id,) = {key.batch_id for key in world.stored_keys() if key.sku_id == sku}
    return batch_id


def _keys(world: World, batch_id: str) -> Counter[KeyState]:
    return Counter(key.state for key in world.stored_keys() if key.batch_id == batch_id)


def _queue(batch_id: str) -> Step:
    """What the stream puts on the queue once a command is stored, and again until every key follows."""

    def bring(process: World) -> None:
        batch = process.keys.get_batch(batch_id)
        if batch.generation != batch.followed:
            process.follow(batch_id)

    return bring


def freeze_of_a_batch(world: World) -> Case:
    batch_id, sku, codes, placed = _batch_with_a_sold_key(world)

    def check(world: World) -> None:
        expect(_keys(world, batch_id) == {KeyState.FROZEN: KEYS}, "a key moves on")
        try:
            world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
        except KeyFrozen:
            return
        raise AssertionError("shown, and it is frozen")

    return Case(lambda process: process.commands.freeze(batch_id, OPERATOR), check, codes, [sku], _queue(batch_id))


def extension_of_a_batch(world: World) -> Case:
    sku, codes = stocked(world, 0)
    dated = new_codes(2)
    batch = _import(world, sku, ["code,expires_on", *(f"{code},2099-01-31" for code in dated)])

    def check(world: World) -> None:
        days = {key.expires_on for key in world.stored_keys() if key.batch_id == batch.batch_id}
        expect(days == {A_LATER_DAY}, "a key kept its day")
        pool = world.keys.get_pool(sku)
        expect(pool and [part.last_expiry for part in pool.parts] == [A_LATER_DAY], "the pool does not know")

    def extend(process: World) -> None:
        process.commands.extend(batch.batch_id, A_LATER_DAY, 0, OPERATOR)

    return Case(extend, check, codes + dated, [sku], _queue(batch.batch_id))


def release_of_a_stage(world: World) -> Case:
    sku, codes = stocked(world, 0)
    fresh = new_codes(2)
    batch = _import(world, sku, fresh, stages=(Stage(),))

    def check(world: World) -> None:
        process = later(world, POOLS_ARE_READ_AGAIN_MS)
        everything = process.order(len(fresh), sku_id=sku)
        process.pay(everything.attempt)
        expect(sorted(revealed(process, everything)) == sorted(fresh), "not on sale")

    def release(process: World) -> None:
        process.commands.release(batch.batch_id, 1, None, OPERATOR)

    return Case(release, check, codes + fresh, [sku])


def _import(world: World, sku: str, lines: list[str], stages: tuple[Stage, ...] = ()) -> Batch:
    wanted = NewBatch(sku_id=sku, source="supplier", stages=stages)
    batch = world.batches.open(wanted, secrets.token_hex(16), OPERATOR)
    return world.importing.import_file(batch.batch_id, UploadInMemory("\n".join(lines).encode()), SYSTEM)


# keys that follow


def keys_follow_a_void(world: World) -> Case:
    return _followed(world, lambda batch_id: world.commands.void(batch_id, OPERATOR), {KeyState.VOID: KEYS})


def keys_follow_an_unfreeze(world: World) -> Case:
    def freeze_and_unfreeze(batch_id: str) -> None:
        world.commands.freeze(batch_id, OPERATOR)
        world.follow(batch_id)
        world.commands.unfreeze(batch_id, OPERATOR)

    return _followed(world, freeze_and_unfreeze, {KeyState.AVAILABLE: KEYS - 1, KeyState.SOLD: 1})


def _followed(world: World, command: Callable[[str], object], states: dict[KeyState, int]) -> Case:
    batch_id, sku, codes, _ = _batch_with_a_sold_key(world)
    command(batch_id)

    def check(world: World) -> None:
        batch = world.keys.get_batch(batch_id)
        expect(batch.followed == batch.generation, "never done")
        expect(_keys(world, batch_id) == states, "a key does not follow")

    return Case(lambda process: process.follow(batch_id), check, codes, [sku], _queue(batch_id))


# keys that are chosen


def _with_a_number(world: World) -> tuple[str, list[str]]:
    sku, codes = stocked(world, 2)
    world.catalog.save_sku(replace(world.catalog.sku(sku), pick_fee=FEE), OPERATOR)
    number = new_codes(1)
    _import(world, sku, ["code,label", f"{number[0]},{NUMBER}"])
    return sku, codes + number


def checkout_of_a_chosen_key_that_is_repeated_and_paid(world: World) -> Case:
    sku, codes = _with_a_number(world)
    name, lines = secrets.token_hex(16), (Line(sku, 1, NUMBER),)

    def pay_what_was_placed(process: World) -> None:
        order = process.orders.of_operator(order_id("main", Channel.STOREFRONT, name))
        process.pay(order.attempts[0])
        run_queue(process, order.order_id)

    def check(world: World) -> None:
        placed = world.order(idempotency_key=name, lines=lines)
        expect(revealed(world, placed) == [codes[-1]], "not the key that was chosen")

    def place(process: World) -> None:
        process.order(idempotency_key=name, lines=lines)

    # From its beginning a pool is remembered for two seconds, and the number came into it just now.
    return Case(place, check, codes, [sku], pay_what_was_placed, ahead_ms=POOLS_ARE_READ_AGAIN_MS)


def callback_when_the_chosen_key_went_to_somebody_else(world: World) -> Case:
    sku, codes = _with_a_number(world)
    lines = (Line(sku, 1, NUMBER),)
    placed = later(world, POOLS_ARE_READ_AGAIN_MS).order(lines=lines)
    later(world).order(lines=lines)
    said = world.confirmed(world.callback(placed.attempt))

    def check(world: World) -> None:
        expect(status(world, placed) is OrderStatus.REFUNDING, "another number, or nothing")

    return Case(settling(said), check, codes, [sku], queue_behind(placed), ahead_ms=ORDER_IS_OVER_MS)


def cancel_of_a_chosen_key(world: World) -> Case:
    sku, codes = _with_a_number(world)
    lines = (Line(sku, 1, NUMBER),)
    placed = later(world, POOLS_ARE_READ_AGAIN_MS).order(lines=lines)

    def cancel(process: World) -> None:
        process.checkout.cancel(placed.order.order_id, placed.token, BUYER)

    def check(world: World) -> None:
        again = later(world, POOLS_ARE_READ_AGAIN_MS).order(lines=lines)
        expect(again.order.units[0].key_ids == placed.order.units[0].key_ids, "the number was lost")
        world.checkout.cancel(again.order.order_id, again.token, BUYER)

    return Case(cancel, check, codes, [sku])


# looks


def reveal_of_which_a_key_is_frozen(world: World) -> Case:
    sku, codes = stocked(world, 1)
    batch_id = _batch_of(world, sku)
    codes += world.import_codes(new_codes(1), sku)[0]
    placed = later(world, POOLS_ARE_READ_AGAIN_MS).order(2, sku_id=sku)
    world.pay(placed.attempt)
    world.commands.freeze(batch_id, OPERATOR)

    def reveal(process: World) -> None:
        (unit,) = process.delivery.reveal(placed.order.order_id, placed.token, BUYER)
        expect([key.withheld for key in unit.keys].count(KeyFrozen.code) == 1, "shown, and it is frozen")
        expect([key.code for key in unit.keys if key.code] == codes[1:], "the other one is not shown")

    def check(world: World) -> None:
        expect(world.keys.get_batch(batch_id).standing is Standing.FROZEN, "not frozen")

    return Case(reveal, check, codes, [sku], _queue(batch_id), repeat=nothing)


USE_CASES = (
    freeze_of_a_batch,
    extension_of_a_batch,
    release_of_a_stage,
    keys_follow_a_void,
    keys_follow_an_unfreeze,
    checkout_of_a_chosen_key_that_is_repeated_and_paid,
    callback_when_the_chosen_key_went_to_somebody_else,
    cancel_of_a_chosen_key,
    reveal_of_which_a_key_is_frozen,
)
