"""The `keys` table: keys, batches, pools and the wrapped fingerprint key. Nobody else talks to it."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from keyrail.inventory.model.batches import NEVER, NOTHING_HELD, Batch, BatchNotFound, Held, Pool
from keyrail.inventory.model.keys import (
    AVAILABLE_FROM_S,
    Key,
    KeyFrozen,
    KeyNotFound,
    KeyState,
    KeyVoid,
    claim_order,
    claimable_until,
    lease_end_s,
    left_pool,
)
from keyrail.platform.changes import Origin
from keyrail.platform.clock import utc_date
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import (
    ConditionFailed,
    IntegerAttribute,
    Read,
    Table,
    Write,
    read_together,
)
from keyrail.vault.model import WrappedFingerprintKey

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

CLAIMABLE, BY_BATCH = "claimable", "by_batch"
HOLDS = "holds"
KEY_PREFIX, BATCH_PREFIX = "key_", "bat_"


class KeyItem(Model):
    """What keys, indexes and conditions of the table use; the rest of an item is its dataclass."""

    key_id = UnicodeAttribute(hash_key=True)
    batch_id = UnicodeAttribute()
    claim_partition = UnicodeAttribute()
    claim_order = UnicodeAttribute()
    batch_partition = UnicodeAttribute()
    left_pool = UnicodeAttribute()
    state = UnicodeAttribute()
    label = UnicodeAttribute()
    order_id = UnicodeAttribute()
    unit_id = UnicodeAttribute()
    expires_on = UnicodeAttribute()
    sold_at_ms = IntegerAttribute()
    revealed_at_ms = IntegerAttribute()
    replaces = UnicodeAttribute()
    held_for = UnicodeAttribute()
    version = IntegerAttribute()
    changed_by = UnicodeAttribute()
    changed_from = UnicodeAttribute()
    changed_at_ms = IntegerAttribute()
    changed_reason = UnicodeAttribute()


def changed(origin: Origin, now_ms: int) -> list[Action]:
    reason = KeyItem.changed_reason.set(origin.reason) if origin.reason else KeyItem.changed_reason.remove()
    return [
        KeyItem.version.set(KeyItem.version + 1),
        KeyItem.changed_by.set(origin.by),
        KeyItem.changed_from.set(origin.address),
        KeyItem.changed_at_ms.set(now_ms),
        reason,
    ]


class KeyStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self.client, self.table_name = client, table_name
        self._table = Table(client, table_name)

    # keys

    def get(self, key_id: str) -> Key:
        """Raises KeyNotFound."""
        attributes = self._table.get(key_id=key_id) if key_id.startswith(KEY_PREFIX) else None
        if attributes is None:
            raise KeyNotFound
        return from_attributes(Key, attributes)

    def get_all(self, key_ids: Sequence[str]) -> list[Key]:
        """Those of them that are there, in the same order."""
        found = self._table.get_all([{"key_id": key_id} for key_id in key_ids if key_id.startswith(KEY_PREFIX)])
        return [from_attributes(Key, attributes) for attributes in found]

    def add(self, key: Key) -> Key | None:
        """Store a new key; None if it is in now, else the key that already has this fingerprint."""
        return self._table.put_first(key, KeyItem.key_id.does_not_exist())

    def candidates(self, partition: str, start: str, limit: int) -> list[tuple[str, str]]:
        """Up to `limit` keys of the index partition from sort key `start` on, as (key_id, claim_order).

        The index is eventually consistent: a hint, never a decision.
        """
        condition = (KeyItem.claim_partition == partition) & (KeyItem.claim_order >= start)
        page = self._table.query(condition, index=CLAIMABLE, limit=limit)
        return [(item["key_id"]["S"], item["claim_order"]["S"]) for item in page.items]

    def count(self, partition: str, now_ms: int, limit: int | None = None) -> tuple[int, int]:
        """Claimable keys and keys under a running lease in an index partition; counting stops at `limit`."""
        border = claimable_until(now_ms)
        here = KeyItem.claim_partition == partition
        if limit is not None:
            page = self._table.query(here & (KeyItem.claim_order <= border), index=CLAIMABLE, limit=limit, count=True)
            return page.count, 0
        claimable = self._table.count(here & (KeyItem.claim_order <= border), index=CLAIMABLE)
        return claimable, self._table.count(here & (KeyItem.claim_order > border), index=CLAIMABLE)

    def lease(
        self,
        key_id: str,
        order_id: str,
        until_ms: int,
        origin: Origin,
        now_ms: int,
        held: Held = NOTHING_HELD,
        label: str | None = None,
    ) -> bool:
        """Hold the key for the order until `until_ms`; False if it is not claimable (any more).

        A lease that this very call took, but whose answer was lost and which was sent again, counts as taken. A key
        past its last day is taken out of the index, so that nobody is offered it again.
        """
        order = claim_order(lease_end_s(until_ms), label)
        claimable = moving((KeyItem.claim_order <= claimable_until(now_ms)) & _usable(now_ms), held.unsaleable)
        actions = [
            KeyItem.state.set(KeyState.LEASED),
            KeyItem.order_id.set(order_id),
            KeyItem.claim_order.set(order),
            *changed(origin, now_ms),
        ]
        try:
            self._table.send(self._table.update({"key_id": key_id}, actions, claimable))
        except ConditionFailed as refused:
            standing = refused.current or {}
            if "claim_order" in standing and standing.get("expires_on", {"S": NEVER})["S"] < utc_date(now_ms):
                self._expire(key_id, origin, now_ms)
            return standing.get("claim_order") == {"S": order}
        return True

    def _expire(self, key_id: str, origin: Origin, now_ms: int) -> None:
        actions = [
            KeyItem.state.set(KeyState.EXPIRED),
            *_out_of_pool(now_ms),
            *changed(origin, now_ms),
        ]
        unsold = KeyItem.claim_order.exists() & (KeyItem.expires_on < utc_date(now_ms))
        with suppress(ConditionFailed):
            self._table.send(self._table.update({"key_id": key_id}, actions, unsold))

    def release(self, key_id: str, order_id: str, origin: Origin, now_ms: int, label: str | None = None) -> bool:
        """Give the order's lease back; False if the order no longer holds it.

        The key keeps its public label: one that the caller does not know is learnt from the refusal.
        """
        actions = [
            KeyItem.state.set(KeyState.AVAILABLE),
            KeyItem.order_id.remove(),
            KeyItem.claim_order.set(claim_order(AVAILABLE_FROM_S, label)),
            *changed(origin, now_ms),
        ]
        held = (KeyItem.state == KeyState.LEASED) & (KeyItem.order_id == order_id)
        labelled = KeyItem.label == label if label else KeyItem.label.does_not_exist()
        try:
            self._table.send(self._table.update({"key_id": key_id}, actions, held & labelled))
        except ConditionFailed as refused:
            of_key = (refused.current or {}).get("label", {}).get("S")
            return of_key != label and self.release(key_id, order_id, origin, now_ms, of_key)
        return True

    def sale(
        self,
        key_id: str,
        order_id: str,
        unit_id: str,
        origin: Origin,
        now_ms: int,
        held: Held = NOTHING_HELD,
        replaces: str | None = None,
    ) -> Write:
        """Sell the key to the unit: on condition that the order leases it, lapsed or not, or that anyone may.

        `replaces` is the unit's bad key that this one stands in for.
        """
        leased_by_order = (KeyItem.state == KeyState.LEASED) & (KeyItem.order_id == order_id)
        claimable = KeyItem.claim_order <= claimable_until(now_ms)
        actions = [
            KeyItem.state.set(KeyState.SOLD),
            KeyItem.order_id.set(order_id),
            KeyItem.unit_id.set(unit_id),
            KeyItem.sold_at_ms.set(now_ms),
            *([KeyItem.replaces.set(replaces)] if replaces else ()),
            *_out_of_pool(now_ms),
            *changed(origin, now_ms),
        ]
        condition = moving((leased_by_order | claimable) & _usable(now_ms), held.unsaleable)
        return self._table.update({"key_id": key_id}, actions, condition)

    def reveal(self, key_id: str, order_id: str, origin: Origin, now_ms: int, held: Held = NOTHING_HELD) -> Key:
        """Write down who looks, then hand out the key as it stands, used up or not.

        Raises KeyNotFound unless it was sold to this order, and KeyFrozen or KeyVoid where it is not to be shown.
        """
        actions = [KeyItem.revealed_at_ms.set(now_ms), *changed(origin, now_ms)]
        sold = KeyItem.state.is_in(KeyState.SOLD, KeyState.REDEEMED) & (KeyItem.order_id == order_id) & is_let_go()
        look = self._table.update({"key_id": key_id}, actions, moving(sold, held.frozen))
        try:
            return from_attributes(Key, self._table.send(look))
        except ConditionFailed as refused:
            raise _not_shown(refused.current or {}, order_id) from None

    # bad keys, and those whose price went back

    def withdrawal(self, sold: Key, withdrawn: Key, origin: Origin) -> Write:
        """`sold` becomes `withdrawn`, on condition that what was decided on still holds: whose it is, how it stands,
        whether it was seen, and what was used of it. Another look at a key that was seen before is no hindrance.
        """
        condition = (
            (KeyItem.state == sold.state)
            & (KeyItem.order_id == sold.order_id)
            & (KeyItem.unit_id == sold.unit_id)
            & Path("refund_id").does_not_exist()
            & ~Path("uses")[len(sold.uses or ())].exists()
        )
        seen = KeyItem.revealed_at_ms.exists()
        condition &= seen if sold.revealed_at_ms is not None else ~seen
        actions = [
            KeyItem.state.set(withdrawn.state),
            Path("state_before").remove(),
            KeyItem.held_for.remove(),
            Path("refund_id").set(withdrawn.refund_id),
            Path("unit_id").set(withdrawn.unit_id),
            *([Path("flagged_at_ms").set(withdrawn.flagged_at_ms)] if withdrawn.flagged_at_ms is not None else ()),
            *changed(origin, withdrawn.changed_at_ms),
        ]
        return self._table.update({"key_id": sold.key_id}, actions, condition)

    def hold(self, key_id: str, order_id: str, held_for: str, origin: Origin, now_ms: int) -> Write:
        """The order's key is neither shown nor redeemed from then on, whatever else becomes of it."""
        mine = (KeyItem.order_id == order_id) & KeyItem.sold_at_ms.exists()
        actions = [KeyItem.held_for.set(held_for), *changed(origin, now_ms)]
        return self._table.update({"key_id": key_id}, actions, mine)

    def let_go(self, key_id: str, order_id: str, origin: Origin, now_ms: int) -> Write:
        """It is as its own state says again."""
        actions = [KeyItem.held_for.remove(), *changed(origin, now_ms)]
        return self._table.update({"key_id": key_id}, actions, KeyItem.order_id == order_id)

    def next_of_key(self, key: Key) -> Write:
        """The key's next version, on condition that the one before it stands."""
        return self._table.put(key, KeyItem.version == key.version - 1)

    # batches and pools

    def get_batch(self, batch_id: str) -> Batch:
        """Raises BatchNotFound."""
        attributes = self._table.get(key_id=batch_id) if batch_id.startswith(BATCH_PREFIX) else None
        if attributes is None:
            raise BatchNotFound
        return from_attributes(Batch, attributes)

    def get_batches(self, batch_ids: Sequence[str]) -> list[Batch]:
        """Those of at most MAX_READS batches that are there."""
        found = read_together(self.client, [self._table.read(key_id=batch_id) for batch_id in batch_ids])
        return [from_attributes(Batch, attributes) for attributes in found if attributes]

    def add_batch(self, batch: Batch) -> Batch | None:
        """None if the batch is new, else the one that stands under its id."""
        return self._table.put_first(batch, KeyItem.key_id.does_not_exist(), key_id=batch.batch_id)

    def replace_batch(self, batch: Batch) -> None:
        """Store the next version. Raises ConditionFailed if somebody else stored one meanwhile."""
        unchanged = KeyItem.version == batch.version - 1
        self._table.send(self._table.put(batch, unchanged, key_id=batch.batch_id))

    def holds(self) -> Read:
        """The read of the batches that stand still; `held` understands what it brings."""
        return self._table.read(key_id=HOLDS)

    @staticmethod
    def held(attributes: Attributes | None) -> Held:
        return from_attributes(Held, attributes) if attributes else NOTHING_HELD

    def get_pool(self, sku_id: str) -> Pool | None:
        return self.pool(self._table.get(key_id=pool_key(sku_id)))

    def reading_pool(self, sku_id: str) -> Read:
        """The read of a pool, to be sent together with others; `pool` understands what it brings."""
        return self._table.read(key_id=pool_key(sku_id))

    @staticmethod
    def pool(attributes: Attributes | None) -> Pool | None:
        return from_attributes(Pool, attributes) if attributes else None

    # the fingerprint key

    def get_fingerprint_key(self, version: int) -> WrappedFingerprintKey | None:
        attributes = self._table.get(key_id=_fingerprint_key(version))
        return from_attributes(WrappedFingerprintKey, attributes) if attributes else None

    def add_fingerprint_key(self, key: WrappedFingerprintKey) -> WrappedFingerprintKey:
        """The first one stored wins; returns the winner."""
        name = _fingerprint_key(key.version)
        return self._table.put_first(key, KeyItem.key_id.does_not_exist(), key_id=name) or key


