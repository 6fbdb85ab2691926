"""Files on their way into the pool."""

import secrets
from contextlib import suppress
from dataclasses import replace

import pytest

from keyrail.catalog.model import CodeFormat
from keyrail.inventory.model.batches import Batch, BatchStatus
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.import_desk import ImportDesk
from keyrail.inventory.service.importing import runs
from keyrail.platform.handover import AlreadyHandedOut
from keyrail.vault.providers.kms import KmsKeyWrapper
from tests.faults.use_cases.case import (
    POOLS_ARE_READ_AGAIN_MS,
    Case,
    expect,
    later,
    revealed,
    stocked,
)
from tests.files import UploadInMemory
from tests.world import OPERATOR, SYSTEM, World, new_codes


def import_into_a_pool(world: World) -> Case:
    sku, codes = stocked(world, 1)
    return _import(world, sku, codes)


def import_of_the_first_file_ever(world: World) -> Case:
    sku, codes = stocked(world, 0)
    # As if no key had ever been named: the first import makes the key behind all names.
    world.dynamodb.delete_item(TableName=world.names["keys"], Key={"key_id": {"S": "fingerprint#01"}})
    return _import(world, sku, codes)


def _import(world: World, sku: str, codes: list[str]) -> Case:
    fresh = new_codes(3)
    batch = world.batches.open(NewBatch(sku_id=sku, source="supplier"), secrets.token_hex(16), OPERATOR)
    raw = "\n".join(fresh).encode()

    def bring(process: World) -> None:
        process.importing.import_file(batch.batch_id, UploadInMemory(raw), SYSTEM)

    def check(world: World) -> None:
        imported = world.keys.get_batch(batch.batch_id)
        expect(imported.status is BatchStatus.IMPORTED, "the import never ended")
        expect(imported.report and imported.report.accepted == len(fresh), "the report miscounts")
        _everything_sells(world, sku, codes + fresh)

    return Case(bring, check, codes + fresh, [sku])


def import_of_a_file_that_is_none(world: World) -> Case:
    sku, codes = stocked(world, 1)
    batch = world.batches.open(NewBatch(sku_id=sku, source="supplier"), secrets.token_hex(16), OPERATOR)

    def bring(process: World) -> None:
        process.importing.import_file(batch.batch_id, UploadInMemory(b"\x89PNG\r\n\x1a\n\x00\x00"), SYSTEM)

    def check(world: World) -> None:
        expect(world.keys.get_batch(batch.batch_id).status is BatchStatus.REJECTED, "not rejected")

    return Case(bring, check, codes, [sku])


def import_of_several_chunks(world: World) -> Case:
    """With lines that are not taken in each of them, and two days of use."""
    sku, codes = stocked(world, 1)
    fresh = new_codes(5)
    days = ["2098-01-31", "", "2099-12-31"]
    lines = [f"{code},{days[at % 3]}" for at, code in enumerate(fresh)]
    raw = "\n".join(["code,expiry", *lines[:2], "=1,", f"{codes[0]},", *lines[2:], f"{fresh[0]},"]).encode()
    batch = _open(world, sku)

    def bring(process: World) -> None:
        _in_chunks(process, batch.batch_id, raw, keys_a_chunk=2)

    def check(world: World) -> None:
        imported = world.keys.get_batch(batch.batch_id)
        report = imported.report
        expect(imported.status is BatchStatus.IMPORTED and report, "the import never ended")
        expect(report and (report.accepted, report.duplicate, report.rejected) == (5, 2, 1), "the report miscounts")
        reasons = [(problem.line, problem.reason) for problem in report.problems] if report else []
        expect(reasons == [(4, "formula"), (5, "duplicate_in_stock"), (9, "duplicate_in_file")], "other reasons")
        expect(imported.rejected_lines and imported.rejected_lines.complete, "rejected lines are lost")
        expect(len(imported.parts) == 3, "not in the pool by their days")
        _everything_sells(world, sku, codes + fresh)

    return Case(bring, check, codes + fresh, [sku])


