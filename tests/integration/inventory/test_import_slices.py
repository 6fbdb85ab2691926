"""An import in slices: the same end wherever it was cut, and whoever ran beside it."""

import hashlib
import io
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from openpyxl import Workbook

from keyrail.inventory.model.batches import BatchNotFound, BatchNotWaiting, BatchStatus
from keyrail.inventory.model.own_codes import NewOwnCodes
from keyrail.inventory.service import data_keys
from keyrail.inventory.service.importing import beginning, runs
from keyrail.inventory.service.importing.beginning import BrokenOffTooOften
from keyrail.inventory.service.own_codes import OwnCodes
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.platform.dynamo import ConditionFailed
from keyrail.vault.codes import OWN_ISSUER
from tests.files import UploadInMemory
from tests.integration.inventory.breaking import Killed, Life, Mortal
from tests.integration.inventory.slicing import (
    CHUNK,
    a_bit_of_everything,
    a_slice,
    all_slices,
    in_one,
    new_batch,
    of_batch,
    opened,
    rejected_lines,
    told,
)
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, SYSTEM, World, new_codes


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", CHUNK)


@pytest.fixture
def world(local_cloud: LocalCloud) -> World:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    return world


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "utf-16"])
def test_a_text_in_many_slices_ends_as_it_does_in_one(world: World, codec: str) -> None:
    codes = new_codes(57)
    raw = a_bit_of_everything(codes).encode(codec)
    batch = all_slices(world, new_batch(world), raw)
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.duplicate, batch.report.rejected) == (57, 11, 11)
    assert opened(world, batch) == {(code, f"{at:04d}") for at, code in enumerate(codes)}
    again = all_slices(world, new_batch(world), a_bit_of_everything(new_codes(57)).encode(codec))
    other = in_one(world, new_batch(world), a_bit_of_everything(new_codes(57)).encode(codec))
    assert [[(p.line, p.reason) for p in each.report.problems] for each in (batch, again, other) if each.report].count(
        [(p.line, p.reason) for p in batch.report.problems]
    ) == 3
    assert told(again)[0::2] == told(other)[0::2]
    assert [part.group for part in batch.parts] == [part.group for part in other.parts] == ["2098-06-30", "2099-12-31"]


def test_a_workbook_goes_on_at_the_row_where_it_was_broken_off(world: World) -> None:
    codes, book = new_codes(35), Workbook()
    sheet = book.active
    sheet.append(["卡号", "密码"])
    for at, code in enumerate(codes):
        sheet.append([code, f"{at:04d}"])
        if at == 11:
            sheet.append([None])
            sheet.append(["=1+1", "x"])
    out = io.BytesIO()
    book.save(out)
    batch = all_slices(world, new_batch(world), out.getvalue())
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.rejected, batch.report.ignored) == (35, 1, 2)
    assert [problem.line for problem in batch.report.problems] == [15]
    assert opened(world, batch) == {(code, f"{at:04d}") for at, code in enumerate(codes)}


def test_a_slice_that_goes_on_reads_neither_the_file_from_its_beginning_nor_the_whole(world: World) -> None:
    codes, batch_id = new_codes(45), new_batch(world)
    raw = "\n".join(codes).encode()
    a_slice(world, batch_id, UploadInMemory(raw))
    upload = UploadInMemory(raw)
    a_slice(world, batch_id, upload)
    (first, *_) = upload.reads
    assert first[0] == raw.index(codes[CHUNK].encode())


def test_the_way_of_an_import_can_be_watched(world: World) -> None:
    codes, batch_id = new_codes(25), new_batch(world)
    upload = UploadInMemory("\n".join([*codes[:12], "=1", *codes[12:]]).encode())
    seen = []
    while not a_slice(world, batch_id, upload).is_settled:
        batch = world.keys.get_batch(batch_id)
        progress = ImportStore(world.keys).progress(batch_id)
        assert progress is not None
        assert batch.status is BatchStatus.IMPORTING
        seen.append((progress.line - 1, progress.survey.lines, progress.report.accepted, progress.report.rejected))
    assert seen == [(10, 26, 10, 0), (20, 26, 19, 1)]


