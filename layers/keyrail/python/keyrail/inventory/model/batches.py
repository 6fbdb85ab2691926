"""Batches and pools: keys that came in together, and all claimable keys of a SKU."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import Conflict, NotFound
from keyrail.platform.money import Money

MAX_REPORTED_PROBLEMS = 100  # lines; the counts are always exact
MAX_POOL_PARTS = 1_000  # at about 150 bytes; an item holds 400 KB
MAX_EXPIRY_GROUPS = 50  # of one file
NEVER = "9999-12-31"
_PRECISIONS = (len("2030-12-31"), len("2030-12"), len("2030"), 0)


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


def expiry_precision(days: Collection[str]) -> int:
    """How much of an ISO date names its group: the day, else the month, else the year, so that groups stay few."""
    return next(p for p in _PRECISIONS if p == 0 or len({day[:p] for day in days}) <= MAX_EXPIRY_GROUPS)


@dataclass(frozen=True)
class PoolPart:
    """Keys of a batch that expire together: what a claim has to know to find them.

    `since_ms` is when the batch's import began; of two parts that expire alike the older one sells first.
    """

    batch_id: str
    group: str
    shards: int
    since_ms: int
    first_expiry: str = NEVER
    last_expiry: str = NEVER


@dataclass(frozen=True, kw_only=True)
class Pool(Versioned):
    """Where the claimable keys of a SKU are, earliest expiry first."""

    sku_id: str
    parts: tuple[PoolPart, ...] = ()

    def usable(self, today: str) -> tuple[PoolPart, ...]:
        return tuple(part for part in self.parts if part.last_expiry >= today)

    def holds(self, parts: Collection[PoolPart]) -> bool:
        return {_name(part) for part in parts} <= {_name(part) for part in self.parts}

    def with_parts(self, parts: Collection[PoolPart]) -> "Pool":
        named = {_name(part): part for part in (*self.parts, *parts)}
        return replace(self, parts=tuple(sorted(named.values(), key=lambda p: (p.first_expiry, p.since_ms, *_name(p)))))


def _name(part: PoolPart) -> tuple[str, str]:
    return part.batch_id, part.group


def batch_events_between(old: Batch | None, new: Batch | None) -> list[Event]:
    if new is None:
        return []
    data: dict[str, object] = {"sku_id": new.sku_id, "status": new.status}
    if new.report:
        data |= {"accepted": new.report.accepted, "duplicate": new.report.duplicate, "rejected": new.report.rejected}
    happened = "created" if old is None else new.status
    return [Event(f"batch.{happened}", f"batch:{new.batch_id}", data)]
