"""Batches join their SKU's pool, and what is sold out leaves it on that occasion."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from keyrail.inventory.model.batches import MAX_EXPIRY_GROUPS, MAX_POOL_PARTS, Pool, PoolPart
from keyrail.inventory.service.claims import partitions
from keyrail.inventory.store import KeyStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable

MAX_REWRITES = 10
YOUNG_PART_MS = 10 * 60 * 1000  # whose keys may not have reached the index yet
INDEX_SETTLES_S = 2


@dataclass(frozen=True)
class Pooling:
    store: KeyStore
    now_ms: NowMs

    def join(self, sku_id: str, parts: Sequence[PoolPart], origin: Origin) -> None:
        """Make the keys of `parts` claimable; once they are in nothing changes. Raises StoreUnavailable."""
        for _ in range(MAX_REWRITES):
            pool = self.store.get_pool(sku_id)
            if pool and pool.holds(parts):
                return
            now_ms = self.now_ms()
            stocked = self._stocked(pool) if pool else ()
            version = pool.version + 1 if pool else 1
            joined = Pool(sku_id=sku_id, parts=stocked, **stamp(origin, now_ms, version)).with_parts(parts)
            try:
                self.store.put_pool(joined)
            except ConditionFailed:
                continue
            return
        raise StoreUnavailable

    def has_room(self, sku_id: str) -> bool:
        """For as many parts as one batch may bring."""
        pool = self.store.get_pool(sku_id)
        room = MAX_POOL_PARTS - MAX_EXPIRY_GROUPS
        return pool is None or len(pool.parts) <= room or len(self._stocked(pool)) <= room

    def _stocked(self, pool: Pool) -> tuple[PoolPart, ...]:
        """The pool without the parts whose keys are all sold or past their last day; a sold key never comes back.

        The index lags behind and loses sight of a key for a moment while it moves, so only old parts are judged, and
        what looks empty is looked at once more.
        """
        now_ms = self.now_ms()
        usable = pool.usable(utc_date(now_ms))
        empty = {part for part in usable if part.since_ms < now_ms - YOUNG_PART_MS and self._is_empty(pool, part)}
        if empty:
            time.sleep(INDEX_SETTLES_S)
        return tuple(part for part in usable if part not in empty or not self._is_empty(pool, part))

    def _is_empty(self, pool: Pool, part: PoolPart) -> bool:
        return not any(self.store.candidates(name, "0", limit=1) for name in partitions(pool.sku_id, part))
