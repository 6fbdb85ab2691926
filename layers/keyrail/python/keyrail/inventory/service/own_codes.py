"""Batches of our own codes in the operator's hands; the codes themselves are made elsewhere."""

import hashlib
from dataclasses import dataclass
from datetime import date

from keyrail.catalog.model import SkuWithoutKeys
from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import Batch, BatchStatus, Filling
from keyrail.inventory.model.own_codes import NewOwnCodes, NotOwnIssuer, PoolFull
from keyrail.inventory.service.batches import check_stages, same_batch, standing_batch
from keyrail.inventory.service.pooling import Pooling
from keyrail.inventory.service.sources import Sources
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.inventory.store.sources import SourceStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.documents import to_json
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.ids import derived_id
from keyrail.vault.codes import OWN_ISSUER


@dataclass
class OwnCodes:
    store: KeyStore
    counts: OwnCodeStore
    catalog: Catalog
    now_ms: NowMs

    def open(self, wanted: NewOwnCodes, idempotency_key: str, origin: Origin) -> Batch:
        """A batch that waits for its codes; the same one again for the same key and request, on whatever day.

        Raises UnknownSku, SkuWithoutKeys, NotOwnIssuer, PoolFull, Invalid, IdempotencyConflict.
        """
        now_ms, batch_id = self.now_ms(), derived_id("bat", origin.by, Filling.OWN_CODES, idempotency_key)
        if standing := standing_batch(self.store, batch_id, _fingerprint(wanted)):
            return standing
        sku = self.catalog.sku(wanted.sku_id)
        if not sku.has_keys:
            raise SkuWithoutKeys
        if sku.issuer != OWN_ISSUER:
            raise NotOwnIssuer
        _check(wanted, utc_date(now_ms))
        if not wanted.for_print and not Pooling(self.store, self.now_ms).has_room(wanted.sku_id):
            raise PoolFull
        Sources(SourceStore(self.store), self.now_ms).supplying(wanted.source, wanted.sku_id, origin)
        batch = Batch(
            batch_id=batch_id,
            sku_id=wanted.sku_id,
            source=wanted.source,
            filling=Filling.OWN_CODES,
            status=BatchStatus.GENERATING,
            wanted=wanted.wanted,
            for_print=wanted.for_print,
            expires_on=wanted.expires_on,
            unit_cost=wanted.unit_cost,
            priority=wanted.priority,
            stages=wanted.stages,
            request_hash=_fingerprint(wanted),
            created_at_ms=now_ms,
            **stamp(origin, now_ms),
        )
        standing = self.store.add_batch(batch)
        return batch if standing is None else same_batch(standing, _fingerprint(wanted))

    def generated(self, batch: Batch) -> int | None:
        """How many of its codes are made; None for a batch whose keys come from elsewhere."""
        return self.counts.generated(batch.batch_id) if batch.filling is Filling.OWN_CODES else None


def _fingerprint(wanted: NewOwnCodes) -> bytes:
    return hashlib.sha256(to_json(wanted)).digest()


def _check(wanted: NewOwnCodes, today: str) -> None:
    """Raises Invalid."""
    wrong = check_stages(wanted.stages)
    if wanted.for_print and wanted.stages:
        wrong.append(FieldError("stages", "for_print"))
    if wanted.expires_on is not None and (problem := _problem(wanted.expires_on, today)):
        wrong.append(FieldError("expires_on", problem))
    if wrong:
        raise Invalid(*wrong)


def _problem(day: str, today: str) -> str | None:
    try:
        written = date.fromisoformat(day).isoformat()
    except ValueError:
        return "not_a_date"
    if written != day:
        return "not_a_date"
    return "past" if day < today else None
