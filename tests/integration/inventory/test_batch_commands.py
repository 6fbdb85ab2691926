"""Freeze, unfreeze, void, close, extend: each one write of one size that works within two seconds; its keys follow."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from keyrail.fulfilment.model import Outcome
from keyrail.inventory.model import keys
from keyrail.inventory.model.batches import (
    MAX_HELD_BATCHES,
    NOTHING_HELD,
    Batch,
    BatchNotFound,
    Following,
    Held,
    Standing,
)
from keyrail.inventory.model.commands import BatchClosed, BatchVoid, ExpiryNotLater, TooManyHeldBatches
from keyrail.inventory.model.following import follow
from keyrail.inventory.model.keys import BATCH_SHARDS, Key, KeyFrozen, KeyState, KeyVoid, SoldOut, batch_shard
from keyrail.inventory.service import following
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.claims import POOL_CACHE_MS
from keyrail.inventory.service.following import Followers, KeysMissing, Progress
from keyrail.inventory.service.holds import HOLDS_CACHE_MS, Holds
from keyrail.inventory.store.batches import BatchStore, Trail
from keyrail.inventory.store.keys import KeyStore
from keyrail.ordering.model.orders import OrderStatus
from keyrail.platform.changes import stamp
from keyrail.platform.clock import utc_date
from keyrail.platform.dynamo import transact
from tests.engines import Engine
from tests.files import UploadInMemory
from tests.promises import check_promises, check_stock
from tests.racing import at_once, refusals
from tests.world import BUYER, OPERATOR, SKU, SYSTEM, World, new_codes

MINUTE_MS = 60 * 1000
DAY_MS = 24 * 60 * 60 * 1000
WORKS_WITHIN_MS = 2_000


@pytest.fixture
def batch(world: World) -> Batch:
    """Of five keys."""
    world.stock_up(0)
    return world.import_codes(new_codes(5))[1]


def states(world: World) -> Counter[KeyState]:
    return Counter(key.state for key in world.stored_keys())


def standing(world: World, batch: Batch) -> Batch:
    return world.keys.get_batch(batch.batch_id)


def held(world: World) -> Held:
    return world.keys.held(
        world.dynamodb.get_item(TableName=world.names["keys"], Key={"key_id": {"S": "holds"}}).get("Item")
    )


def import_dated(world: World, dated: dict[str, str]) -> Batch:
    lines = ["code,expires_on", *(f"{code},{day}" for code, day in dated.items())]
    batch = world.batches.open(NewBatch(sku_id=SKU, source="supplier"), secrets.token_hex(16), OPERATOR)
    return world.importing.import_file(batch.batch_id, UploadInMemory("\n".join(lines).encode()), SYSTEM)


@contextmanager
def counting(client: Any) -> Iterator[list[str]]:
    """The names of the requests that the client sends meanwhile."""
    sent: list[str] = []

    def note(event_name: str, **_: Any) -> None:
        sent.append(event_name.rpartition(".")[2])

    client.meta.events.register_first("before-send.dynamodb", note)
    try:
        yield sent
    finally:
        client.meta.events.unregister("before-send.dynamodb", note)


# a freeze


def test_a_freeze_works_within_two_seconds_in_a_process_that_knew_otherwise_a_moment_before(world: World) -> None:
    world.stock_up(4)
    (batch_id,) = {key.batch_id for key in world.stored_keys()}
    seller = world.another_process()
    shown, paid = seller.order(), seller.order()
    seller.pay(shown.attempt)
    seller.delivery.reveal(shown.order.order_id, shown.token, BUYER)
    seller.claims.holds.now()
    assert max(POOL_CACHE_MS, HOLDS_CACHE_MS) <= WORKS_WITHIN_MS

    world.commands.freeze(batch_id, OPERATOR)
    seller.ahead_ms += WORKS_WITHIN_MS

    with pytest.raises(SoldOut):
        seller.order()
    seller.pay(paid.attempt)
    assert seller.orders.of_operator(paid.order.order_id).status is OrderStatus.REFUNDING
    with pytest.raises(KeyFrozen):
        seller.delivery.reveal(shown.order.order_id, shown.token, BUYER)
    assert len(world.sold()) == 1


def test_what_a_process_remembers_of_the_list_is_counted_from_before_it_was_read(
    engine: Engine, world: World, batch: Batch
) -> None:
    now_ms = [0]
    holds = Holds(KeyStore(engine.dynamodb(), world.names["keys"]), lambda: now_ms[0])

    def the_answer_takes_its_time(**_: Any) -> None:
        now_ms[0] += HOLDS_CACHE_MS - 1

    holds.store.client.meta.events.register_first("before-send.dynamodb", the_answer_takes_its_time)
    assert holds.now().frozen == ()
    world.commands.freeze(batch.batch_id, OPERATOR)
    assert holds.now().frozen == ()
    now_ms[0] += 1
    assert holds.now().frozen == (batch.batch_id,)


@pytest.mark.parametrize("command", ["freeze", "void", "close"])
def test_a_command_takes_as_many_requests_for_many_keys_as_for_few(world: World, command: str) -> None:
    world.stock_up(0)
    taken = []
    for size in (3, 300):
        of_size = world.import_codes(new_codes(size))[1]
        with counting(world.dynamodb) as sent:
            getattr(world.commands, command)(of_size.batch_id, OPERATOR)
        taken.append(sent)
    assert taken[0] == taken[1] == ["GetItem", "BatchGetItem", "TransactWriteItems"]


def test_a_freeze_that_is_given_again_changes_nothing(world: World, batch: Batch) -> None:
    frozen = world.commands.freeze(batch.batch_id, OPERATOR)
    assert (frozen.standing, frozen.changed_reason, frozen.generation) == (Standing.FROZEN, OPERATOR.reason, 1)
    assert world.commands.freeze(batch.batch_id, OPERATOR) == frozen == standing(world, batch)


def test_100_freezes_at_once_are_one(world: World, batch: Batch) -> None:
    results = at_once([partial(world.another_process().commands.freeze, batch.batch_id, OPERATOR) for _ in range(20)])
    assert refusals(results) == []
    assert standing(world, batch).generation == 1
    assert held(world).frozen == (batch.batch_id,)


def test_freezes_of_many_batches_at_once_all_stand_in_the_list(world: World) -> None:
    world.stock_up(0)
    batches = [world.import_codes(new_codes(1))[1].batch_id for _ in range(8)]
    at_once([partial(world.another_process().commands.freeze, each, OPERATOR) for each in batches])
    for each in batches:  # whoever was told to try again does
        world.commands.freeze(each, OPERATOR)
    assert set(held(world).frozen) == set(batches)


def test_a_frozen_batch_is_passed_over_and_others_go_on(world: World, batch: Batch) -> None:
    other = world.import_codes(new_codes(2))[1]
    world.commands.freeze(batch.batch_id, OPERATOR)
    placed = world.another_process().order(2)
    assert {world.keys.get(key).batch_id for key in placed.order.units[0].key_ids} == {other.batch_id}
    stock = world.claims.stock(SKU)
    assert (stock.claimable, stock.leased) == (0, 2)


def test_who_leased_a_key_before_it_was_frozen_gets_one_of_another_batch(world: World, batch: Batch) -> None:
    placed = world.order()
    world.commands.freeze(batch.batch_id, OPERATOR)
    other = world.import_codes(new_codes(1))[1]
    buyer = world.another_process()
    assert buyer.pay(placed.attempt).outcome is Outcome.APPLIED
    (sold,) = world.sold()
    assert sold.batch_id == other.batch_id
    check_promises(world)


# its keys


def test_the_keys_of_a_frozen_batch_are_frozen_and_leave_the_list_to_others(world: World, batch: Batch) -> None:
    sold, leased = world.order(), world.order()
    world.pay(sold.attempt)
    world.commands.freeze(batch.batch_id, OPERATOR)
    world.follow(batch.batch_id)

    assert states(world) == {KeyState.FROZEN: 5}
    assert Counter(key.state_before for key in world.stored_keys()) == {"available": 3, "leased": 1, "sold": 1}
    assert {(key.claim_order, key.left_pool is None) for key in world.stored_keys()} == {(None, False)}
    assert held(world) == replace(NOTHING_HELD, **stamped(held(world)))
    followed = standing(world, batch)
    assert (followed.followed, followed.following) == (followed.generation, None)
    with pytest.raises(SoldOut):
        world.another_process().order()
    assert leased.order.units[0].key_ids


def stamped(of: Held) -> dict[str, Any]:
    return {name: getattr(of, name) for name in stamp(OPERATOR, 0)}


def test_an_unfrozen_batch_is_as_it_was(world: World, batch: Batch) -> None:
    codes = world.import_codes(new_codes(2))[0]
    sold, leased = world.order(), world.order()
    world.pay(sold.attempt)
    world.ahead_ms += 5 * MINUTE_MS
    before = {key.key_id: (key.state, key.order_id) for key in world.stored_keys()}
    for each in {key.batch_id for key in world.stored_keys()}:
        world.commands.freeze(each, OPERATOR)
        world.follow(each)
        world.commands.unfreeze(each, OPERATOR)
        world.follow(each)

    assert {key.key_id: (key.state, key.order_id) for key in world.stored_keys()} == before
    buyer = world.another_process()
    assert codes
    assert buyer.pay(leased.attempt).outcome is Outcome.APPLIED
    assert buyer.orders.of_operator(leased.order.order_id).status is OrderStatus.DELIVERED
    assert {key.order_id for key in world.sold()} == {sold.order.order_id, leased.order.order_id}
    buyer.delivery.reveal(sold.order.order_id, sold.token, BUYER)
    check_promises(world)
    check_stock(world, SKU)


def test_a_lease_that_was_frozen_and_unfrozen_may_be_taken_by_somebody_else(world: World) -> None:
    world.stock_up(1)
    (key,) = world.stored_keys()
    world.order()
    for command in (world.commands.freeze, world.commands.unfreeze):
        command(key.batch_id, OPERATOR)
        world.follow(key.batch_id)
    other = world.another_process().order()
    assert other.order.units[0].key_ids == (key.key_id,)


def test_a_batch_is_unfrozen_while_its_keys_still_follow_the_freeze(world: World, batch: Batch) -> None:
    world.commands.freeze(batch.batch_id, OPERATOR)
    late = world.another_process()
    late_follower = late.followers
    stale = standing(world, batch)
    world.commands.unfreeze(batch.batch_id, OPERATOR)
    assert held(world).frozen == ()
    world.follow(batch.batch_id)
    # A slice that began before the unfreeze comes to its keys after it.
    for key in late.stored_keys():
        assert not freeze_as_read_before(late_follower, stale, key)
    assert states(world) == {KeyState.AVAILABLE: 5}
    check_stock(world, SKU)


def freeze_as_read_before(follower: Followers, stale: Batch, key: Key) -> bool:
    """The write of a slice that read batch and key before the last command; whether it went through."""
    read = replace(key, version=key.version - 1, follows=0)
    frozen = follow(stale, read, 0)
    assert frozen.state is KeyState.FROZEN
    return follower.store.replace_key(replace(frozen, **stamp(SYSTEM, 0, read.version + 1)))


def test_a_key_that_is_sold_while_its_batch_is_closed_lives_on_and_the_others_are_void(
    world: World, batch: Batch
) -> None:
    sold = world.order()
    world.commands.close(batch.batch_id, OPERATOR)
    buyer = world.another_process()
    with pytest.raises(SoldOut):
        buyer.order()
    assert held(world).closed == (batch.batch_id,)
    # Who pays for a lease of it gets the money back: nothing more of it is sold.
    buyer.pay(sold.attempt)
    assert buyer.orders.of_operator(sold.order.order_id).status is OrderStatus.REFUNDING
    world.follow(batch.batch_id)
    assert states(world) == {KeyState.VOID: 5}
    assert held(world).closed == ()


def test_a_closed_batch_still_shows_what_it_sold(world: World, batch: Batch) -> None:
    sold = world.order()
    world.pay(sold.attempt)
    world.commands.close(batch.batch_id, OPERATOR)
    world.follow(batch.batch_id)
    assert states(world) == {KeyState.SOLD: 1, KeyState.VOID: 4}
    (unit,) = world.another_process().delivery.reveal(sold.order.order_id, sold.token, BUYER)
    assert unit.keys[0].code


def test_a_frozen_batch_that_is_closed_gives_what_it_sold_back(world: World, batch: Batch) -> None:
    sold = world.order()
    world.pay(sold.attempt)
    world.commands.freeze(batch.batch_id, OPERATOR)
    world.follow(batch.batch_id)
    world.commands.close(batch.batch_id, OPERATOR)
    world.follow(batch.batch_id)
    assert states(world) == {KeyState.SOLD: 1, KeyState.VOID: 4}


@pytest.mark.parametrize("frozen_before", [False, True])
def test_all_keys_of_a_void_batch_are_void_sold_or_not(world: World, batch: Batch, *, frozen_before: bool) -> None:
    sold = world.order()
    world.pay(sold.attempt)
    if frozen_before:
        world.commands.freeze(batch.batch_id, OPERATOR)
    world.commands.void(batch.batch_id, OPERATOR)
    world.follow(batch.batch_id)
    assert states(world) == {KeyState.VOID: 5}
    assert held(world).frozen == ()
    with pytest.raises(KeyVoid):
        world.another_process().delivery.reveal(sold.order.order_id, sold.token, BUYER)


@pytest.mark.parametrize(("ended", "refusal"), [("close", BatchClosed), ("void", BatchVoid)])
def test_what_was_ended_for_good_takes_no_other_command(
    world: World, batch: Batch, ended: str, refusal: type[Exception]
) -> None:
    after = getattr(world.commands, ended)(batch.batch_id, OPERATOR)
    assert getattr(world.commands, ended)(batch.batch_id, OPERATOR) == after
    others = {"freeze", "unfreeze", "void", "close"} - {ended}
    calls: list[Callable[[], object]] = [
        partial(getattr(world.commands, other), batch.batch_id, OPERATOR) for other in others
    ]
    calls.append(lambda: world.commands.extend(batch.batch_id, "2099-01-01", 0, OPERATOR))
    for call in calls:
        with pytest.raises(refusal):
            call()
    assert standing(world, batch) == after


def test_a_batch_that_is_not_there_is_told_so(world: World) -> None:
    with pytest.raises(BatchNotFound):
        world.commands.freeze("bat_" + "0" * 26, OPERATOR)


def test_so_many_batches_may_be_stopped_at_a_time_and_one_more_once_one_has_followed(
    world: World, batch: Batch
) -> None:
    others = tuple(f"bat_{number:026d}" for number in range(MAX_HELD_BATCHES))
    full = Held(frozen=others[:50], closed=others[50:], **stamp(OPERATOR, 0))
    put_held(world, full)
    with pytest.raises(TooManyHeldBatches):
        world.commands.freeze(batch.batch_id, OPERATOR)
    assert standing(world, batch).standing is Standing.OPEN
    put_held(world, replace(full, frozen=others[1:50], version=2))
    world.commands.freeze(batch.batch_id, OPERATOR)
    assert len(held(world).unsaleable) == MAX_HELD_BATCHES
    # So long a list still fits into the condition of a sale.
    other = world.import_codes(new_codes(1))[1]
    buyer = world.another_process()
    placed = buyer.order()
    buyer.pay(placed.attempt)
    assert [key.batch_id for key in world.sold()] == [other.batch_id]


def put_held(world: World, to: Held) -> None:
    transact(world.dynamodb, [BatchStore(world.keys)._next(to, "holds")])


# how the keys follow


class Watched(BatchStore):
    """As the indexes show it to a slice: how many keys it has seen, and which of them lag behind, in no index yet."""

    def __init__(self, world: World, *lagging: str) -> None:
        super().__init__(world.keys)
        self.seen, self.lagging = 0, lagging

    def in_claim_partition(self, partition: str) -> Iterator[Trail]:
        return self._watched(super().in_claim_partition(partition))

    def out_of_pool(self, batch_id: str, shard: int, since: str = "0") -> Iterator[Trail]:
        return self._watched(super().out_of_pool(batch_id, shard, since))

    def _watched(self, trails: Iterator[Trail]) -> Iterator[Trail]:
        for trail in trails:
            self.seen += 1
            if trail.key_id not in self.lagging:
                yield trail


def short_slice(world: World, batch: Batch, *lagging: str, until_seen: int) -> tuple[Progress, int]:
    """Whose time is over once it saw so many keys, and how many it saw."""
    store, began_ms = Watched(world, *lagging), world.now_ms()
    slow = Followers(store, lambda: began_ms + (DAY_MS if store.seen >= until_seen else 0))
    return slow.follow(batch.batch_id, began_ms + 1, SYSTEM), store.seen


def test_no_slice_has_to_see_all_keys_of_a_batch_and_each_goes_on_where_the_last_was_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOK_AT_CLOCK_EVERY", 10)
    monkeypatch.setattr(keys, "SHARD_CAPACITY", 20)
    world.stock_up(0)
    batch = world.import_codes(new_codes(400))[1]
    frozen = world.commands.freeze(batch.batch_id, OPERATOR)
    of_shard = Counter(batch_shard(key.key_id) for key in world.stored_keys())
    # Time for two shards or three of eight.
    slices, done = 0, 0
    while (seen := short_slice(world, batch, until_seen=100))[0] is Progress.UNFINISHED:
        slices, partly = slices + 1, standing(world, batch).following
        assert partly is not None
        assert seen[1] < 200
        assert (done < partly.done < 400, partly.total) == (True, 400)
        assert all(found <= of_shard[shard] for shard, found in enumerate(partly.found))
        assert batch.batch_id in held(world).frozen
        done = partly.done
    assert slices >= 2
    assert states(world) == {KeyState.FROZEN: 400}
    assert (standing(world, batch).followed, held(world).frozen) == (frozen.generation, ())


def test_a_key_that_is_sold_between_two_slices_stands_in_for_none_that_was_not_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was found in the pool by one slice and is found out of the pool by the next: that is one key."""
    monkeypatch.setattr(following, "INDEX_SETTLES_S", 0)
    monkeypatch.setattr(following, "LOOK_AT_CLOCK_EVERY", 1)
    world.stock_up(0)
    batch = world.import_codes(new_codes(40))[1]
    for command in (world.commands.freeze, world.commands.unfreeze):
        command(batch.batch_id, OPERATOR)
        world.follow(batch.batch_id)
    world.commands.freeze(batch.batch_id, OPERATOR)
    unfrozen = world.commands.unfreeze(batch.batch_id, OPERATOR)
    lagging = world.stored_keys()[0].key_id
    for _ in range(6):
        assert short_slice(world, batch, lagging, until_seen=25)[0] is Progress.UNFINISHED
        world.pay(world.another_process().order().attempt)
    with pytest.raises(KeysMissing):
        short_slice(world, batch, lagging, until_seen=10_000)
    assert standing(world, batch).followed < unfrozen.generation
    world.follow(batch.batch_id)
    assert {key.follows for key in world.stored_keys()} == {unfrozen.generation}