def _out_of_pool(now_ms: int) -> list[Action]:
    """From the index of what anybody may claim into that of what has an owner, or an end."""
    return [KeyItem.claim_order.remove(), KeyItem.left_pool.set(left_pool(now_ms))]


def _not_shown(standing: Attributes, order_id: str) -> KeyNotFound | KeyFrozen | KeyVoid:
    """Of a key that is sold to the order and stands there all the same, its batch stands still, or it is held."""
    if standing.get("order_id") != {"S": order_id}:
        return KeyNotFound()
    match standing["state"]["S"]:
        case KeyState.VOID:
            return KeyVoid()
        case KeyState.FROZEN | KeyState.SOLD | KeyState.REDEEMED:
            return KeyFrozen()
        case _:
            return KeyNotFound()


def moving(condition: Condition, still: Collection[str]) -> Condition:
    """And its batch does not stand still."""
    return condition & ~KeyItem.batch_id.is_in(*still) if still else condition


def is_let_go() -> Condition:
    """And no dispute about its payment holds it."""
    let_go: Condition = KeyItem.held_for.does_not_exist()
    return let_go


def _usable(now_ms: int) -> Condition:
    """Not past its last day of use. ISO dates compare as text."""
    usable: Condition = KeyItem.expires_on.does_not_exist() | (KeyItem.expires_on >= utc_date(now_ms))
    return usable


def pool_key(sku_id: str) -> str:
    return f"pool#{sku_id}"


def _fingerprint_key(version: int) -> str:
    return f"fingerprint#{version:02d}"
