"""When an unpaid order is asked about: at each age once, whenever somebody looks and however late."""

from itertools import pairwise

import pytest

from keyrail.ordering.model.orders import ORDER_LIFETIME_MS
from keyrail.ordering.model.questions import (
    AGES_MS,
    EVERY_MS,
    MAX_BEHIND_MS,
    ONCE_OVER_MS,
    WHILE_OPEN_MS,
    due_between,
)
from keyrail.ordering.service.checkout import LEASE_GRACE_MS

NOW_MS = 1_795_000_000_000
MINUTE_MS = 60_000


def is_due(changed_at_ms: int, since_ms: int, now_ms: int) -> int:
    return sum(w.from_ms <= changed_at_ms < w.before_ms for w in due_between(since_ms, now_ms))


def looks(begin_ms: int, *steps_ms: int) -> list[tuple[int, int]]:
    ends = [begin_ms]
    for step in steps_ms:
        ends.append(ends[-1] + step)
    return list(pairwise(ends))


@pytest.mark.parametrize("step_ms", [EVERY_MS, EVERY_MS - 1, 61_001, 4 * MINUTE_MS, 7 * MINUTE_MS])
@pytest.mark.parametrize("changed_ms", [0, 1, 299_999])
def test_an_order_is_asked_about_at_each_age_and_never_twice_for_one(step_ms: int, changed_ms: int) -> None:
    changed_at_ms = NOW_MS + changed_ms
    rounds = looks(NOW_MS, *[step_ms] * (AGES_MS[-1] // step_ms + 9))
    asked = [end for begin, end in rounds if is_due(changed_at_ms, begin, end)]
    for age_ms in AGES_MS:
        (first,) = [end for begin, end in rounds if begin <= changed_at_ms + age_ms < end]
        assert first in asked
    assert len(asked) <= len(AGES_MS)


def test_all_questions_of_an_open_order_come_before_its_leases_end_and_one_more_before_it_can_no_longer_be_paid() -> (
    None
):
    assert max(WHILE_OPEN_MS) + EVERY_MS <= ORDER_LIFETIME_MS + LEASE_GRACE_MS
    assert WHILE_OPEN_MS[1] + EVERY_MS < ORDER_LIFETIME_MS
    assert min(ONCE_OVER_MS) >= ORDER_LIFETIME_MS
    assert list(AGES_MS) == sorted(set(AGES_MS))


@pytest.mark.parametrize("late_ms", [0, 1, EVERY_MS, 3 * 60 * MINUTE_MS, MAX_BEHIND_MS])
def test_who_comes_late_finds_all_that_became_due_meanwhile_and_each_once(late_ms: int) -> None:
    since_ms = NOW_MS - EVERY_MS - late_ms
    for age_ms in AGES_MS:
        became_due_ms = max(since_ms, NOW_MS - MAX_BEHIND_MS)
        for moment_ms in (became_due_ms, NOW_MS - 1, (became_due_ms + NOW_MS) // 2):
            assert is_due(moment_ms - age_ms, since_ms, NOW_MS) == 1
    assert is_due(NOW_MS - AGES_MS[0], since_ms, NOW_MS) == 0


def test_what_was_due_too_long_ago_is_not_caught_up() -> None:
    assert is_due(NOW_MS - MAX_BEHIND_MS - AGES_MS[-1] - 1, 0, NOW_MS) == 0
    assert is_due(NOW_MS - MAX_BEHIND_MS - AGES_MS[-1], 0, NOW_MS) == 1


@pytest.mark.parametrize("ahead_ms", [0, 1, EVERY_MS])
def test_where_no_time_has_run_nothing_is_due(ahead_ms: int) -> None:
    assert due_between(NOW_MS + ahead_ms, NOW_MS) == ()


def test_windows_that_touch_are_one_so_that_a_usual_look_asks_for_few() -> None:
    assert len(due_between(NOW_MS - EVERY_MS, NOW_MS)) == len(ONCE_OVER_MS)
