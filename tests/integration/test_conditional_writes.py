"""Each conditional write alone: where its condition holds it writes, where it does not it leaves everything alone."""

import secrets
from dataclasses import replace

import pytest

from keyrail.inventory.model.batches import BatchNotFound, BatchStatus
from keyrail.inventory.model.keys import Key, KeyNotFound, KeyState
from keyrail.inventory.service.batches import NewBatch
from keyrail.ordering.model.orders import Order, OrderStatus
from keyrail.payments.model.confirmations import Mismatch
from keyrail.platform.changes import Origin
from keyrail.platform.clock import utc_date
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import ConditionFailed, Table, TransactionFailed, Write, transact
from keyrail.vault.model import WrappedFingerprintKey
from tests.world import BUYER, OPERATOR, PROVIDER, SKU, SYSTEM, World, new_codes

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
ANYBODY = Origin("system:nobody", "nowhere")


@pytest.fixture
def key(world: World) -> Key:
    """The only key of the pool, available."""
    world.stock_up(1)
    (key,) = world.stored_keys()
    return key


def lease(world: World, key: Key, order_id: str, for_ms: int = MINUTE_MS) -> bool:
    return world.keys.lease(key.key_id, order_id, world.now_ms() + for_ms, BUYER, world.now_ms())


def sell(world: World, key: Key, order_id: str) -> bool:
    write = world.keys.sale(key.key_id, order_id, f"unt_{order_id}", PROVIDER, world.now_ms())
    try:
        transact(world.dynamodb, [write])
    except TransactionFailed:
        return False
    return True


def standing(world: World, key: Key) -> Key:
    return world.keys.get(key.key_id)


def expiring(world: World, key: Key, expires_on: str) -> Key:
    """The key as if the supplier's file had named that last day of use."""
    world.dynamodb.update_item(
        TableName=world.names["keys"],
        Key={"key_id": {"S": key.key_id}},
        UpdateExpression="SET expires_on = :day",
        ExpressionAttributeValues={":day": {"S": expires_on}},
    )
    return standing(world, key)


# lease


