"""What may be said of a batch, what its keys make of it, and where the pool then has them."""

from dataclasses import replace

import pytest

from keyrail.catalog.model import Terms
from keyrail.inventory.model.batches import (
    HELD_BACK_MS,
    NEVER,
    NOTHING_HELD,
    Batch,
    BatchStatus,
    Filling,
    ImportReport,
    Pool,
    PoolPart,
    Stage,
    Standing,
    stage_group,
)
from keyrail.inventory.model.commands import extend, filled, held_with, held_without, release, stand
from keyrail.inventory.model.following import calls_for_followers, follow
from keyrail.inventory.model.keys import Key, KeyState, claim_order, claimable_until, label_of, secret_id, slot_id
from keyrail.inventory.service.batches import check_stages
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import end_of_day_ms, utc_date
from keyrail.platform.config import ConfigError, zone_named
from keyrail.platform.errors import Invalid

ORIGIN = Origin("operator:alice", "192.0.2.7", "a supplier's call")
NOW_MS = 1_767_225_600_000  # 2026-01-01
HOUR_MS = 60 * 60 * 1000
BATCH = Batch(
    batch_id="bat_a",
    sku_id="sku",
    source="ACME",
    status=BatchStatus.IMPORTED,
    report=ImportReport(accepted=3),
    parts=(PoolPart("bat_a", NEVER, 1, 0),),
    created_at_ms=0,
    **stamp(ORIGIN, 0),
)
KEY = Key(
    key_id="key_1",
    batch_id="bat_a",
    sku_id="sku",
    state=KeyState.AVAILABLE,
    sealed=b"sealed",
    data_key=0,
    mask="••••CCCC",
    line=1,
    claim_partition="sku#bat_a#9999-12-31#0",
    claim_order=claim_order(0),
    batch_partition="bat_a#0",
    **stamp(ORIGIN, 0),
)
PRINTED = replace(KEY, claim_partition=None, claim_order=None, left_pool="0000000000001")
LEASED = replace(KEY, state=KeyState.LEASED, order_id="ord_1", claim_order=claim_order(NOW_MS // 1000 + 900))
SOLD = replace(KEY, state=KeyState.SOLD, order_id="ord_1", claim_order=None, left_pool="0000000000001")


def commanded(standing: Standing, batch: Batch = BATCH) -> Batch:
    return stand(batch, standing, ORIGIN, NOW_MS)


def pool(*parts: PoolPart) -> Pool:
    return Pool(sku_id="sku", parts=parts, **stamp(ORIGIN, 0))


# what keys make of it


@pytest.mark.parametrize("key", [KEY, LEASED, SOLD, PRINTED])
def test_a_key_is_after_an_unfreeze_what_it_was_before_the_freeze(key: Key) -> None:
    frozen_batch = commanded(Standing.FROZEN)
    frozen = follow(frozen_batch, key, NOW_MS)
    assert (frozen.state, frozen.state_before, frozen.claim_order) == (KeyState.FROZEN, key.state, None)
    assert frozen.left_pool is not None
    back = follow(commanded(Standing.OPEN, frozen_batch), frozen, NOW_MS + HOUR_MS)
    assert (back.state, back.state_before, back.order_id) == (key.state, None, key.order_id)
    assert (back.claim_order is None) == (key.claim_order is None)
    assert (back.left_pool is None) == (key.left_pool is None)


def test_a_lease_has_lapsed_when_it_comes_back() -> None:
    frozen_batch = commanded(Standing.FROZEN)
    frozen = follow(frozen_batch, LEASED, NOW_MS)
    back = follow(commanded(Standing.OPEN, frozen_batch), frozen, NOW_MS + 1)
    assert back.claim_order is not None
    assert back.claim_order <= claimable_until(NOW_MS + 1)


def test_a_key_keeps_its_label_through_a_freeze() -> None:
    chosen = replace(KEY, label="888", claim_order=claim_order(0, "888"))
    frozen_batch = commanded(Standing.FROZEN)
    back = follow(commanded(Standing.OPEN, frozen_batch), follow(frozen_batch, chosen, NOW_MS), NOW_MS)
    assert label_of(back.claim_order or "") == "888"


def test_what_follows_already_is_left_alone() -> None:
    frozen_batch = commanded(Standing.FROZEN)
    frozen = follow(frozen_batch, KEY, NOW_MS)
    assert follow(frozen_batch, frozen, NOW_MS) is frozen
    assert follow(BATCH, KEY, NOW_MS) is KEY


@pytest.mark.parametrize("state", [KeyState.REDEEMED, KeyState.VOID])
@pytest.mark.parametrize("standing", [Standing.FROZEN, Standing.CLOSED, Standing.VOID])
def test_what_is_over_stays_so(state: KeyState, standing: Standing) -> None:
    over = replace(SOLD, state=state)
    followed = follow(commanded(standing), over, NOW_MS)
    assert followed == replace(over, follows=1)


def test_of_a_closed_batch_only_what_is_for_sale_is_void() -> None:
    closed = commanded(Standing.CLOSED)
    after = {key: follow(closed, key, NOW_MS) for key in (KEY, LEASED, SOLD, PRINTED)}
    assert [key.state for key in after.values()] == ["void", "void", "sold", "available"]
    assert after[KEY].claim_order is None
    assert after[KEY].left_pool is not None


@pytest.mark.parametrize(("before", "after"), [(SOLD, "sold"), (LEASED, "void")])
def test_a_frozen_key_of_a_batch_that_is_closed_lives_if_it_was_sold(before: Key, after: str) -> None:
    frozen_batch = commanded(Standing.FROZEN)
    closed = commanded(Standing.CLOSED, frozen_batch)
    assert follow(closed, follow(frozen_batch, before, NOW_MS), NOW_MS).state == after


@pytest.mark.parametrize("key", [KEY, LEASED, SOLD, PRINTED])
def test_of_a_void_batch_every_key_is_void(key: Key) -> None:
    void = follow(commanded(Standing.VOID), key, NOW_MS)
    assert (void.state, void.claim_order, void.order_id) == (KeyState.VOID, None, key.order_id)


# extension


def extended(to: str, batch: Batch = BATCH, now_ms: int = NOW_MS) -> Batch:
    dated = replace(batch, first_expiry="2026-01-31")
    return extend(dated, to, end_of_day_ms(to, zone_named("Asia/Shanghai")), ORIGIN, now_ms)


def test_a_key_that_expired_is_available_again_if_the_new_day_is_to_come() -> None:
    expired = replace(SOLD, state=KeyState.EXPIRED, expires_on="2026-01-31", order_id="ord_of_a_lapsed_lease")
    batch = extended("2026-06-30")
    restored = follow(batch, expired, NOW_MS)
    assert (restored.state, restored.expires_on, restored.order_id) == (KeyState.AVAILABLE, "2026-06-30", None)
    assert restored.claim_order is not None
    too_late = follow(batch, expired, NOW_MS + 365 * 24 * HOUR_MS)
    assert (too_late.state, too_late.expires_on) == (KeyState.EXPIRED, "2026-06-30")


def test_a_frozen_key_that_expired_is_available_once_it_is_unfrozen() -> None:
    expired = replace(SOLD, state=KeyState.EXPIRED, expires_on="2026-01-31")
    frozen_batch = commanded(Standing.FROZEN)
    frozen = follow(frozen_batch, expired, NOW_MS)
    longer = extended("2026-06-30", frozen_batch)
    still = follow(longer, frozen, NOW_MS)
    assert (still.state, still.expires_on) == (KeyState.FROZEN, "2026-06-30")
    assert follow(commanded(Standing.OPEN, longer), still, NOW_MS).state is KeyState.AVAILABLE


def test_a_key_of_ours_is_redeemed_until_that_day_is_over_where_the_business_is() -> None:
    terms = Terms(valid_to_ms=NOW_MS)
    batch = extended("2026-06-30")
    followed = follow(batch, replace(SOLD, terms=terms), NOW_MS)
    assert followed.terms is not None
    assert followed.terms.valid_to_ms == 1_782_835_200_000  # 2026-06-30T16:00Z, midnight in Shanghai
    later = replace(terms, valid_to_ms=2_000_000_000_000)
    assert follow(batch, replace(SOLD, terms=later), NOW_MS).terms == later


def test_a_day_is_over_by_the_clocks_of_the_business() -> None:
    assert end_of_day_ms("2026-01-01", zone_named("UTC")) == NOW_MS + 24 * HOUR_MS
    assert end_of_day_ms("2026-01-01", zone_named("Asia/Shanghai")) == NOW_MS + 16 * HOUR_MS
    assert end_of_day_ms("2026-03-29", zone_named("Europe/Berlin")) - end_of_day_ms(
        "2026-03-28", zone_named("Europe/Berlin")
    ) == (23 * HOUR_MS)
    with pytest.raises(ConfigError):
        zone_named("Mars/Olympus")


def test_an_extension_moves_the_days_of_the_batch_and_not_beyond() -> None:
    mixed = replace(BATCH, first_expiry="2026-01-31", last_expiry="2027-01-31", expires_on="2026-02-28")
    batch = extend(mixed, "2026-06-30", 0, ORIGIN, NOW_MS)
    assert (batch.first_expiry, batch.last_expiry, batch.expires_on) == ("2026-06-30", "2027-01-31", "2026-06-30")
    assert utc_date(NOW_MS) < "2026-06-30"


# when its keys are looked through


def test_keys_are_looked_through_after_a_command_and_after_more_have_come() -> None:
    frozen = commanded(Standing.FROZEN)
    assert calls_for_followers(BATCH, frozen)
    assert not calls_for_followers(frozen, replace(frozen, following=None, version=9))
    assert not calls_for_followers(frozen, replace(frozen, followed=1))
    assert not calls_for_followers(None, BATCH)
    importing = replace(frozen, status=BatchStatus.IMPORTING)
    assert calls_for_followers(importing, frozen)
    assert not calls_for_followers(replace(BATCH, status=BatchStatus.IMPORTING), BATCH)


def test_how_many_keys_a_batch_has_is_known_once_it_is_filled() -> None:
    assert BATCH.key_count == 3
    assert replace(BATCH, sales_per_key=4).key_count == 12
    assert replace(BATCH, status=BatchStatus.IMPORTING).key_count is None
    assert replace(BATCH, status=BatchStatus.REJECTED, report=None).key_count == 0
    waiting = replace(BATCH, status=BatchStatus.AWAITING_UPLOAD, report=None)
    assert waiting.key_count is None
    assert commanded(Standing.VOID, waiting).key_count == 0
    assert replace(BATCH, filling=Filling.OWN_CODES, status=BatchStatus.GENERATING).key_count is None


# the list of those that stand still


def test_the_list_has_a_batch_in_the_place_of_its_standing_and_nowhere_else() -> None:
    frozen = held_with(NOTHING_HELD, commanded(Standing.FROZEN), ORIGIN, NOW_MS)
    assert frozen is not None
    assert (frozen.frozen, frozen.closed, frozen.version) == (("bat_a",), (), 1)
    assert held_with(frozen, commanded(Standing.VOID), ORIGIN, NOW_MS) is None
    closed = held_with(frozen, commanded(Standing.CLOSED), ORIGIN, NOW_MS)
    assert closed is not None
    assert (closed.frozen, closed.closed) == ((), ("bat_a",))
    opened = held_with(closed, BATCH, ORIGIN, NOW_MS)
    assert opened is not None
    assert opened.unsaleable == ()
    assert held_without(opened, BATCH, ORIGIN, NOW_MS) is None


# the pool has what its batches say


def test_a_frozen_part_is_held_and_one_that_is_ended_is_gone() -> None:
    other = PoolPart("bat_b", NEVER, 1, 0)
    standing = pool(*BATCH.parts, other)
    frozen = filled(standing, commanded(Standing.FROZEN), ORIGIN, NOW_MS)
    assert frozen is not None
    assert frozen.sellable(NOW_MS) == (other,)
    assert frozen.version == standing.version + 1
    assert filled(frozen, BATCH, ORIGIN, NOW_MS) == replace(standing, **stamp(ORIGIN, NOW_MS, 3))
    assert filled(standing, BATCH, ORIGIN, NOW_MS) is None
    for standing_of in (Standing.CLOSED, Standing.VOID):
        ended = filled(standing, commanded(standing_of), ORIGIN, NOW_MS)
        assert ended is not None
        assert ended.parts == (other,)


def test_a_part_that_left_the_pool_comes_back_with_its_batch() -> None:
    back = filled(pool(), BATCH, ORIGIN, NOW_MS)
    assert back is not None
    assert back.parts == BATCH.parts


def test_no_command_puts_a_batch_on_sale_that_is_still_being_filled() -> None:
    generating = replace(BATCH, filling=Filling.OWN_CODES, status=BatchStatus.GENERATING, report=None)
    assert filled(pool(), commanded(Standing.FROZEN, generating), ORIGIN, NOW_MS) is None
    assert filled(pool(), generating, ORIGIN, NOW_MS) is None
    joined = filled(pool(*BATCH.parts), commanded(Standing.FROZEN, generating), ORIGIN, NOW_MS)
    assert joined is not None
    assert joined.sellable(NOW_MS) == ()


def test_what_has_a_higher_priority_is_sold_first_then_what_expires_first() -> None:
    soon, late, first = (
        PoolPart("bat_a", "2026-01-31", 1, 0, "2026-01-31", "2026-01-31"),
        PoolPart("bat_b", "2026-12-31", 1, 0, "2026-12-31", "2026-12-31"),
        PoolPart("bat_c", NEVER, 1, 0, priority=1),
    )
    assert pool().with_parts([late, soon, first]).parts == (first, soon, late)


# stages

STAGED = replace(
    BATCH,
    stages=(Stage(keys=2, opens_at_ms=0), Stage(keys=3, opens_at_ms=NOW_MS + HOUR_MS), Stage()),
    parts=tuple(PoolPart("bat_a", stage_group(NEVER, stage), 1, 0) for stage in range(3)),
)


def test_the_first_keys_go_to_the_first_stage_and_all_that_are_left_to_the_last() -> None:
    assert [STAGED.stage_of(number) for number in range(1, 9)] == [0, 0, 1, 1, 1, 2, 2, 2]
    assert [BATCH.stage_of(number) for number in (1, 10**6)] == [0, 0]
    assert [part.stage for part in STAGED.parts] == [0, 1, 2]
    assert STAGED.group("2026-01-31", len("2026-01"), 6) == "2026-01~2"


def test_a_stage_is_on_sale_from_its_time_on_and_one_held_back_once_it_is_released() -> None:
    standing = pool().with_batch(STAGED)
    assert [part.opens_at_ms for part in standing.parts] == [0, NOW_MS + HOUR_MS, HELD_BACK_MS]
    assert [len(standing.sellable(at)) for at in (NOW_MS, NOW_MS + HOUR_MS, NOW_MS + 10**12)] == [1, 2, 2]
    released = release(STAGED, 3, NOW_MS, ORIGIN, NOW_MS)
    assert len(standing.with_batch(released).sellable(NOW_MS)) == 2
    assert released.generation == STAGED.generation


def test_a_stage_that_is_open_stays_open_and_one_that_is_not_there_is_refused() -> None:
    assert release(STAGED, 1, NOW_MS + HOUR_MS, ORIGIN, NOW_MS) is STAGED
    assert release(STAGED, 2, NOW_MS + HOUR_MS, ORIGIN, NOW_MS) is STAGED
    for stage in (0, 4):
        with pytest.raises(Invalid):
            release(STAGED, stage, NOW_MS, ORIGIN, NOW_MS)


def test_each_stage_but_the_last_says_how_many_keys_it_has() -> None:
    assert check_stages(STAGED.stages) == []
    assert [error.field for error in check_stages((Stage(), Stage(keys=0), Stage(keys=5)))] == [
        "stages.0.keys",
        "stages.1.keys",
        "stages.2.keys",
    ]
    assert [error.reason for error in check_stages((Stage(keys=1),) * 20 + (Stage(),))] == ["more_than_20"]


# loop keys


def test_the_slots_of_a_secret_have_its_name_in_common() -> None:
    slots = [slot_id("key_01ABC", number) for number in (1, 2, 30)]
    assert slots == ["key_01ABC", "key_01ABC.2", "key_01ABC.30"]
    assert {secret_id(slot) for slot in slots} == {"key_01ABC"}
