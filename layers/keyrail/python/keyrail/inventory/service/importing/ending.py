"""How an import ends: what it took joins the pool, and its batch gets the report.

An import ends in one place for all of its runs, behind the last chunk or where its progress says so. A run that was
under way with the next chunk by then, without anybody else to store it, counts it in when it comes back.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from keyrail.inventory.model.batches import NEVER, Batch, BatchStatus, Held, ImportReport, PoolPart, days_of
from keyrail.inventory.model.commands import TooManyHeldBatches, held_with
from keyrail.inventory.model.imports import ImportProgress, TakenGroup
from keyrail.inventory.model.key_columns import FileProblem
from keyrail.inventory.providers import Files
from keyrail.inventory.service.pooling import Pooling
from keyrail.inventory.service.rejected_lines import RejectedFiles
from keyrail.inventory.store.batches import BatchStore
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable, TransactionFailed
from keyrail.platform.errors import Unavailable
from keyrail.vault.service.fingerprints import Fingerprints

MAX_REWRITES = 10


@dataclass(frozen=True)
class Ending:
    """All of it is safe to repeat, and to run twice at once. Raises BatchNotFound, Unavailable."""

    store: KeyStore
    imports: ImportStore
    files: Files
    names: Fingerprints
    origin: Origin
    now_ms: NowMs

    def end_here(self, progress: ImportProgress, problem: FileProblem) -> Batch:
        """End the import where it has come to, unless it was ended by then."""
        for _ in range(MAX_REWRITES):
            if progress.problem is not None:
                return self.end(progress)
            ended = replace(progress, problem=problem, **stamp(self.origin, self.now_ms(), progress.version + 1))
            try:
                self.imports.advance(ended)
            except ConditionFailed:
                progress = self.imports.progress(progress.batch_id) or progress
            else:
                progress = ended
        raise StoreUnavailable

    def end(self, done: ImportProgress) -> Batch:
        """The settled batch, which counts all that `done` does."""
        batch = self.store.get_batch(done.batch_id)
        if _counts(batch, done):
            return batch
        batch = self._with_parts(batch, done)
        if not batch.is_settled:
            batch = self._settled(batch, done)
        return batch if _counts(batch, done) else self._recounted(batch, done)

    def _with_parts(self, batch: Batch, done: ImportProgress) -> Batch:
        """Whoever looks for its keys, to sell them or to stop them, looks there."""
        parts = _pool_parts(batch, done)
        if not parts or batch.for_print:
            return batch
        return Pooling(self.store, self.now_ms).join(batch.sku_id, parts, self.origin)

    def _settled(self, batch: Batch, done: ImportProgress) -> Batch:
        rejected = RejectedFiles(self.files, self.names, self.now_ms)
        rejected_lines = rejected.joined(done)
        for _ in range(MAX_REWRITES):
            if batch.is_settled:
                return batch
            final = replace(
                with_expiries(batch, done.taken),
                status=BatchStatus.IMPORTED,
                report=_report(done, done.problem),
                rejected_lines=rejected_lines,
                broken_off_ms=self.now_ms() if done.problem else None,
                **stamp(self.origin, self.now_ms(), batch.version + 1),
            )
            try:
                self.store.replace_batch(final)
            except ConditionFailed:
                batch = self.store.get_batch(done.batch_id)
                continue
            with suppress(Unavailable):  # what is left of them, as after a kill, the bucket forgets by itself
                rejected.remove_parts(done)
            return final
        raise StoreUnavailable

    def _recounted(self, batch: Batch, done: ImportProgress) -> Batch:
        """The batch was settled without the last chunk of `done`, and its keys may have followed it without those.

        So it is held again, in the same write, until its followers have been through all of them once more.
        """
        batches = BatchStore(self.store)
        for _ in range(MAX_REWRITES):
            now_ms = self.now_ms()
            recounted = replace(
                with_expiries(batch, done.taken),
                status=BatchStatus.IMPORTED,
                report=_report(done, batch.report.file_problem if batch.report else done.problem),
                generation=batch.generation + 1,
                following=None,
                **stamp(self.origin, now_ms, batch.version + 1),
            )
            held, _ = batches.surroundings(batch.sku_id)
            try:
                batches.change(recounted, self._listing(held, recounted))
            except TransactionFailed:
                batch = self.store.get_batch(done.batch_id)
                if _counts(batch, done):
                    return batch
                continue
            return recounted
        raise StoreUnavailable

    def _listing(self, held: Held, batch: Batch) -> Held | None:
        try:
            return held_with(held, batch, self.origin, self.now_ms())
        except TooManyHeldBatches:
            return None  # its keys follow all the same, and refuse by themselves then


def _counts(batch: Batch, done: ImportProgress) -> bool:
    accepted = batch.report.accepted if batch.report else 0
    return batch.is_settled and accepted >= done.report.accepted


def _report(done: ImportProgress, problem: str | None) -> ImportReport:
    ignored = done.report.ignored + (0 if problem else done.survey.elsewhere)
    return replace(done.report, ignored=ignored, file_problem=problem)


def _pool_parts(batch: Batch, done: ImportProgress) -> list[PoolPart]:
    """Of an import that was broken off some keys may be in that nobody counted, of any day that the file has."""
    since_ms, parts = batch.importing_since_ms or 0, {}
    if done.problem:
        places = done.survey.places(batch)
        parts = {
            place.name: PoolPart(batch.batch_id, place.name, place.shards, since_ms, *days_of(place.name))
            for place in places
        }
    for taken in done.taken:
        days = taken.first_expiry, taken.last_expiry
        parts[taken.group] = PoolPart(batch.batch_id, taken.group, taken.shards, since_ms, *days)
    return list(parts.values())


def with_expiries(batch: Batch, taken: Sequence[TakenGroup]) -> Batch:
    firsts = [group.first_expiry for group in taken if group.first_expiry != NEVER]
    lasts = [group.last_expiry for group in taken]
    first, last = min(firsts, default=None), None if NEVER in lasts else max(lasts, default=None)
    if batch.extended_to:
        first, last = (day and max(day, batch.extended_to) for day in (first, last))
    return replace(batch, first_expiry=first, last_expiry=last)
