"""The file of an approved export: the codes of a batch, opened here and nowhere kept, encrypted for its one reader.

All of a file is in memory at once, since its format wants that: below 400 MB for the MAX_OWN_CODES of a batch.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.exports import (
    BatchNotOpen,
    Export,
    ExportLapsed,
    ExportStatus,
    NotForPrint,
    NotGenerated,
    check_exportable,
)
from keyrail.inventory.model.keys import Key, KeyState
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable
from keyrail.platform.handover import Handover, object_name
from keyrail.vault.model import BadCertificate, Place
from keyrail.vault.service.envelopes import envelope, recipient
from keyrail.vault.service.sealing import Opener

PREFIX = "exports/"
_FINAL = (BadCertificate, BatchNotOpen, ExportLapsed, NotForPrint, NotGenerated)


@dataclass
class Printing:
    """`put` stores an object under a name."""

    batches: KeyStore
    store: OwnCodeStore
    opener: Opener
    put: Callable[[str, bytes], object]
    now_ms: NowMs

    def make(self, export_id: str, origin: Origin) -> Export:
        """The export with its file made, or failed for good.

        That two people said so is read off the table, whoever calls. Safe to repeat after any failure; of two at once
        one file counts, and the other stays an object that nobody has the name of. An approval that lapsed while its
        message waited fails it, too. Raises ExportNotFound, NotApproved, Unavailable.
        """
        export = self.store.get_export(export_id)
        if export.status not in {ExportStatus.REQUESTED, ExportStatus.APPROVED}:
            return export
        try:
            export.check_approved(self.now_ms())
            done = self._made(export, origin)
        except _FINAL as refused:
            done = export.failed(refused.code, origin, self.now_ms())
        try:
            self.store.replace_export(done)
        except ConditionFailed:
            return self.store.get_export(export_id)
        return done

    def _made(self, export: Export, origin: Origin) -> Export:
        reader = recipient(export.certificate, self.now_ms())
        keys, content = self._content(self._exportable(export))
        sealed = envelope(content, reader.certificate)
        self._exportable(export)  # nobody froze it meanwhile
        name, now_ms = object_name(PREFIX), self.now_ms()
        self.put(name, sealed)
        file = Handover(object_name=name, size_bytes=len(sealed), made_at_ms=now_ms)
        return export.made(file, keys, hashlib.sha256(sealed).hexdigest(), origin, now_ms)

    def _exportable(self, export: Export) -> Batch:
        batch = self.batches.get_batch(export.batch_id)
        check_exportable(batch)
        return batch

    def _content(self, batch: Batch) -> tuple[int, bytes]:
        """How many codes, and all of them as CSV in the order of their numbers.

        A code that is void or used up by now is left out. Raises StoreUnavailable while the index does not show every
        key yet, or a key has not followed its batch out of a freeze.
        """
        count = batch.report.accepted if batch.report else 0
        rows: list[bytes] = [b""] * count
        seen = 0
        for keys in self.store.out_of_pool(batch.batch_id):
            for key in keys:
                if key.state is KeyState.FROZEN:
                    raise StoreUnavailable
                seen += 1
                if key.state is KeyState.AVAILABLE:
                    rows[key.line - 1] = self._row(batch, key)
        if seen != count:
            raise StoreUnavailable
        content = b"".join((_HEADER, *rows))
        return sum(map(bool, rows)), content

    def _row(self, batch: Batch, key: Key) -> bytes:
        place = Place(key.key_id, key.batch_id, key.sku_id)
        secret = self.opener.open(batch.data_keys[key.data_key], place, key.sealed)
        return f"{key.line},{secret.code},{key.expires_on or ''}\r\n".encode()


_HEADER = b"number,code,expires_on\r\n"
