"""A simulated day: suppliers fail in every way and vanish for a while, and no unit is lost, doubled or forgotten.

`make day` runs the same with 100,000 recharges.
"""

import pytest

from keyrail.suppliers.model.breaker import FIRST_OPEN_MS, MAX_OPEN_MS
from tests.day_of_recharges import Day, simulation

UNITS = 2_000
CALLS_TO_OPEN = 20  # at most, of issue and budget


@pytest.fixture(scope="module")
def day() -> Day:
    with simulation(UNITS) as simulated:
        for _ in simulated.run():
            pass
        return simulated.day()


def test_no_promise_is_broken(day: Day) -> None:
    assert day.broken == []


def test_every_unit_ends_with_goods_with_its_money_or_with_a_person(day: Day) -> None:
    assert day.ended.total() == day.units == UNITS - day.turned_away
    assert 0 < day.turned_away < UNITS / 20, "while all that could supply them were down"
    assert all(day.ended[end] for end in ("delivered", "refunded", "queued"))
    assert day.ended["forgotten"] == 0


def test_a_supplier_that_vanishes_is_left_alone_and_taken_back(day: Day) -> None:
    """In an hour of silence it is sent what opens its breaker, and one unit each time that it may have come back."""
    probes = 60 * 60_000 // MAX_OPEN_MS + MAX_OPEN_MS // FIRST_OPEN_MS
    assert all(calls <= CALLS_TO_OPEN + probes for during in day.during.values() for calls in during.values())
    assert day.attempts["alpha"] > UNITS / 2
