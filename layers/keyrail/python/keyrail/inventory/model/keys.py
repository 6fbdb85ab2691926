"""A key's life, and the order in which keys may be claimed.

available ──lease──▶ leased ──sell──▶ sold ──last use──▶ redeemed ──taken back──▶ what it was
    ▲                  │
    └── release, or by time alone: a lapsed lease is claimable again, without a sweeper

available or leased ──past its last day, when a claim meets it──▶ expired
any but redeemed ──its batch is frozen──▶ frozen ──unfrozen──▶ what it was
any but redeemed ──its batch is void, or closed before it was sold, or it was replaced──▶ void, for good
sold or redeemed ──its price went back to the buyer──▶ void, for good
expired ──its batch is extended──▶ available

A key stands in one index at a time: in `claimable`, by its `claim_order`, while anybody may claim it, and from then on
in `by_batch`, by `left_pool`. So all keys of a batch are found without reading any others.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import gcd
from typing import Any

from keyrail.catalog.model import Terms
from keyrail.inventory.model.uses import Use
from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import Conflict, NotFound, Unavailable
from keyrail.platform.ids import random_suffix, shard_of
from keyrail.platform.money import Money

AVAILABLE_FROM_S = 0
AFTER_ANY_SUFFIX = "~"  # sorts behind every character of a suffix
SHARD_CAPACITY = 2_000  # keys; spreads the writes of a large batch over index partitions
MAX_SHARDS = 16
_SLOT = "."
LABEL_PATTERN = "^[A-Za-z0-9._-]{1,40}$"  # of a public label; all of it sorts before AFTER_ANY_SUFFIX
BATCH_SHARDS = 8  # a batch sells at most 1,000 keys a second in each


class KeyState(StrEnum):
    AVAILABLE = "available"
    LEASED = "leased"
    SOLD = "sold"
    EXPIRED = "expired"
    FROZEN = "frozen"
    VOID = "void"
    REDEEMED = "redeemed"


class Fault(StrEnum):
    """What support found wrong with a sold key."""

    BAD_CODE = "bad_code"
    ALREADY_USED = "already_used"
    WRONG_VALUE = "wrong_value"
    OTHER = "other"


class StockLevel(StrEnum):
    IN_STOCK = "in_stock"
    LOW = "low"
    SOLD_OUT = "sold_out"


class SoldOut(Conflict):
    code = "sold_out"
    title = "Sold out: less is left than was asked for."
    title_zh = "库存不足。"


class PoolContended(Unavailable):
    """Keys are there, but others were faster every time; asking again is right."""

    code = "pool_contended"


class KeyFrozen(Conflict):
    """Its batch stands still, or its payment is disputed: it is not sold, shown or redeemed until that is over."""

    code = "key_frozen"
    title = "This key is on hold; please contact the shop."
    title_zh = "该卡密已冻结，请联系商家。"


class KeyRedeemed(Conflict):
    """Our own books show a use of it, so it was no bad key."""

    code = "key_redeemed"
    title = "This key was redeemed; a wrong redemption has to be reversed first."
    title_zh = "该卡密已核销；如核销有误，请先撤销核销。"


class NotSold(Conflict):
    """Whoever presents it should not have it, and nobody needs another one for it."""

    code = "not_sold"
    title = "This code has not been sold."
    title_zh = "该兑换码尚未售出。"


class KeyVoid(Conflict):
    code = "key_void"
    title = "This key was cancelled; please contact the shop."
    title_zh = "该卡密已作废，请联系商家。"


class LabelTaken(Conflict):
    """The key with the public label that was chosen is not to be had, or there is none."""

    code = "label_taken"
    title = "This number is taken; please choose another one."
    title_zh = "该号码已被选走，请另选一个。"


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
    `follows` is the last generation of commands on its batch that it follows.
    A key that we redeem ourselves has `terms`, the states that its coming uses lead to, the minor units of its value
    that are left, until when somebody made it active, and an account of its uses, named by `use_ids`.
    A bad key has a `fault` and, once its source owes us for it, `charged_back_at_ms`; it and the key that stands in
    for it name each other. One of which the price went back names the refund; it is flagged where somebody has seen
    it and may use it elsewhere. While its payment is disputed a sold key is `held_for` that: it keeps its state, and
    follows its batch, but is neither shown nor redeemed.
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
    follows: int = 0
    label: str | None = None
    face_value: Money | None = None
    order_id: str | None = None
    unit_id: str | None = None
    sold_at_ms: int | None = None
    revealed_at_ms: int | None = None
    terms: Terms | None = None
    after_use: tuple[KeyState, ...] | None = None
    value_left: int | None = None
    active_until_ms: int | None = None
    uses: tuple[Use, ...] | None = None
    use_ids: frozenset[str] = frozenset()
    replaces: str | None = None
    replaced_by: str | None = None
    fault: Fault | None = None
    charged_back_at_ms: int | None = None
    refund_id: str | None = None
    flagged_at_ms: int | None = None
    held_for: str | None = None


@dataclass(frozen=True)
class Stock:
    """Exact when counted: keys that can be leased now, keys under a running lease, and keys that are not on sale yet.

    Each slot of a loop key counts.
    """

    claimable: int
    leased: int
    scheduled: int = 0


def slot_id(key_id: str, number: int) -> str:
    """Of a loop key, which is sold `number` times: the first slot has its name, the others add their number to it."""
    return key_id if number == 1 else f"{key_id}{_SLOT}{number}"


def secret_id(key_id: str) -> str:
    """What all slots of one secret have in common."""
    return key_id.partition(_SLOT)[0]


def shards_for(keys: int) -> int:
    """A power of two, so that shards of a pool and of a batch cut alike: see `claim_shards`."""
    return min(MAX_SHARDS, 1 << (keys // SHARD_CAPACITY).bit_length())


def claim_shards(shards: int, batch_shard: int) -> list[int]:
    """Those of a part's `shards` in which there may be keys of that shard of their batch."""
    common = gcd(shards, BATCH_SHARDS)
    return [shard for shard in range(shards) if shard % common == batch_shard % common]