def import_of_a_file_that_is_in_already(world: World) -> Case:
    sku, codes = stocked(world, 3)
    batch = _open(world, sku)

    def bring(process: World) -> None:
        process.importing.import_file(batch.batch_id, UploadInMemory("\n".join(codes).encode()), SYSTEM)

    def check(world: World) -> None:
        report = world.keys.get_batch(batch.batch_id).report
        expect(report and (report.accepted, report.duplicate) == (0, 3), "not told as duplicates")
        _everything_sells(world, sku, codes)

    return Case(bring, check, codes, [sku])


def import_of_keys_that_are_sold_twice_each(world: World) -> Case:
    sku, codes = stocked(world, 0)
    fresh = new_codes(2)
    batch = _open(world, sku, sales_per_key=2)

    def bring(process: World) -> None:
        process.importing.import_file(batch.batch_id, UploadInMemory("\n".join(fresh).encode()), SYSTEM)

    def check(world: World) -> None:
        expect(world.keys.get_batch(batch.batch_id).key_count == 4, "the report miscounts")
        for _ in range(2):
            _everything_sells(world, sku, fresh)

    return Case(bring, check, codes + fresh, [sku])


def handing_out_of_rejected_lines(world: World) -> Case:
    """Whoever is killed on the way has lost the file: nobody gets it a second time."""
    sku, codes = stocked(world, 1)
    batch = _open(world, sku)
    world.importing.import_file(batch.batch_id, UploadInMemory(b"GOOD-1\n=1\n"), SYSTEM)
    handed_out: list[bytes] = []

    def ask(process: World) -> None:
        wrapper = KmsKeyWrapper(process.kms, process.fingerprint_key)
        desk = ImportDesk(process.keys, process.files, wrapper, process.now_ms)
        with suppress(AlreadyHandedOut):
            handed_out.append(desk.hand_out(batch.batch_id, OPERATOR))

    def check(world: World) -> None:
        lines = world.keys.get_batch(batch.batch_id).rejected_lines
        expect(lines and lines.file.taken_as, "handed out, and not on record")
        expect(len(handed_out) <= 1, "handed out twice")

    return Case(ask, check, codes, [sku])


def saving_of_the_first_sku_of_an_issuer(world: World) -> Case:
    sku, codes = stocked(world, 1)
    issuer = f"issuer-{secrets.token_hex(6)}"
    wanted = replace(
        world.catalog.sku(sku), sku_id=f"{sku}-cased", issuer=issuer, code_format=CodeFormat(case_sensitive=True)
    )

    def save(process: World) -> None:
        process.catalog.save_sku(wanted, OPERATOR)

    def check(world: World) -> None:
        standing = world.catalog.store.issuer(issuer)
        expect(standing and standing.case_sensitive, "saved without the rule of its issuer")
        expect(world.catalog.sku(wanted.sku_id).case_sensitive, "not saved")

    return Case(save, check, codes, [sku])


def _open(world: World, sku: str, sales_per_key: int = 1) -> Batch:
    wanted = NewBatch(sku_id=sku, source="supplier", sales_per_key=sales_per_key)
    return world.batches.open(wanted, secrets.token_hex(16), OPERATOR)


def _in_chunks(process: World, batch_id: str, raw: bytes, keys_a_chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "KEYS_A_CHUNK", keys_a_chunk)
        process.importing.import_file(batch_id, UploadInMemory(raw), SYSTEM)


def _everything_sells(world: World, sku: str, codes: list[str]) -> None:
    process = later(world, POOLS_ARE_READ_AGAIN_MS)
    everything = process.order(len(codes), sku_id=sku)
    process.pay(everything.attempt)
    expect(sorted(revealed(process, everything)) == sorted(codes), "not what was in the file")


USE_CASES = (
    import_into_a_pool,
    import_of_the_first_file_ever,
    import_of_a_file_that_is_none,
    import_of_several_chunks,
    import_of_a_file_that_is_in_already,
    import_of_keys_that_are_sold_twice_each,
    handing_out_of_rejected_lines,
    saving_of_the_first_sku_of_an_issuer,
)
