"""Keys on their way in: a secret is named by its fingerprint and sealed for its one place before anything is stored.

Who brings it decides how it is stored: a file's keys alone, codes of our own together with their count.
"""

from dataclasses import dataclass
from functools import cached_property

from keyrail.catalog.model import Sku
from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.keys import (
    AVAILABLE_FROM_S,
    Key,
    KeyState,
    batch_partition,
    claim_order,
    claim_partition,
    lease_end_s,
    left_pool,
    slot_id,
)
from keyrail.inventory.model.redeeming import redeemable
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.ids import shard_of
from keyrail.vault.model import Place, Secret, mask
from keyrail.vault.service.fingerprints import Fingerprints
from keyrail.vault.service.sealing import BatchKey, seal


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A secret and what came with it. `line` is its number in its batch, from 1; `expires_on` an ISO date."""

    secret: Secret
    line: int
    expires_on: str | None = None
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Leased:
    """To which order keys come in leased, and until when."""

    order_id: str
    until_ms: int


@dataclass(frozen=True)
class Intake:
    """What all keys of one run have in common: their batch with the run's data key in it, and their SKU; and to whom
    they are leased from the beginning, if to anybody.
    """

    batch: Batch
    sku: Sku
    data_key: BatchKey
    names: Fingerprints
    origin: Origin
    now_ms: NowMs
    leased: Leased | None = None

    @cached_property
    def _data_key_index(self) -> int:
        return self.batch.data_keys.index(self.data_key.wrapped)

    def key_id(self, secret: Secret) -> str:
        return self.names.key_id(self.sku.key_issuer, secret.code, case_sensitive=self.sku.case_sensitive)

    def key(self, new: NewKey, group: str, shards: int, slot: int = 1) -> Key:
        """Named and sealed; to be claimed in one of the `shards` of its expiry `group`, or never if it is for print.

        Each `slot` of a loop key is a key of its own, sealed for its own place.
        """
        batch, now_ms = self.batch, self.now_ms()
        key_id = slot_id(self.key_id(new.secret), slot)
        shard = shard_of(key_id, shards)
        sellable = not batch.for_print
        leased = self.leased
        claimable_from_s = lease_end_s(leased.until_ms) if leased else AVAILABLE_FROM_S
        return Key(
            key_id=key_id,
            batch_id=batch.batch_id,
            sku_id=batch.sku_id,
            state=KeyState.LEASED if leased else KeyState.AVAILABLE,
            sealed=seal(self.data_key, Place(key_id, batch.batch_id, batch.sku_id), new.secret),
            data_key=self._data_key_index,
            mask=mask(new.secret.code),
            line=new.line,
            expires_on=new.expires_on,
            claim_partition=claim_partition(batch.sku_id, batch.batch_id, group, shard) if sellable else None,
            claim_order=claim_order(claimable_from_s, new.label) if sellable else None,
            batch_partition=batch_partition(batch.batch_id, key_id),
            left_pool=None if sellable else left_pool(now_ms),
            label=new.label,
            order_id=leased.order_id if leased else None,
            **redeemable(self.sku.terms if batch.sales_per_key == 1 else None, for_print=batch.for_print),
            **stamp(self.origin, now_ms),
        )
