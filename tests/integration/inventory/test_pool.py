"""Where a claim looks: by priority, in stages, for as many different secrets, or for the one with a label."""

import secrets
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from keyrail.inventory.model.batches import Batch, Stage
from keyrail.inventory.model.keys import KeyState, LabelTaken, SoldOut, secret_id
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.claims import POOL_CACHE_MS
from keyrail.inventory.service.labels import KEYS_A_LOOK, Labels
from keyrail.ordering.model.orders import Line, OrderStatus
from keyrail.ordering.service.checkout import Placed
from keyrail.platform.errors import Invalid
from keyrail.platform.money import Money
from tests.files import UploadInMemory
from tests.promises import check_promises, check_stock
from tests.racing import at_once, refusals
from tests.world import BUYER, OPERATOR, PRICE, SKU, SYSTEM, World, new_codes

HOUR_MS = 60 * 60 * 1000
FEE = Money(8800, "CNY")


def bring(world: World, codes: list[str], wanted: NewBatch) -> Batch:
    batch = world.batches.open(wanted, secrets.token_hex(16), OPERATOR)
    return world.importing.import_file(batch.batch_id, UploadInMemory("\n".join(codes).encode()), SYSTEM)


def batch_of(world: World, placed: Placed) -> str:
    (key_id,) = placed.order.units[0].key_ids
    return world.keys.get(key_id).batch_id


# priority and stages


def test_what_has_a_higher_priority_is_sold_first_whatever_expires_before(world: World) -> None:
    world.stock_up(0)
    soon = bring(world, ["code,expires_on", "SOON-0001,2099-01-01"], NewBatch(sku_id=SKU, source="a"))
    first = bring(world, ["FIRST-0001"], NewBatch(sku_id=SKU, source="b", priority=5))
    assert [batch_of(world, world.order()) for _ in range(2)] == [first.batch_id, soon.batch_id]


def test_a_batch_is_on_sale_from_its_time_on(world: World) -> None:
    world.stock_up(0)
    later = Stage(opens_at_ms=world.now_ms() + HOUR_MS)
    bring(world, new_codes(3), NewBatch(sku_id=SKU, source="a", stages=(later,)))
    assert world.claims.stock(SKU).scheduled == 3
    with pytest.raises(SoldOut):
        world.order()
    world.ahead_ms += HOUR_MS
    placed = world.order(3)
    assert len(placed.order.units[0].key_ids) == 3
    stock = world.claims.stock(SKU)
    assert (stock.claimable, stock.leased, stock.scheduled) == (0, 3, 0)


def test_a_stage_is_released_by_one_write_and_sold_two_seconds_later(world: World) -> None:
    world.stock_up(0)
    stages = (Stage(keys=2, opens_at_ms=0), Stage())
    batch = bring(world, new_codes(5), NewBatch(sku_id=SKU, source="a", stages=stages))
    stock = world.claims.stock(SKU)
    assert (stock.claimable, stock.scheduled) == (2, 3)
    world.order(2)
    with pytest.raises(SoldOut):
        world.order()

    released = world.another_process().commands.release(batch.batch_id, 2, None, OPERATOR)
    assert released.stages[1].opens_at_ms is not None
    world.ahead_ms += POOL_CACHE_MS
    assert len(world.order(3).order.units[0].key_ids) == 3
    assert {key.version for key in world.stored_keys()} == {2}, "a release touched a key"


def test_a_stage_that_is_held_back_is_not_sold_by_an_unfreeze(world: World) -> None:
    world.stock_up(0)
    batch = bring(world, new_codes(2), NewBatch(sku_id=SKU, source="a", stages=(Stage(),)))
    for command in (world.commands.freeze, world.commands.unfreeze):
        command(batch.batch_id, OPERATOR)
        world.follow(batch.batch_id)
    with pytest.raises(SoldOut):
        world.order()
    assert world.claims.stock(SKU).scheduled == 2


# parts that leave the pool and come back


def test_an_unfrozen_batch_is_sold_although_its_part_had_left_the_pool(world: World, key_age_ms: int) -> None:
    codes = world.stock_up(2)
    (batch_id,) = {key.batch_id for key in world.stored_keys()}
    world.commands.freeze(batch_id, OPERATOR)
    world.follow(batch_id)
    world.ahead_ms += key_age_ms
    other = world.import_codes(new_codes(1))[1]  # which drops what is sold out, and nothing that is held
    world.commands.unfreeze(batch_id, OPERATOR)
    world.ahead_ms += key_age_ms
    world.import_codes(new_codes(1))  # and what is on sale and empty, since its keys have not followed yet
    world.follow(batch_id)
    placed = world.another_process().order(4)
    sold_from = Counter(world.keys.get(key).batch_id for key in placed.order.units[0].key_ids)
    assert (sold_from[batch_id], sold_from[other.batch_id]) == (len(codes), 1)


