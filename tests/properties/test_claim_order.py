"""The order in which keys may be claimed is compared as text; it must be the order of time."""

from hypothesis import given
from hypothesis import strategies as st

from keyrail.inventory.model.keys import (
    AVAILABLE_FROM_S,
    MAX_SHARDS,
    claim_order,
    claimable_until,
    lease_end_s,
    shards_for,
)

MOMENTS_S = st.integers(0, 9_999_999_999)
MOMENTS_MS = st.integers(1, 9_999_999_000_000)  # ten digits of seconds last until the year 2286


def is_claimable(order: str, now_ms: int) -> bool:
    return order <= claimable_until(now_ms)


@given(MOMENTS_S, MOMENTS_MS)
def test_a_key_is_claimable_from_its_second_on_and_never_before(from_s: int, now_ms: int) -> None:
    assert is_claimable(claim_order(from_s), now_ms) == (now_ms // 1000 >= from_s)


@given(MOMENTS_MS, st.integers(-5_000, 5_000))
def test_a_lease_holds_to_its_end_and_lapses_within_a_second_behind_it(until_ms: int, apart_ms: int) -> None:
    order = claim_order(lease_end_s(until_ms))
    now_ms = max(0, until_ms + apart_ms)
    if now_ms < until_ms:
        assert not is_claimable(order, now_ms)
    if now_ms >= until_ms + 999:
        assert is_claimable(order, now_ms)


@given(MOMENTS_S, MOMENTS_S)
def test_text_sorts_as_time_does(one_s: int, other_s: int) -> None:
    if one_s != other_s:
        assert (claim_order(one_s) < claim_order(other_s)) == (one_s < other_s)


@given(MOMENTS_MS)
def test_an_available_key_is_claimable_at_any_time(now_ms: int) -> None:
    assert is_claimable(claim_order(AVAILABLE_FROM_S), now_ms)


@given(st.integers(0, 10**7))
def test_a_batch_has_at_least_one_and_at_most_so_many_shards(keys: int) -> None:
    assert 1 <= shards_for(keys) <= MAX_SHARDS
    assert shards_for(keys) <= shards_for(keys + 1)