def test_what_is_not_imported_yet_is_not_on_sale(world: World) -> None:
    batch_id, upload = new_batch(world), UploadInMemory("\n".join(new_codes(25)).encode())
    before = world.claims.stock(SKU).claimable
    a_slice(world, batch_id, upload)
    assert world.another_process().claims.stock(SKU).claimable == before
    while not a_slice(world, batch_id, upload).is_settled:
        pass
    assert world.another_process().claims.stock(SKU).claimable == before + 25


def test_a_place_of_an_import_is_replaced_only_by_its_next(world: World) -> None:
    batch_id = new_batch(world)
    a_slice(world, batch_id, UploadInMemory("\n".join(new_codes(25)).encode()))
    imports = ImportStore(world.keys)
    standing = imports.progress(batch_id)
    assert standing is not None
    for version in (standing.version, standing.version + 2):
        with pytest.raises(ConditionFailed):
            imports.advance(replace(standing, line=1, version=version))
    imports.advance(replace(standing, version=standing.version + 1))
    assert imports.begin(standing).version == standing.version + 1


def test_no_table_holds_a_digest_by_which_a_short_code_could_be_found_by_trying(world: World) -> None:
    raw = b"1234\n5678\n" + "\n".join(new_codes(10)).encode()
    batch_id = new_batch(world)
    a_slice(world, batch_id, UploadInMemory(raw))
    all_slices(world, batch_id, raw)
    dump = repr(world.scan("keys"))
    for digest in (hashlib.sha256, hashlib.md5, hashlib.sha1):
        for text in (raw, b"1234", b"5678", b"game\n1234"):
            assert digest(text).hexdigest() not in dump
            assert repr(digest(text).digest())[2:-1] not in dump


# beside each other


def test_many_runs_of_one_import_at_once_count_each_line_once(world: World) -> None:
    codes, batch_id = new_codes(85), new_batch(world)
    upload = UploadInMemory(a_bit_of_everything(codes).encode())
    processes = [world.another_process() for _ in range(5)]
    with ThreadPoolExecutor(len(processes)) as deliveries:
        done = list(deliveries.map(lambda each: each.importing.import_file(batch_id, upload, SYSTEM), processes))
    batch = world.keys.get_batch(batch_id)
    assert all(each.report == batch.report for each in done)
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.duplicate, batch.report.rejected) == (85, 17, 17)
    assert opened(world, batch) == {(code, f"{at:04d}") for at, code in enumerate(codes)}
    pool = world.keys.get_pool(SKU)
    assert pool is not None
    assert sum(part.batch_id == batch_id for part in pool.parts) == 2


def test_the_same_file_in_two_batches_at_once_slice_by_slice_brings_each_key_once(world: World) -> None:
    codes = new_codes(60)
    raw = "\n".join(codes).encode()
    batches = [new_batch(world) for _ in range(3)]
    with ThreadPoolExecutor(len(batches)) as people:
        done = list(people.map(lambda batch_id: all_slices(world, batch_id, raw), batches))
    reports = [batch.report for batch in done if batch.report]
    assert sum(report.accepted for report in reports) == 60
    assert all(report.accepted + report.duplicate == 60 for report in reports)
    assert len([key for key in world.stored_keys() if key.batch_id in batches]) == 60


def test_the_same_file_uploaded_anew_goes_on_where_the_first_was_broken_off(world: World) -> None:
    codes, batch_id = new_codes(35), new_batch(world)
    raw = "\n".join(codes).encode()

    class Anew(UploadInMemory):
        version = '"another-upload"'

    a_slice(world, batch_id, UploadInMemory(raw))
    before = len(of_batch(world, batch_id))
    batch = world.another_process().importing.import_file(batch_id, Anew(raw), SYSTEM, until_ms=0)
    assert batch.status is BatchStatus.IMPORTING
    assert (before, len(of_batch(world, batch_id))) == (CHUNK, 2 * CHUNK)
    with pytest.raises(BatchNotWaiting):
        a_slice(world, batch_id, UploadInMemory(raw + b"\nONE-MORE"))
    assert all_slices(world, batch_id, raw).report == in_one(world, batch_id, raw).report


