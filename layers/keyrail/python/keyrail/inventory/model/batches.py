"""Batches and pools: keys that came in together, and all claimable keys of a SKU."""

from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.clock import utc_date
from keyrail.platform.errors import Conflict, NotFound
from keyrail.platform.handover import Handover
from keyrail.platform.money import Money

MAX_REPORTED_PROBLEMS = 100  # lines; the counts are always exact
MAX_POOL_PARTS = 1_000  # at about 150 bytes; an item holds 400 KB
MAX_EXPIRY_GROUPS = 50  # of one file
MAX_STAGES = 20
MAX_SALES_PER_KEY = 1_000
MAX_PRIORITY = 100
MAX_UNIT_COST_MINOR = 10**9  # a million such keys are a thousand entries in the books
MAX_HELD_BATCHES = 100  # DynamoDB's limit for the operands of IN
NEVER = "9999-12-31"
FIRST_DAY = "0001-01-01"
MONTHS = 12
RUN_IS_OVER_MS = 5 * 60 * 1000  # behind its begin or its end no run of an import still stores a key
HELD_BACK_MS = 253_402_300_799_000  # of the same day
_STAGE = "~"


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

    @property
    def is_final(self) -> bool:
        return self in {Standing.CLOSED, Standing.VOID}


class Filling(StrEnum):
    """Where the keys of a batch come from."""

    FILE = "file"
    OWN_CODES = "own_codes"
    PURCHASE = "purchase"


class BatchNotFound(NotFound):
    code = "batch_not_found"
    title = "There is no such batch."
    title_zh = "批次不存在。"


class BatchNotWaiting(Conflict):
    """A file arrived for a batch that has already taken one."""

    code = "batch_not_waiting"


class NoRejectedLines(Conflict):
    code = "no_rejected_lines"
    title = "There is no file of rejected lines: all were taken, or the import is not finished yet."
    title_zh = "没有未导入行的文件：全部已导入，或导入尚未完成。"


@dataclass(frozen=True)
class LineProblem:
    """Why a line was not taken: `reason` is a code, `mask` the last characters of its code, or nothing."""

    line: int
    reason: str
    mask: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """Every line of the file is counted in exactly one of the four.

    `file_problem` means that none was taken; of a file that was stopped, no more than is counted here.
    """

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    ignored: int = 0
    problems: tuple[LineProblem, ...] = ()
    file_problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class RejectedLines:
    """The file of the lines that an import did not take; `complete` false: there were more than a file takes."""

    file: Handover
    complete: bool


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of a batch that goes on sale together; `keys` None: all that are left. `opens_at_ms` None: held back."""

    keys: int | None = None
    opens_at_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Following:
    """How many of a batch's keys were found to agree with it; `total` None: more of them may come.

    It is said of the batch's `generation` and of no other. `found` are these keys by the shard of their batch, each
    shard as one walk counted it. The walks go through the shards in turn; the last `in_vain` of them brought nothing in
    line and found no more than was known.
    """

    generation: int = 0
    total: int | None = None
    found: tuple[int, ...] = ()
    walks: int = 0
    in_vain: int = 0

    @property
    def done(self) -> int:
        return sum(self.found)


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

    @property
    def stage(self) -> int:
        """From 0; it is part of the group's name, see `stage_group`."""
        return int(self.group.partition(_STAGE)[2] or 0)

    def extended(self, to: str) -> "PoolPart":
        return replace(self, first_expiry=max(self.first_expiry, to), last_expiry=max(self.last_expiry, to))


def stage_group(group: str, stage: int) -> str:
    """Keys that expire together but go on sale apart are groups apart."""
    return f"{group}{_STAGE}{stage}" if stage else group