def test_what_was_found_of_one_generation_is_not_counted_for_the_next(world: World, batch: Batch) -> None:
    frozen = world.commands.freeze(batch.batch_id, OPERATOR)
    of_the_last = Following(generation=0, total=5, found=(5, *[0] * (BATCH_SHARDS - 1)), walks=BATCH_SHARDS)
    noted = replace(frozen, following=of_the_last, **stamp(SYSTEM, 0, frozen.version + 1))
    world.followers.store.change(noted)
    world.follow(batch.batch_id)
    assert states(world) == {KeyState.FROZEN: 5}


def test_a_batch_of_which_a_key_cannot_be_found_stays_on_the_list(
    world: World, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "INDEX_SETTLES_S", 0)
    (key, *_) = world.stored_keys()
    world.dynamodb.delete_item(TableName=world.names["keys"], Key={"key_id": {"S": key.key_id}})
    world.commands.freeze(batch.batch_id, OPERATOR)
    with pytest.raises(KeysMissing):
        world.follow(batch.batch_id)
    assert states(world) == {KeyState.FROZEN: 4}
    assert held(world).frozen == (batch.batch_id,)


def test_four_slices_at_once_bring_each_key_in_line_once(world: World) -> None:
    world.stock_up(0)
    batch = world.import_codes(new_codes(300))[1]
    world.commands.freeze(batch.batch_id, OPERATOR)
    at_once([partial(world.another_process().follow, batch.batch_id) for _ in range(4)])
    world.follow(batch.batch_id)
    assert {(key.state, key.version) for key in world.stored_keys()} == {(KeyState.FROZEN, 2)}