def test_an_available_key_is_leased_with_its_holder_and_its_end(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    leased = standing(world, key)
    assert (leased.state, leased.order_id) == (KeyState.LEASED, "ord_a")
    assert leased.claim_order is not None
    assert leased.claim_order > (key.claim_order or "")
    assert (leased.version, leased.changed_by, leased.changed_from) == (key.version + 1, BUYER.by, BUYER.address)


def test_a_leased_key_is_not_leased_to_another(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    assert not lease(world, key, "ord_b")
    assert standing(world, key).order_id == "ord_a"


def test_a_lease_is_not_taken_twice_by_the_same_order(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    assert not lease(world, key, "ord_a")


def test_a_lapsed_lease_is_claimable_by_time_alone(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    world.ahead_ms += MINUTE_MS + 1000
    assert lease(world, key, "ord_b")
    assert standing(world, key).order_id == "ord_b"


def test_a_lease_holds_to_its_last_second(world: World, key: Key) -> None:
    end_ms = (world.now_ms() // 1000 + 60) * 1000
    assert world.keys.lease(key.key_id, "ord_a", end_ms, BUYER, world.now_ms())
    assert not world.keys.lease(key.key_id, "ord_b", end_ms + MINUTE_MS, BUYER, end_ms - 1)
    assert world.keys.lease(key.key_id, "ord_b", end_ms + MINUTE_MS, BUYER, end_ms)


def test_a_sold_key_is_never_leased_again(world: World, key: Key) -> None:
    assert sell(world, key, "ord_a")
    world.ahead_ms += 400 * DAY_MS
    assert not lease(world, key, "ord_b")
    assert standing(world, key).order_id == "ord_a"


def test_a_key_that_is_not_there_is_not_leased_into_being(world: World, key: Key) -> None:
    stranger = replace(key, key_id="key_01" + "0" * 26)
    assert not lease(world, stranger, "ord_a")
    with pytest.raises(KeyNotFound):
        standing(world, stranger)


def test_a_key_past_its_last_day_is_not_leased(world: World, key: Key) -> None:
    expiring(world, key, utc_date(world.now_ms() - DAY_MS))
    assert not lease(world, key, "ord_a")


def test_a_key_is_leased_on_its_last_day(world: World, key: Key) -> None:
    expiring(world, key, utc_date(world.now_ms()))
    assert lease(world, key, "ord_a")


# release


def test_a_lease_given_back_is_claimable_at_once(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    assert world.keys.release(key.key_id, "ord_a", BUYER, world.now_ms())
    released = standing(world, key)
    assert (released.state, released.order_id) == (KeyState.AVAILABLE, None)
    assert lease(world, key, "ord_b")


def test_only_the_holder_gives_a_lease_back(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    assert not world.keys.release(key.key_id, "ord_b", BUYER, world.now_ms())
    assert standing(world, key).order_id == "ord_a"


def test_a_sold_key_is_not_given_back(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    assert sell(world, key, "ord_a")
    assert not world.keys.release(key.key_id, "ord_a", BUYER, world.now_ms())
    assert standing(world, key).state is KeyState.SOLD


# sale


def test_the_holder_of_a_lease_buys(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    assert sell(world, key, "ord_a")
    sold = standing(world, key)
    assert (sold.state, sold.order_id, sold.unit_id) == (KeyState.SOLD, "ord_a", "unt_ord_a")
    assert (sold.claim_order, sold.left_pool is None) == (None, False), "it stands in the index of the pool"


def test_nobody_else_buys_a_leased_key(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    assert not sell(world, key, "ord_b")
    assert standing(world, key).state is KeyState.LEASED


def test_a_lapsed_lease_that_nobody_took_is_still_its_holders_to_buy(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    world.ahead_ms += 2 * MINUTE_MS
    assert sell(world, key, "ord_a")


def test_a_lapsed_lease_that_somebody_took_is_no_longer_its_first_holders_to_buy(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    world.ahead_ms += 2 * MINUTE_MS
    assert lease(world, key, "ord_b")
    assert not sell(world, key, "ord_a")
    world.ahead_ms += MINUTE_MS // 2
    assert not sell(world, key, "ord_a")
    assert standing(world, key).order_id == "ord_b"


def test_anybody_buys_an_available_key(world: World, key: Key) -> None:
    assert sell(world, key, "ord_a")


def test_a_key_is_sold_once_and_not_even_to_its_owner_again(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    assert sell(world, key, "ord_a")
    assert not sell(world, key, "ord_b")
    assert not sell(world, key, "ord_a")
    assert standing(world, key).version == key.version + 2


def test_a_key_past_its_last_day_is_not_sold_even_to_the_holder_of_its_lease(world: World, key: Key) -> None:
    expiring(world, key, utc_date(world.now_ms()))
    assert lease(world, key, "ord_a", for_ms=3 * DAY_MS)
    world.ahead_ms += DAY_MS
    assert not sell(world, key, "ord_a")


# reveal


def test_a_look_at_a_sold_key_is_on_record_with_who_and_from_where(world: World, key: Key) -> None:
    assert sell(world, key, "ord_a")
    seen = world.keys.reveal(key.key_id, "ord_a", BUYER, world.now_ms())
    assert seen is not None
    assert (seen.changed_by, seen.changed_from) == (BUYER.by, BUYER.address)
    assert standing(world, key).revealed_at_ms == seen.revealed_at_ms is not None


def test_a_key_that_is_only_leased_is_not_shown(world: World, key: Key) -> None:
    assert lease(world, key, "ord_a")
    with pytest.raises(KeyNotFound):
        world.keys.reveal(key.key_id, "ord_a", BUYER, world.now_ms())
    assert standing(world, key).revealed_at_ms is None


def test_a_key_is_not_shown_to_another_order(world: World, key: Key) -> None:
    assert sell(world, key, "ord_a")
    with pytest.raises(KeyNotFound):
        world.keys.reveal(key.key_id, "ord_b", BUYER, world.now_ms())
    assert standing(world, key).revealed_at_ms is None


# keys, batches, pools, the fingerprint key


def test_a_key_is_stored_once_and_the_second_learns_of_the_first(world: World, key: Key) -> None:
    again = replace(key, batch_id="bat_other", sealed=b"other")
    assert world.keys.add(again) == key
    assert standing(world, key) == key


def test_a_batch_is_added_once(world: World, key: Key) -> None:
    batch = world.keys.get_batch(key.batch_id)
    assert world.keys.add_batch(replace(batch, source="other")) == batch
    with pytest.raises(BatchNotFound):
        world.keys.get_batch("bat_" + "0" * 26)


def test_a_batch_is_replaced_only_by_its_next_version(world: World, key: Key) -> None:
    batch = world.keys.get_batch(key.batch_id)
    following = replace(batch, status=BatchStatus.REJECTED, version=batch.version + 1)
    world.keys.replace_batch(following)
    for version in (batch.version, batch.version + 1, batch.version + 3):
        with pytest.raises(ConditionFailed):
            world.keys.replace_batch(replace(batch, version=version))
    assert world.keys.get_batch(key.batch_id) == following


def test_the_first_fingerprint_key_stays(world: World) -> None:
    first = WrappedFingerprintKey(7, b"first")
    assert world.keys.add_fingerprint_key(first) == first
    assert world.keys.add_fingerprint_key(WrappedFingerprintKey(7, b"second")) == first
    assert world.keys.get_fingerprint_key(7) == first


# orders


@pytest.fixture
def order(world: World, key: Key) -> Order:
    return world.order().order


def test_an_order_is_added_once_and_the_second_learns_of_the_first(world: World, order: Order) -> None:
    assert world.orders.add(replace(order, status=OrderStatus.CANCELLED)) == order
    assert world.orders.find(order.order_id) == order


def test_an_order_is_replaced_only_while_it_stands(world: World, order: Order) -> None:
    cancelled = replace(order, status=OrderStatus.CANCELLED, version=order.version + 1)
    paid = replace(order, status=OrderStatus.PAID, version=order.version + 1)
    assert world.orders.replace(order, cancelled)
    assert not world.orders.replace(order, paid)
    assert world.orders.find(order.order_id) == cancelled


def test_an_order_that_is_not_there_is_not_replaced_into_being(world: World, order: Order) -> None:
    stranger = replace(order, order_id="ord_" + "0" * 26)
    assert not world.orders.replace(stranger, replace(stranger, version=2))
    assert world.orders.find(stranger.order_id) is None


# transactions


def test_a_transaction_with_one_refused_write_changes_nothing_and_names_it(world: World, order: Order) -> None:
    world.import_codes(new_codes(1))
    (held,) = order.units[0].key_ids
    spare = next(key for key in world.stored_keys() if key.key_id != held)
    assert lease(world, spare, "ord_b")
    before = {key.key_id: key for key in world.stored_keys()}
    sales = [world.keys.sale(k, order.order_id, "unt", SYSTEM, world.now_ms()) for k in (held, spare.key_id)]
    paid = replace(order, status=OrderStatus.PAID, version=order.version + 1)
    with pytest.raises(TransactionFailed) as refused:
        transact(world.dynamodb, [world.orders.replacement(order, paid), *sales])
    assert set(refused.value.failed) == {2}
    assert from_attributes(Key, refused.value.failed[2] or {}).order_id == "ord_b"
    assert {key.key_id: key for key in world.stored_keys()} == before
    assert world.orders.find(order.order_id) == order


def test_a_stale_order_refuses_the_sale_of_its_keys(world: World, order: Order) -> None:
    cancelled = replace(order, status=OrderStatus.CANCELLED, version=order.version + 1)
    assert world.orders.replace(order, cancelled)
    (held,) = order.units[0].key_ids
    sale = world.keys.sale(held, order.order_id, "unt", SYSTEM, world.now_ms())
    paid = replace(order, status=OrderStatus.PAID, version=order.version + 1)
    with pytest.raises(TransactionFailed) as refused:
        transact(world.dynamodb, [world.orders.replacement(order, paid), sale])
    assert set(refused.value.failed) == {0}
    assert world.sold() == []


# catalog, desk, audit


def test_a_sku_is_stored_only_as_the_next_version(world: World, key: Key) -> None:
    sku = world.catalog.sku(SKU)
    assert not world.catalog.store.put(sku)
    assert not world.catalog.store.put(replace(sku, version=sku.version + 2))
    assert world.catalog.store.put(replace(sku, name="renamed", version=sku.version + 1))
    assert world.catalog.sku(SKU).name == "renamed"


def test_the_same_statement_of_a_provider_lies_on_the_desk_once(world: World, order: Order) -> None:
    said = world.confirmed(world.callback(order.attempts[0], money="0.01"))
    assert world.desk.put(said, Mismatch.UNDER_PAID, PROVIDER)
    assert not world.desk.put(said, Mismatch.UNDER_PAID, PROVIDER)
    assert world.desk.put(replace(said, reference="another"), Mismatch.UNDER_PAID, PROVIDER)
    assert len(world.desk.waiting(10)) == 2


def test_writes_go_out_alone_as_they_go_out_together(world: World, key: Key) -> None:
    alone: Write = world.keys.sale(key.key_id, "ord_a", "unt", ANYBODY, world.now_ms())
    Table(world.dynamodb, world.names["keys"]).send(alone)
    with pytest.raises(ConditionFailed) as refused:
        Table(world.dynamodb, world.names["keys"]).send(alone)
    assert from_attributes(Key, refused.value.current or {}).order_id == "ord_a"


def test_a_batch_is_opened_once_however_often_it_is_asked_for(world: World, key: Key) -> None:
    name = secrets.token_hex(16)
    wanted = world.keys.get_batch(key.batch_id)
    asked = NewBatch(sku_id=wanted.sku_id, source="supplier")
    assert world.batches.open(asked, name, OPERATOR) == world.batches.open(asked, name, OPERATOR)
