"""Codes of our own: what is asked for, and when a batch of them still needs its maker."""

from dataclasses import dataclass

from keyrail.inventory.model.batches import NEVER, Batch, Filling, PoolPart, Stage, Standing, stage_group
from keyrail.inventory.model.keys import shards_for
from keyrail.platform.errors import Conflict
from keyrail.platform.money import Money

MAX_OWN_CODES = 1_000_000  # of one batch


class NotOwnIssuer(Conflict):
    code = "not_own_issuer"
    title = "Codes can be generated only for SKUs whose issuer is keyrail."
    title_zh = "仅可为发行方为 keyrail 的商品规格生成码。"


class PoolFull(Conflict):
    code = "pool_full"
    title = "The pool of this SKU holds too many batches."
    title_zh = "该商品规格的库存批次已满。"


@dataclass(frozen=True, kw_only=True)
class NewOwnCodes:
    """`wanted` codes. `expires_on` is their last day, an ISO date. Those `for_print` never come into the pool.

    Of `stages` each but the last says how many keys it has.
    """

    sku_id: str
    wanted: int
    source: str
    for_print: bool = False
    expires_on: str | None = None
    unit_cost: Money | None = None
    priority: int = 0
    stages: tuple[Stage, ...] = ()


def needs_codes(batch: Batch) -> bool:
    """A batch that stands still gets no further ones until it moves."""
    return _is_unfinished(batch) and batch.standing is Standing.OPEN


def is_abandoned(batch: Batch) -> bool:
    """Closed or void before all of its codes were made: it stays as it is."""
    return _is_unfinished(batch) and batch.standing in {Standing.CLOSED, Standing.VOID}


def calls_for_maker(old: Batch | None, new: Batch) -> bool:
    """Whether this change is one after which somebody has to look: the batch is new, or moves again, or never will."""
    return _is_unfinished(new) and (old is None or old.standing is not new.standing)


def parts_of(batch: Batch) -> tuple[PoolPart, ...]:
    """Where its codes are going to be claimable: in a part for each stage; those for print nowhere."""
    parts: list[PoolPart] = []
    left = 0 if batch.for_print else batch.wanted or 0
    for number, stage in enumerate(batch.stages or (Stage(),)):
        last = number >= len(batch.stages) - 1
        keys = left if last else min(left, stage.keys or 0)
        left -= keys
        if keys:
            day = batch.expires_on or NEVER
            group = stage_group(day, number)
            parts.append(PoolPart(batch.batch_id, group, shards_for(keys), batch.created_at_ms, day, day))
    return tuple(parts)


def _is_unfinished(batch: Batch) -> bool:
    return batch.filling is Filling.OWN_CODES and not batch.is_settled
