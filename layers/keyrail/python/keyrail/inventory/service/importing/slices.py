"""An import, in as many runs as it takes.

Order of the writes, so that a kill anywhere leaves nothing that the next run cannot finish:

1. the batch takes this one file and a fresh data key, before the first key is sealed with it;
2. what the file says as a whole is stored, with the place where the first chunk begins;
3. each key of a chunk by its own conditional put; its fingerprint is its primary key, so no code is stored twice;
4. the chunk's part of the file of rejected lines, then the place where the next chunk begins, with all counts so far;
5. where the import is stopped before the end of its file, that very write says so: behind it nothing is stored;
6. the batch joins its SKU's pool, which is what makes its keys claimable;
7. the batch gets its final report.

Chunks begin and end at the same rows in every run. So a chunk that is done again, after a kill or beside another run,
finds its own keys, known by batch and line, and counts the same. Importing may encrypt and never decrypts: a run in a
process that does not have the batch's data key any more brings another one.
"""

from dataclasses import dataclass, field

from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import RUN_IS_OVER_MS, Batch, BatchNotFound, BatchStatus, Filling, ImportReport
from keyrail.inventory.model.key_columns import FileProblem
from keyrail.inventory.providers import Files, Upload, UploadUnavailable
from keyrail.inventory.service.data_keys import DataKeys
from keyrail.inventory.service.fingerprints import fingerprints
from keyrail.inventory.service.importing.beginning import Beginning, BrokenOffTooOften
from keyrail.inventory.service.importing.ending import Ending
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
        batch, beginning = self._batch(batch_id), self._beginning(origin)
        begun = beginning.resumed(batch, upload) or beginning.begun(batch, upload)
        if isinstance(begun, Batch):
            return begun
        try:
            batch, data_key = beginning.keyed(begun)
        except BrokenOffTooOften:
            if not begun.batch.standing.is_final:
                raise
            return self._ending(origin).end_here(begun.progress, FileProblem.STOPPED)
        if batch.is_settled:
            return batch
        intake = Intake(batch, begun.sku, data_key, self._names(), origin, self.now_ms)
        run = Run(self.store, self._imports, self.files, intake, begun.progress, self.now_ms)
        ended = run.go_on(upload, until_ms)
        if ended.is_settled:
            self._data_keys.forget(batch_id)
        return ended

    def object_name(self, batch_id: str) -> str | None:
        """Of the file that the batch has begun to take; None if it has not, as far as is known. Raises Unavailable."""
        progress = self._imports.progress(batch_id)
        return progress.object_name if progress else None

    def end_without_file(self, batch_id: str, object_name: str | None, origin: Origin) -> Batch | None:
        """The file of that name is no longer there: what came in of it is all that the batch gets.

        None if there is nothing to end: the batch is settled, or takes another file. Raises BatchNotFound,
        UploadUnavailable if it has not begun to take one or began just now, Unavailable.
        """
        batch = self._batch(batch_id)
        if batch.is_settled:
            return None
        if batch.status is not BatchStatus.IMPORTING:
            raise UploadUnavailable
        problem = FileProblem.STOPPED if batch.standing.is_final else FileProblem.FILE_GONE
        # Read behind the batch: whoever saw that open, and stores keys, has put down where it begins before.
        progress = self._imports.progress(batch_id)
        if progress is None:
            return self._end_unbegun(batch, problem, origin)
        if progress.object_name != object_name:
            return None
        return self._ending(origin).end_here(progress, problem)

    def _end_unbegun(self, batch: Batch, problem: FileProblem, origin: Origin) -> Batch:
        """Whoever began it may still be about to say so, unless the batch was stopped. No key of it is in yet."""
        since_ms = batch.importing_since_ms or 0
        if not batch.standing.is_final and self.now_ms() - since_ms < RUN_IS_OVER_MS:
            raise UploadUnavailable
        rejected = self._beginning(origin).rejected(batch, ImportReport(file_problem=problem))
        if rejected is None:
            raise UploadUnavailable
        return rejected

    def _batch(self, batch_id: str) -> Batch:
        batch = self.store.get_batch(batch_id)
        if batch.filling is not Filling.FILE:
            raise BatchNotFound
        return batch

    def _beginning(self, origin: Origin) -> Beginning:
        names = self._names()
        return Beginning(self.store, self._imports, self.catalog, self._data_keys, names, origin, self.now_ms)

    def _ending(self, origin: Origin) -> Ending:
        return Ending(self.store, self._imports, self.files, self._names(), origin, self.now_ms)

    def _names(self) -> Fingerprints:
        if self._fingerprints is None:
            self._fingerprints = fingerprints(self.store, self.fingerprint_wrapper)
        return self._fingerprints
