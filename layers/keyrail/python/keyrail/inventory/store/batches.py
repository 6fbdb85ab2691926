"""Commands on a batch in the `keys` table, and the way through all of its keys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from keyrail.inventory.model.batches import NOTHING_HELD, Batch, Held, Pool
from keyrail.inventory.model.keys import Key
from keyrail.inventory.store.keys import BY_BATCH, CLAIMABLE, HOLDS, KeyStore, pool_key
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Table, Write, read_together, transact


class BatchItem(Model):
    key_id = UnicodeAttribute(hash_key=True)
    claim_partition = UnicodeAttribute()
    batch_partition = UnicodeAttribute()
    left_pool = UnicodeAttribute()
    version = IntegerAttribute()


@dataclass(frozen=True)
class Trail:
    """What an index says of a key: the generation that it follows. It may lag behind, and never is ahead."""

    key_id: str
    follows: int


class BatchStore:
    def __init__(self, keys: KeyStore) -> None:
        self.keys = keys
        self._table = Table(keys.client, keys.table_name)

    # commands

    def surroundings(self, sku_id: str) -> tuple[Held, Pool | None]:
        """The list of batches that stand still and the pool, in one request."""
        reads = [self._table.read(key_id=HOLDS), self._table.read(key_id=pool_key(sku_id))]
        held, pool = read_together(self.keys.client, reads)
        return (
            from_attributes(Held, held) if held else NOTHING_HELD,
            from_attributes(Pool, pool) if pool else None,
        )

    def change(self, batch: Batch, held: Held | None = None, pool: Pool | None = None) -> None:
        """The next versions of all that are given, or of none. Raises TransactionFailed if one changed meanwhile."""
        writes = [self._next(batch, batch.batch_id)]
        if held is not None:
            writes.append(self._next(held, HOLDS))
        if pool is not None:
            writes.append(self._next(pool, pool_key(pool.sku_id)))
        transact(self.keys.client, writes)

    def _next(self, item: Batch | Held | Pool, key_id: str) -> Write:
        first = BatchItem.key_id.does_not_exist()
        return self._table.put(item, first if item.version == 1 else self._behind(item.version), key_id=key_id)

    @staticmethod
    def _behind(version: int) -> Condition:
        unchanged: Condition = BatchItem.version == version - 1
        return unchanged

    # all keys of a batch: those that anybody may claim, and those that have left the pool

    def in_claim_partition(self, partition: str) -> Iterator[Trail]:
        return self._trails(BatchItem.claim_partition == partition, CLAIMABLE)

    def out_of_pool(self, batch_id: str, shard: int, since: str = "0") -> Iterator[Trail]:
        """Those of a shard of the batch that left it at `since`, a `left_pool`, or later."""
        here = BatchItem.batch_partition == f"{batch_id}#{shard}"
        return self._trails(here & (BatchItem.left_pool >= since), BY_BATCH)

    def _trails(self, condition: Condition, index: str) -> Iterator[Trail]:
        return (_trail(item) for item in self._table.query_all(condition, index=index))

    def get_keys(self, key_ids: Sequence[str]) -> list[Key]:
        return self.keys.get_all(key_ids)

    def replace_key(self, key: Key) -> bool:
        """Store the key's next version; False if it changed meanwhile."""
        try:
            self._table.send(self._table.put(key, self._behind(key.version)))
        except ConditionFailed:
            return False
        return True


def _trail(item: Attributes) -> Trail:
    return Trail(item["key_id"]["S"], int(item["follows"]["N"]) if "follows" in item else 0)
