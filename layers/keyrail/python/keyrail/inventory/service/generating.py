"""Codes of our own are made, sealed and stored here, and never leave this process in the clear.

A chunk of keys and the count of its batch are one transaction. So a batch holds exactly as many codes as it counts,
whoever is killed or runs twice: a code that was not stored was never seen, and the next run draws others. Whoever makes
codes may encrypt and never decrypt: a run in a process that does not have the batch's data key any more brings another.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import SystemRandom

from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import NEVER, Batch, BatchNotFound, BatchStatus, Filling, ImportReport, PoolPart
from keyrail.inventory.model.keys import Key
from keyrail.inventory.model.own_codes import is_abandoned, needs_codes, parts_of
from keyrail.inventory.service.data_keys import DataKeys
from keyrail.inventory.service.fingerprints import fingerprints
from keyrail.inventory.service.intake import Intake, NewKey
from keyrail.inventory.service.pooling import Pooling
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import MAX_TRANSACTION_WRITES, ConditionFailed, StoreUnavailable, TransactionFailed
from keyrail.vault.codes import grouped, new_code
from keyrail.vault.model import Secret
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.fingerprints import Fingerprints

CODES_A_CHUNK = MAX_TRANSACTION_WRITES - 2  # the count, and the look at the batch
MAX_REWRITES = 10
MAX_REFUSALS = 8  # in a row
REFUSED_WAIT_S = 0.05  # doubled each time


@dataclass
class Generating:
    """Keeps the fingerprint key for its own life, and data keys for minutes: one instance a process."""

    store: KeyStore
    counts: OwnCodeStore
    catalog: Catalog
    vault_wrapper: KeyWrapper
    fingerprint_wrapper: KeyWrapper
    now_ms: NowMs
    _fingerprints: Fingerprints | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._data_keys = DataKeys(self.vault_wrapper, self.now_ms)

    def fill(self, batch_id: str, until_ms: int, origin: Origin) -> Batch:
        """Make codes until the batch has all that are wanted, or the time is over: then it still `needs_codes`.

        Safe to repeat after any failure, and to run twice at once. A batch that is frozen is left alone, one that is
        closed or void gets no more. Raises BatchNotFound, UnknownSku, Unavailable.
        """
        batch = self.store.get_batch(batch_id)
        if batch.filling is not Filling.OWN_CODES:
            raise BatchNotFound
        made = self.counts.generated(batch_id)
        if needs_codes(batch) and made < _wanted(batch):
            intake = self._intake(batch, origin)
            made = self._make(intake, made, until_ms) if intake else made
            batch = self.store.get_batch(batch_id)
        if is_abandoned(batch):
            # Another slice may have made more by then; behind the command nobody does.
            return self._settle(batch, self.counts.generated(batch_id), origin)
        if needs_codes(batch) and made == _wanted(batch):
            return self._settle(batch, made, origin)
        return batch

    def _intake(self, batch: Batch, origin: Origin) -> Intake | None:
        """The batch takes the data key before the first code is sealed with it; None if it stands still by now.

        With the first one it says in which parts of the pool its codes will be, so that all slices agree on that.
        """
        data_key = self._data_keys.of(batch)

        def keyed(standing: Batch) -> Batch | None:
            if data_key.wrapped in standing.data_keys or not needs_codes(standing):
                return None
            parted = standing if standing.data_keys else standing.with_parts(parts_of(standing))
            return replace(parted, data_keys=(*standing.data_keys, data_key.wrapped))

        taken = self._change(batch.batch_id, keyed, origin)
        if data_key.wrapped not in taken.data_keys:
            return None
        return Intake(taken, self.catalog.sku(batch.sku_id), data_key, self._names(), origin, self.now_ms)

    def _names(self) -> Fingerprints:
        if self._fingerprints is None:
            self._fingerprints = fingerprints(self.store, self.fingerprint_wrapper)
        return self._fingerprints

    def _make(self, intake: Intake, made: int, until_ms: int) -> int:
        """How many codes the batch has in the end. What a chunk was refused for shows in the count, or in the batch."""
        batch_id, wanted, refusals = intake.batch.batch_id, _wanted(intake.batch), 0
        parts = {part.stage: part for part in intake.batch.parts}
        while made < wanted and self.now_ms() < until_ms:
            lines = range(made + 1, min(made + CODES_A_CHUNK, wanted) + 1)
            try:
                self.counts.add_generated(batch_id, made, [_new_key(intake, parts, line) for line in lines])
            except (TransactionFailed, StoreUnavailable):
                refusals += 1
                if refusals == MAX_REFUSALS:
                    raise StoreUnavailable from None
                time.sleep(SystemRandom().uniform(0, REFUSED_WAIT_S * 2**refusals))
                made = self.counts.generated(batch_id)
                if not needs_codes(self.store.get_batch(batch_id)):
                    break
            else:
                made, refusals = lines[-1], 0
        return made

    def _settle(self, batch: Batch, made: int, origin: Origin) -> Batch:
        """Its keys are claimable from now on, unless they are for print or it will never be sold."""
        if needs_codes(batch) and batch.parts:
            Pooling(self.store, self.now_ms).join(batch.sku_id, batch.parts, origin)

        def settled(standing: Batch) -> Batch | None:
            if standing.is_settled:
                return None
            return replace(
                standing,
                status=BatchStatus.GENERATED,
                report=ImportReport(accepted=made),
                first_expiry=standing.expires_on,
                last_expiry=standing.expires_on,
            )

        self._data_keys.forget(batch.batch_id)
        return self._change(batch.batch_id, settled, origin)

    def _change(self, batch_id: str, change: Callable[[Batch], Batch | None], origin: Origin) -> Batch:
        """Store what `change` makes of the batch as it stands; None leaves it so."""
        for _ in range(MAX_REWRITES):
            batch = self.store.get_batch(batch_id)
            changed = change(batch)
            if changed is None:
                return batch
            changed = replace(changed, **stamp(origin, self.now_ms(), batch.version + 1))
            try:
                self.store.replace_batch(changed)
            except ConditionFailed:
                continue
            return changed
        raise StoreUnavailable


def _wanted(batch: Batch) -> int:
    return batch.wanted or 0


def _new_key(intake: Intake, parts: dict[int, PoolPart], line: int) -> Key:
    batch, secret = intake.batch, Secret(grouped(new_code(intake.sku.code_prefix)))
    new = NewKey(secret=secret, line=line, expires_on=batch.expires_on)
    part = parts.get(batch.stage_of(line))
    return intake.key(new, part.group, part.shards) if part else intake.key(new, NEVER, 1)
