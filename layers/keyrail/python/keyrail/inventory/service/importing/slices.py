"""An import, in as many runs as it takes.

Order of the writes, so that a kill anywhere leaves nothing that the next run cannot finish:

1. the batch takes this one file and a fresh data key, before the first key is sealed with it;
2. what the file says as a whole is stored, with the place where the first chunk begins;
3. each key of a chunk by its own conditional put; its fingerprint is its primary key, so no code is stored twice;
4. the chunk's part of the file of rejected lines, then the place where the next chunk begins, with all counts so far;
5. the batch joins its SKU's pool, which is what makes its keys claimable;
6. the batch gets its final report.

Chunks begin and end at the same rows in every run. So a chunk that is done again, after a kill or beside another run,
finds its own keys, known by batch and line, and counts the same. Importing may encrypt and never decrypts: a run in a
process that does not have the batch's data key any more brings another one.
"""

from dataclasses import dataclass, field

from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import Batch, BatchNotFound, Filling
from keyrail.inventory.providers import Files, Upload
from keyrail.inventory.service.data_keys import DataKeys
from keyrail.inventory.service.fingerprints import fingerprints
from keyrail.inventory.service.importing.beginning import Beginning
from keyrail.inventory.service.importing.runs import Run
from keyrail.inventory.service.intake import Intake
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.fingerprints import Fingerprints


@dataclass
class Importing:
    """Keeps the fingerprint key for its own life, and data keys for minutes: one instance a process."""

    store: KeyStore
    catalog: Catalog
    vault_wrapper: KeyWrapper
    fingerprint_wrapper: KeyWrapper
    files: Files
    now_ms: NowMs
    _fingerprints: Fingerprints | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._imports = ImportStore(self.store)
        self._data_keys = DataKeys(self.vault_wrapper, self.now_ms)

    def import_file(self, batch_id: str, upload: Upload, origin: Origin, until_ms: int | None = None) -> Batch:
        """The batch, with the report once it is settled; if it is not, the time was over and a further call goes on.

        Safe to repeat after any failure, and to run twice at once. Raises BatchNotFound, BatchNotWaiting if another
        file was begun for the batch, UnknownSku, Unavailable.
        """
        batch = self.store.get_batch(batch_id)
        if batch.filling is not Filling.FILE:
            raise BatchNotFound
        beginning = Beginning(
            self.store, self._imports, self.catalog, self._data_keys, self._names(), origin, self.now_ms
        )
        begun = beginning.resumed(batch, upload) or beginning.begun(batch, upload)
        if isinstance(begun, Batch):
            return begun
        batch, data_key = beginning.keyed(begun)
        if batch.is_settled:
            return batch
        intake = Intake(batch, begun.sku, data_key, self._names(), origin, self.now_ms)
        run = Run(self.store, self._imports, self.files, intake, begun.progress, self.now_ms)
        ended = run.go_on(upload, until_ms)
        if ended.is_settled:
            self._data_keys.forget(batch_id)
        return ended

    def is_settled(self, batch_id: str) -> bool:
        """Raises BatchNotFound, Unavailable."""
        return self.store.get_batch(batch_id).is_settled

    def _names(self) -> Fingerprints:
        if self._fingerprints is None:
            self._fingerprints = fingerprints(self.store, self.fingerprint_wrapper)
        return self._fingerprints
