"""A write took effect, its answer was lost, and botocore sent it again: that is no refusal by somebody else."""

import pytest

from keyrail.fulfilment.model import Outcome
from keyrail.inventory.model.keys import KeyState
from keyrail.ordering.model.orders import OrderStatus
from tests.engines import Engine
from tests.faults.breaking import Way, Wire
from tests.world import BUYER, PROVIDER, SKU, World

MINUTE_MS = 60_000


@pytest.fixture
def world(engine: Engine) -> World:
    world = engine.world()
    world.stock_up(3)
    return world


@pytest.fixture
def process(engine: Engine, world: World) -> World:
    """It speaks over clients of its own, which a wire may carry."""
    return world.another_process(engine.dynamodb(), engine.kms())


def test_a_lease_is_taken_and_the_key_not_lost_to_ourselves(world: World, process: World) -> None:
    (key_id, *_) = (key.key_id for key in world.stored_keys())
    with Wire(0, Way.ANSWER_LOST).carrying(process.dynamodb):
        assert process.keys.lease(key_id, "ord_a", world.now_ms() + MINUTE_MS, BUYER, world.now_ms())
    assert world.keys.get(key_id).order_id == "ord_a"


def test_an_order_holds_its_own_keys_and_no_more_whichever_answer_is_lost(world: World, process: World) -> None:
    clean = Wire()
    with clean.carrying(process.dynamodb):
        process.order()
    for number in range(len(clean.requests)):
        with Wire(number, Way.ANSWER_LOST).carrying(process.dynamodb):
            placed = world.another_process(process.dynamodb).order()
        assert placed.fresh
        held = {key.key_id for key in world.stored_keys() if key.order_id == placed.order.order_id}
        assert held == set(placed.order.units[0].key_ids)
        world.checkout.cancel(placed.order.order_id, placed.token, BUYER)


def test_a_payment_is_applied_and_its_keys_are_sold_once(world: World, process: World) -> None:
    placed = world.order(2)
    said = world.confirmed(world.callback(placed.attempt))
    with Wire(1, Way.ANSWER_LOST).carrying(process.dynamodb):
        assert process.settlement.settle(said, PROVIDER).outcome in {Outcome.APPLIED, Outcome.DUPLICATE}
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.DELIVERED
    assert len(world.sold()) == 2


def test_a_cancellation_gives_all_keys_back_whichever_answer_is_lost(world: World, process: World) -> None:
    for number in range(4):
        placed = world.order(2)
        with Wire(number, Way.ANSWER_LOST).carrying(process.dynamodb):
            process.checkout.cancel(placed.order.order_id, placed.token, BUYER)
        assert {key.state for key in world.stored_keys()} == {KeyState.AVAILABLE}
    assert world.claims.stock(SKU).claimable == 3
