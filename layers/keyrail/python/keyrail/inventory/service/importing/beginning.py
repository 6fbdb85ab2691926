"""How a batch takes its file: the one file, surveyed from end to end before the first key of it is written."""

from dataclasses import dataclass, replace
from itertools import islice

from keyrail.catalog.model import Sku
from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import MAX_EXPIRY_GROUPS, Batch, BatchNotWaiting, BatchStatus, ImportReport
from keyrail.inventory.model.imports import ImportProgress, Survey, counted, read_rows
from keyrail.inventory.model.key_columns import FileProblem, Unreadable
from keyrail.inventory.model.key_file import Layout, Requirements, Rules
from keyrail.inventory.providers import Upload
from keyrail.inventory.service.data_keys import DataKeys
from keyrail.inventory.service.importing.reading import Reader, check_size, look_through, open_reader
from keyrail.inventory.service.pooling import Pooling
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable
from keyrail.platform.errors import Unavailable
from keyrail.platform.patterns import matcher
from keyrail.vault.codes import OWN_ISSUER
from keyrail.vault.service.fingerprints import Fingerprints
from keyrail.vault.service.sealing import BatchKey

MAX_REWRITES = 10
MAX_KEYS = 1_000_000  # of one batch, each slot of a loop key counted
MAX_DATA_KEYS = 200  # of one batch, at about 200 bytes; an item holds 400 KB
ROWS_A_LOOK = 1_000


class BrokenOffTooOften(Unavailable):
    """Each run of the import in a process of its own brought a data key, and none of them came to its end."""

    code = "import_broken_off_too_often"


@dataclass(frozen=True)
class Begun:
    """An import that goes on at `progress`, and its batch as it stands."""

    batch: Batch
    sku: Sku
    progress: ImportProgress