def days_of(group: str) -> tuple[str, str]:
    """The first and the last day that keys of the group may expire on; NEVER, if they may have none."""
    named = group.partition(_STAGE)[0]
    if not named:
        return FIRST_DAY, NEVER
    first = named + FIRST_DAY[len(named) :]
    month = int(first[5:7]) if len(named) > len("2030") else MONTHS
    last = named if named == first else f"{first[:5]}{month:02d}-{monthrange(int(first[:4]), month)[1]:02d}"
    return first, last


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
    file that the batch takes, under the fingerprint key; `importing_since_ms` is when it was first begun, and
    `broken_off_ms` when it was ended before its end: of the keys that a run of it had in its hands then, some may be in
    that nobody counted, or come in behind it.
    `request_hash` recognises a repeated request.
    `expires_on` is for keys that come without a last day. Higher `priority` sells first, before earlier expiry does.
    `sales_per_key` above one makes loop keys: each secret is sold so often. Keys `for_print` are never sold online.
    `wanted` is how many codes of our own it is to hold; `purchase` is our reference with its source, of keys that were
    bought; `exports` are the requests to print them, oldest first.

    `parts` are where its claimable keys are; the pool has them as the batch says. `generation` counts the commands that
    its keys have to follow, `followed` is the last one that every key was found to follow. `extended_to` is an ISO date
    before which no last day of its keys lies, and `extended_to_ms` when that day is over.
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
    purchase: str | None = None
    exports: tuple[str, ...] = ()
    data_keys: tuple[bytes, ...] = ()
    first_expiry: str | None = None
    last_expiry: str | None = None
    request_hash: bytes | None = None
    file_mark: str | None = None
    importing_since_ms: int | None = None
    broken_off_ms: int | None = None
    report: ImportReport | None = None
    rejected_lines: RejectedLines | None = None
    parts: tuple[PoolPart, ...] = ()
    extended_to: str | None = None
    extended_to_ms: int | None = None
    generation: int = 0
    followed: int = 0
    following: Following | None = None
    charged_back: int = 0
    created_at_ms: int

    @property
    def is_settled(self) -> bool:
        """It has all the keys that it will ever have."""
        if self.status is BatchStatus.AWAITING_UPLOAD:
            return self.standing.is_final
        return self.status in {BatchStatus.IMPORTED, BatchStatus.REJECTED, BatchStatus.GENERATED}

    @property
    def key_count(self) -> int | None:
        """Each slot of a loop key is a key. None while more may come."""
        accepted = self.report.accepted if self.report else 0
        return accepted * self.sales_per_key if self.is_settled else None

    def all_runs_are_over(self, now_ms: int) -> bool:
        """No run of its import that was broken off can still store a key."""
        return self.broken_off_ms is None or now_ms - self.broken_off_ms >= RUN_IS_OVER_MS

    def stage_of(self, number: int) -> int:
        """Which stage, from 0, the batch's secret with that number, from 1, goes on sale with."""
        behind = 0
        for stage, each in enumerate(self.stages[:-1]):
            behind += each.keys or 0
            if number <= behind:
                return stage
        return max(len(self.stages) - 1, 0)

    def group(self, expires_on: str | None, precision: int, number: int) -> str:
        """The expiry group of the secret with that number, and its stage."""
        return stage_group((expires_on or NEVER)[:precision], self.stage_of(number))

    def in_pool(self) -> tuple[PoolPart, ...]:
        """Its parts as the pool is to have them."""
        if self.standing.is_final:
            return ()
        held = self.standing is Standing.FROZEN
        return tuple(replace(part, held=held, opens_at_ms=self._opens_at_ms(part.stage)) for part in self.parts)

    def _opens_at_ms(self, stage: int) -> int:
        opens_at_ms = self.stages[stage].opens_at_ms if self.stages else 0
        return HELD_BACK_MS if opens_at_ms is None else opens_at_ms

    def with_parts(self, parts: Collection[PoolPart]) -> "Batch":
        """As `parts` join it; one that joins again takes the place of its namesake."""
        named = {part.group: replace(part, priority=self.priority) for part in (*self.parts, *parts)}
        return replace(self, parts=tuple(named.values()))


