"""A key's life, and the order in which keys may be claimed.

available ──lease──▶ leased ──sell──▶ sold
    ▲                  │
    └── release, or by time alone: a lapsed lease is claimable again, without a sweeper

available or leased ──past its last day, when a claim meets it──▶ expired
"""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import Conflict, NotFound, Unavailable
from keyrail.platform.ids import random_suffix

AVAILABLE_FROM_S = 0
AFTER_ANY_SUFFIX = "~"  # sorts behind every character of a suffix
SHARD_CAPACITY = 2_000  # keys; spreads the writes of a large batch over index partitions
MAX_SHARDS = 16


class KeyState(StrEnum):
    AVAILABLE = "available"
    LEASED = "leased"
    SOLD = "sold"
    EXPIRED = "expired"


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


class KeyNotFound(NotFound):
    code = "key_not_found"
    title = "There is no such key."
    title_zh = "卡密不存在。"


@dataclass(frozen=True, kw_only=True)
class Key(Versioned):
    """One secret that is worth money. `key_id` is its fingerprint; `sealed` is its ciphertext.

    `data_key` counts into the batch's wrapped keys. `expires_on` is an ISO date, the last day of use. `order_id` is
    who leased or bought it. `claim_partition` and `claim_order` stand only on keys that are not sold or expired yet.
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
    order_id: str | None = None
    unit_id: str | None = None
    sold_at_ms: int | None = None
    revealed_at_ms: int | None = None


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


def claim_order(claimable_from_s: int) -> str:
    """Sort key of the sparse index: when the key may be claimed, then chance."""
    return f"{claimable_from_s:010d}#{random_suffix()}"


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
}


def events_between(old: Key | None, new: Key | None) -> list[Event]:
    """Every change of a key has a name; a sold key changes only by being looked at."""
    if new is None:
        return []
    if old is None:
        happened = "imported"
    elif old.state is new.state is KeyState.SOLD:
        happened = "revealed"
    else:
        happened = _HAPPENED[new.state]
    data = {"sku_id": new.sku_id, "batch_id": new.batch_id, "order_id": new.order_id}
    return [Event(f"key.{happened}", f"key:{new.key_id}", data)]
