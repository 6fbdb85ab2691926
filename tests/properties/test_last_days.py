"""What is on hand is counted right on any day, over however many last days keys come, go and are put off."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.inventory.model import last_days
from keyrail.inventory.model.figures import CountedOut, Figures, no_figures
from keyrail.inventory.model.last_days import MAX_LAST_DAYS, LastDays
from keyrail.inventory.model.moves import Moves, Tally
from keyrail.platform.clock import utc_date
from keyrail.platform.documents import from_attributes, to_attributes
from tests.item_size import item_bytes
from tests.stream_of_keys import NOW_MS, SKU, SYSTEM

DAY_MS = 24 * 60 * 60 * 1000
SPAN = 1_500  # days, far more than there were ever remembered
MAX_MOVED = 9

Lot = tuple[int, int, list[tuple[int, int, int | None]]]
"""Days gone by, the first of a row of last days that a file brings, and then keys of a day that go, or to which day."""
days_of_keys = st.integers(-3, SPAN)
moved = st.tuples(days_of_keys, st.integers(1, MAX_MOVED), st.none() | days_of_keys)
lots = st.lists(st.tuples(st.integers(0, 120), days_of_keys, st.lists(moved, max_size=8)), min_size=1, max_size=8)


def day(number: int) -> str:
    return (date(2026, 1, 1) + timedelta(days=number)).isoformat()


def file_of(first: int, days: int) -> Moves:
    """Ten keys of each of so many days."""
    return Moves(Tally(imported=10 * days, on_hand=10 * days), last_days={day(first + n): 10 for n in range(days)})


def going(shelf: Counter[str], moves: list[tuple[int, int, int | None]]) -> Moves:
    """Of the keys that are there; some only to a later day. The shelf is as it is afterwards."""
    whole = Moves()
    for number, keys, to in moves:
        some = min(keys, shelf[day(number)])
        shelf[day(number)] -= some
        if to is None:
            whole = whole.plus(Moves(Tally(on_hand=-some, sold=some), last_days={day(number): -some}))
        else:
            shelf[day(to)] += some
            whole = whole.plus(Moves(last_days={day(number): -some})).plus(Moves(last_days={day(to): some}))
    return whole


def counted(lots: list[Lot], days: int) -> Iterator[tuple[Figures, Counter[str], int]]:
    """The figures after each lot, the keys by their day, and the time."""
    figures, shelf, now_ms = no_figures(SKU, NOW_MS), Counter[str](), NOW_MS
    for passed, first, moves in lots:
        now_ms += passed * DAY_MS
        coming = file_of(first, days)
        shelf.update(coming.last_days)
        figures = figures.after(coming.plus(going(shelf, moves)), now_ms)
        yield figures, shelf, now_ms


def usable(shelf: Counter[str], now_ms: int) -> int:
    return sum(keys for last_day, keys in shelf.items() if last_day >= utc_date(now_ms))


@given(lots, st.integers(0, SPAN))
def test_the_figures_say_on_any_day_what_counting_the_keys_afresh_says(lots: list[Lot], later: int) -> None:
    for figures, shelf, now_ms in counted(lots, days=300):
        for at_ms in (now_ms, now_ms + later * DAY_MS):
            assert figures.on_hand(at_ms) == usable(shelf, at_ms)


@given(lots, st.integers(0, SPAN), st.randoms(use_true_random=False))
def test_right_figures_are_left_alone_whichever_keys_past_their_day_a_count_meets(
    lots: list[Lot], later: int, chance: Random
) -> None:
    """Those in parts of the pool that are over are met by no count, those that share a part with others by each."""
    for figures, shelf, now_ms in counted(lots, days=60):
        at_ms = now_ms + later * DAY_MS
        met = {day: keys for day, keys in shelf.items() if day >= utc_date(at_ms) or chance.random() < 0.5}
        on_hand = usable(shelf, at_ms)
        assert figures.corrected(CountedOut(on_hand=on_hand, leased=0, last_days=met), SYSTEM, at_ms) is figures
        wrong = replace(figures, tally=Tally(on_hand=3), last_days=LastDays(days="2026-01-09:7"))
        right = wrong.corrected(CountedOut(on_hand=on_hand, leased=0, last_days=met), SYSTEM, at_ms)
        for days in (0, 10, 500):
            assert right.on_hand(at_ms + days * DAY_MS) == usable(shelf, at_ms + days * DAY_MS)


@given(lots, st.integers(0, SPAN))
def test_behind_the_limit_keys_count_as_if_they_had_no_day_and_never_twice(lots: list[Lot], later: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last_days, "MAX_LAST_DAYS", 40)
        for figures, shelf, now_ms in counted(lots, days=30):
            assert len(figures.last_days.days.split()) <= 40
            assert figures.on_hand(now_ms) >= usable(shelf, now_ms)
            for at_ms in (now_ms, now_ms + later * DAY_MS):
                assert figures.on_hand(at_ms) <= sum(shelf.values())
        # Once all is sold, nothing is left of anything.
        sold = Moves(Tally(on_hand=-sum(shelf.values())), last_days={each: -keys for each, keys in shelf.items()})
        empty = figures.after(sold, now_ms)
        assert (empty.on_hand(now_ms), empty.on_hand(now_ms + SPAN * DAY_MS)) == (0, 0)
        assert empty.last_days == LastDays()


@given(st.lists(st.tuples(days_of_keys, st.integers(-5, 5)), max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_changes_does_not_matter(moves: list[tuple[int, int]], chance: Random) -> None:
    there, back = LastDays(), LastDays()
    shuffled = chance.sample(moves, len(moves))
    for one, other in zip(moves, shuffled, strict=True):
        there = there.after({day(one[0]): one[1]}, day(0))
        back = back.after({day(other[0]): other[1]}, day(0))
    assert there == back


def test_the_days_of_eleven_years_fit_into_an_item_that_stays_small() -> None:
    figures = no_figures(SKU, NOW_MS).after(file_of(0, MAX_LAST_DAYS + 500), NOW_MS)
    assert len(figures.last_days.days.split()) == MAX_LAST_DAYS
    attributes = to_attributes(figures)
    assert item_bytes(attributes) < 25_000
    assert from_attributes(Figures, attributes) == figures
    a_year = no_figures(SKU, NOW_MS).after(file_of(0, 365), NOW_MS)
    assert item_bytes(to_attributes(a_year)) < 3_000
