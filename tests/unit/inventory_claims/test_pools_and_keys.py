"""Pools in the order in which they are sold, and what is told of a key's life."""

from dataclasses import replace

import pytest

from keyrail.inventory.model.batches import NEVER, Pool, PoolPart, days_of
from keyrail.inventory.model.keys import (
    AVAILABLE_FROM_S,
    BATCH_SHARDS,
    MAX_SHARDS,
    SHARD_CAPACITY,
    Key,
    KeyState,
    batch_shard,
    claim_order,
    claim_partition,
    claim_shards,
    claimable_until,
    events_between,
    lease_end_s,
    shards_for,
)
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.ids import shard_of

ORIGIN = Origin("system:test", "test")
KEY = Key(
    key_id="key_1",
    batch_id="bat_1",
    sku_id="sku",
    state=KeyState.AVAILABLE,
    sealed=b"sealed",
    data_key=0,
    mask="••••CCCC",
    line=1,
    claim_partition="sku#bat_1#0",
    claim_order=claim_order(AVAILABLE_FROM_S),
    **stamp(ORIGIN, 0),
)


def part(batch_id: str, *days: str, since_ms: int = 0, shards: int = 1) -> PoolPart:
    found = days or (NEVER,)
    return PoolPart(batch_id, min(found), shards, since_ms, min(found), max(found))


def pool(*parts: PoolPart) -> Pool:
    joined = Pool(sku_id="sku", **stamp(ORIGIN, 0))
    for each in parts:
        joined = joined.with_parts([each])
    return joined


# pools


@pytest.mark.parametrize(
    ("group", "days"),
    [
        ("2030-02-17", ("2030-02-17", "2030-02-17")),
        ("2032-02", ("2032-02-01", "2032-02-29")),
        ("2030", ("2030-01-01", "2030-12-31")),
        ("2030-11~3", ("2030-11-01", "2030-11-30")),
        ("", ("0001-01-01", NEVER)),
        (NEVER, (NEVER, NEVER)),
    ],
)
def test_a_group_says_between_which_days_its_keys_expire(group: str, days: tuple[str, str]) -> None:
    assert days_of(group) == days


def test_what_expires_first_is_sold_first() -> None:
    late, soon, never = part("bat_a", "2030-12-31"), part("bat_b", "2030-01-31"), part("bat_c")
    assert pool(never, late, soon).parts == (soon, late, never)


def test_of_two_parts_that_expire_alike_the_older_one_is_sold_first() -> None:
    older, newer = part("bat_b", since_ms=1), part("bat_a", since_ms=2)
    assert pool(newer, older).parts == (older, newer)


def test_a_part_that_joins_twice_is_in_the_pool_once_as_it_joined_last() -> None:
    first, again, other = part("bat_a"), part("bat_a", shards=4), part("bat_b")
    assert pool(first, other, again).parts == (again, other)
    assert pool(first, other).holds([again])
    assert not pool(other).holds([again])


def test_a_part_is_usable_through_the_last_day_of_its_last_key() -> None:
    mixed = part("bat_a", "2030-01-01", "2030-01-31")
    assert pool(mixed).usable("2030-01-31") == (mixed,)
    assert pool(mixed).usable("2030-02-01") == ()


def test_a_part_without_expiry_is_usable_for_ever() -> None:
    assert pool(part("bat_a")).usable("2999-12-31") == (part("bat_a"),)


def test_large_batches_are_spread_over_shards_and_small_ones_are_not() -> None:
    assert shards_for(0) == shards_for(SHARD_CAPACITY - 1) == 1
    assert shards_for(SHARD_CAPACITY) == 2
    assert shards_for(10**6) == MAX_SHARDS


@pytest.mark.parametrize("shards", [1, 2, 4, 8, 16, 11])
def test_a_key_is_in_those_shards_of_a_pool_that_go_with_its_shard_of_the_batch(shards: int) -> None:
    names = [f"key_01{number:026d}" for number in range(300)]
    assert all(shard_of(name, shards) in claim_shards(shards, batch_shard(name)) for name in names)
    met = [shard for of_batch in range(BATCH_SHARDS) for shard in claim_shards(shards, of_batch)]
    assert set(met) == set(range(shards))
    if shards % BATCH_SHARDS == 0:
        assert len(met) == shards, "nothing is walked twice"


def test_each_batch_group_and_shard_of_a_sku_has_an_index_partition_of_its_own() -> None:
    named = {
        claim_partition(sku, batch, group, shard)
        for sku in "ab"
        for batch in ("x", "y")
        for group in ("2030", "2031")
        for shard in (0, 1)
    }
    assert len(named) == 16


# the claim's order


def test_an_available_key_comes_before_any_lease() -> None:
    assert claim_order(AVAILABLE_FROM_S) < claim_order(1)


def test_a_lease_ends_on_the_full_second_and_never_before_its_time() -> None:
    assert lease_end_s(5_000) == 5
    assert lease_end_s(5_001) == 6


def test_a_lease_is_claimable_from_its_end_on() -> None:
    lease = claim_order(1_700_000_000)
    assert lease > claimable_until(1_699_999_999_999)
    assert lease <= claimable_until(1_700_000_000_000)


def test_two_claims_for_the_same_second_are_told_apart() -> None:
    assert len({claim_order(7) for _ in range(100)}) == 100


# events


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (KeyState.LEASED, "key.leased"),
        (KeyState.SOLD, "key.sold"),
        (KeyState.EXPIRED, "key.expired"),
    ],
)
def test_each_state_is_announced(state: KeyState, name: str) -> None:
    (event,) = events_between(KEY, replace(KEY, state=state, order_id="ord_1"))
    assert (event.name, event.subject, event.data["order_id"]) == (name, "key:key_1", "ord_1")


def test_an_import_a_release_and_a_look_are_announced() -> None:
    leased = replace(KEY, state=KeyState.LEASED, order_id="ord_1")
    assert [event.name for event in events_between(None, KEY)] == ["key.imported"]
    assert [event.name for event in events_between(leased, KEY)] == ["key.released"]
    sold = replace(KEY, state=KeyState.SOLD, order_id="ord_1")
    assert [event.name for event in events_between(sold, replace(sold, revealed_at_ms=5))] == ["key.revealed"]
    assert events_between(KEY, None) == []


def test_every_look_is_announced_even_two_in_one_millisecond() -> None:
    looked_at = replace(KEY, state=KeyState.SOLD, order_id="ord_1", revealed_at_ms=5)
    again = replace(looked_at, changed_from="192.0.2.9", version=2)
    assert [event.name for event in events_between(looked_at, again)] == ["key.revealed"]


def test_a_lapsed_lease_that_another_order_takes_is_announced_as_its_lease() -> None:
    leased = replace(KEY, state=KeyState.LEASED, order_id="ord_1")
    (event,) = events_between(leased, replace(leased, order_id="ord_2"))
    assert (event.name, event.data["order_id"]) == ("key.leased", "ord_2")


def test_no_event_carries_the_ciphertext_or_the_mask() -> None:
    for event in events_between(None, KEY):
        assert "sealed" not in repr(event)
        assert KEY.mask not in repr(event)