def claim_partition(sku_id: str, batch_id: str, group: str, shard: int) -> str:
    """`group` is that of the key's last day, so that keys past theirs are passed over without a look at them."""
    return f"{sku_id}#{batch_id}#{group}#{shard}"


def batch_partition(batch_id: str, key_id: str) -> str:
    """Of the index of keys that have left the pool."""
    return f"{batch_id}#{batch_shard(key_id)}"


def batch_shard(key_id: str) -> int:
    """For life, wherever the key goes."""
    return shard_of(key_id, BATCH_SHARDS)


def left_pool(now_ms: int) -> str:
    """Sort key of that index."""
    return f"{now_ms:013d}"


def claim_order(claimable_from_s: int, label: str | None = None) -> str:
    """Sort key of the sparse index: when the key may be claimed, then its public label if it has one, then chance."""
    return (labelled(claimable_from_s, label) if label else f"{claimable_from_s:010d}#") + random_suffix()


def labelled(claimable_from_s: int, label: str) -> str:
    """What every `claim_order` of that time and label begins with, and no other."""
    return f"{claimable_from_s:010d}#{label}{AFTER_ANY_SUFFIX}"


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
    """Every change of a key has a name."""
    if new is None:
        return []
    data: dict[str, Any] = {"sku_id": new.sku_id, "batch_id": new.batch_id, "order_id": new.order_id}
    happened = _happened(old, new)
    if happened in _OF_USE and new.uses:
        data |= _use_told(new, new.uses[-1])
    if happened in _OF_FAULT:
        data |= {"fault": new.fault, "replaced_by": new.replaced_by, "charged_back": new.charged_back_at_ms is not None}
    if happened == "refunded":
        seen, flagged = new.revealed_at_ms is not None, new.flagged_at_ms is not None
        data |= {"refund_id": new.refund_id, "seen": seen, "flagged": flagged}
    return [Event(f"key.{happened}", f"key:{new.key_id}", data)]


def _use_told(key: Key, use: Use) -> dict[str, Any]:
    """`redemption_id` is its caller's own name for it; `amount` is for value cards alone."""
    value = key.terms.value if key.terms else None
    amount = Money(abs(use.spent), value.currency).plain() if value else None
    return {"redemption_id": use.name, "place": use.place, "amount": amount}


def _happened(old: Key | None, new: Key) -> str:
    return "imported" if old is None else _deed(old, new) or _moved(old.state, new.state)


def _deed(old: Key, new: Key) -> str | None:
    """What was done that shows in more than the state."""
    if old.replaced_by != new.replaced_by:
        return "replaced"
    if old.charged_back_at_ms != new.charged_back_at_ms:
        return "charged_back"
    if old.refund_id != new.refund_id:
        return "refunded"
    return _held(old, new) or _followed_or_used(old, new)


def _held(old: Key, new: Key) -> str | None:
    if old.held_for == new.held_for:
        return None
    return "frozen" if new.held_for else "unfrozen"


def _followed_or_used(old: Key, new: Key) -> str | None:
    if old.follows != new.follows:
        return _followed(old.state, new.state)
    if old.uses != new.uses:
        return _used(new)
    return "activated" if old.active_until_ms != new.active_until_ms else None


def _moved(old: KeyState, new: KeyState) -> str:
    if old is new and new in {KeyState.SOLD, KeyState.REDEEMED}:
        return "revealed"
    if old is new and new is not KeyState.LEASED:
        return "changed"
    return _HAPPENED[new]


_OF_USE = {"redeemed", "used", "reversed"}
_OF_FAULT = {"replaced", "charged_back"}


def _used(key: Key) -> str:
    if key.uses and key.uses[-1].spent < 0:
        return "reversed"
    return "redeemed" if key.state is KeyState.REDEEMED else "used"


def _followed(old: KeyState, new: KeyState) -> str:
    """What a command on its batch made of a key."""
    if old is new:
        return "changed"
    if old is KeyState.FROZEN and new is not KeyState.VOID:
        return "unfrozen"
    return "restored" if old is KeyState.EXPIRED and new is KeyState.AVAILABLE else _HAPPENED[new]
