"""Batches of our own codes: when somebody has to make codes, and where those are going to be claimed."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.inventory.model.batches import NEVER, Batch, BatchStatus, Filling, Stage, Standing
from keyrail.inventory.model.keys import shards_for
from keyrail.inventory.model.own_codes import calls_for_maker, is_abandoned, needs_codes, parts_of

BATCH = Batch(
    batch_id="bat_1",
    sku_id="voucher",
    source="own codes",
    filling=Filling.OWN_CODES,
    status=BatchStatus.GENERATING,
    wanted=100,
    created_at_ms=7,
    changed_by="operator:alice",
    changed_from="192.0.2.1",
    changed_at_ms=7,
)
DONE = replace(BATCH, status=BatchStatus.GENERATED)
OF_FILE = replace(BATCH, filling=Filling.FILE, status=BatchStatus.AWAITING_UPLOAD)


@pytest.mark.parametrize("standing", Standing)
def test_codes_are_made_for_an_open_batch_that_has_not_all_of_them(standing: Standing) -> None:
    assert needs_codes(replace(BATCH, standing=standing)) == (standing is Standing.OPEN)
    assert is_abandoned(replace(BATCH, standing=standing)) == (standing in {Standing.CLOSED, Standing.VOID})
    for other in (DONE, OF_FILE):
        assert not needs_codes(replace(other, standing=standing))
        assert not is_abandoned(replace(other, standing=standing))


def test_the_maker_is_called_when_a_batch_is_new_or_its_standing_changed_and_for_nothing_else() -> None:
    assert calls_for_maker(None, BATCH)
    for before, after in product(Standing, repeat=2):
        old, new = replace(BATCH, standing=before), replace(BATCH, standing=after)
        assert calls_for_maker(old, new) == (before is not after)
        assert not calls_for_maker(replace(DONE, standing=before), replace(DONE, standing=after))
        assert not calls_for_maker(replace(OF_FILE, standing=before), replace(OF_FILE, standing=after))
    # A slice that takes a data key must not call for another slice beside it.
    assert not calls_for_maker(BATCH, replace(BATCH, data_keys=(b"wrapped",)))


def test_codes_without_stages_are_claimed_in_one_part_of_their_last_day() -> None:
    (part,) = parts_of(BATCH)
    assert (part.group, part.stage, part.shards, part.since_ms) == (NEVER, 0, shards_for(100), 7)
    (dated,) = parts_of(replace(BATCH, expires_on="2030-12-31", wanted=50_000))
    assert (dated.group, dated.first_expiry, dated.last_expiry) == ("2030-12-31",) * 3
    assert dated.shards == shards_for(50_000)
    assert parts_of(replace(BATCH, for_print=True)) == ()


@given(wanted=st.integers(1, 500), stages=st.lists(st.one_of(st.none(), st.integers(0, 300)), max_size=6))
def test_every_code_of_a_staged_batch_has_a_part_of_its_stage(wanted: int, stages: list[int | None]) -> None:
    batch = replace(BATCH, wanted=wanted, stages=tuple(Stage(keys=keys) for keys in stages))
    parts = {part.stage: part for part in parts_of(batch)}
    assert {batch.stage_of(number) for number in range(1, wanted + 1)} == set(parts)
    assert {part.group for part in parts.values()} == {
        batch.group(batch.expires_on, len("2030-12-31"), number) for number in range(1, wanted + 1)
    }