@pytest.fixture
def key_age_ms() -> int:
    """After which a part of the pool that looks empty is believed to be."""
    return HOUR_MS


# loop keys


@pytest.fixture
def looping(world: World) -> Batch:
    """Two secrets, each sold up to three times."""
    world.stock_up(0)
    return bring(world, ["LOOP-0001", "LOOP-0002"], NewBatch(sku_id=SKU, source="a", sales_per_key=3))


def test_a_secret_is_sold_so_often_and_no_order_gets_it_twice(world: World, looping: Batch) -> None:
    assert world.claims.stock(SKU).claimable == 6
    placed = [world.order(2) for _ in range(3)]
    with pytest.raises(SoldOut):
        world.order()
    for one in placed:
        world.pay(one.attempt)
        (unit,) = world.delivery.reveal(one.order.order_id, one.token, BUYER)
        assert {key.code for key in unit.keys} == {"LOOP-0001", "LOOP-0002"}
    sold = Counter(secret_id(key.key_id) for key in world.sold())
    assert sorted(sold.values()) == [3, 3]
    check_promises(world, ["LOOP-0001", "LOOP-0002"])


def test_an_order_for_more_different_secrets_than_there_are_is_refused_and_holds_nothing(
    world: World, looping: Batch
) -> None:
    with pytest.raises(SoldOut):
        world.order(3)
    assert {key.state for key in world.stored_keys()} == {KeyState.AVAILABLE}


def test_a_few_secrets_behind_many_slots_of_one_are_found(world: World) -> None:
    world.stock_up(0)
    bring(world, ["OFTEN-0001"], NewBatch(sku_id=SKU, source="a", sales_per_key=300))
    bring(world, ["ONCE-0001"], NewBatch(sku_id=SKU, source="b", priority=0))
    placed = world.order(2)
    assert len({secret_id(key) for key in placed.order.units[0].key_ids}) == 2


def test_a_late_payment_gets_no_second_slot_of_what_the_order_has(world: World, looping: Batch) -> None:
    placed = world.order(2)
    world.ahead_ms += HOUR_MS
    for _ in range(2):  # two of three slots of each are gone, the order's own among them, perhaps
        world.order(2)
    world.pay(placed.attempt)
    world.issuance.issue(placed.order.order_id, SYSTEM)
    order = world.orders.of_operator(placed.order.order_id)
    assert order.status is OrderStatus.DELIVERED
    assert len({secret_id(key) for key in order.units[0].key_ids}) == 2
    check_promises(world)


def test_every_slot_of_a_batch_is_frozen(world: World, looping: Batch) -> None:
    world.commands.freeze(looping.batch_id, OPERATOR)
    world.follow(looping.batch_id)
    assert Counter(key.state for key in world.stored_keys()) == {KeyState.FROZEN: 6}


# labels

NUMBERS = ["code,label", *(f"CARD-{number:04d},{number}" for number in (666, 777, 888, 999))]


@pytest.fixture
def numbers(world: World) -> Labels:
    """Four cards with a number, and two without."""
    world.stock_up(2)
    world.catalog.save_sku(replace(world.catalog.sku(SKU), pick_fee=FEE), OPERATOR)
    bring(world, NUMBERS, NewBatch(sku_id=SKU, source="a"))
    return Labels(world.claims)


def chosen(world: World, label: str, name: str | None = None) -> Placed:
    return world.order(lines=(Line(SKU, 1, label),), idempotency_key=name)


def free(labels: Labels) -> list[str]:
    return labels.free(SKU, 100, None)[0]


def test_the_free_numbers_are_shown_and_a_chosen_one_is_exactly_that(world: World, numbers: Labels) -> None:
    assert sorted(free(numbers)) == ["666", "777", "888", "999"]
    placed = chosen(world, "888")
    assert placed.order.total == PRICE + FEE == placed.order.units[0].amount
    assert sorted(free(numbers)) == ["666", "777", "999"]
    world.pay(placed.attempt)
    (unit,) = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    assert [key.code for key in unit.keys] == ["CARD-0888"]
    check_promises(world)


@pytest.mark.parametrize("label", ["888", "8888", "88", "99", "nothing"])
def test_a_number_that_is_taken_or_is_none_is_told_so(world: World, numbers: Labels, label: str) -> None:
    chosen(world, "888")
    with pytest.raises(LabelTaken):
        chosen(world.another_process(), label)


def test_of_many_who_choose_the_same_number_one_gets_it(world: World, numbers: Labels) -> None:
    results = at_once([partial(chosen, world.another_process(), "777") for _ in range(16)])
    assert refusals(results) == ["label_taken"] * 15
    assert Counter(key.state for key in world.stored_keys())[KeyState.LEASED] == 1


