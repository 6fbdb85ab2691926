"""An import in slices: the same end wherever it was cut, whoever ran beside it, and whatever its batch is to become."""

import csv
import hashlib
import io
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from openpyxl import Workbook

from keyrail.catalog.model import Activation, CodeFormat, Terms
from keyrail.inventory.import_store import ImportStore
from keyrail.inventory.model import Batch, BatchNotFound, BatchNotWaiting, BatchStatus, KeyState
from keyrail.inventory.model.batches import Stage
from keyrail.inventory.model.keys import label_of, secret_id
from keyrail.inventory.model.own_codes import NewOwnCodes
from keyrail.inventory.own_code_store import OwnCodeStore
from keyrail.inventory.service import data_keys
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.fingerprints import standing_fingerprints
from keyrail.inventory.service.importing import beginning, runs
from keyrail.inventory.service.importing.beginning import BrokenOffTooOften
from keyrail.inventory.service.own_codes import OwnCodes
from keyrail.inventory.service.rejected_lines import RejectedFiles
from keyrail.platform.dynamo import ConditionFailed
from keyrail.platform.money import Money
from keyrail.vault.codes import OWN_ISSUER
from keyrail.vault.model import Place, SecretUnreadable
from keyrail.vault.providers.kms import KmsKeyWrapper
from keyrail.vault.service.sealing import Opener
from tests.files import UploadInMemory
from tests.integration.inventory.breaking import Killed, Life, Mortal
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, SYSTEM, World, new_codes

CHUNK = 10


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", CHUNK)


@pytest.fixture
def world(local_cloud: LocalCloud) -> World:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    return world


def new_batch(world: World, **wanted: Any) -> str:
    new = NewBatch(**{"sku_id": SKU, "source": "supplier", **wanted})
    return world.batches.open(new, secrets.token_hex(16), OPERATOR).batch_id


def a_slice(world: World, batch_id: str, upload: UploadInMemory) -> Batch:
    """One chunk, in a process that remembers nothing."""
    return world.another_process().importing.import_file(batch_id, upload, SYSTEM, until_ms=0)


def all_slices(world: World, batch_id: str, raw: bytes) -> Batch:
    upload = UploadInMemory(raw)
    while not (batch := a_slice(world, batch_id, upload)).is_settled:
        pass
    return batch


def in_one(world: World, batch_id: str, raw: bytes) -> Batch:
    return world.another_process().importing.import_file(batch_id, UploadInMemory(raw), SYSTEM)


def told(batch: Batch) -> tuple[Any, ...]:
    """What the report says, and nothing of who ran it."""
    assert batch.report is not None
    return batch.status, batch.report, batch.first_expiry, batch.last_expiry


def of_batch(world: World, batch_id: str) -> list[Any]:
    return [key for key in world.stored_keys() if key.batch_id == batch_id]


def opened(world: World, batch: Batch) -> set[tuple[str, str | None]]:
    opener = Opener(KmsKeyWrapper(world.kms, world.vault_key), world.now_ms)
    stored = world.keys.get_batch(batch.batch_id)
    found = set()
    for key in of_batch(world, batch.batch_id):
        place = Place(key.key_id, key.batch_id, key.sku_id)
        secret = opener.open(stored.data_keys[key.data_key], place, key.sealed)
        found.add((secret.code, secret.password))
    return found


def a_bit_of_everything(codes: list[str]) -> str:
    """A file in which chunks end in the middle of all kinds of lines."""
    out = ["# 第二批", "卡号,密码,有效期,备注"]
    for at, code in enumerate(codes):
        day = "2099-12-31" if at % 3 else "2098-06-30"
        out.append(f'{code},{at:04d},{day},"两\n行"' if at % 7 == 3 else f"{code},{at:04d},{day},")
        if at % 5 == 2:
            out += ["", f"={at},x,,", f"{codes[at // 2].lower()},again,,"]
    return "\r\n".join(out) + "\r\n"


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


# what the batch and its SKU ask for


def test_what_a_sku_asked_when_the_import_began_holds_to_its_end(world: World) -> None:
    codes, batch_id = [f"CODE-{at:04d}" for at in range(25)], new_batch(world)
    upload = UploadInMemory("\n".join(codes).encode())
    a_slice(world, batch_id, upload)
    changed = replace(world.catalog.sku(SKU), code_format=CodeFormat(pattern="NEVER"))
    world.catalog.save_sku(changed, OPERATOR)
    batch = all_slices(world, batch_id, upload.raw)
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.rejected) == (25, 0)
    assert in_one(world, new_batch(world), b"CODE-9999").status is BatchStatus.REJECTED