def test_a_file_for_codes_of_our_own_is_refused(world: World) -> None:
    world.catalog.save_sku(replace(world.catalog.sku(SKU), sku_id="own", issuer=OWN_ISSUER), OPERATOR)
    own_codes = OwnCodes(world.keys, OwnCodeStore(world.dynamodb, world.names["keys"]), world.catalog, world.now_ms)
    batch = own_codes.open(NewOwnCodes(sku_id="own", wanted=1, source="us"), secrets.token_hex(16), OPERATOR)
    with pytest.raises(BatchNotFound):
        in_one(world, batch.batch_id, b"A1")


# killed


@pytest.mark.parametrize("after", [False, True], ids=["before_it_took_effect", "after_it_took_effect"])
def test_a_kill_at_any_write_of_any_chunk_changes_nothing_about_the_end(world: World, after: bool) -> None:
    codes, known = new_codes(24), new_codes(1)
    world.import_codes(known)
    lines = [*codes[:11], known[0], *codes[11:20], codes[3], "=1", *codes[20:], codes[4]]
    whole = in_one(world, new_batch(world), "\n".join(new_codes(24)).encode())
    assert whole.report is not None
    writes = 1
    while True:
        fresh = dict(zip(codes, new_codes(24), strict=True))
        raw = "\n".join(fresh.get(line, line) for line in lines).encode()
        batch_id = new_batch(world)
        life = Life(writes, after)
        try:
            mortal = world.another_process(Mortal(world.dynamodb, life), Mortal(world.kms, life))
            mortal.importing.import_file(batch_id, UploadInMemory(raw), SYSTEM)
        except Killed:
            pass
        else:
            break
        batch = in_one(world, batch_id, raw)
        assert batch.report is not None
        assert (batch.report.accepted, batch.report.duplicate, batch.report.rejected) == (24, 3, 1), f"write {writes}"
        assert [(p.line, p.reason) for p in batch.report.problems] == [
            (12, "duplicate_in_stock"),
            (22, "duplicate_in_file"),
            (23, "formula"),
            (28, "duplicate_in_file"),
        ]
        assert {code for code, _ in opened(world, batch)} == set(fresh.values())
        assert [line for line, *_ in rejected_lines(world, batch)] == ["12", "22", "23", "28"]
        writes += 3  # the rest is tried with whole chunks, in the crash matrix and in one run or another of this
    assert writes > 24


def test_an_import_that_is_always_broken_off_gives_up_loudly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MAX_DATA_KEYS", 3)
    batch_id, upload = new_batch(world), UploadInMemory("\n".join(new_codes(95)).encode())
    for _ in range(3):
        a_slice(world, batch_id, upload)
    with pytest.raises(BrokenOffTooOften):
        a_slice(world, batch_id, upload)
    assert world.keys.get_batch(batch_id).status is BatchStatus.IMPORTING


def test_a_data_key_is_kept_for_minutes_and_for_few_batches_only(world: World) -> None:
    process = world.another_process()
    uploads = {
        new_batch(world): UploadInMemory("\n".join(new_codes(25)).encode()) for _ in range(data_keys.MAX_KEPT + 1)
    }
    first = next(iter(uploads))
    for batch_id, upload in uploads.items():
        process.importing.import_file(batch_id, upload, SYSTEM, until_ms=0)
    process.importing.import_file(first, uploads[first], SYSTEM, until_ms=0)
    assert len(world.keys.get_batch(first).data_keys) == 2, "kept beyond the count"
    last = list(uploads)[-1]
    process.ahead_ms += data_keys.MAX_AGE_MS
    process.importing.import_file(last, uploads[last], SYSTEM, until_ms=0)
    assert len(world.keys.get_batch(last).data_keys) == 2, "kept beyond its minutes"
