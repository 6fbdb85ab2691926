"""The file of rejected lines, sealed in its bucket: written part by part while an import goes on, then made one."""

from dataclasses import dataclass

from keyrail.inventory.model.batches import RejectedLines
from keyrail.inventory.model.imports import ImportProgress
from keyrail.inventory.model.rejected_lines import CUT, HEADER
from keyrail.inventory.providers import Files
from keyrail.platform.clock import NowMs
from keyrail.platform.handover import Handover, object_name
from keyrail.vault.service.fingerprints import Fingerprints

PREFIX = "rejected/"


@dataclass(frozen=True)
class RejectedFiles:
    files: Files
    names: Fingerprints
    now_ms: NowMs

    def put_part(self, progress: ImportProgress, content: bytes) -> None:
        """The next part; the same one again if its chunk is done again. Raises Unavailable."""
        self._put(progress.batch_id, _part(progress.batch_id, progress.rejected_parts), content)

    def joined(self, done: ImportProgress) -> RejectedLines | None:
        """All parts as one file with a name that nobody can guess; None if there are none. Raises Unavailable."""
        if not done.rejected_parts:
            return None
        names = [_part(done.batch_id, number) for number in range(done.rejected_parts)]
        parts = [self.get(done.batch_id, name) for name in names]
        complete = not done.rejected_full and None not in parts
        content = HEADER + b"".join(part for part in parts if part is not None) + (b"" if complete else CUT)
        file = Handover(object_name=object_name(PREFIX), size_bytes=len(content), made_at_ms=self.now_ms())
        self._put(done.batch_id, file.object_name, content)
        return RejectedLines(file=file, complete=complete)

    def remove_parts(self, done: ImportProgress) -> None:
        """Raises Unavailable."""
        for number in range(done.rejected_parts):
            self.files.remove(_part(done.batch_id, number))

    def get(self, batch_id: str, name: str) -> bytes | None:
        """In the clear; None if the bucket has forgotten it. Raises SecretUnreadable, Unavailable."""
        from keyrail.vault.service.files import open_file  # only here: the ciphers cost a start 16 ms

        sealed = self.files.get(name)
        return None if sealed is None else open_file(self.names.file_key(batch_id), name, sealed)

    def _put(self, batch_id: str, name: str, content: bytes) -> None:
        from keyrail.vault.service.files import seal_file

        self.files.put(name, seal_file(self.names.file_key(batch_id), name, content))


def _part(batch_id: str, number: int) -> str:
    return f"{PREFIX}{batch_id}/{number}"
