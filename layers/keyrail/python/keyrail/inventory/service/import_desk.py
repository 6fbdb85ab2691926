"""Imports in the operators' hands: how far one has come, and the file of the lines that it did not take."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keyrail.inventory.import_store import ImportStore
from keyrail.inventory.model.batches import Batch, BatchStatus, NoRejectedLines, RejectedLines
from keyrail.inventory.model.imports import ImportProgress
from keyrail.inventory.store import KeyStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable
from keyrail.platform.handover import Handover, Link, hand_out

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

MAX_REWRITES = 10


@dataclass(frozen=True)
class ImportDesk:
    """`bucket` holds the files until they are fetched."""

    store: KeyStore
    s3: "S3Client"
    bucket: str
    now_ms: NowMs

    def progress(self, batch: Batch) -> ImportProgress | None:
        """None unless its file is being imported, and was surveyed. Raises StoreUnavailable."""
        return ImportStore(self.store).progress(batch.batch_id) if batch.status is BatchStatus.IMPORTING else None

    def hand_out(self, batch_id: str, origin: Origin) -> Link:
        """The address of the file of lines that were not taken, once for all.

        Raises BatchNotFound, NoRejectedLines, AlreadyHandedOut, FileExpired, Unavailable.
        """
        batch, now_ms = self.store.get_batch(batch_id), self.now_ms()

        def mark(taken: Handover) -> Handover:
            return self._marked(batch_id, taken, origin, now_ms)

        return hand_out(_lines(batch).file, mark, self.s3, self.bucket, f"{batch_id}-rejected.csv", now_ms)

    def _marked(self, batch_id: str, taken: Handover, origin: Origin, now_ms: int) -> Handover:
        """The file as it stands. A batch that changed in another way meanwhile is marked as it is then."""
        for _ in range(MAX_REWRITES):
            batch = self.store.get_batch(batch_id)
            lines = _lines(batch)
            if lines.file.taken_as is not None:
                return lines.file
            marked = replace(
                batch,
                rejected_lines=replace(lines, file=taken),
                **stamp(origin, now_ms, batch.version + 1),
            )
            try:
                self.store.replace_batch(marked)
            except ConditionFailed:
                continue
            return taken
        raise StoreUnavailable


def _lines(batch: Batch) -> RejectedLines:
    if batch.rejected_lines is None:
        raise NoRejectedLines
    return batch.rejected_lines
