"""Exports in the operators' hands: requested by one, approved by another, handed out once."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keyrail.inventory.model.batches import Batch, Standing
from keyrail.inventory.model.exports import (
    MAX_EXPORTS_A_BATCH,
    REQUEST_LIFETIME_MS,
    BatchNotOpen,
    Export,
    ExportNotFound,
    TooManyExports,
    check_exportable,
)
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable, TransactionFailed
from keyrail.platform.errors import IdempotencyConflict
from keyrail.platform.handover import Handover, Link, hand_out
from keyrail.platform.ids import derived_id
from keyrail.vault.model import Recipient

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

MAX_REWRITES = 10


@dataclass
class Exports:
    """`bucket` holds the files until they are fetched."""

    batches: KeyStore
    store: OwnCodeStore
    s3: "S3Client"
    bucket: str
    now_ms: NowMs

    def request(self, batch_id: str, certificate: str, idempotency_key: str, origin: Origin) -> Export:
        """An export that waits for a second person; the same one again for the same key and request, on whatever day.

        Raises BatchNotFound, BadCertificate, NotForPrint, NotGenerated, BatchNotOpen, TooManyExports,
        IdempotencyConflict, Unavailable.
        """
        from keyrail.vault.service.envelopes import one_certificate, recipient  # only here: ciphers cost a start 16 ms

        now_ms, export_id = self.now_ms(), derived_id("exp", origin.by, idempotency_key)
        if standing := self._standing(export_id):
            # Before anything is checked: the certificate may have expired since.
            return _same(standing, batch_id, one_certificate(certificate))
        reader = recipient(certificate, now_ms)
        for _ in range(MAX_REWRITES):
            batch = self.batches.get_batch(batch_id)
            if export_id in batch.exports:
                return _same(self.store.get_export(export_id), batch_id, reader.certificate)
            check_exportable(batch)
            if len(batch.exports) >= MAX_EXPORTS_A_BATCH:
                raise TooManyExports
            wanted = _requested(export_id, batch, reader, origin, now_ms)
            noted = replace(batch, exports=(*batch.exports, export_id), **stamp(origin, now_ms, batch.version + 1))
            try:
                self.store.add_export(wanted, noted)
            except TransactionFailed as refused:
                if 0 in refused.failed:
                    return _same(self.store.get_export(export_id), batch_id, reader.certificate)
                continue
            return wanted
        raise StoreUnavailable

    def _standing(self, export_id: str) -> Export | None:
        try:
            return self.store.get_export(export_id)
        except ExportNotFound:
            return None

    def approve(self, export_id: str, origin: Origin) -> Export:
        """Its file will be made; the same again for whoever approved it.

        Raises ExportNotFound, SamePerson, AlreadyApproved, ExportLapsed, Unavailable.
        """
        now_ms = self.now_ms()
        done, export = self.store.approve(export_id, now_ms - REQUEST_LIFETIME_MS, origin, now_ms)
        if done or export.approved_by == origin.by:
            return export
        raise export.why_not_approved(origin.by)

    def hand_out(self, export_id: str, origin: Origin) -> tuple[Export, Link]:
        """The address of the file, once for all.

        Raises ExportNotFound, NotApproved, ExportNotMade, ExportLapsed, ExportFailed, AlreadyHandedOut, FileExpired,
        BatchNotOpen, Unavailable.
        """
        now_ms = self.now_ms()
        export = self.store.get_export(export_id)
        file = export.check_file(now_ms)
        if self.batches.get_batch(export.batch_id).standing is not Standing.OPEN:
            raise BatchNotOpen

        def mark(taken: Handover) -> Handover:
            try:
                self.store.replace_export(export.handed_out(taken, origin, now_ms))
            except ConditionFailed:
                return self.store.get_export(export_id).check_file(now_ms)
            return taken

        link = hand_out(file, mark, self.s3, self.bucket, f"{export_id}.p7m", now_ms)
        return self.store.get_export(export_id), link

    def export(self, export_id: str) -> Export:
        """Raises ExportNotFound."""
        return self.store.get_export(export_id)

    def of_batch(self, batch_id: str) -> list[Export]:
        """Oldest first. Raises BatchNotFound."""
        return self.store.get_exports(self.batches.get_batch(batch_id).exports)


def _same(standing: Export, batch_id: str, certificate: str) -> Export:
    """What stands under the name, if it is the same request. Raises IdempotencyConflict."""
    if (standing.batch_id, standing.certificate) != (batch_id, certificate):
        raise IdempotencyConflict
    return standing


def _requested(export_id: str, batch: Batch, reader: Recipient, origin: Origin, now_ms: int) -> Export:
    return Export(
        export_id=export_id,
        batch_id=batch.batch_id,
        sku_id=batch.sku_id,
        certificate=reader.certificate,
        certificate_sha256=reader.sha256,
        recipient=reader.subject,
        requested_by=origin.by,
        requested_at_ms=now_ms,
        **stamp(origin, now_ms),
    )
