"""How long a supplier is left alone before it is asked again what became of an order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import SupplyAttempt, reference
from keyrail.suppliers.model.waiting import FIRST_WAIT_S, MAX_WAIT_S, wait_s

DAY_S = 24 * 3600
ATTEMPT = SupplyAttempt(
    reference=reference("unt_" + "7" * 26 + "03", 1),
    source_id="first",
    supplier="main",
    item="1001",
    quantity=1,
    limit=Money(990, "CNY"),
    asked_at_ms=0,
    until_ms=DAY_S * 1000,
)


@pytest.mark.parametrize(("age_s", "wait"), [(0, FIRST_WAIT_S), (100, 50), (2 * MAX_WAIT_S, MAX_WAIT_S)])
def test_a_wait_grows_with_what_it_has_taken_so_far_up_to_an_hour(age_s: int, wait: int) -> None:
    assert wait_s(ATTEMPT, age_s * 1000, 0.5) == wait


@pytest.mark.parametrize("age_s", [0, 100, 50_000])
def test_waits_of_a_crowd_come_apart(age_s: int) -> None:
    assert wait_s(ATTEMPT, age_s * 1000, 0.0) < wait_s(ATTEMPT, age_s * 1000, 1.0)


@given(
    now_ms=st.integers(0, 2 * DAY_S * 1000),
    until_ms=st.integers(0, DAY_S * 1000),
    chance=st.floats(0, 1),
)
def test_nobody_waits_beyond_the_settlement_window_nor_not_at_all(now_ms: int, until_ms: int, chance: float) -> None:
    wait = wait_s(replace(ATTEMPT, until_ms=until_ms), now_ms, chance)
    assert wait >= 1
    assert wait == 1 or now_ms + (wait - 1) * 1000 < until_ms
