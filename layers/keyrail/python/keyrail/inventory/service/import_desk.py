"""Imports in the operators' hands: how far one has come, and the file of the lines that it did not take."""

from contextlib import suppress
from dataclasses import dataclass, replace

from keyrail.inventory.model.batches import Batch, BatchStatus, NoRejectedLines, RejectedLines
from keyrail.inventory.model.imports import ImportProgress
from keyrail.inventory.providers import Files
from keyrail.inventory.service.fingerprints import standing_fingerprints
from keyrail.inventory.service.rejected_lines import RejectedFiles
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable
from keyrail.platform.errors import Unavailable
from keyrail.platform.handover import AlreadyHandedOut, FileExpired, Handover
from keyrail.vault.providers import KeyWrapper

MAX_REWRITES = 10


@dataclass(frozen=True)
class ImportDesk:
    store: KeyStore
    files: Files
    fingerprint_wrapper: KeyWrapper
    now_ms: NowMs

    def progress(self, batch: Batch) -> ImportProgress | None:
        """None unless its file is being imported, and was surveyed. Raises StoreUnavailable."""
        return ImportStore(self.store).progress(batch.batch_id) if batch.status is BatchStatus.IMPORTING else None

    def hand_out(self, batch_id: str, origin: Origin) -> bytes:
        """The lines that were not taken, in the clear, to the first who asks; it is on record first, and then gone.

        Whoever is killed in between has lost the file, not copied it. Raises BatchNotFound, NoRejectedLines,
        AlreadyHandedOut, FileExpired, SecretUnreadable, Unavailable.
        """
        file = _lines(self.store.get_batch(batch_id)).file
        taken = file.taken(self.now_ms())
        content = self._content(batch_id, file)
        if content is None:
            # Whoever took it meanwhile has removed it; else the bucket has forgotten it.
            _lines(self.store.get_batch(batch_id)).file.taken(self.now_ms())
            raise FileExpired
        if self._marked(batch_id, taken, origin) != taken:
            raise AlreadyHandedOut
        with suppress(Unavailable):  # the bucket forgets it by itself
            self.files.remove(file.object_name)
        return content

    def _content(self, batch_id: str, file: Handover) -> bytes | None:
        names = standing_fingerprints(self.store, self.fingerprint_wrapper)
        return RejectedFiles(self.files, names, self.now_ms).get(batch_id, file.object_name) if names else None

    def _marked(self, batch_id: str, taken: Handover, origin: Origin) -> Handover:
        """The file as it stands. A batch that changed in another way meanwhile is marked as it is then."""
        for _ in range(MAX_REWRITES):
            batch = self.store.get_batch(batch_id)
            lines = _lines(batch)
            if lines.file.taken_as is not None:
                return lines.file
            stamped = stamp(origin, self.now_ms(), batch.version + 1)
            try:
                self.store.replace_batch(replace(batch, rejected_lines=replace(lines, file=taken), **stamped))
            except ConditionFailed:
                continue
            return taken
        raise StoreUnavailable


def _lines(batch: Batch) -> RejectedLines:
    if batch.rejected_lines is None:
        raise NoRejectedLines
    return batch.rejected_lines