def test_codes_of_a_case_sensitive_issuer_are_told_apart_and_found(world: World) -> None:
    sku = replace(world.catalog.sku(SKU), sku_id="cased", issuer="cased", code_format=CodeFormat(case_sensitive=True))
    world.catalog.save_sku(sku, OPERATOR)
    batch = in_one(world, new_batch(world, sku_id="cased"), b"aBcD-1234\nABCD-1234\nabcd1234\nABCD 1234,p\n")
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.rejected) == (3, 1)
    assert in_one(world, new_batch(world, sku_id="cased"), b"aBcD1234\n").report.duplicate == 1  # type: ignore[union-attr]
    assert world.batches.find("cased", "aBcD 1234").line == 1
    assert world.batches.find("cased", "ABCD1234").line == 2


def test_keys_go_on_sale_with_the_stage_of_their_number_in_the_file(world: World) -> None:
    codes = new_codes(30)
    stages = (Stage(keys=12, opens_at_ms=0), Stage(keys=5, opens_at_ms=None), Stage())
    lines = ["code", *codes[:5], "=1", *codes[5:]]
    batch = all_slices(world, new_batch(world, stages=stages), "\n".join(lines).encode())
    by_stage = {part.stage: part.group for part in batch.parts}
    assert sorted(by_stage) == [0, 1, 2]
    keys = of_batch(world, batch.batch_id)
    placed = Counter(str(key.claim_partition).split("#")[2] for key in keys)
    assert [placed[by_stage[stage]] for stage in (0, 1, 2)] == [12, 5, 13]
    assert world.another_process().claims.stock(SKU).claimable == 1 + 12


def test_each_secret_of_a_loop_batch_is_as_many_keys_as_it_is_sold(world: World) -> None:
    codes, batch_id = new_codes(4), new_batch(world, sales_per_key=3)
    raw = "\n".join([*codes, codes[0]]).encode()
    life = Life(9, after=True)
    mortal = world.another_process(Mortal(world.dynamodb, life), Mortal(world.kms, life))
    with pytest.raises(Killed):
        mortal.importing.import_file(batch_id, UploadInMemory(raw), SYSTEM)
    batch = all_slices(world, batch_id, raw)
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.duplicate, batch.key_count) == (4, 1, 12)
    keys = of_batch(world, batch_id)
    assert Counter(Counter(secret_id(key.key_id) for key in keys).values()) == {3: 4}
    assert len({key.sealed for key in keys}) == 12
    assert {code for code, _ in opened(world, batch)} == set(codes)
    assert world.claims.stock(SKU).claimable == 1 + 12


def test_labels_days_and_terms_come_with_the_keys(world: World) -> None:
    terms = Terms(activation=Activation.ON_SALE, uses=2)
    sku = replace(world.catalog.sku(SKU), pick_fee=Money(100, "CNY"), terms=terms)
    world.catalog.save_sku(sku, OPERATOR)
    one, two, three = new_codes(3)
    raw = f"卡密,靓号,有效期\n{one},138-8888,\n{two},,2099-01-01\n{three},8 8,\n".encode()
    batch = in_one(world, new_batch(world, expires_on="2098-08-08"), raw)
    assert batch.report is not None
    assert [(p.line, p.reason) for p in batch.report.problems] == [(4, "label_not_allowed")]
    keys = {key.line: key for key in of_batch(world, batch.batch_id)}
    assert (keys[2].label, label_of(keys[2].claim_order), keys[2].expires_on) == ("138-8888", "138-8888", "2098-08-08")
    assert (keys[3].label, label_of(keys[3].claim_order), keys[3].expires_on) == (None, None, "2099-01-01")
    assert {key.terms for key in keys.values()} == {terms}
    assert (batch.first_expiry, batch.last_expiry) == ("2098-08-08", "2099-01-01")


def test_a_file_of_more_sales_than_a_batch_may_have_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MAX_KEYS", 11)
    batch = in_one(world, new_batch(world, sales_per_key=3), "\n".join(new_codes(4)).encode())
    assert batch.report is not None
    assert batch.report.file_problem == "too_many_keys"


# stopped by its operator


