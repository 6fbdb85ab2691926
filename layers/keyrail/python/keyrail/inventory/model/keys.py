"""A key's life, and the order in which keys may be claimed.

available ──lease──▶ leased ──sell──▶ sold ──last use──▶ redeemed
    ▲                  │
    └── release, or by time alone: a lapsed lease is claimable again, without a sweeper

available or leased ──past its last day, when a claim meets it──▶ expired
any but redeemed ──its batch is frozen──▶ frozen ──unfrozen──▶ what it was
any but redeemed ──its batch is void or closed, or it was replaced──▶ void, for good

A key stands in one index at a time: in `claimable`, by its `claim_order`, while anybody may claim it, and from then on
in `by_batch`, by `left_pool`. So all keys of a batch are found without reading any others.
"""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.catalog.model import Terms
from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import Conflict, NotFound, Unavailable
from keyrail.platform.ids import random_suffix, shard_of
from keyrail.platform.money import Money

AVAILABLE_FROM_S = 0
AFTER_ANY_SUFFIX = "~"  # sorts behind every character of a suffix
SHARD_CAPACITY = 2_000  # keys; spreads the writes of a large batch over index partitions
MAX_SHARDS = 16
BATCH_SHARDS = 8  # a batch sells at most 1,000 keys a second in each


class KeyState(StrEnum):
    AVAILABLE = "available"
    LEASED = "leased"
    SOLD = "sold"
    EXPIRED = "expired"
    FROZEN = "frozen"
    VOID = "void"
    REDEEMED = "redeemed"


class StockLevel(StrEnum):
    IN_STOCK = "in_stock"
    LOW = "low"
    SOLD_OUT = "sold_out"


class SoldOut(Conflict):
    code = "sold_out"
    title = "Sold out: fewer keys are left than were asked for."
    title_zh = "库存不足。"


class PoolContended(Unavailable):
    """Keys are there, but others were faster every time; asking again is right."""

    code = "pool_contended"


class KeyFrozen(Conflict):
    """Its batch stands still: nothing is sold, shown or redeemed until it is unfrozen."""

    code = "key_frozen"
    title = "This key is on hold; please contact the shop."
    title_zh = "该卡密已冻结，请联系商家。"


class KeyNotFound(NotFound):
    code = "key_not_found"
    title = "There is no such key."
    title_zh = "卡密不存在。"


@dataclass(frozen=True, kw_only=True)
class Key(Versioned):
    """One secret that is worth money. `key_id` is its fingerprint; `sealed` is its ciphertext.

    `data_key` counts into the batch's wrapped keys. `expires_on` is an ISO date, the last day of use. `order_id` is
    who leased or bought it. `claim_partition` and `batch_partition` stay for life; of `claim_order` and `left_pool`
    there is always exactly one. `state_before` is what a frozen key was. `label` is public: a number worth choosing.
    """

    key_id: str
    batch_id: str
    sku_id: str
    state: KeyState
    sealed: bytes
    data_key: int
    mask: str
    line: int
    expires_on: str | None = None
    claim_partition: str | None = None
    claim_order: str | None = None
    batch_partition: str | None = None
    left_pool: str | None = None
    state_before: KeyState | None = None
    label: str | None = None
    face_value: Money | None = None
    order_id: str | None = None
    unit_id: str | None = None
    sold_at_ms: int | None = None
    revealed_at_ms: int | None = None
    terms: Terms | None = None
    replaces: str | None = None
    replaced_by: str | None = None


@dataclass(frozen=True)
class Stock:
    """Exact when counted: keys that can be leased now, and keys under a running lease."""

    claimable: int
    leased: int


def shards_for(keys: int) -> int:
    return min(MAX_SHARDS, 1 + keys // SHARD_CAPACITY)


def claim_partition(sku_id: str, batch_id: str, group: str, shard: int) -> str:
    """`group` is that of the key's last day, so that keys past theirs are passed over without a look at them."""
    return f"{sku_id}#{batch_id}#{group}#{shard}"


def batch_partition(batch_id: str, key_id: str) -> str:
    """Of the index of keys that have left the pool."""
    return f"{batch_id}#{shard_of(key_id, BATCH_SHARDS)}"


def left_pool(now_ms: int) -> str:
    """Sort key of that index."""
    return f"{now_ms:013d}"


def claim_order(claimable_from_s: int, label: str | None = None) -> str:
    """Sort key of the sparse index: when the key may be claimed, then its public label if it has one, then chance."""
    suffix = f"{label}{AFTER_ANY_SUFFIX}{random_suffix()}" if label else random_suffix()
    return f"{claimable_from_s:010d}#{suffix}"


def label_of(order: str) -> str | None:
    """The public label in a `claim_order`."""
    label, marked, _ = order.partition("#")[2].partition(AFTER_ANY_SUFFIX)
    return label if marked else None


def claimable_until(now_ms: int) -> str:
    """Every `claim_order` up to this one may be claimed now: available, released, or a lapsed lease."""
    return f"{now_ms // 1000:010d}#{AFTER_ANY_SUFFIX}"


def lease_end_s(until_ms: int) -> int:
    """Leases end on full seconds, rounded up: never before the order does."""
    return -(-until_ms // 1000)


_HAPPENED = {
    KeyState.LEASED: "leased",
    KeyState.SOLD: "sold",
    KeyState.AVAILABLE: "released",
    KeyState.EXPIRED: "expired",
    KeyState.FROZEN: "frozen",
    KeyState.VOID: "voided",
    KeyState.REDEEMED: "redeemed",
}


def events_between(old: Key | None, new: Key | None) -> list[Event]:
    """Every change of a key has a name; a sold key changes only by being looked at."""
    if new is None:
        return []
    data = {"sku_id": new.sku_id, "batch_id": new.batch_id, "order_id": new.order_id}
    return [Event(f"key.{_happened(old, new)}", f"key:{new.key_id}", data)]


def _happened(old: Key | None, new: Key) -> str:
    if old is None:
        return "imported"
    if old.state is KeyState.FROZEN and new.state is old.state_before:
        return "unfrozen"
    if old.state is new.state is KeyState.SOLD:
        return "revealed"
    if old.state is new.state and new.state is not KeyState.LEASED:
        return "changed"
    return _HAPPENED[new.state]
