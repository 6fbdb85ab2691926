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
MAX_STAGES = 20
MAX_SALES_PER_KEY = 1_000
MAX_HELD_BATCHES = 100  # DynamoDB's limit for the operands of IN
NEVER = "9999-12-31"
HELD_BACK_MS = 253_402_300_799_000  # of the same day
_PRECISIONS = (len("2030-12-31"), len("2030-12"), len("2030"), 0)


class BatchStatus(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"
    IMPORTING = "importing"
    IMPORTED = "imported"
    REJECTED = "rejected"
    GENERATING = "generating"
    GENERATED = "generated"


class Standing(StrEnum):
    """What the operator says of the batch; its keys follow in the background.

    open ⇄ frozen; open or frozen ─▶ closed or void, for good. Closed: nothing more is sold of it, sold keys live on.
    """

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"
    VOID = "void"


class Filling(StrEnum):
    """Where the keys of a batch come from."""

    FILE = "file"
    OWN_CODES = "own_codes"


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
class Stage:
    """A part of a batch that goes on sale together; `keys` None: all that are left. `opens_at_ms` None: held back."""

    keys: int | None = None
    opens_at_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Held(Versioned):
    """Batches that stand still and whose keys have not all followed yet; the short list that rides in conditions.

    `frozen` ones (frozen or void) are not sold, shown or redeemed; of `closed` ones nothing more is sold.
    """

    frozen: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    @property
    def unsaleable(self) -> tuple[str, ...]:
        return (*self.frozen, *self.closed)


NOTHING_HELD = Held(version=0, changed_by="system", changed_from="system", changed_at_ms=0)


@dataclass(frozen=True, kw_only=True)
class Batch(Versioned):
    """Keys with one source, cost, expiry and data key.

    `data_keys` are wrapped; a further one is added when an import goes on after a crash, since importing may encrypt
    but never decrypt. `first_expiry` and `last_expiry` are ISO dates over the keys taken. `file_mark` names the one
    file that the batch takes, under the fingerprint key; `importing_since_ms` is when it was first begun.
    `expires_on` is for keys that come without a last day. Higher `priority` sells first, before earlier expiry does.
    `sales_per_key` above one makes loop keys: each secret is sold so often. Keys `for_print` are never sold online.
    `wanted` is how many codes of our own it is to hold; `exports` are the requests to print them, oldest first.
    """

    batch_id: str
    sku_id: str
    source: str
    filling: Filling = Filling.FILE
    status: BatchStatus = BatchStatus.AWAITING_UPLOAD
    standing: Standing = Standing.OPEN
    unit_cost: Money | None = None
    expires_on: str | None = None
    priority: int = 0
    stages: tuple[Stage, ...] = ()
    sales_per_key: int = 1
    for_print: bool = False
    wanted: int | None = None
    exports: tuple[str, ...] = ()
    data_keys: tuple[bytes, ...] = ()
    first_expiry: str | None = None
    last_expiry: str | None = None
    file_mark: str | None = None
    importing_since_ms: int | None = None
    report: ImportReport | None = None
    created_at_ms: int

    @property
    def is_settled(self) -> bool:
        """It has all the keys that it will ever have."""
        return self.status in {BatchStatus.IMPORTED, BatchStatus.REJECTED, BatchStatus.GENERATED}


def expiry_precision(days: Collection[str]) -> int:
    """How much of an ISO date names its group: the day, else the month, else the year, so that groups stay few."""
    return next(p for p in _PRECISIONS if p == 0 or len({day[:p] for day in days}) <= MAX_EXPIRY_GROUPS)


@dataclass(frozen=True)
class PoolPart:
    """Keys of a batch that expire together: what a claim has to know to find them.

    `since_ms` is when the batch's import began; of two parts that expire alike the older one sells first. A part is
    a stage of its batch, too: it sells from `opens_at_ms` on, and from HELD_BACK_MS means when it is released. A `held`
    one stands still with its batch.
    """

    batch_id: str
    group: str
    shards: int
    since_ms: int
    first_expiry: str = NEVER
    last_expiry: str = NEVER
    priority: int = 0
    opens_at_ms: int = 0
    held: bool = False


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
    if old is not None and new.exports != old.exports:
        happened, data = "export_requested", data | {"export_id": new.exports[-1]}
    return [Event(f"batch.{happened}", f"batch:{new.batch_id}", data)]