@dataclass(frozen=True, kw_only=True)
class Pool(Versioned):
    """Where the claimable keys of a SKU are: those of the highest priority first, then what expires first."""

    sku_id: str
    parts: tuple[PoolPart, ...] = ()

    def usable(self, today: str) -> tuple[PoolPart, ...]:
        """Those not past their last day, whether they are open yet or not."""
        return tuple(part for part in self.parts if part.last_expiry >= today)

    def sellable(self, now_ms: int) -> tuple[PoolPart, ...]:
        """Those that a claim may look at."""
        return tuple(p for p in self.usable(utc_date(now_ms)) if not p.held and p.opens_at_ms <= now_ms)

    def holds(self, parts: Collection[PoolPart]) -> bool:
        return {_name(part) for part in parts} <= {_name(part) for part in self.parts}

    def with_parts(self, parts: Collection[PoolPart]) -> "Pool":
        named = {_name(part): part for part in (*self.parts, *parts)}
        return replace(self, parts=tuple(sorted(named.values(), key=_sold_in_order)))

    def with_batch(self, batch: Batch) -> "Pool":
        """What the pool has of the batch is what the batch says now."""
        others = tuple(part for part in self.parts if part.batch_id != batch.batch_id)
        return replace(self, parts=others).with_parts(batch.in_pool())


def _sold_in_order(part: PoolPart) -> tuple[int, str, int, str, str]:
    return (-part.priority, part.first_expiry, part.since_ms, *_name(part))


def _name(part: PoolPart) -> tuple[str, str]:
    return part.batch_id, part.group


def calls_for_importer(old: Batch | None, new: Batch) -> bool:
    """Whether this change ends the import of a file that may be there no more, and nobody may be at work on."""
    if new.status is not BatchStatus.IMPORTING or not new.standing.is_final:
        return False
    if new.filling is not Filling.FILE:
        return False
    return old is None or old.standing is not new.standing


def batch_events_between(old: Batch | None, new: Batch | None) -> list[Event]:
    if new is None:
        return []
    data: dict[str, object] = {"sku_id": new.sku_id, "status": new.status}
    if new.report:
        data |= {"accepted": new.report.accepted, "duplicate": new.report.duplicate, "rejected": new.report.rejected}
    happened = "created" if old is None else _commanded(old, new) or new.status
    if happened in _COMMANDED:
        data |= {"standing": new.standing}
    if happened == "extended":
        data |= {"expires_on": new.extended_to}
    if happened == "following" and new.following:
        data |= {"done": new.following.done, "total": new.following.total}
    if happened == "charged_back":
        data |= {"charged_back": new.charged_back}
    if old is not None and new.exports != old.exports:
        happened, data = "export_requested", data | {"export_id": new.exports[-1]}
    return [Event(f"batch.{happened}", f"batch:{new.batch_id}", data)]


_STOOD = {
    Standing.OPEN: "unfrozen",
    Standing.FROZEN: "frozen",
    Standing.CLOSED: "closed",
    Standing.VOID: "voided",
}
_COMMANDED = {*_STOOD.values(), "extended", "stage_released", "following", "followed"}


def _commanded(old: Batch, new: Batch) -> str | None:
    """What was said of the batch, or how far its keys are with following it."""
    if old.standing is not new.standing:
        return _STOOD[new.standing]
    handed_out = old.rejected_lines and new.rejected_lines
    changes = (
        ("rejected_lines_handed_out", old.rejected_lines, handed_out),
        ("charged_back", old.charged_back, new.charged_back),
        ("extended", old.extended_to, new.extended_to),
        ("stage_released", old.stages, new.stages),
        ("followed", old.followed, new.followed),
        ("following", old.following, new.following),
    )
    return next((name for name, before, after in changes if before != after), None)
