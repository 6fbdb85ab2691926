"""What a buyer is shown of an order while some of its keys stand still: the others, and why."""

import pytest

from keyrail.inventory.model.keys import KeyFrozen, KeyVoid
from keyrail.ordering.model.orders import OrderNotFound
from keyrail.ordering.service.checkout import Placed
from tests.world import BUYER, OPERATOR, World, new_codes


@pytest.fixture
def codes(world: World) -> list[str]:
    """Of two batches with a key each."""
    return world.stock_up(1) + world.import_codes(new_codes(1))[0]


@pytest.fixture
def placed(world: World, codes: list[str]) -> Placed:
    """Both keys, delivered."""
    placed = world.order(2)
    world.pay(placed.attempt)
    return placed


def looked(world: World, placed: Placed) -> dict[str | None, str | None]:
    """Codes that are shown and reasons why others are not, by each other."""
    (unit,) = world.another_process().delivery.reveal(placed.order.order_id, placed.token, BUYER)
    return {key.code: key.withheld for key in unit.keys}


@pytest.mark.parametrize("followed", [False, True])
def test_a_frozen_key_is_withheld_and_the_other_one_is_shown(
    world: World, codes: list[str], placed: Placed, *, followed: bool
) -> None:
    frozen = world.keys.get(placed.order.units[0].key_ids[0])
    world.commands.freeze(frozen.batch_id, OPERATOR)
    if followed:
        world.follow(frozen.batch_id)
    seen = looked(world, placed)
    (shown,) = (code for code in seen if code)
    assert seen == {shown: None, None: KeyFrozen.code}
    assert shown in codes
    assert world.keys.get(frozen.key_id).revealed_at_ms is None, "a look at what was not shown is on record"
    world.commands.unfreeze(frozen.batch_id, OPERATOR)
    if followed:
        world.follow(frozen.batch_id)
    assert looked(world, placed) == dict.fromkeys(codes)


def test_a_void_key_is_withheld_for_good(world: World, codes: list[str], placed: Placed) -> None:
    void = world.keys.get(placed.order.units[0].key_ids[0])
    world.commands.void(void.batch_id, OPERATOR)
    world.follow(void.batch_id)
    assert sorted(looked(world, placed).values(), key=str) == [None, KeyVoid.code]


@pytest.mark.parametrize(("command", "refusal"), [("freeze", KeyFrozen), ("void", KeyVoid)])
def test_where_nothing_can_be_shown_the_reason_is_told(
    world: World, placed: Placed, command: str, refusal: type[Exception]
) -> None:
    for batch_id in {key.batch_id for key in world.stored_keys()}:
        getattr(world.commands, command)(batch_id, OPERATOR)
        world.follow(batch_id)
    with pytest.raises(refusal):
        looked(world, placed)


def test_a_stranger_learns_nothing_of_a_frozen_order(world: World, placed: Placed) -> None:
    world.commands.freeze(world.stored_keys()[0].batch_id, OPERATOR)
    with pytest.raises(OrderNotFound):
        world.another_process().delivery.reveal(placed.order.order_id, "tok_guessed", BUYER)
