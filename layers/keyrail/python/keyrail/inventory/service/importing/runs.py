"""One run of an import: on from where the last one was broken off, chunk by chunk, until the end or its time is up."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from keyrail.inventory.model.batches import NEVER, Batch, BatchStatus, PoolPart
from keyrail.inventory.model.imports import ImportProgress, Verdict, counted, read_rows, with_taken
from keyrail.inventory.model.key_columns import FileProblem
from keyrail.inventory.model.rejected_lines import MAX_REJECTED_BYTES, rendered
from keyrail.inventory.providers import Files, Upload
from keyrail.inventory.service.importing.beginning import rules
from keyrail.inventory.service.importing.chunks import Chunks
from keyrail.inventory.service.importing.reading import Reader, reopen
from keyrail.inventory.service.intake import Intake
from keyrail.inventory.service.pooling import Pooling
from keyrail.inventory.service.rejected_lines import RejectedFiles
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable
from keyrail.platform.errors import Unavailable

MAX_PARALLEL_WRITES = 16
KEYS_A_CHUNK = 1_000  # sealed and stored between two checkpoints; that many may be done again after a kill
MAX_REWRITES = 10


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
        """The batch as it stands then: settled, or with more to do. At least one chunk gets done."""
        reader = reopen(upload, self.progress.survey)
        with ThreadPoolExecutor(MAX_PARALLEL_WRITES, "import") as writers:
            chunks = Chunks(self.store, self.imports, self.intake, self.progress.survey, writers)
            while True:
                # Another run that got ahead is followed to where it is.
                for verdicts, is_last in self._chunks(reader):
                    done = self._stored(chunks, verdicts)
                    if is_last:
                        return self._finish(done)
                    if not self._advanced(done):
                        break
                    batch = self.store.get_batch(self.progress.batch_id)
                    if batch.is_settled:
                        return batch
                    if batch.standing.is_final:
                        return self._finish(self.progress, FileProblem.STOPPED)
                    if until_ms is not None and self.now_ms() >= until_ms:
                        return batch

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

    def _advanced(self, done: ImportProgress) -> bool:
        """False if another run was faster: then the progress is where that one is."""
        try:
            self.imports.advance(done)
        except ConditionFailed:
            self.progress = self.imports.progress(done.batch_id) or self.progress
            return False
        self.progress = done
        return True

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
    def _rejected(self) -> RejectedFiles:
        return RejectedFiles(self.files, self.intake.names, self.now_ms)

    # its end

    def _finish(self, done: ImportProgress, problem: FileProblem | None = None) -> Batch:
        batch_id, origin = done.batch_id, self.intake.origin
        rejected_lines, parts = self._rejected.joined(done), self._pool_parts(done)
        if parts and not self.intake.batch.for_print:
            batch = Pooling(self.store, self.now_ms).join(self.intake.batch.sku_id, parts, origin)
        else:
            batch = self.store.get_batch(batch_id)
        for _ in range(MAX_REWRITES):
            if batch.is_settled:
                return batch
            final = replace(
                _with_expiries(batch, done),
                status=BatchStatus.IMPORTED,
                report=replace(
                    done.report,
                    ignored=done.report.ignored + (0 if problem else done.survey.elsewhere),
                    file_problem=problem,
                ),
                rejected_lines=rejected_lines,
                **stamp(origin, self.now_ms(), batch.version + 1),
            )
            try:
                self.store.replace_batch(final)
            except ConditionFailed:
                batch = self.store.get_batch(batch_id)
                continue
            with suppress(Unavailable):  # what is left of them, as after a kill, the bucket forgets by itself
                self._rejected.remove_parts(done)
            return final
        raise StoreUnavailable

    def _pool_parts(self, done: ImportProgress) -> list[PoolPart]:
        batch = self.intake.batch
        return [
            PoolPart(
                batch_id=batch.batch_id,
                group=taken.group,
                shards=taken.shards,
                since_ms=batch.importing_since_ms or 0,
                first_expiry=taken.first_expiry,
                last_expiry=taken.last_expiry,
            )
            for taken in done.taken
        ]


def _with_expiries(batch: Batch, done: ImportProgress) -> Batch:
    firsts = [group.first_expiry for group in done.taken if group.first_expiry != NEVER]
    lasts = [group.last_expiry for group in done.taken]
    return replace(
        batch,
        first_expiry=min(firsts, default=None),
        last_expiry=None if NEVER in lasts else max(lasts, default=None),
    )
