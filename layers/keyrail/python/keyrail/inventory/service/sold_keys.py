"""Sold keys on their way to the buyer: the look is written down before anything is handed out."""

from dataclasses import dataclass, field

from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.keys import Key
from keyrail.inventory.service.holds import Holds
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs

MAX_REMEMBERED_BATCHES = 256


@dataclass(frozen=True)
class SoldKey:
    """A sold key, still sealed, and the wrapped data key that opens it."""

    key: Key
    data_key: bytes


@dataclass
class SoldKeys:
    store: KeyStore
    now_ms: NowMs
    _batches: dict[str, Batch] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.holds = Holds(self.store, self.now_ms)

    def reveal(self, key_id: str, order_id: str, origin: Origin) -> SoldKey:
        """Raises KeyNotFound unless the key is sold to the order, KeyFrozen and KeyVoid where it is not to be shown."""
        key = self.store.reveal(key_id, order_id, origin, self.now_ms(), self.holds.now())
        return SoldKey(key, self._batch(key).data_keys[key.data_key])

    def _batch(self, key: Key) -> Batch:
        """Data keys of a batch are only ever appended, so a remembered batch that has the number will do."""
        batch = self._batches.get(key.batch_id)
        if batch is None or len(batch.data_keys) <= key.data_key:
            batch = self.store.get_batch(key.batch_id)
            if len(self._batches) >= MAX_REMEMBERED_BATCHES:
                self._batches.clear()
            self._batches[key.batch_id] = batch
        return batch
