"""Data keys of the batches that this process is filling, kept between the slices of the work.

Whoever fills a batch cannot unwrap the key that a run before made; where that run was in the same process, it need not.
"""

from dataclasses import dataclass, field

from keyrail.inventory.model.batches import Batch
from keyrail.platform.clock import NowMs
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.sealing import BatchKey, new_batch_key

MAX_KEPT = 4
MAX_AGE_MS = 15 * 60 * 1000


@dataclass
class DataKeys:
    """Bounded by count and by age; whatever is too old is forgotten at the next call, of its batch or not."""

    wrapper: KeyWrapper
    now_ms: NowMs
    _kept: dict[str, tuple[int, BatchKey]] = field(default_factory=dict, repr=False)

    def of(self, batch: Batch) -> BatchKey:
        """The one that this process made for the batch, or a new one, by one KMS call. Raises Unavailable."""
        now_ms = self.now_ms()
        self._kept = {name: kept for name, kept in self._kept.items() if now_ms - kept[0] < MAX_AGE_MS}
        if batch.batch_id not in self._kept:
            fresh = new_batch_key(self.wrapper, batch.batch_id, batch.sku_id)
            while len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[batch.batch_id] = now_ms, fresh
        return self._kept[batch.batch_id][1]

    def forget(self, batch_id: str) -> None:
        self._kept.pop(batch_id, None)