def test_a_number_that_is_given_back_can_be_chosen_again(world: World, numbers: Labels) -> None:
    placed = chosen(world, "888")
    world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    assert sorted(free(numbers)) == ["666", "777", "888", "999"]
    assert chosen(world, "888").order.units[0].key_ids == placed.order.units[0].key_ids


def test_a_number_that_went_to_somebody_who_did_not_choose_keeps_it(world: World, numbers: Labels) -> None:
    placed = world.order(6)
    assert free(numbers) == []
    world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    assert sorted(free(numbers)) == ["666", "777", "888", "999"]


def test_a_number_whose_lease_lapsed_can_be_chosen(world: World, numbers: Labels) -> None:
    first = chosen(world, "888")
    world.ahead_ms += HOUR_MS
    assert "888" in free(numbers)
    second = chosen(world, "888")
    assert first.order.units[0].key_ids == second.order.units[0].key_ids
    # Who pays late gets the number that they chose, or their money back, and never another number.
    world.pay(first.attempt)
    late = world.orders.of_operator(first.order.order_id)
    assert late.status is OrderStatus.REFUNDING
    assert [(refund.reason, refund.amount) for refund in late.refunds] == [("label_taken", PRICE + FEE)]
    world.pay(second.attempt)
    assert world.orders.of_operator(second.order.order_id).status is OrderStatus.DELIVERED
    check_promises(world)
    check_stock(world, SKU)


def test_a_late_payment_gets_its_number_if_nobody_took_it(world: World, numbers: Labels) -> None:
    placed = chosen(world, "888")
    world.ahead_ms += HOUR_MS
    world.pay(placed.attempt)
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.DELIVERED


def test_a_checkout_that_is_repeated_holds_its_number(world: World, numbers: Labels) -> None:
    name = "one name of one order"
    results = at_once([partial(chosen, world.another_process(), "888", name) for _ in range(8)])
    placed = [result for result in results if isinstance(result, Placed)]
    placed.append(chosen(world, "888", name))
    assert len({each.order.order_id for each in placed}) == 1
    assert world.keys.get(*placed[0].order.units[0].key_ids).state is KeyState.LEASED
    world.pay(placed[0].attempt)
    assert world.orders.of_operator(placed[0].order.order_id).status is OrderStatus.DELIVERED


def test_two_numbers_and_a_plain_one_are_one_order(world: World, numbers: Labels) -> None:
    lines = (Line(SKU, 3), Line(SKU, 1, "888"), Line(SKU, 1, "666"))
    placed = world.order(lines=lines)
    plain, first, second = placed.order.units
    assert [unit.label for unit in placed.order.units] == [None, "888", "666"]
    assert [world.keys.get(*unit.key_ids).label for unit in (first, second)] == ["888", "666"]
    assert (plain.amount, first.amount) == (PRICE.times(3), PRICE + FEE)
    world.pay(placed.attempt)
    check_promises(world)


@pytest.mark.parametrize(
    ("line", "reason"),
    [(Line(SKU, 2, "888"), "not_one"), (Line("plain", 1, "888"), "not_offered")],
)
def test_a_choice_that_is_none_is_refused(world: World, numbers: Labels, line: Line, reason: str) -> None:
    world.stock_up(1, "plain")
    with pytest.raises(Invalid) as refused:
        world.order(lines=(line,))
    assert [field.reason for field in refused.value.fields] == [reason]


def test_numbers_are_paged_through_keys_without_one(world: World) -> None:
    world.stock_up(KEYS_A_LOOK + 20)
    world.catalog.save_sku(replace(world.catalog.sku(SKU), pick_fee=FEE), OPERATOR)
    wanted = [f"{number:05d}" for number in range(30)]
    bring(world, ["code,label", *(f"CARD-{label},{label}" for label in wanted)], NewBatch(sku_id=SKU, source="a"))
    labels, found, after = Labels(world.claims), [], None
    for _ in range(50):
        page, after = labels.free(SKU, 7, after)
        assert len(page) <= 7
        found += page
        if after is None:
            break
    assert sorted(found) == wanted
    for position in ("nonsense", "-1@x", "²@x"):
        with pytest.raises(Invalid):
            labels.free(SKU, 7, position)


def test_a_number_of_a_frozen_batch_is_not_to_be_had(world: World, numbers: Labels) -> None:
    placed = chosen(world, "888")
    (batch_id,) = {key.batch_id for key in world.stored_keys() if key.label}
    world.commands.freeze(batch_id, OPERATOR)
    buyer = world.another_process()
    with pytest.raises(LabelTaken):
        chosen(buyer, "666")
    buyer.pay(placed.attempt)
    assert buyer.orders.of_operator(placed.order.order_id).status is OrderStatus.REFUNDING