def test_keys_that_come_in_while_their_batch_is_frozen_follow_too(world: World) -> None:
    world.stock_up(0)
    batch = world.batches.open(NewBatch(sku_id=SKU, source="supplier"), secrets.token_hex(16), OPERATOR)
    world.commands.freeze(batch.batch_id, OPERATOR)
    assert world.followers.follow(batch.batch_id, world.now_ms() + DAY_MS, SYSTEM) is Progress.MORE_KEYS_MAY_COME
    assert held(world).frozen == (batch.batch_id,)
    raw = "\n".join(new_codes(7)).encode()
    world.importing.import_file(batch.batch_id, UploadInMemory(raw), SYSTEM)
    with pytest.raises(SoldOut):
        world.another_process().order()
    world.follow(batch.batch_id)
    assert states(world) == {KeyState.FROZEN: 7}
    assert held(world).frozen == ()


def test_a_batch_that_was_ended_before_its_file_came_takes_none(world: World) -> None:
    world.stock_up(0)
    batch = world.batches.open(NewBatch(sku_id=SKU, source="supplier"), secrets.token_hex(16), OPERATOR)
    world.commands.void(batch.batch_id, OPERATOR)
    world.importing.import_file(batch.batch_id, UploadInMemory("\n".join(new_codes(3)).encode()), SYSTEM)
    world.follow(batch.batch_id)
    assert world.stored_keys() == []
    assert held(world).frozen == ()


