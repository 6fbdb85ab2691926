"""How much failing is ordinary, and who has to wait."""

import pytest

from keyrail.risk.model import (
    BLOCK_MS,
    LIMITS,
    MAX_BLOCKED,
    WINDOW_MS,
    Blocked,
    Counted,
    Dimension,
    TooManyAttempts,
    Weight,
    by_address,
    counter_ends_ms,
)

NOW_MS = 1_767_225_600_000
TILL, SHOP, PREFIX = (Counted(dimension, "x") for dimension in Dimension)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("test-invoke-source-ip", "test-invoke-source-ip"),
    ],
)
def test_an_address_counts_and_of_ipv6_the_network_that_one_customer_has(address: str, name: str) -> None:
    assert by_address(address) == Counted(Dimension.ADDRESS, name)


def test_a_clumsy_shop_goes_on_and_a_guesser_gets_a_handful_of_tries() -> None:
    """By the limits as they are, within ten minutes."""
    assert LIMITS[Dimension.ADDRESS] // Weight.MISTYPED >= 100
    assert LIMITS[Dimension.CREDENTIAL] // Weight.MISTYPED >= 500
    assert LIMITS[Dimension.CREDENTIAL] // Weight.UNKNOWN_WITHOUT_CHECK_SYMBOL >= 100
    assert LIMITS[Dimension.ADDRESS] // Weight.UNKNOWN <= 10
    assert LIMITS[Dimension.CREDENTIAL] // Weight.UNKNOWN <= 50
    assert LIMITS[Dimension.PREFIX] // Weight.UNKNOWN <= 200
    assert WINDOW_MS == 600_000


@pytest.mark.parametrize("dimension", Dimension)
def test_a_limit_is_reached_with_its_last_weight(dimension: Dimension) -> None:
    counted = Counted(dimension, "x")
    assert not counted.is_over(LIMITS[dimension] - 1)
    assert counted.is_over(LIMITS[dimension])


def test_each_window_and_each_dimension_has_a_counter_of_its_own() -> None:
    begin = NOW_MS - NOW_MS % WINDOW_MS
    assert TILL.counter(begin) == TILL.counter(begin + WINDOW_MS - 1)
    assert TILL.counter(begin) != TILL.counter(begin + WINDOW_MS)
    assert len({one.counter(NOW_MS) for one in (TILL, SHOP, PREFIX)}) == 3
    assert counter_ends_ms(begin) == counter_ends_ms(begin + WINDOW_MS - 1) > begin + WINDOW_MS


def test_whoever_is_listed_waits_until_their_time_is_over() -> None:
    blocked = Blocked().with_([TILL], NOW_MS)
    assert blocked.wait_ms([TILL], NOW_MS) == BLOCK_MS
    assert blocked.wait_ms([SHOP, TILL], NOW_MS + BLOCK_MS - 1) == 1
    assert blocked.wait_ms([TILL], NOW_MS + BLOCK_MS) == 0
    assert blocked.wait_ms([SHOP, PREFIX], NOW_MS) == 0
    assert blocked.wait_ms([], NOW_MS) == 0


def test_the_list_forgets_whose_time_is_over_and_counts_its_versions() -> None:
    first = Blocked().with_([TILL], NOW_MS)
    second = first.with_([SHOP], NOW_MS + BLOCK_MS)
    assert set(second.until_ms) == {SHOP.listed_as}
    assert (first.version, second.version) == (1, 2)


def test_the_list_is_short_whoever_attacks() -> None:
    blocked = Blocked()
    for number in range(MAX_BLOCKED + 10):
        blocked = blocked.with_([by_address(f"198.51.{number // 256}.{number % 256}")], NOW_MS + number)
    assert len(blocked.until_ms) == MAX_BLOCKED
    assert "address:198.51.0.9" not in blocked.until_ms, "those go first that would end first"
    assert "address:198.51.0.10" in blocked.until_ms


def test_a_refusal_says_when_to_come_back_and_nothing_else() -> None:
    refused = TooManyAttempts(900)
    assert (refused.retry_after_s, refused.fields, refused.facts) == (900, (), {})
