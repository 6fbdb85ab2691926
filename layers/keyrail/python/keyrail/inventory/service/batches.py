"""Batches and single keys in the operator's hands."""

import hashlib
from dataclasses import dataclass

from keyrail.catalog.model import SkuWithoutKeys
from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import (
    MAX_SALES_PER_KEY,
    MAX_STAGES,
    MAX_UNIT_COST_MINOR,
    Batch,
    BatchNotFound,
    Stage,
)
from keyrail.inventory.model.keys import Key, KeyNotFound
from keyrail.inventory.service.fingerprints import standing_fingerprints
from keyrail.inventory.service.sources import Sources
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.sources import SourceStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.documents import to_json
from keyrail.platform.errors import FieldError, IdempotencyConflict, Invalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.fingerprints import Fingerprints


@dataclass(frozen=True, kw_only=True)
class NewBatch:
    """See `Batch`. Of its `stages` each but the last says how many keys it has."""

    sku_id: str
    source: str
    unit_cost: Money | None = None
    expires_on: str | None = None
    priority: int = 0
    stages: tuple[Stage, ...] = ()
    sales_per_key: int = 1

    def fingerprint(self) -> bytes:
        return hashlib.sha256(to_json(self)).digest()


@dataclass
class Batches:
    store: KeyStore
    catalog: Catalog
    fingerprint_wrapper: KeyWrapper
    now_ms: NowMs
    _names: Fingerprints | None = None

    def open(self, wanted: NewBatch, idempotency_key: str, origin: Origin) -> Batch:
        """A batch that waits for its file; the same one again for the same key and request, on whatever day.

        Raises Invalid, UnknownSku, SkuWithoutKeys, IdempotencyConflict.
        """
        now_ms, batch_id = self.now_ms(), derived_id("bat", origin.by, idempotency_key)
        if standing := standing_batch(self.store, batch_id, wanted.fingerprint()):
            return standing
        _check(wanted, utc_date(now_ms))
        sku = self.catalog.sku(wanted.sku_id)
        if not sku.has_keys:
            raise SkuWithoutKeys
        if sku.terms is not None and wanted.sales_per_key > 1:
            # One code that several buyers hold cannot tell them apart; let it have as many uses instead.
            raise Invalid(FieldError("sales_per_key", "not_of_codes_that_we_redeem"))
        Sources(SourceStore(self.store), self.now_ms).supplying(wanted.source, wanted.sku_id, origin)
        batch = Batch(
            batch_id=batch_id,
            sku_id=wanted.sku_id,
            source=wanted.source,
            unit_cost=wanted.unit_cost,
            expires_on=wanted.expires_on,
            priority=wanted.priority,
            stages=wanted.stages,
            sales_per_key=wanted.sales_per_key,
            request_hash=wanted.fingerprint(),
            created_at_ms=now_ms,
            **stamp(origin, now_ms),
        )
        standing = self.store.add_batch(batch)
        return batch if standing is None else same_batch(standing, wanted.fingerprint())

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
        if self._names is None or sku.issuer is None:
            raise KeyNotFound  # nothing was ever imported
        return self.store.get(self._names.key_id(sku.issuer, code, case_sensitive=sku.case_sensitive))


def standing_batch(store: KeyStore, batch_id: str, request_hash: bytes) -> Batch | None:
    """What was made of this request before. It is looked for before anything is checked, since what held true of the
    request then (a day to come, a SKU on sale, a pool with room) may not hold now. Raises IdempotencyConflict.
    """
    try:
        standing = store.get_batch(batch_id)
    except BatchNotFound:
        return None
    return same_batch(standing, request_hash)


def same_batch(standing: Batch, request_hash: bytes) -> Batch:
    """Raises IdempotencyConflict."""
    if standing.request_hash != request_hash:
        raise IdempotencyConflict
    return standing


def _check(wanted: NewBatch, today: str) -> None:
    """Raises Invalid."""
    wrong: list[FieldError] = []
    if wanted.expires_on is not None and wanted.expires_on < today:
        wrong.append(FieldError("expires_on", "past"))
    if not 1 <= wanted.sales_per_key <= MAX_SALES_PER_KEY:
        wrong.append(FieldError("sales_per_key", f"not_1_to_{MAX_SALES_PER_KEY}"))
    if wanted.unit_cost is not None and wanted.unit_cost.amount_minor > MAX_UNIT_COST_MINOR:
        wrong.append(FieldError("unit_cost.amount_minor", f"above_{MAX_UNIT_COST_MINOR}"))
    wrong += check_stages(wanted.stages)
    if wrong:
        raise Invalid(*wrong)


def check_stages(stages: tuple[Stage, ...]) -> list[FieldError]:
    """What is wrong with them: there are too many, or one but the last does not say how many keys it has."""
    if len(stages) > MAX_STAGES:
        return [FieldError("stages", f"more_than_{MAX_STAGES}")]
    wrong = [
        FieldError(f"stages.{i}.keys", "below_one") for i, stage in enumerate(stages[:-1]) if (stage.keys or 0) < 1
    ]
    if stages and stages[-1].keys is not None:
        wrong.append(FieldError(f"stages.{len(stages) - 1}.keys", "takes_all_that_are_left"))
    return wrong
