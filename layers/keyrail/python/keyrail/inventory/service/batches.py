"""Batches and single keys in the operator's hands."""

from dataclasses import dataclass

from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.keys import Key, KeyNotFound
from keyrail.inventory.service.fingerprints import standing_fingerprints
from keyrail.inventory.service.sources import Sources
from keyrail.inventory.source_store import SourceStore
from keyrail.inventory.store import KeyStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.errors import IdempotencyConflict
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.fingerprints import Fingerprints


@dataclass(frozen=True, kw_only=True)
class NewBatch:
    sku_id: str
    source: str
    unit_cost: Money | None = None


@dataclass
class Batches:
    store: KeyStore
    catalog: Catalog
    fingerprint_wrapper: KeyWrapper
    now_ms: NowMs
    _names: Fingerprints | None = None

    def open(self, wanted: NewBatch, idempotency_key: str, origin: Origin) -> Batch:
        """A batch that waits for its file; the same one again for the same key and request.

        Raises UnknownSku, IdempotencyConflict.
        """
        self.catalog.sku(wanted.sku_id)
        Sources(SourceStore(self.store), self.now_ms).supplying(wanted.source, wanted.sku_id, origin)
        now_ms = self.now_ms()
        batch = Batch(
            batch_id=derived_id("bat", origin.by, idempotency_key),
            sku_id=wanted.sku_id,
            source=wanted.source,
            unit_cost=wanted.unit_cost,
            created_at_ms=now_ms,
            **stamp(origin, now_ms),
        )
        standing = self.store.add_batch(batch)
        if standing is None:
            return batch
        if NewBatch(sku_id=standing.sku_id, source=standing.source, unit_cost=standing.unit_cost) != wanted:
            raise IdempotencyConflict
        return standing

    def batch(self, batch_id: str) -> Batch:
        """Raises BatchNotFound."""
        return self.store.get_batch(batch_id)

    def key(self, key_id: str) -> Key:
        """Raises KeyNotFound."""
        return self.store.get(key_id)

    def find(self, sku_id: str, code: str) -> Key:
        """The key of a code that somebody presents. Raises UnknownSku, KeyNotFound."""
        sku = self.catalog.sku(sku_id)
        if self._names is None:
            self._names = standing_fingerprints(self.store, self.fingerprint_wrapper)
        if self._names is None:
            raise KeyNotFound  # nothing was ever imported
        return self.store.get(self._names.key_id(sku.issuer, code, case_sensitive=sku.case_sensitive))
