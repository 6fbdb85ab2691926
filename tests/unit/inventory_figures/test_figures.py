"""What a key counts for, when stock runs low, and what is told of it."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from keyrail.inventory.model.batches import Batch, BatchStatus, Filling
from keyrail.inventory.model.figures import (
    MAX_MOVING_BATCHES,
    MAX_SALES_DAYS,
    CountedOut,
    Figures,
    figures_events_between,
    no_figures,
)
from keyrail.inventory.model.keys import KeyState
from keyrail.inventory.model.last_days import LastDays
from keyrail.inventory.model.moves import (
    MAX_SOURCES,
    OTHER_SOURCES,
    Moves,
    OfSource,
    Tally,
    counted,
    moves_between,
    total,
)
from keyrail.platform.changes import Origin, stamp
from tests.stream_of_keys import NOW_MS, SKU, SOURCE, after, leased, looked_at, new_key, sold

DAY_MS = 24 * 60 * 60 * 1000
ALICE = Origin("operator:alice", "192.0.2.7", "counted the shelf")


def stocked(on_hand: int, low_stock: int | None = 10, **said: Any) -> Figures:
    tally = Tally(imported=100, on_hand=on_hand, issued=100 - on_hand, sold=100 - on_hand)
    fresh = replace(no_figures(SKU, NOW_MS), revision=1, tally=tally, low_stock=low_stock, sku_version=1)
    return replace(fresh, **said)


def going(on_hand: int) -> Moves:
    return Moves(Tally(on_hand=on_hand, sold=-on_hand))


def told(old: Figures | None, new: Figures) -> list[str]:
    return [event.name for event in figures_events_between(old, new)]


# what a key counts for


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Tally(imported=1, on_hand=1)),
        ({"state": KeyState.LEASED}, Tally(imported=1, on_hand=1, leased=1)),
        ({"claim_order": None}, Tally(imported=1, unpooled=1)),
        ({"state": KeyState.SOLD, "claim_order": None, "sold_at_ms": 1}, Tally(imported=1, sold=1, issued=1)),
        ({"state": KeyState.FROZEN, "claim_order": None}, Tally(imported=1, frozen=1)),
        ({"state": KeyState.FROZEN, "claim_order": None, "sold_at_ms": 1}, Tally(imported=1, frozen=1, issued=1)),
        ({"state": KeyState.VOID, "claim_order": None}, Tally(imported=1, void=1)),
        ({"state": KeyState.EXPIRED, "claim_order": None}, Tally(imported=1, expired=1)),
        (
            {"state": KeyState.REDEEMED, "claim_order": None, "sold_at_ms": 1, "revealed_at_ms": 2},
            Tally(imported=1, redeemed=1, issued=1, revealed=1),
        ),
    ],
)
def test_a_key_counts_once_wherever_it_stands(said: dict[str, Any], expected: Tally) -> None:
    assert counted(replace(new_key(1), **said), SOURCE).tally == expected


@pytest.mark.parametrize("state", KeyState)
def test_every_state_has_its_place(state: KeyState) -> None:
    tally = counted(replace(new_key(1), state=state), SOURCE).tally
    places = (tally.on_hand, tally.unpooled, tally.sold, tally.frozen, tally.void, tally.expired, tally.redeemed)
    assert sum(places) == tally.imported == 1


def test_a_life_adds_up_to_its_end() -> None:
    fresh = new_key(1, expires_on="2026-06-30")
    lives = [None, fresh, leased(fresh), sold(leased(fresh)), looked_at(sold(leased(fresh)))]
    moves = [moves_between(old, new, SOURCE) for old, new in pairwise(lives) if new]
    assert total(moves) == counted(lives[-1], SOURCE)
    assert total(moves).last_days == {}
    assert moves[0].last_days == {"2026-06-30": 1}
    assert total(moves).sales == {"2026-01-01": 1}
    assert total(moves).sources == {SOURCE: OfSource(imported=1, issued=1)}


def test_the_second_look_at_a_key_counts_for_nothing() -> None:
    seen = looked_at(sold(leased(new_key(1))))
    assert not moves_between(seen, looked_at(seen), SOURCE)


def test_an_unfrozen_sale_is_no_second_one() -> None:
    bought = sold(leased(new_key(1)))
    frozen = after(bought, state=KeyState.FROZEN, state_before=KeyState.SOLD)
    assert moves_between(bought, frozen, SOURCE) == Moves(Tally(sold=-1, frozen=1))
    back = after(frozen, state=KeyState.SOLD, state_before=None)
    assert moves_between(frozen, back, SOURCE) == Moves(Tally(sold=1, frozen=-1))


def test_a_key_whose_last_day_is_put_off_moves_to_that_day() -> None:
    fresh = new_key(1, expires_on="2026-06-30")
    assert moves_between(fresh, after(fresh, expires_on="2026-12-31"), SOURCE) == Moves(
        last_days={"2026-06-30": -1, "2026-12-31": 1}
    )


# low and enough


def test_stock_runs_low_once_when_it_reaches_the_threshold() -> None:
    steps = [stocked(12)]
    for _ in range(4):
        steps.append(steps[-1].after(going(-1), NOW_MS + 1))
    assert [step.low for step in steps] == [False, False, True, True, True]
    assert [told(old, new) for old, new in pairwise(steps)] == [[], ["stock.low"], [], []]


def test_stock_that_comes_in_recovers_once() -> None:
    low = stocked(5, low=True, version=1)
    still, enough = low.after(Moves(Tally(on_hand=5)), NOW_MS), low.after(Moves(Tally(on_hand=6)), NOW_MS)
    assert (still.low, told(low, still)) == (True, [])
    assert (enough.low, told(low, enough)) == (False, ["stock.recovered"])


def test_stock_that_comes_in_does_not_run_low() -> None:
    first = replace(no_figures(SKU, NOW_MS), low_stock=10).after(Moves(Tally(imported=3, on_hand=3)), NOW_MS)
    assert (first.low, told(None, first)) == (False, [])
    assert told(first, first.after(going(-1), NOW_MS)) == ["stock.low"]


def test_what_comes_in_and_is_sold_runs_low_however_the_changes_are_put_together() -> None:
    empty = replace(no_figures(SKU, NOW_MS), low_stock=5)
    came, went = Moves(Tally(imported=1, on_hand=1)), Moves(Tally(on_hand=-1, sold=1, issued=1), {"2026-01-01": 1})
    assert empty.after(came, NOW_MS).after(went, NOW_MS).low
    assert empty.after(came.plus(went), NOW_MS).low


def test_a_threshold_of_nothing_is_reached_when_all_is_sold() -> None:
    almost = stocked(1, low_stock=0)
    assert told(almost, almost.after(going(-1), NOW_MS)) == ["stock.low"]


def test_without_a_threshold_nothing_is_low() -> None:
    unknown = stocked(1, low_stock=None)
    assert told(unknown, unknown.after(going(-1), NOW_MS)) == []


@pytest.mark.parametrize(
    ("figures", "low_stock", "expected"),
    [
        (stocked(8, low_stock=5), 10, ["stock.low"]),
        (stocked(8, low=True, version=1), 5, ["stock.recovered"]),
        (stocked(8, low=True, version=1), 9, []),
        (stocked(8, low_stock=None), 10, ["stock.low"]),
        (no_figures(SKU, NOW_MS), 10, []),
    ],
)
def test_another_threshold_judges_anew(figures: Figures, low_stock: int, expected: list[str]) -> None:
    assert told(figures, figures.with_threshold(low_stock, 2, NOW_MS)) == expected


def test_keys_past_their_last_day_are_not_on_hand_and_let_the_stock_run_low() -> None:
    figures = stocked(20, last_days=LastDays(past=2, days="2025-12-31:6 1:3"))
    assert (figures.on_hand(NOW_MS), figures.past_last_day(NOW_MS)) == (12, 8)
    assert told(figures, figures.after(going(-2), NOW_MS)) == ["stock.low"]


def test_a_correction_is_told_with_what_follows_from_it_and_names_who_ordered_it() -> None:
    figures = stocked(50, last_days=LastDays(past=2))
    right = figures.corrected(CountedOut(on_hand=9, leased=4), ALICE, NOW_MS)
    assert told(figures, right) == ["stock.low", "stock.corrected"]
    assert (right.on_hand(NOW_MS), right.tally.leased, right.tally.sold) == (9, 4, 50)
    assert (right.changed_by, right.changed_reason, right.version) == ("operator:alice", "counted the shelf", 1)


def test_a_correction_that_brings_a_threshold_is_one_change() -> None:
    unknown = stocked(50, low_stock=None, sku_version=0)
    nine = CountedOut(on_hand=9, leased=0)
    right = unknown.corrected(nine, ALICE, NOW_MS, low_stock=10, sku_version=3)
    assert told(unknown, right) == ["stock.low", "stock.corrected"]
    assert (right.version, right.revision, right.sku_version) == (1, 2, 3)
    only_known = unknown.corrected(replace(nine, on_hand=50), ALICE, NOW_MS, low_stock=10, sku_version=3)
    assert (told(unknown, only_known), only_known.low_stock, only_known.version) == ([], 10, 0)
    assert right.corrected(nine, ALICE, NOW_MS, low_stock=99, sku_version=3) == right


def test_a_correction_that_knows_the_day_of_every_key_puts_the_days_right_as_well() -> None:
    wrong = stocked(50, last_days=LastDays(past=2, days="2025-12-31:6 1:30 1:-4"))
    known = CountedOut(on_hand=42, leased=0, last_days={"2026-01-01": 22, "2026-01-02": 20})
    right = wrong.corrected(known, ALICE, NOW_MS)
    assert told(wrong, right) == ["stock.corrected"]
    assert [right.on_hand(NOW_MS + days * DAY_MS) for days in range(3)] == [42, 20, 0]
    assert right.corrected(known, ALICE, NOW_MS) == right


def test_keys_past_their_day_that_a_count_meets_are_those_that_are_known_and_no_more_of_them() -> None:
    known = stocked(20, last_days=LastDays(past=5, days="2026-01-01:10"))
    for met in range(6):
        counted = CountedOut(on_hand=15, leased=0, last_days={"2025-12-30": met, "2026-01-01": 10})
        assert known.corrected(counted, ALICE, NOW_MS) is known
    uncounted = stocked(10, last_days=LastDays(days="2026-01-01:10"))
    right = uncounted.corrected(CountedOut(on_hand=10, leased=0, last_days=counted.last_days), ALICE, NOW_MS)
    met_by_a_claim = right.after(Moves(Tally(on_hand=-5, expired=5), last_days={"2025-12-30": -5}), NOW_MS)
    assert (right.on_hand(NOW_MS), met_by_a_claim.on_hand(NOW_MS)) == (10, 10)


# batches on their way


BATCH = Batch(batch_id="bat_1", sku_id=SKU, source="ACME", created_at_ms=NOW_MS, **stamp(ALICE, NOW_MS))


@pytest.mark.parametrize(
    ("said", "moving"),
    [
        ({}, False),
        ({"generation": 1}, False),
        ({"status": BatchStatus.IMPORTING}, True),
        ({"status": BatchStatus.GENERATING, "filling": Filling.OWN_CODES}, True),
        ({"status": BatchStatus.GENERATING, "filling": Filling.OWN_CODES, "for_print": True}, False),
        ({"status": BatchStatus.IMPORTED}, False),
        ({"status": BatchStatus.IMPORTED, "generation": 2, "followed": 1}, True),
        ({"status": BatchStatus.IMPORTED, "generation": 2, "followed": 2}, False),
    ],
)
def test_a_batch_is_on_its_way_until_it_has_all_its_keys_and_all_of_them_follow(
    said: dict[str, Any], moving: bool
) -> None:
    figures, batch = stocked(20), replace(BATCH, **said)
    known = figures.with_batch(batch)
    assert known.moving == (("bat_1",) if moving else ())
    assert known.with_batch(batch) is known
    assert told(figures, known) == []
    assert known.with_batch(replace(BATCH, status=BatchStatus.REJECTED)).moving == ()


def test_of_too_many_batches_on_their_way_the_latest_are_known() -> None:
    figures = stocked(20)
    for number in range(MAX_MOVING_BATCHES + 1):
        figures = figures.with_batch(replace(BATCH, batch_id=f"bat_{number}", status=BatchStatus.IMPORTING))
    assert figures.moving == tuple(f"bat_{number}" for number in range(1, MAX_MOVING_BATCHES + 1))


# by time alone


def test_stock_that_expires_runs_low_when_somebody_looks_and_is_told_once() -> None:
    figures = stocked(20, last_days=LastDays(days="2026-01-01:10 1:5"))
    assert figures.after_time(NOW_MS) is figures
    low = figures.after_time(NOW_MS + DAY_MS)
    assert told(figures, low) == ["stock.low"]
    assert (low.changed_by, low.revision, low.on_hand(low.counted_at_ms)) == ("system:scheduled_jobs", 2, 10)
    assert low.after_time(NOW_MS + DAY_MS) is low
    assert low.after_time(NOW_MS + 2 * DAY_MS) is low


@pytest.mark.parametrize(("low_stock", "days"), [(9, "2026-01-01:10"), (None, "2026-01-01:20"), (20, "2026-01-02:10")])
def test_time_tells_nothing_while_there_is_enough_or_no_threshold_or_nothing_went_by(
    low_stock: int | None, days: str
) -> None:
    figures = stocked(20, low_stock=low_stock, last_days=LastDays(days=days))
    assert figures.after_time(NOW_MS + DAY_MS) is figures


def test_what_went_by_before_keys_came_in_is_not_forgotten() -> None:
    figures = stocked(20, last_days=LastDays(days="2026-01-01:15"))
    assert told(figures, figures.after(Moves(Tally(imported=1, on_hand=1)), NOW_MS + DAY_MS)) == ["stock.low"]


def test_what_is_told_is_numbered_and_what_is_only_counted_is_not() -> None:
    figures = stocked(12)
    one = figures.after(going(-1), NOW_MS)
    low = one.after(going(-1), NOW_MS)
    assert [(each.version, each.revision) for each in (figures, one, low)] == [(0, 1), (0, 2), (1, 3)]
    assert (one.changed_at_ms, low.changed_by) == (figures.changed_at_ms, "system:event_relay")


# bounds


def test_sales_are_kept_by_day_for_a_month_in_whatever_order_they_come() -> None:
    days = {"2026-01-31": 5, "2026-02-02": 1, "2026-03-01": 2, "2026-03-02": 4}
    there, back = no_figures(SKU, NOW_MS), no_figures(SKU, NOW_MS)
    for day, number in days.items():
        there = there.after(Moves(sales={day: number}), NOW_MS)
    for day, number in reversed(days.items()):
        back = back.after(Moves(sales={day: number}), NOW_MS)
    assert there.sales_by_day() == back.sales_by_day()
    assert {day: sold for day, sold in there.sales_by_day() if sold} == {
        "2026-02-02": 1, "2026-03-01": 2, "2026-03-02": 4,
    }  # fmt: skip
    assert len(there.sales) <= MAX_SALES_DAYS
    assert there.sold_since("2026-03-01") == 6


def test_more_sources_than_fit_are_counted_together() -> None:
    figures = no_figures(SKU, NOW_MS)
    for number in range(MAX_SOURCES + 5):
        figures = figures.after(Moves(sources={f"supplier {number:03d}": OfSource(imported=1)}), NOW_MS)
    assert len(figures.sources) == MAX_SOURCES + 1
    assert figures.sources[OTHER_SOURCES] == OfSource(imported=5)


def test_the_clock_of_the_sales_begins_with_the_first_key() -> None:
    created = no_figures(SKU, NOW_MS).with_threshold(10, 1, NOW_MS)
    stocked_later = created.after(Moves(Tally(imported=1, on_hand=1)), NOW_MS + 5 * DAY_MS)
    assert stocked_later.since_ms == NOW_MS + 5 * DAY_MS
    assert stocked_later.after(Moves(Tally(imported=1)), NOW_MS + 9 * DAY_MS).since_ms == NOW_MS + 5 * DAY_MS