# extension


def test_a_later_last_day_is_that_of_every_key_and_what_had_expired_is_on_sale_again(world: World) -> None:
    world.stock_up(0)
    now_ms = world.now_ms()
    today, tomorrow, later = (utc_date(now_ms + days * DAY_MS) for days in (0, 1, 30))
    batch = import_dated(world, {"GONE-0001": today, "GONE-0002": today, "NEXT-0003": tomorrow})
    world.pay(world.order().attempt)
    world.ahead_ms += 2 * DAY_MS
    # A claim that meets a dead key takes it out of the pool.
    for key in world.stored_keys():
        world.keys.lease(key.key_id, "ord_late", world.now_ms() + 1, BUYER, world.now_ms())
    assert states(world) == {KeyState.EXPIRED: 2, KeyState.SOLD: 1}

    world.commands.extend(batch.batch_id, later, world.now_ms() + 30 * DAY_MS, OPERATOR)
    world.follow(batch.batch_id)

    assert {key.expires_on for key in world.stored_keys()} == {later}
    assert states(world) == {KeyState.AVAILABLE: 2, KeyState.SOLD: 1}
    placed = world.another_process().order(2)
    assert len(placed.order.units[0].key_ids) == 2
    extended = standing(world, batch)
    assert (extended.first_expiry, extended.last_expiry) == (later, later)


