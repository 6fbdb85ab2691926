"""A supplier that does not answer is left alone for a while, and taken back by itself."""

from dataclasses import replace
from itertools import pairwise

import pytest

from keyrail.platform.changes import Origin
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import (
    ASIDE_LASTS_MS,
    BALANCE_LASTS_MS,
    FIRST_OPEN_MS,
    LET_DOWN_LIMIT,
    MAX_OPEN_MS,
    PROBE_LASTS_MS,
    SLOW_MS,
    Breaker,
    Experience,
    Health,
    closed,
    had_at_once,
    had_later,
    half_opened,
    is_failure,
    new_supplier,
    opened,
    probe_taken_back,
)
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown

SYSTEM = Origin("system:test", "test")
NOW = 1_000_000
ALIVE = new_supplier("main", SYSTEM, NOW)
COST = Money(990, "CNY")


def refused(refusal: Refusal) -> DefiniteFailure:
    return DefiniteFailure(said="no", refusal=refusal)


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (Unknown(said="<html>"), True),
        (DefiniteFailure(said="", refusal=Refusal.NOT_SENT), True),
        *((DefiniteFailure(said="1005", refusal=refusal), False) for refusal in Refusal if refusal != "not_sent"),
        (Processing(said="3"), False),
        (Success(said="4"), False),
    ],
)
def test_only_what_nobody_answered_counts_against_a_supplier(outcome: Outcome, counts: bool) -> None:
    assert is_failure(outcome) is counts


def test_a_closed_breaker_lets_everybody_through_and_an_open_one_nobody_until_its_time_is_over() -> None:
    shut = opened(ALIVE, SYSTEM, NOW)
    assert (ALIVE.lets_through("other", NOW), ALIVE.may_be_probed(NOW)) == (True, False)
    assert not shut.lets_through("other", NOW + FIRST_OPEN_MS - 1)
    assert (shut.lets_through("other", NOW + FIRST_OPEN_MS), shut.may_be_probed(NOW + FIRST_OPEN_MS)) == (True, True)


def test_while_one_finds_out_nobody_else_does_unless_nothing_is_heard_of_it() -> None:
    probed = half_opened(opened(ALIVE, SYSTEM, NOW), "reference", SYSTEM, NOW)
    assert (probed.breaker, probed.probe) == (Breaker.HALF_OPEN, "reference")
    assert not probed.lets_through("other", NOW + PROBE_LASTS_MS - 1)
    assert probed.may_be_probed(NOW + PROBE_LASTS_MS)


def test_who_was_to_find_out_and_comes_again_still_is() -> None:
    probed = half_opened(opened(ALIVE, SYSTEM, NOW), "reference", SYSTEM, NOW)
    assert (probed.lets_through("reference", NOW), probed.lets_through("other", NOW)) == (True, False)
    assert not opened(probed, SYSTEM, NOW).lets_through("reference", NOW)


def test_it_is_left_for_twice_as_long_each_time_up_to_a_cap() -> None:
    health, waits = ALIVE, []
    for _ in range(12):
        health = opened(health, SYSTEM, NOW)
        waits.append((health.until_ms or 0) - NOW)
        health = half_opened(health, "reference", SYSTEM, NOW)
    assert waits[0] == FIRST_OPEN_MS
    assert waits[-1] == MAX_OPEN_MS
    assert all(later == min(2 * earlier, MAX_OPEN_MS) for earlier, later in pairwise(waits))


def test_an_answer_makes_everything_good() -> None:
    health = half_opened(opened(opened(ALIVE, SYSTEM, NOW), SYSTEM, NOW), "reference", SYSTEM, NOW)
    again = closed(health, SYSTEM, NOW)
    assert (again.breaker, again.strain, again.openings, again.until_ms, again.probe) == ("closed", 0, 0, None, None)
    assert again.version == health.version + 1


def test_a_probe_that_was_never_sent_leaves_the_next_one_free() -> None:
    health = probe_taken_back(half_opened(opened(ALIVE, SYSTEM, NOW), "reference", SYSTEM, NOW), SYSTEM, NOW)
    assert (health.breaker, health.openings, health.may_be_probed(NOW)) == (Breaker.OPEN, 1, True)


@pytest.mark.parametrize(
    ("known", "covers"),
    [
        ({}, True),
        ({"balance": COST, "balance_at_ms": NOW}, True),
        ({"balance": Money(989, "CNY"), "balance_at_ms": NOW}, False),
        ({"balance": Money(989, "CNY"), "balance_at_ms": NOW - BALANCE_LASTS_MS + 1}, False),
        ({"balance": Money(989, "CNY"), "balance_at_ms": NOW - BALANCE_LASTS_MS}, True),
        ({"balance": Money(1, "USD"), "balance_at_ms": NOW}, True),
        ({"balance": COST, "balance_at_ms": NOW, "short_until_ms": NOW + 1}, False),
        ({"balance": COST, "balance_at_ms": NOW, "short_until_ms": NOW}, True),
    ],
)
def test_a_balance_is_short_where_it_is_known_to_be(known: dict[str, object], covers: bool) -> None:
    fields = {name: getattr(ALIVE, name) for name in ALIVE.__dataclass_fields__}
    assert Health(**{**fields, **known}).covers(COST, NOW) is covers


@pytest.mark.parametrize(
    ("outcome", "latency_ms", "had"),
    [
        (Success(said="4"), SLOW_MS, Experience.SERVED),
        (Success(said="4"), SLOW_MS + 1, Experience.LET_DOWN),
        (Processing(said="3"), SLOW_MS, None),
        (Processing(said="3"), SLOW_MS + 1, Experience.LET_DOWN),
        (refused(Refusal.SOLD_OUT), SLOW_MS + 1, Experience.LET_DOWN),
        (Unknown(said="<html>"), SLOW_MS + 1, None),
        (refused(Refusal.NOT_SENT), SLOW_MS + 1, None),
        (refused(Refusal.REFUSED), 0, Experience.LET_DOWN),
        *((refused(refusal), 0, None) for refusal in Refusal if refusal != "refused"),
    ],
)
def test_an_answer_lets_down_whom_it_refuses_for_no_matter_of_theirs_or_keeps_waiting(
    outcome: Outcome, latency_ms: int, had: Experience | None
) -> None:
    assert had_at_once(outcome, latency_ms) is had


@pytest.mark.parametrize(
    ("outcome", "had"),
    [
        (Success(said="4"), Experience.SERVED),
        (Processing(said="3"), None),
        (Unknown(said="<html>"), None),
        *((refused(each), Experience.LET_DOWN) for each in (Refusal.REFUSED, Refusal.SOLD_OUT, Refusal.PRICE_CHANGED)),
        *((refused(each), None) for each in (Refusal.BAD_ACCOUNT, Refusal.BALANCE_SHORT, Refusal.NOT_ORDERABLE)),
    ],
)
def test_what_was_taken_serves_or_lets_down_once_that_is_known(outcome: Outcome, had: Experience | None) -> None:
    assert had_later(outcome) is had


def test_it_does_poorly_until_it_stands_aside_no_more() -> None:
    health = replace(ALIVE, let_downs=LET_DOWN_LIMIT, aside_until_ms=NOW + ASIDE_LASTS_MS)
    assert [health.does_poorly(NOW + since_ms) for since_ms in (0, ASIDE_LASTS_MS - 1, ASIDE_LASTS_MS)] == [
        True,
        True,
        False,
    ]
    assert not closed(health, SYSTEM, NOW).does_poorly(NOW)
    assert not replace(ALIVE, let_downs=LET_DOWN_LIMIT).does_poorly(NOW)
