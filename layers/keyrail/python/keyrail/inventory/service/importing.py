"""Import: a supplier's file becomes sealed keys in the pool, once.

Order of the writes, so that a kill anywhere leaves nothing that the next run cannot finish:

1. the batch takes this one file and a fresh data key, before the first key is sealed with it;
2. each key by its own conditional put; its fingerprint is its primary key, so no code is ever stored twice;
3. the batch joins its SKU's pool, which is what makes its keys claimable;
4. the batch gets its final report.

Importing may encrypt and never decrypts, so a run that goes on after a kill brings another data key. A key that stands
already, with this batch and this line, is this import's own from an earlier run.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import (
    MAX_REPORTED_PROBLEMS,
    NEVER,
    Batch,
    BatchNotWaiting,
    BatchStatus,
    ImportReport,
    LineProblem,
    PoolPart,
    expiry_precision,
)
from keyrail.inventory.model.key_columns import FileProblem
from keyrail.inventory.model.key_file import FileKey, KeyFile, Reason, parse
from keyrail.inventory.model.keys import KeyState, shards_for
from keyrail.inventory.service.fingerprints import fingerprints
from keyrail.inventory.service.intake import Intake, NewKey
from keyrail.inventory.service.pooling import Pooling
from keyrail.inventory.store import KeyStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable
from keyrail.vault.model import mask
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.fingerprints import Fingerprints
from keyrail.vault.service.sealing import BatchKey, new_batch_key

MAX_PARALLEL_WRITES = 16
WRITES_A_ROUND = 1_000  # keys sealed and held in memory at a time
MAX_REWRITES = 10

DUPLICATE_IN_STOCK = "duplicate_in_stock"
ALREADY_SOLD = "already_sold"


@dataclass(frozen=True)
class _Run:
    """One attempt: the batch as it took the file, and the file."""

    intake: Intake
    file: KeyFile

    @property
    def batch(self) -> Batch:
        return self.intake.batch

    @cached_property
    def shards(self) -> dict[str, int]:
        """How many index partitions each expiry group gets."""
        return {group: shards_for(count) for group, count in Counter(map(self.group, self.file.keys)).items()}

    @cached_property
    def _precision(self) -> int:
        return expiry_precision({key.expires_on or NEVER for key in self.file.keys})

    def group(self, key: FileKey) -> str:
        return (key.expires_on or NEVER)[: self._precision]


@dataclass
class Importing:
    """Keeps the fingerprint key for its own life: one instance a process."""

    store: KeyStore
    catalog: Catalog
    vault_wrapper: KeyWrapper
    fingerprint_wrapper: KeyWrapper
    now_ms: NowMs
    _fingerprints: Fingerprints | None = field(default=None, init=False)

    def import_file(self, batch_id: str, raw: bytes, origin: Origin) -> Batch:
        """The batch after its import, with the report; a batch that is settled already, as it is.

        Safe to repeat after any failure, and to run twice at once. Raises BatchNotFound, BatchNotWaiting if another
        file was begun for the batch, UnknownSku, Unavailable.
        """
        begun = self._begin(batch_id, raw, origin)
        if isinstance(begun, Batch):
            return begun
        verdicts = self._store_keys(begun)
        return self._finish(begun, verdicts)

    def refuse(self, batch_id: str, problem: FileProblem, origin: Origin) -> Batch:
        """Reject the file unread. Raises BatchNotFound, BatchNotWaiting, Unavailable."""
        for _ in range(MAX_REWRITES):
            batch = self.store.get_batch(batch_id)
            if batch.is_settled:
                return batch
            if rejected := self._reject(batch, ImportReport(file_problem=problem), origin):
                return rejected
        raise StoreUnavailable

    def is_settled(self, batch_id: str) -> bool:
        """Raises BatchNotFound, Unavailable."""
        return self.store.get_batch(batch_id).is_settled

    # the batch takes the file

    def _begin(self, batch_id: str, raw: bytes, origin: Origin) -> _Run | Batch:
        """Each round decides on the batch as it stands; a write that failed may have been our own, answer lost."""
        data_key: BatchKey | None = None
        for _ in range(MAX_REWRITES):
            batch = self.store.get_batch(batch_id)
            self._check_same_file(batch, raw)
            if batch.is_settled:
                return batch
            # A resumed run judges by the day of the first, so that its report says the same.
            since_ms = batch.importing_since_ms or self.now_ms()
            file = parse(raw, utc_date(since_ms))
            report = self._checked_room(file.report, batch)
            if report.file_problem:
                if rejected := self._reject(batch, report, origin):
                    return rejected
                continue
            sku = self.catalog.sku(batch.sku_id)
            data_key = data_key or new_batch_key(self.vault_wrapper, batch_id, batch.sku_id)
            if data_key.wrapped not in batch.data_keys:
                batch = replace(
                    batch,
                    status=BatchStatus.IMPORTING,
                    file_mark=self._mark(batch_id, raw),
                    importing_since_ms=since_ms,
                    data_keys=(*batch.data_keys, data_key.wrapped),
                    **stamp(origin, self.now_ms(), batch.version + 1),
                )
                try:
                    self.store.replace_batch(batch)
                except ConditionFailed:
                    continue
            return _Run(Intake(batch, sku, data_key, self._names(), origin, self.now_ms), file)
        raise StoreUnavailable

    def _check_same_file(self, batch: Batch, raw: bytes) -> None:
        if batch.file_mark is not None and batch.file_mark != self._mark(batch.batch_id, raw):
            raise BatchNotWaiting

    def _reject(self, batch: Batch, report: ImportReport, origin: Origin) -> Batch | None:
        """None if the batch changed meanwhile. Raises BatchNotWaiting if keys of another file may be in already."""
        if batch.status is not BatchStatus.AWAITING_UPLOAD:
            raise BatchNotWaiting
        rejected = replace(
            batch,
            status=BatchStatus.REJECTED,
            report=report,
            **stamp(origin, self.now_ms(), batch.version + 1),
        )
        try:
            self.store.replace_batch(rejected)
        except ConditionFailed:
            return None
        return rejected

    def _checked_room(self, report: ImportReport, batch: Batch) -> ImportReport:
        """A full pool is told before the first key is written, never after the last."""
        if report.file_problem or batch.status is not BatchStatus.AWAITING_UPLOAD:
            return report
        if not Pooling(self.store, self.now_ms).has_room(batch.sku_id):
            return ImportReport(file_problem=FileProblem.POOL_FULL)
        return report

    def _mark(self, batch_id: str, raw: bytes) -> str:
        """Names the file under the fingerprint key: a plain hash would let short codes be found by trying."""
        return self._names().key_id(f"file:{batch_id}", hashlib.sha256(raw).hexdigest(), case_sensitive=False)

    def _names(self) -> Fingerprints:
        if self._fingerprints is None:
            self._fingerprints = fingerprints(self.store, self.fingerprint_wrapper)
        return self._fingerprints

    # its keys

    def _store_keys(self, run: _Run) -> list[str | None]:
        """Why each key of the file was not taken, or None, in the file's order."""
        verdicts: list[str | None] = []
        with ThreadPoolExecutor(MAX_PARALLEL_WRITES, "import") as writers:
            for keys in _rounds(run.file.keys):
                verdicts += writers.map(lambda key: self._store_key(run, key), keys)
        return verdicts

    def _store_key(self, run: _Run, key: FileKey) -> str | None:
        group = run.group(key)
        new = NewKey(secret=key.secret, line=key.line, expires_on=key.expires_on)
        standing = self.store.add(run.intake.key(new, group, run.shards[group]))
        if standing is None:
            return None
        if standing.batch_id == run.batch.batch_id:
            return None if standing.line == key.line else Reason.DUPLICATE_IN_FILE
        return ALREADY_SOLD if standing.state is KeyState.SOLD else DUPLICATE_IN_STOCK

    # its end

    def _finish(self, run: _Run, verdicts: Sequence[str | None]) -> Batch:
        report = _final_report(run.file, verdicts)
        taken = [key for key, verdict in zip(run.file.keys, verdicts, strict=True) if verdict is None]
        days = [key.expires_on or NEVER for key in taken]
        dated = [day for day in days if day != NEVER]
        batch = run.batch
        if taken:
            Pooling(self.store, self.now_ms).join(batch.sku_id, _parts(run, taken), run.intake.origin)
        for _ in range(MAX_REWRITES):
            final = replace(
                batch,
                status=BatchStatus.IMPORTED,
                report=report,
                first_expiry=min(dated, default=None),
                last_expiry=max(dated, default=None) if len(dated) == len(days) else None,
                **stamp(run.intake.origin, self.now_ms(), batch.version + 1),
            )
            try:
                self.store.replace_batch(final)
            except ConditionFailed:
                batch = self.store.get_batch(batch.batch_id)
                if batch.is_settled:
                    return batch
                continue
            return final
        raise StoreUnavailable