def test_an_import_whose_batch_is_void_stops_at_the_next_chunk_and_counts_what_is_in(world: World) -> None:
    codes, batch_id = new_codes(45), new_batch(world)
    upload = UploadInMemory("\n".join(codes).encode())
    a_slice(world, batch_id, upload)
    world.commands.void(batch_id, OPERATOR)
    batch = all_slices(world, batch_id, upload.raw)
    assert batch.report is not None
    assert (batch.status, batch.report.file_problem, batch.report.accepted) == (BatchStatus.IMPORTED, "stopped", 20)
    assert batch.key_count == len(of_batch(world, batch_id)) == 20
    world.follow(batch_id)
    assert {key.state for key in of_batch(world, batch_id)} == {KeyState.VOID}
    assert world.another_process().claims.stock(SKU).claimable == 1


def test_an_import_whose_batch_is_frozen_goes_on_and_sells_nothing(world: World) -> None:
    codes, batch_id = new_codes(25), new_batch(world)
    upload = UploadInMemory("\n".join(codes).encode())
    a_slice(world, batch_id, upload)
    world.commands.freeze(batch_id, OPERATOR)
    batch = all_slices(world, batch_id, upload.raw)
    assert batch.report is not None
    assert (batch.report.file_problem, batch.report.accepted) == (None, 25)
    assert world.another_process().claims.stock(SKU).claimable == 1
    world.commands.unfreeze(batch_id, OPERATOR)
    world.follow(batch_id)
    assert world.another_process().claims.stock(SKU).claimable == 26


# the file of what was not taken


def rejected_lines(world: World, batch: Batch) -> list[list[str]]:
    assert batch.rejected_lines is not None
    names = standing_fingerprints(world.keys, KmsKeyWrapper(world.kms, world.fingerprint_key))
    assert names is not None
    files = RejectedFiles(world.files, names, world.now_ms)
    content = files.get(batch.batch_id, batch.rejected_lines.file.object_name)
    assert content is not None
    assert len(content) == batch.rejected_lines.file.size_bytes
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert header == ["line", "reason", "mask", "text"]
    return lines


def test_what_was_not_taken_is_kept_in_one_file_whatever_the_slices_were(world: World) -> None:
    codes = new_codes(30)
    lines = [*codes[:9], "=1,坏", *codes[9:19], codes[0], *codes[19:], f"{codes[1]},p,x,y"]
    batch = all_slices(world, new_batch(world), "\n".join(lines).encode())
    assert batch.rejected_lines is not None
    assert batch.rejected_lines.complete
    assert rejected_lines(world, batch) == [
        ["10", "formula", "", "'=1,坏"],
        ["21", "duplicate_in_file", f"••••{codes[0][-4:]}", ""],
        ["33", "too_many_columns", f"••••{codes[1][-4:]}", f"{codes[1]},p,x,y"],
    ]
    assert set(world.files.stored) == {batch.rejected_lines.file.object_name}, "a part was left behind"
    assert batch.batch_id not in batch.rejected_lines.file.object_name


def test_rejected_lines_lie_in_no_bucket_in_the_clear(world: World) -> None:
    codes = new_codes(25)
    upload = UploadInMemory("\n".join(line for code in codes for line in (code, f"={code}", f"{code},p,q,r")).encode())
    batch_id, seen = new_batch(world), b""
    while not a_slice(world, batch_id, upload).is_settled:
        seen += b"".join(world.files.stored.values())
    seen += b"".join(world.files.stored.values())
    assert len(seen) > 1_000
    assert not [code for code in codes if code.encode() in seen]
    batch = world.keys.get_batch(batch_id)
    assert batch.rejected_lines is not None
    name, other = batch.rejected_lines.file.object_name, all_slices(world, new_batch(world), b"GOOD-1\n=1\n")
    assert other.rejected_lines is not None
    world.files.stored[other.rejected_lines.file.object_name] = world.files.stored[name]
    with pytest.raises(SecretUnreadable):
        rejected_lines(world, other)


def test_where_everything_was_taken_there_is_no_such_file(world: World) -> None:
    assert all_slices(world, new_batch(world), "\n".join(new_codes(25)).encode()).rejected_lines is None
    assert world.files.stored == {}


def test_a_file_of_rejected_lines_that_is_full_says_that_there_were_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MAX_REJECTED_BYTES", 500)
    lines = [line for code in new_codes(30) for line in (code, f"={code}")]
    batch = all_slices(world, new_batch(world), "\n".join(lines).encode())
    assert batch.report is not None
    assert batch.report.rejected == 30
    assert batch.rejected_lines is not None
    assert not batch.rejected_lines.complete
    kept = rejected_lines(world, batch)
    assert kept[-1] == ["", "cut", "", ""]
    assert [line[0] for line in kept[:-1]] == [str(2 * at) for at in range(1, len(kept))]
    assert batch.rejected_lines.file.size_bytes < 600


