"""Files on their way into the pool."""

import secrets

from keyrail.inventory.model import BatchStatus
from keyrail.inventory.service.batches import NewBatch
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
        process = later(world, POOLS_ARE_READ_AGAIN_MS)
        everything = process.order(len(codes) + len(fresh), sku_id=sku)
        process.pay(everything.attempt)
        expect(sorted(revealed(process, everything)) == sorted(codes + fresh), "not what was in the file")

    return Case(bring, check, codes + fresh, [sku])


def import_of_a_file_that_is_none(world: World) -> Case:
    sku, codes = stocked(world, 1)
    batch = world.batches.open(NewBatch(sku_id=sku, source="supplier"), secrets.token_hex(16), OPERATOR)

    def bring(process: World) -> None:
        process.importing.import_file(batch.batch_id, UploadInMemory(b"\x89PNG\r\n\x1a\n\x00\x00"), SYSTEM)

    def check(world: World) -> None:
        expect(world.keys.get_batch(batch.batch_id).status is BatchStatus.REJECTED, "not rejected")

    return Case(bring, check, codes, [sku])


USE_CASES = (
    import_into_a_pool,
    import_of_the_first_file_ever,
    import_of_a_file_that_is_none,
)
MAIN_USE_CASES = (import_into_a_pool,)
