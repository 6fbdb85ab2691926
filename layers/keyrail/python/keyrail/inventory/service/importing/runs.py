"""One run of an import: on from where the last one was broken off, chunk by chunk, until the end or its time is up."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.imports import ImportProgress, Verdict, counted, read_rows, with_taken
from keyrail.inventory.model.key_columns import FileProblem
from keyrail.inventory.model.rejected_lines import MAX_REJECTED_BYTES, rendered
from keyrail.inventory.providers import Files, Upload
from keyrail.inventory.service.importing.beginning import rules
from keyrail.inventory.service.importing.chunks import Chunks
from keyrail.inventory.service.importing.ending import Ending
from keyrail.inventory.service.importing.reading import Reader, reopen
from keyrail.inventory.service.intake import Intake
from keyrail.inventory.service.rejected_lines import RejectedFiles
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import ConditionFailed

MAX_PARALLEL_WRITES = 16
KEYS_A_CHUNK = 1_000  # sealed and stored between two checkpoints; that many may be done again after a kill


@dataclass
class Run:
    """`progress` is where the next chunk begins."""

    store: KeyStore
    imports: ImportStore
    files: Files
    intake: Intake
    progress: ImportProgress
    now_ms: NowMs

    def go_on(self, upload: Upload, until_ms: int | None) -> Batch:
        """The batch: settled, or as it stood before the last chunk. At least one chunk gets done."""
        reader = reopen(upload, self.progress.survey)
        with ThreadPoolExecutor(MAX_PARALLEL_WRITES, "import") as writers:
            chunks = Chunks(self.store, self.imports, self.intake, self.progress.survey, writers)
            while self.progress.problem is None:
                for verdicts, is_last in self._chunks(reader):
                    # Read behind the progress: so nobody who sees it open is more than one chunk ahead of whoever does
                    # not, and that one still stores this chunk.
                    batch = self.store.get_batch(self.progress.batch_id)
                    if batch.is_settled:
                        return batch
                    done = self._stored(chunks, verdicts)
                    if is_last:
                        return self._ending.end(done)
                    if not self._goes_on(done, is_stopped=batch.standing.is_final):
                        break
                    if until_ms is not None and self.now_ms() >= until_ms:
                        return batch
        return self._ending.end(self.progress)

    def _chunks(self, reader: Reader) -> Iterator[tuple[list[Verdict], bool]]:
        survey = self.progress.survey
        found = reader.rows(survey.layout, self.progress.position, self.progress.line)
        verdicts = read_rows(found, rules(self.progress.asked, survey.layout, with_password=survey.with_password))
        size = max(1, KEYS_A_CHUNK // self.intake.batch.sales_per_key)
        while True:
            chunk = list(islice(verdicts, size))
            yield chunk, len(chunk) < size
            if len(chunk) < size:
                return

    def _stored(self, chunks: Chunks, verdicts: list[Verdict]) -> ImportProgress:
        """The progress with this chunk in it; it is not written down yet."""
        if not verdicts:
            return self.progress
        heard, before, last = chunks.stored(verdicts, self.progress.keys_seen), self.progress, verdicts[-1].row
        return replace(
            self._with_rejected(heard),
            position=last.end,
            line=last.line + last.lines,
            keys_seen=before.keys_seen + sum(verdict.key is not None for verdict in verdicts),
            report=counted(before.report, heard),
            taken=with_taken(before.taken, heard),
            **stamp(self.intake.origin, self.now_ms(), before.version + 1),
        )

    def _goes_on(self, done: ImportProgress, *, is_stopped: bool) -> bool:
        """With the next chunk; else the progress is where another run is, or where the import ends."""
        if is_stopped:
            done = replace(done, problem=FileProblem.STOPPED)
        try:
            self.imports.advance(done)
        except ConditionFailed:
            self.progress = self._caught_up(done)
            return False
        self.progress = done
        return not is_stopped

    def _caught_up(self, done: ImportProgress) -> ImportProgress:
        """Where the run is that was faster. If it ended the import before this chunk, the chunk is in all the same."""
        standing = self.imports.progress(done.batch_id) or self.progress
        if standing.problem and standing.report.accepted < done.report.accepted:
            return replace(done, problem=standing.problem)
        return standing

    # what was not taken

    def _with_rejected(self, heard: list[Verdict]) -> ImportProgress:
        """A chunk that is done again writes the same part again."""
        before = self.progress
        if before.rejected_full:
            return before
        content, is_all = rendered(heard, MAX_REJECTED_BYTES - before.rejected_bytes)
        if content:
            self._rejected.put_part(before, content)
        return replace(
            before,
            rejected_parts=before.rejected_parts + bool(content),
            rejected_bytes=before.rejected_bytes + len(content),
            rejected_full=not is_all,
        )

    @property
    def _ending(self) -> Ending:
        origin = self.intake.origin
        return Ending(self.store, self.imports, self.files, self.intake.names, origin, self.now_ms)

    @property
    def _rejected(self) -> RejectedFiles:
        return RejectedFiles(self.files, self.intake.names, self.now_ms)