def test_keys_that_never_expire_or_expire_later_keep_their_day(world: World) -> None:
    world.stock_up(0)
    soon, then, late = (utc_date(world.now_ms() + days * DAY_MS) for days in (1, 10, 100))
    batch = import_dated(world, {"SOON-0001": soon, "LATE-0002": late, "EVER-0003": ""})
    world.commands.extend(batch.batch_id, then, 0, OPERATOR)
    world.follow(batch.batch_id)
    assert sorted(key.expires_on or "" for key in world.stored_keys()) == ["", then, late]


def test_an_extension_has_to_be_one(world: World, batch: Batch) -> None:
    soon, then = (utc_date(world.now_ms() + days * DAY_MS) for days in (1, 10))
    dated = import_dated(world, {"SOON-0001": then})
    refused = [(batch, then), (dated, then), (dated, soon), (dated, "2001-01-01")]
    for of, to in refused:
        with pytest.raises(ExpiryNotLater):
            world.commands.extend(of.batch_id, to, 0, OPERATOR)
    later = utc_date(world.now_ms() + 20 * DAY_MS)
    extended = world.commands.extend(dated.batch_id, later, 0, OPERATOR)
    assert world.commands.extend(dated.batch_id, later, 0, OPERATOR) == extended
    with pytest.raises(ExpiryNotLater):
        world.commands.extend(dated.batch_id, then, 0, OPERATOR)
