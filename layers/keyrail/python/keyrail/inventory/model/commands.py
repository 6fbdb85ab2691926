"""What an operator may say of a batch, and what it means for the list of those that stand still and for the pool. Pure.

A command that says what is so already changes nothing: it is answered by the batch as it stands.
"""

from dataclasses import replace

from keyrail.inventory.model.batches import MAX_HELD_BATCHES, Batch, Filling, Held, Pool, Standing
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import utc_date
from keyrail.platform.errors import Conflict, FieldError, Invalid


class BatchClosed(Conflict):
    code = "batch_closed"
    title = "This batch was closed for good."
    title_zh = "该批次已关闭，无法更改。"


class BatchVoid(Conflict):
    code = "batch_void"
    title = "This batch was voided for good."
    title_zh = "该批次已作废，无法更改。"


class TooManyHeldBatches(Conflict):
    """Each batch that stands still is a part of the condition of every sale until its keys have followed."""

    code = "too_many_held_batches"
    title = f"{MAX_HELD_BATCHES} batches are being stopped already; try again once some of their keys have followed."
    title_zh = f"已有 {MAX_HELD_BATCHES} 个批次正在冻结或作废处理中，请稍后再试。"


class ExpiryNotLater(Conflict):
    code = "expiry_not_later"
    title = "No key of this batch expires before that day, or the day is past."
    title_zh = "该批次没有卡密在此日期之前到期，或该日期已过。"


def stand(batch: Batch, standing: Standing, origin: Origin, now_ms: int) -> Batch:
    """The batch is frozen, open again, closed or void. Raises BatchClosed, BatchVoid."""
    if batch.standing is standing:
        return batch
    _check_not_final(batch)
    return _commanded(replace(batch, standing=standing), origin, now_ms)


def extend(batch: Batch, expires_on: str, over_ms: int, origin: Origin, now_ms: int) -> Batch:
    """No key of it expires before that ISO date, which is over at `over_ms`.

    Raises BatchClosed, BatchVoid, ExpiryNotLater.
    """
    if batch.extended_to == expires_on:
        return batch
    _check_not_final(batch)
    first = batch.first_expiry or batch.expires_on
    never = first is None and batch.is_settled and batch.filling is not Filling.OWN_CODES
    if never or expires_on <= max(batch.extended_to or "", first or "") or expires_on < utc_date(now_ms):
        raise ExpiryNotLater
    extended = replace(
        batch,
        extended_to=expires_on,
        extended_to_ms=over_ms,
        expires_on=_later(batch.expires_on, expires_on),
        first_expiry=_later(batch.first_expiry, expires_on),
        last_expiry=_later(batch.last_expiry, expires_on),
    )
    return _commanded(extended, origin, now_ms)


def release(batch: Batch, stage: int, opens_at_ms: int, origin: Origin, now_ms: int) -> Batch:
    """The stage, counted from 1, goes on sale then. One that is open stays so.

    Raises BatchClosed, BatchVoid, and Invalid if there is no such stage.
    """
    if not 1 <= stage <= len(batch.stages):
        raise Invalid(FieldError("stage", "unknown"))
    _check_not_final(batch)
    standing = batch.stages[stage - 1].opens_at_ms
    if standing == opens_at_ms or (standing is not None and standing <= now_ms):
        return batch
    stages = list(batch.stages)
    stages[stage - 1] = replace(stages[stage - 1], opens_at_ms=opens_at_ms)
    return replace(batch, stages=tuple(stages), **stamp(origin, now_ms, batch.version + 1))


def held_with(held: Held, batch: Batch, origin: Origin, now_ms: int) -> Held | None:
    """The list as the batch's standing wants it; None if it is so already. Raises TooManyHeldBatches."""
    frozen = batch.standing in {Standing.FROZEN, Standing.VOID}
    closed = batch.standing is Standing.CLOSED
    return _listed(held, batch.batch_id, origin, now_ms, frozen=frozen, closed=closed)


def held_without(held: Held, batch: Batch, origin: Origin, now_ms: int) -> Held | None:
    """Once every key of the batch refuses by its own state."""
    return _listed(held, batch.batch_id, origin, now_ms, frozen=False, closed=False)


def filled(pool: Pool | None, batch: Batch, origin: Origin, now_ms: int) -> Pool | None:
    """The pool with the batch's parts as it says; None if it has them so already, or none was ever made.

    No command brings in a batch that is still being filled: that is for whoever fills it.
    """
    if pool is None or not (batch.is_settled or any(part.batch_id == batch.batch_id for part in pool.parts)):
        return None
    wanted = pool.with_batch(batch)
    if wanted == pool:
        return None
    return replace(wanted, **stamp(origin, now_ms, pool.version + 1))


def _listed(held: Held, batch_id: str, origin: Origin, now_ms: int, *, frozen: bool, closed: bool) -> Held | None:
    listed = replace(
        held,
        frozen=_member(held.frozen, batch_id, wanted=frozen),
        closed=_member(held.closed, batch_id, wanted=closed),
    )
    if listed == held:
        return None
    if len(listed.unsaleable) > max(MAX_HELD_BATCHES, len(held.unsaleable)):
        raise TooManyHeldBatches
    return replace(listed, **stamp(origin, now_ms, held.version + 1))


def _member(members: tuple[str, ...], batch_id: str, *, wanted: bool) -> tuple[str, ...]:
    if wanted == (batch_id in members):
        return members
    return (*members, batch_id) if wanted else tuple(member for member in members if member != batch_id)


def _commanded(batch: Batch, origin: Origin, now_ms: int) -> Batch:
    """Its keys are to follow, from the beginning."""
    return replace(batch, generation=batch.generation + 1, following=None, **stamp(origin, now_ms, batch.version + 1))


def _check_not_final(batch: Batch) -> None:
    if batch.standing is Standing.CLOSED:
        raise BatchClosed
    if batch.standing is Standing.VOID:
        raise BatchVoid


def _later(day: str | None, to: str) -> str | None:
    return None if day is None else max(day, to)
