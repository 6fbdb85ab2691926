"""Single keys, wherever they are in their lives."""

from collections.abc import Sequence
from dataclasses import dataclass

from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.keys import Key, secret_id, slot_id
from keyrail.inventory.store.keys import KeyStore


@dataclass(frozen=True)
class KeyLookup:
    store: KeyStore

    def key(self, key_id: str) -> Key:
        """Raises KeyNotFound."""
        return self.store.get(key_id)

    def keys(self, key_ids: Sequence[str]) -> list[Key]:
        """In the same order."""
        return self.store.get_all(key_ids)

    def batch(self, batch_id: str) -> Batch:
        """Raises BatchNotFound."""
        return self.store.get_batch(batch_id)

    def slots(self, key: Key, batch: Batch) -> list[Key]:
        """Every sale of the key's secret; none where it is sold only once."""
        if batch.sales_per_key == 1:
            return []
        secret = secret_id(key.key_id)
        return self.store.get_all([slot_id(secret, number) for number in range(1, batch.sales_per_key + 1)])
