"""Batches join their SKU's pool, and what is sold out leaves it on that occasion."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keyrail.catalog.model import Sku
from keyrail.inventory.model.batches import MAX_EXPIRY_GROUPS, MAX_POOL_PARTS, Batch, Pool, PoolPart
from keyrail.inventory.service.claims import partitions
from keyrail.inventory.store.batches import BatchStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed
from keyrail.vault.codes import OWN_ISSUER

MAX_REWRITES = 10
YOUNG_PART_MS = 10 * 60 * 1000  # whose keys may not have reached the index yet
INDEX_SETTLES_S = 2


@dataclass(frozen=True)
class Pooling:
    store: KeyStore
    now_ms: NowMs

    def join(self, sku_id: str, parts: Sequence[PoolPart], origin: Origin) -> Batch:
        """Make the keys of `parts`, of one batch, claimable as far as the batch says; returns the batch as it stands.

        Once they are in nothing changes. Raises BatchNotFound, StoreUnavailable.
        """
        store = BatchStore(self.store)
        for _ in range(MAX_REWRITES):
            batch = self.store.get_batch(parts[0].batch_id)
            joined, pool, now_ms = batch.with_parts(parts), self.store.get_pool(sku_id), self.now_ms()
            if joined == batch and pool and pool.holds(batch.in_pool()):
                return batch
            joined = replace(joined, **stamp(origin, now_ms, batch.version + 1))
            version = pool.version + 1 if pool else 1
            stocked = Pool(sku_id=sku_id, parts=self._stocked(pool) if pool else (), **stamp(origin, now_ms, version))
            try:
                store.change(joined, pool=stocked.with_batch(joined))
            except TransactionFailed:
                continue
            return joined
        raise StoreUnavailable

    def has_room(self, sku_id: str) -> bool:
        """For as many parts as one batch may bring."""
        pool = self.store.get_pool(sku_id)
        room = MAX_POOL_PARTS - MAX_EXPIRY_GROUPS
        return pool is None or len(pool.parts) <= room or len(self._stocked(pool)) <= room

    def _stocked(self, pool: Pool) -> tuple[PoolPart, ...]:
        """The pool without the parts whose keys are all sold or past their last day.

        One that comes back, since its batch is unfrozen or extended, is brought by its batch. The index lags behind
        and loses sight of a key for a moment while it moves, so only old parts that are on sale are judged, and what
        looks empty is looked at once more.
        """
        now_ms = self.now_ms()
        on_sale = {part for part in pool.sellable(now_ms) if part.since_ms < now_ms - YOUNG_PART_MS}
        empty = {part for part in on_sale if self._is_empty(pool, part)}
        if empty:
            time.sleep(INDEX_SETTLES_S)
        usable = pool.usable(utc_date(now_ms))
        return tuple(part for part in usable if part not in empty or not self._is_empty(pool, part))

    def _is_empty(self, pool: Pool, part: PoolPart) -> bool:
        return not any(self.store.candidates(name, "0", limit=1) for name in partitions(pool.sku_id, part))


def takes_bought_keys(sku: Sku, store: KeyStore, now_ms: NowMs) -> bool:
    """Whether it has keys, of somebody else's, and room for a batch more."""
    return sku.has_keys and sku.issuer != OWN_ISSUER and Pooling(store, now_ms).has_room(sku.sku_id)
