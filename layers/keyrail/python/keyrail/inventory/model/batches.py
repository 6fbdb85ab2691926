"""Batches and pools: keys that came in together, and all claimable keys of a SKU."""

from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import Conflict, NotFound
from keyrail.platform.money import Money

MAX_REPORTED_PROBLEMS = 100  # lines; the counts are always exact
MAX_POOL_BATCHES = 1_000
NEVER = "9999-12-31"


class BatchStatus(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"
    IMPORTING = "importing"
    IMPORTED = "imported"
    REJECTED = "rejected"


class BatchNotFound(NotFound):
    code = "batch_not_found"
    title = "There is no such batch."
    title_zh = "批次不存在。"


class BatchNotWaiting(Conflict):
    """A file arrived for a batch that has already taken one."""

    code = "batch_not_waiting"


@dataclass(frozen=True)
class LineProblem:
    """Why a line was not taken: `reason` is a code, `mask` the last characters of its code, or nothing."""

    line: int
    reason: str
    mask: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """Every line of the file is counted in exactly one of the four; `file_problem` means that none was taken."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    ignored: int = 0
    problems: tuple[LineProblem, ...] = ()
    file_problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Batch(Versioned):
    """Keys with one source, cost, expiry and data key.

    `data_keys` are wrapped; a further one is added when an import goes on after a crash, since importing may encrypt
    but never decrypt. `first_expiry` and `last_expiry` are ISO dates over the keys taken. `file_mark` names the one
    file that the batch takes, under the fingerprint key; `importing_since_ms` is when it was first begun.
    """

    batch_id: str
    sku_id: str
    source: str
    status: BatchStatus = BatchStatus.AWAITING_UPLOAD
    unit_cost: Money | None = None
    data_keys: tuple[bytes, ...] = ()
    shards: int = 1
    first_expiry: str | None = None
    last_expiry: str | None = None
    file_mark: str | None = None
    importing_since_ms: int | None = None
    report: ImportReport | None = None
    created_at_ms: int

    @property
    def is_settled(self) -> bool:
        """Its file is dealt with, and no other will be taken."""
        return self.status in {BatchStatus.IMPORTED, BatchStatus.REJECTED}


@dataclass(frozen=True)
class PoolBatch:
    """What a claim has to know of a batch: where its keys are, and when they expire."""

    batch_id: str
    shards: int
    first_expiry: str = NEVER
    last_expiry: str = NEVER


@dataclass(frozen=True, kw_only=True)
class Pool(Versioned):
    """The batches whose keys may be claimed for a SKU, earliest expiry first."""

    sku_id: str
    batches: tuple[PoolBatch, ...] = ()

    def usable(self, today: str) -> tuple[PoolBatch, ...]:
        return tuple(b for b in self.batches if b.last_expiry >= today)

    def with_batch(self, batch: PoolBatch) -> "Pool":
        others = [b for b in self.batches if b.batch_id != batch.batch_id]
        return replace(self, batches=tuple(sorted([*others, batch], key=lambda b: (b.first_expiry, b.batch_id))))


def batch_events_between(old: Batch | None, new: Batch | None) -> list[Event]:
    if new is None or (old is not None and old.status is new.status):
        return []
    data: dict[str, object] = {"sku_id": new.sku_id, "status": new.status}
    if new.report:
        data |= {"accepted": new.report.accepted, "duplicate": new.report.duplicate, "rejected": new.report.rejected}
    happened = "created" if old is None else new.status
    return [Event(f"batch.{happened}", f"batch:{new.batch_id}", data)]
