"""A command on its batch never brings back into the pool what somebody has used without buying it."""

from dataclasses import replace

import pytest

from keyrail.catalog.model import Activation, Terms
from keyrail.inventory.model.batches import Batch, Standing
from keyrail.inventory.model.following import follow
from keyrail.inventory.model.keys import KeyState
from keyrail.inventory.model.uses import Use
from keyrail.platform.changes import stamp
from tests.unit.redemption.keys import NOW_MS, SYSTEM, unsold_key

USES = (Use(name="a", by="till", at_ms=1, spent=1), Use(name="a", by="till", at_ms=2, spent=-1))
BATCH = Batch(batch_id="bat_a", sku_id="voucher", source="own", created_at_ms=0, **stamp(SYSTEM, 0))
TERMS = Terms(uses=2, activation=Activation.ON_IMPORT)


@pytest.mark.parametrize("state", [KeyState.AVAILABLE, KeyState.SOLD])
def test_a_used_key_is_frozen_and_unfrozen_beside_the_pool(state: KeyState) -> None:
    key = unsold_key(TERMS, state=state, uses=USES, claim_order=None, left_pool="0")
    frozen = follow(replace(BATCH, standing=Standing.FROZEN, generation=1), key, NOW_MS)
    assert frozen.state is KeyState.FROZEN
    again = follow(replace(BATCH, generation=2), frozen, NOW_MS)
    assert (again.state, again.claim_order, again.left_pool) == (state, None, "0")
    assert again == replace(key, follows=2)


def test_an_unused_one_comes_back() -> None:
    frozen = follow(replace(BATCH, standing=Standing.FROZEN, generation=1), unsold_key(TERMS), NOW_MS)
    assert follow(replace(BATCH, generation=2), frozen, NOW_MS).claim_order is not None


def test_a_used_key_outlives_the_close_of_its_batch() -> None:
    key = unsold_key(TERMS, uses=USES, claim_order=None, left_pool="0")
    closed = replace(BATCH, standing=Standing.CLOSED, generation=1)
    assert follow(closed, key, NOW_MS).state is KeyState.AVAILABLE
    assert follow(closed, unsold_key(TERMS), NOW_MS).state is KeyState.VOID
