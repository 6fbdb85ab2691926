"""The condition of the one write and the rules in the clear say the same of every key, every use and every moment."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyrail.catalog.model import Activation, Terms
from keyrail.inventory.model.keys import Key, KeyState
from keyrail.inventory.model.redeeming import Asked, Obstacle, entry_of, obstacle, why_inactive
from keyrail.inventory.model.uses import Moment, use_id
from keyrail.inventory.store.uses import UseStore
from keyrail.platform.documents import to_attributes
from keyrail.platform.money import Money
from tests.properties.in_memory import world_in_memory
from tests.redeeming import check_account
from tests.unit.redemption.keys import NOW_MS, SYSTEM, printed_key, sold_key, unsold_key
from tests.world import World

SOME_MS = st.sampled_from([NOW_MS - 1, NOW_MS, NOW_MS + 1])
MINUTES = st.sampled_from([0, 119, 120, 121, 720, 1_319, 1_320, 1_439])
PLACES = st.sampled_from(["shop-1", "shop-2", "shop-12"])
HOURS = st.sampled_from([(0, 1_440), (120, 1_320), (1_320, 120)])
STILL = st.sampled_from([("bat_b",), ("bat_a", "bat_b")])


@dataclass(frozen=True)
class Case:
    key: Key
    asked: Asked
    at: Moment
    still: tuple[str, ...] = ()

    def of_terms(self, **changes: Any) -> "Case":
        assert self.key.terms is not None
        return replace(self, key=replace(self.key, terms=replace(self.key.terms, **changes)))

    def of_key(self, **changes: Any) -> "Case":
        return replace(self, key=replace(self.key, **changes))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A use that fits its key, and then some things changed at will: so most cases stand near the border."""
    case = draw(_fitting())
    for _ in range(draw(st.integers(0, 3))):
        case = draw(_changed(case))
    return case


@st.composite
def _fitting(draw: st.DrawFn) -> Case:
    weekday, minute = draw(st.integers(1, 7)), draw(MINUTES)
    at = Moment(now_ms=NOW_MS, date="2026-01-05", weekday=weekday, weekday_before=(weekday - 2) % 7 + 1, minute=minute)
    value = draw(st.none() | st.just(Money(3, "CNY")))
    terms = Terms(
        activation=draw(st.sampled_from(Activation)),
        uses=draw(st.integers(1, 3)) if value is None else None,
        value=value,
        weekdays=draw(st.none() | st.just((weekday, at.weekday_before))),
    )
    place = draw(st.none() | PLACES)
    terms = replace(terms, places=(place, "elsewhere") if place and draw(st.booleans()) else None)
    make = draw(st.sampled_from([sold_key, printed_key]))
    made: Key = make(terms, active_until_ms=NOW_MS + 1, revealed_at_ms=1)
    amount = Money(draw(st.integers(1, 3)), "CNY") if value else None
    return Case(made, Asked(name="till-7-000418", by="kc_till7", amount=amount, place=place), at)


def _changed(case: Case) -> st.SearchStrategy[Case]:
    """One thing of it at will."""
    amounts = st.builds(Money, st.integers(1, 4), st.sampled_from(["CNY", "USD"]))
    days = st.sampled_from(["2026-01-04", "2026-01-05", "2026-01-06"])
    return st.one_of(
        st.sampled_from(KeyState).map(lambda state: _in(case, state)),
        (st.none() | SOME_MS).map(lambda ms: case.of_key(active_until_ms=ms)),
        st.just(case.of_key(revealed_at_ms=None)),
        st.just(case.of_key(held_for="dp_1")),
        days.map(lambda day: case.of_key(expires_on=day)),
        SOME_MS.map(lambda ms: case.of_terms(valid_from_ms=ms)),
        SOME_MS.map(lambda ms: case.of_terms(valid_to_ms=ms)),
        st.sets(st.integers(1, 7), min_size=1).map(lambda weekdays: case.of_terms(weekdays=tuple(weekdays))),
        HOURS.map(lambda hours: case.of_terms(opens=hours[0], closes=hours[1])),
        st.sets(PLACES, min_size=1).map(lambda places: case.of_terms(places=tuple(places))),
        PLACES.map(lambda place: replace(case, asked=replace(case.asked, place=place))),
        (st.none() | amounts).map(lambda amount: replace(case, asked=replace(case.asked, amount=amount))),
        STILL.map(lambda still: replace(case, still=still)),
        st.just(replace(case, key=unsold_key(case.key.terms or Terms(uses=1), active_until_ms=NOW_MS))),
    )


def _in(case: Case, state: KeyState) -> Case:
    if state is not KeyState.REDEEMED:
        return case.of_key(state=state)
    return case.of_key(state=state, value_left=0) if case.key.value_left else case.of_key(state=state, after_use=())


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with ExitStack() as until:
        yield world_in_memory(until)


def stored(world: World, key: Key) -> UseStore:
    world.dynamodb.put_item(TableName=world.names["keys"], Item=to_attributes(key))
    return UseStore(world.dynamodb, world.names["keys"])


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_a_use_is_refused_just_where_something_stands_in_its_way(world: World, case: Case) -> None:
    key, asked, at = case.key, case.asked, case.at
    expected = obstacle(key, asked, at, case.still)
    tried = stored(world, key).use(key.key_id, asked, SYSTEM, at, case.still)
    assert tried.key is not None
    assert tried.refused == (expected is not None)
    if tried.refused:
        assert tried.key == key, "refused, and something changed"
        return
    assert (tried.key.claim_order, tried.key.version) == (None, key.version + 1)
    assert entry_of(tried.key, asked.by, asked.name) == 0
    assert key.terms is not None
    check_account(tried.key, key.terms)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_a_use_that_was_made_is_not_made_again(world: World, case: Case) -> None:
    asked = case.asked
    entry, named = asked.entry(NOW_MS), frozenset({use_id(asked.by, asked.name)})
    made = case.of_key(uses=(entry,), use_ids=named).key
    tried = stored(world, made).use(made.key_id, asked, SYSTEM, case.at, ())
    assert (tried.refused, tried.key) == (True, made)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.none() | SOME_MS, st.booleans())
def test_a_code_is_made_active_just_where_nothing_but_that_stands_in_its_way(
    world: World, case: Case, until_ms: int | None, over_the_counter: bool
) -> None:
    key, at = case.of_key(active_until_ms=until_ms).key, case.at
    before = why_inactive(key, at, case.still)
    tried = stored(world, key).activate(key.key_id, SYSTEM, at, case.still, over_the_counter=over_the_counter)
    assert tried.key is not None
    if tried.refused:
        assert tried.key == key
        return
    assert before is Obstacle.NOT_ACTIVE, "made active what was so, or what must not be"
    assert why_inactive(tried.key, at, case.still) is None
    assert over_the_counter or key.sold_at_ms is not None