@dataclass(frozen=True)
class Beginning:
    store: KeyStore
    imports: ImportStore
    catalog: Catalog
    data_keys: DataKeys
    names: Fingerprints
    origin: Origin
    now_ms: NowMs

    def mark(self, batch_id: str, name: str) -> str:
        """Names a file under the fingerprint key: a plain hash would let short codes be found by trying."""
        return self.names.key_id(f"file:{batch_id}", name, case_sensitive=True)

    def resumed(self, batch: Batch, upload: Upload) -> Begun | None:
        """Where a run before this one was broken off, if it was of this very object: then nobody need survey it."""
        if batch.status is not BatchStatus.IMPORTING:
            return None
        standing = self.imports.progress(batch.batch_id)
        if standing is None or standing.upload != self.mark(batch.batch_id, upload.version):
            return None
        return Begun(batch, self.catalog.sku(batch.sku_id), standing)

    def begun(self, batch: Batch, upload: Upload) -> Begun | Batch:
        """The batch itself if it is settled, or was rejected just now.

        Each round decides on the batch as it stands; a write that failed may have been our own, answer lost. Raises
        BatchNotWaiting if another file was begun for the batch, UnknownSku, Unavailable.
        """
        try:
            check_size(upload)
        except Unreadable as unreadable:
            return self._refused(batch, unreadable.problem)
        looked = look_through(upload)
        mark, reader = self.mark(batch.batch_id, looked.digest), None
        for _ in range(MAX_REWRITES):
            if batch.file_mark not in {None, mark}:
                raise BatchNotWaiting
            if batch.is_settled:
                return batch
            sku = self.catalog.sku(batch.sku_id)
            if standing := self._standing(batch, upload):
                return Begun(batch, sku, standing)
            taken: Begun | Batch | None
            try:
                reader = reader or open_reader(upload, looked)
                taken = self._taken(batch, sku, mark, reader, upload)
            except Unreadable as unreadable:
                taken = self.rejected(batch, ImportReport(file_problem=unreadable.problem))
            if taken:
                return taken
            batch = self.store.get_batch(batch.batch_id)
        raise StoreUnavailable

    def _standing(self, batch: Batch, upload: Upload) -> ImportProgress | None:
        """Of the same file that was uploaded anew, too: what is known of the one is true of the other."""
        standing = self.imports.progress(batch.batch_id) if batch.status is BatchStatus.IMPORTING else None
        if standing is None:
            return None
        moved = replace(
            standing,
            upload=self.mark(batch.batch_id, upload.version),
            object_name=upload.name,
            **stamp(self.origin, self.now_ms(), standing.version + 1),
        )
        try:
            self.imports.advance(moved)
        except ConditionFailed:
            return self.imports.progress(batch.batch_id)
        return moved

    def _refused(self, batch: Batch, problem: FileProblem) -> Batch:
        """Rejected unread."""
        for _ in range(MAX_REWRITES):
            if batch.is_settled:
                return batch
            if batch.status is not BatchStatus.AWAITING_UPLOAD:
                raise BatchNotWaiting
            if rejected := self.rejected(batch, ImportReport(file_problem=problem)):
                return rejected
            batch = self.store.get_batch(batch.batch_id)
        raise StoreUnavailable

    def rejected(self, batch: Batch, report: ImportReport) -> Batch | None:
        """None if the batch changed meanwhile."""
        now_ms = self.now_ms()
        stamped = stamp(self.origin, now_ms, batch.version + 1)
        rejected = replace(batch, status=BatchStatus.REJECTED, report=report, **stamped)
        try:
            self.store.replace_batch(rejected)
        except ConditionFailed:
            return None
        return rejected

    # the survey

    def _taken(self, batch: Batch, sku: Sku, mark: str, reader: Reader, upload: Upload) -> Begun | Batch | None:
        """None if the batch changed meanwhile. Raises Unreadable."""
        # A resumed run judges by the day of the first, so that its report says the same.
        since_ms = batch.importing_since_ms or self.now_ms()
        asked = _asked(batch, sku, utc_date(since_ms))
        survey = self._survey(batch, reader, asked)
        if isinstance(survey, ImportReport):
            return self.rejected(batch, survey)
        data_key = self.data_keys.of(batch)
        taken = replace(
            _with_key(batch, data_key),
            status=BatchStatus.IMPORTING,
            file_mark=mark,
            importing_since_ms=since_ms,
            **stamp(self.origin, self.now_ms(), batch.version + 1),
        )
        try:
            self.store.replace_batch(taken)
        except ConditionFailed:
            return None
        begun = ImportProgress(
            batch_id=batch.batch_id,
            upload=self.mark(batch.batch_id, upload.version),
            object_name=upload.name,
            asked=asked,
            survey=survey,
            **stamp(self.origin, self.now_ms()),
        )
        return Begun(taken, sku, self.imports.begin(begun))

    def _survey(self, batch: Batch, reader: Reader, asked: Requirements) -> Survey | ImportReport:
        """What the whole file says, or why nothing is taken of it: a full pool is told before the first key is stored.

        Raises Unreadable, Unavailable.
        """
        groups = MAX_EXPIRY_GROUPS // max(len(batch.stages), 1)
        found = reader.survey(lambda layout: rules(asked, layout), groups, batch.sales_per_key)
        if not found.keys:
            return _report_of_nothing(reader, asked, found.survey)
        if found.keys * batch.sales_per_key > MAX_KEYS:
            raise Unreadable(FileProblem.TOO_MANY_KEYS)
        if not batch.for_print and not Pooling(self.store, self.now_ms).has_room(batch.sku_id):
            raise Unreadable(FileProblem.POOL_FULL)
        return found.survey

    # the data key

    def keyed(self, begun: Begun) -> tuple[Batch, BatchKey]:
        """The batch with a data key in it that this process has in the clear. Raises BrokenOffTooOften, Unavailable."""
        batch = begun.batch
        for _ in range(MAX_REWRITES):
            data_key = self.data_keys.of(batch)
            if data_key.wrapped in batch.data_keys or batch.is_settled:
                return batch, data_key
            if len(batch.data_keys) >= MAX_DATA_KEYS:
                raise BrokenOffTooOften
            keyed = replace(_with_key(batch, data_key), **stamp(self.origin, self.now_ms(), batch.version + 1))
            try:
                self.store.replace_batch(keyed)
            except ConditionFailed:
                batch = self.store.get_batch(batch.batch_id)
            else:
                batch = keyed
        raise StoreUnavailable


def rules(asked: Requirements, layout: Layout, *, with_password: bool = False) -> Rules:
    pattern = asked.code_format.pattern
    return Rules(
        asked=asked, layout=layout, with_password=with_password, fits=None if pattern is None else matcher(pattern)
    )


def _asked(batch: Batch, sku: Sku, today: str) -> Requirements:
    return Requirements(
        today=today,
        code_format=sku.code_format,
        face_value=sku.face_value,
        expires_on=batch.expires_on,
        by_label=sku.pick_fee is not None,
        own_issuer=sku.issuer == OWN_ISSUER,
    )


def _with_key(batch: Batch, data_key: BatchKey) -> Batch:
    if data_key.wrapped in batch.data_keys:
        return batch
    return replace(batch, data_keys=(*batch.data_keys, data_key.wrapped))


def _report_of_nothing(reader: Reader, asked: Requirements, survey: Survey) -> ImportReport:
    verdicts = read_rows(reader.rows(survey.layout), rules(asked, survey.layout, with_password=survey.with_password))
    report = ImportReport(ignored=survey.elsewhere, file_problem=FileProblem.NO_KEY)
    while seen := list(islice(verdicts, ROWS_A_LOOK)):
        report = counted(report, seen)
    return report