def test_a_part_that_the_bucket_forgot_makes_the_file_incomplete_and_fails_nothing(world: World) -> None:
    lines = [line for code in new_codes(15) for line in (code, f"={code}")]
    batch_id, upload = new_batch(world), UploadInMemory("\n".join(lines).encode())
    a_slice(world, batch_id, upload)
    world.files.stored.clear()
    batch = all_slices(world, batch_id, upload.raw)
    assert batch.rejected_lines is not None
    assert not batch.rejected_lines.complete
    assert len(rejected_lines(world, batch)) == 10 + 1


# what is known already


class Counted:
    """A client that counts what it was asked, and what that costs."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests: Counter[str] = Counter()
        self.looked_for = 0
        self.write_units = 0.0

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if name not in {"put_item", "batch_get_item", "get_item", "transact_write_items", "query"}:
            return attribute

        def call(**request: Any) -> Any:
            self.requests[name] += 1
            if name == "batch_get_item":
                self.looked_for += sum(len(each["Keys"]) for each in request["RequestItems"].values())
            return attribute(**request)

        return call


@pytest.fixture
def whole_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", 1_000)


@pytest.mark.usefixtures("whole_chunks")
def test_a_file_that_is_in_already_is_looked_for_and_not_written(world: World) -> None:
    codes = new_codes(1_050)
    first = in_one(world, new_batch(world), "\n".join(codes).encode())
    counting = Counted(world.dynamodb)
    process = world.another_process(counting)
    again = process.importing.import_file(new_batch(world), UploadInMemory("\n".join(codes).encode()), SYSTEM)
    assert first.report is not None
    assert again.report is not None
    assert (first.report.accepted, again.report.duplicate, again.report.accepted) == (1_050, 1_050, 0)
    assert {problem.reason for problem in again.report.problems} == {"duplicate_in_stock"}
    # The batch twice, and twice the place where the import is.
    assert counting.requests["put_item"] == 4
    assert counting.looked_for == 1_050
    assert counting.requests["batch_get_item"] == 11


@pytest.mark.usefixtures("whole_chunks")
def test_a_fresh_file_is_hardly_looked_for(world: World) -> None:
    counting = Counted(world.dynamodb)
    process = world.another_process(counting)
    process.importing.import_file(new_batch(world), UploadInMemory("\n".join(new_codes(1_050)).encode()), SYSTEM)
    assert counting.requests["put_item"] == 1_050 + 4
    assert counting.requests["batch_get_item"] == 2
    assert counting.looked_for <= 200
    assert counting.requests.total() <= 1.05 * 1_050


@pytest.mark.usefixtures("whole_chunks")
def test_a_file_of_which_a_part_is_in_already_writes_what_is_new(world: World) -> None:
    known, fresh = new_codes(300), new_codes(300)
    in_one(world, new_batch(world), "\n".join(known).encode())
    mixed = [code for pair in zip(known, fresh, strict=True) for code in pair]
    counting = Counted(world.dynamodb)
    process = world.another_process(counting)
    batch = process.importing.import_file(new_batch(world), UploadInMemory("\n".join(mixed).encode()), SYSTEM)
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.duplicate) == (300, 300)
    assert counting.requests["put_item"] == 300 + 3


def test_a_look_that_misses_what_is_in_is_put_right_by_the_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImportStore, "known", lambda *_: {})
    codes = new_codes(15)
    in_one(world, new_batch(world), "\n".join(codes).encode())
    batch = in_one(world, new_batch(world), "\n".join([*codes, codes[0], *new_codes(1)]).encode())
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.duplicate) == (1, 16)
    assert {problem.reason for problem in batch.report.problems} == {"duplicate_in_stock"}


def test_sold_codes_are_told_from_those_in_stock_by_a_look_as_by_a_write(world: World) -> None:
    codes = new_codes(6)
    batch = in_one(world, new_batch(world), "\n".join(codes).encode())
    placed = world.order(7)
    world.pay(placed.order.attempts[0])
    fresh = new_codes(6)
    in_one(world, new_batch(world), "\n".join(fresh).encode())
    again = in_one(world, new_batch(world), "\n".join([*codes, *fresh]).encode())
    assert batch.report is not None
    assert again.report is not None
    assert [problem.reason for problem in again.report.problems] == ["already_sold"] * 6 + ["duplicate_in_stock"] * 6
