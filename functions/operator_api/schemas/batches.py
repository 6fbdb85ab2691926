"""Batches and uploads."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from functions.operator_api.schemas.common import Name, Reason, Slug
from keyrail.inventory.model.batches import (
    MAX_PRIORITY,
    MAX_SALES_PER_KEY,
    Batch,
    BatchStatus,
    Filling,
    Following,
    ImportReport,
    LineProblem,
    RejectedLines,
    Stage,
    Standing,
)
from keyrail.inventory.model.imports import ImportProgress
from keyrail.inventory.service.batches import NewBatch
from keyrail.platform.clock import epoch_ms
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money


@incoming
class StageIn:
    """So many keys, of the last stage all that are left; on sale from `opens_at` on, or once they are released."""

    keys: Annotated[int, Field(ge=1)] | None = None
    opens_at: AwareDatetime | None = None

    def stage(self) -> Stage:
        return Stage(keys=self.keys, opens_at_ms=None if self.opens_at is None else epoch_ms(self.opens_at))


def on_sale(sellable_from: AwareDatetime | None, stages: tuple[StageIn, ...]) -> tuple[Stage, ...]:
    """Raises Invalid if it is to be on sale from a time on and in stages, too."""
    if sellable_from is None:
        return tuple(stage.stage() for stage in stages)
    if stages:
        raise Invalid(FieldError("stages", "beside_sellable_from"))
    return (Stage(opens_at_ms=epoch_ms(sellable_from)),)


@incoming
class BatchIn:
    """`expires_on` is for keys without a last day of their own. Higher `priority` is sold first.

    On sale at once, or from `sellable_from` on, or in `stages`. Each key is sold `sales_per_key` times.
    """

    sku_id: Slug
    source: Name
    unit_cost: Money | None = None
    expires_on: date | None = None
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY)] = 0
    sellable_from: AwareDatetime | None = None
    stages: tuple[StageIn, ...] = ()
    sales_per_key: Annotated[int, Field(ge=1, le=MAX_SALES_PER_KEY)] = 1
    reason: Reason

    def new(self) -> NewBatch:
        """Raises Invalid."""
        expires_on = None if self.expires_on is None else self.expires_on.isoformat()
        return view(NewBatch, self, expires_on=expires_on, stages=on_sale(self.sellable_from, self.stages))


@outgoing
class UploadOut:
    """Send the file's bytes there with `method`, before it ends. Whoever has the address may."""

    method: str
    url: str
    expires_at: str


@outgoing
class StageOut:
    """Held back while it does not say when it opens."""

    keys: int | None
    opens_at: str | None


@outgoing
class ProgressOut:
    """An import that is running: of `lines` lines so many are `done`; what became of them so far."""

    lines: int
    done: int
    accepted: int
    duplicate: int
    rejected: int
    ignored: int
    problems: tuple[LineProblem, ...]

    @classmethod
    def of(cls, progress: ImportProgress) -> "ProgressOut":
        return view(cls, progress.report, lines=progress.survey.lines, done=progress.line - 1)


@outgoing
class FollowingOut:
    """So many keys were found to agree with their batch; no `total`: more of them may come."""

    done: int
    total: int | None


@outgoing
class RejectedLinesOut:
    """There is a file of the lines that were not taken, for whoever asks first; `complete` false: it has not all."""

    complete: bool
    size_bytes: int
    taken_at: str | None

    @classmethod
    def of(cls, lines: RejectedLines) -> "RejectedLinesOut":
        return view(cls, lines.file, complete=lines.complete)


@outgoing
class RejectedFileOut:
    """CSV: line, reason, mask, and of rejected lines the text as it was. It is not kept any longer."""

    content: str


@outgoing
class BatchOut:
    """Of `wanted` codes of our own so many are `generated`; who waits for them, or for `progress`, asks again.

    `following` is there while keys still follow the last command on the batch, which works already.
    """

    batch_id: str
    sku_id: str
    source: str
    status: BatchStatus
    unit_cost: Money | None
    first_expiry: str | None
    last_expiry: str | None
    created_at: str
    standing: Standing
    following: FollowingOut | None
    priority: int
    sales_per_key: int
    stages: tuple[StageOut, ...]
    expires_on: str | None
    report: ImportReport | None
    progress: ProgressOut | None
    rejected_lines: RejectedLinesOut | None
    filling: Filling
    for_print: bool
    wanted: int | None
    generated: int | None
    upload: UploadOut | None = None

    @classmethod
    def of(
        cls,
        batch: Batch,
        *,
        generated: int | None,
        upload: UploadOut | None = None,
        progress: ImportProgress | None = None,
    ) -> "BatchOut":
        stages = tuple(view(StageOut, stage) for stage in batch.stages)
        following = batch.following
        if batch.followed != batch.generation and (following is None or following.generation != batch.generation):
            following = Following(total=batch.key_count)
        return view(
            cls,
            batch,
            generated=generated,
            upload=upload,
            progress=ProgressOut.of(progress) if progress else None,
            rejected_lines=RejectedLinesOut.of(batch.rejected_lines) if batch.rejected_lines else None,
            stages=stages,
            following=view(FollowingOut, following) if following else None,
        )