def _parts(run: _Run, taken: Sequence[FileKey]) -> list[PoolPart]:
    days: dict[str, list[str]] = {}
    for key in taken:
        days.setdefault(run.group(key), []).append(key.expires_on or NEVER)
    since_ms = run.batch.importing_since_ms or 0
    return [
        PoolPart(run.batch.batch_id, group, run.shards[group], since_ms, min(found), max(found))
        for group, found in days.items()
    ]


def _rounds(keys: Sequence[FileKey]) -> Iterator[Sequence[FileKey]]:
    return (keys[start : start + WRITES_A_ROUND] for start in range(0, len(keys), WRITES_A_ROUND))


def _final_report(file: KeyFile, verdicts: Sequence[str | None]) -> ImportReport:
    """The file's own report, with those keys counted as duplicates that were in already."""
    found = [
        LineProblem(key.line, verdict, mask(key.secret.code))
        for key, verdict in zip(file.keys, verdicts, strict=True)
        if verdict is not None
    ]
    problems = sorted([*file.report.problems, *found], key=lambda problem: problem.line)
    return replace(
        file.report,
        accepted=len(verdicts) - len(found),
        duplicate=file.report.duplicate + len(found),
        problems=tuple(problems[:MAX_REPORTED_PROBLEMS]),
    )
