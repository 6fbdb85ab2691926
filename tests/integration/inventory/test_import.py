"""The import on a real engine: each code once, nothing in the clear, and the same end after every kill."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from keyrail.catalog.model import Terms
from keyrail.inventory.model.batches import Batch, BatchNotFound, BatchNotWaiting, BatchStatus, ImportReport
from keyrail.inventory.model.key_file import MAX_LINES
from keyrail.inventory.model.keys import KeyState
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.pooling import YOUNG_PART_MS
from keyrail.inventory.store.keys import pool_key
from keyrail.platform.clock import utc_date
from keyrail.platform.documents import to_attributes
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import IdempotencyConflict, Invalid, KeyrailError
from keyrail.vault.model import Place, Secret, SecretUnreadable
from keyrail.vault.providers.kms import KmsKeyWrapper
from keyrail.vault.service.sealing import Opener
from tests.files import UploadInMemory
from tests.integration.inventory.breaking import Killed, Life, Mortal
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, SYSTEM, World, new_codes


@pytest.fixture
def world(local_cloud: LocalCloud) -> World:
    """A catalog with one SKU, and a first batch, so that the fingerprint key is there."""
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    return world


def new_batch(world: World) -> str:
    wanted = NewBatch(sku_id=SKU, source="supplier")
    return world.batches.open(wanted, secrets.token_hex(16), OPERATOR).batch_id


def import_file(world: World, batch_id: str, raw: bytes) -> Batch:
    return world.importing.import_file(batch_id, UploadInMemory(raw), SYSTEM)


def file_of(codes: list[str]) -> bytes:
    return "\n".join(f"{code}----pass-{code[-4:]}" for code in codes).encode()


def test_the_same_request_for_a_batch_gets_its_first_answer_when_it_would_be_refused_by_now(world: World) -> None:
    today, name = utc_date(world.now_ms()), secrets.token_hex(16)
    wanted = NewBatch(sku_id=SKU, source="supplier", expires_on=today, sales_per_key=2)
    first = world.batches.open(wanted, name, OPERATOR)
    world.ahead_ms += 24 * 3600_000
    world.catalog.save_sku(replace(world.catalog.sku(SKU), terms=Terms(uses=1)), OPERATOR)
    assert world.batches.open(wanted, name, OPERATOR) == first
    with pytest.raises(IdempotencyConflict):
        world.batches.open(replace(wanted, sales_per_key=3), name, OPERATOR)
    with pytest.raises(Invalid):
        world.batches.open(wanted, secrets.token_hex(16), OPERATOR)


def opened(world: World, batch_id: str) -> dict[int, Secret]:
    """The secrets of a batch by their line, as the delivery would open them."""
    opener = Opener(KmsKeyWrapper(world.kms, world.vault_key), world.now_ms)
    wrapped = world.keys.get_batch(batch_id).data_keys
    return {
        key.line: opener.open(wrapped[key.data_key], Place(key.key_id, key.batch_id, key.sku_id), key.sealed)
        for key in world.stored_keys()
        if key.batch_id == batch_id
    }


def report_of(batch: Batch) -> ImportReport:
    assert batch.report is not None
    return batch.report


def counts(batch: Batch) -> tuple[int, int, int, int]:
    report = report_of(batch)
    return report.accepted, report.duplicate, report.rejected, report.ignored


def batches_in_pool(world: World) -> list[str]:
    pool = world.keys.get_pool(SKU)
    return [part.batch_id for part in pool.parts] if pool else []


def test_a_file_becomes_sealed_keys_that_open_again_and_can_be_claimed(world: World) -> None:
    codes, batch_id = new_codes(40), new_batch(world)
    raw = b"# January\n" + file_of(codes) + b"\n" + codes[0].lower().encode() + b"----x\n=1----x\n"
    batch = import_file(world, batch_id, raw)
    assert batch.status is BatchStatus.IMPORTED
    assert counts(batch) == (40, 1, 1, 1)
    assert [problem.line for problem in report_of(batch).problems] == [42, 43]
    assert opened(world, batch_id) == {n: Secret(code, f"pass-{code[-4:]}") for n, code in enumerate(codes, 2)}
    assert world.claims.stock(SKU).claimable == 41


def test_the_earliest_and_the_latest_day_of_use_are_known_to_batch_and_pool(world: World) -> None:
    first, *others = new_codes(3)
    raw = f"code,expiry\n{first},2099-05-01\n{others[0]},2098-05-01\n".encode()
    batch = import_file(world, new_batch(world), raw)
    assert (batch.first_expiry, batch.last_expiry) == ("2098-05-01", "2099-05-01")
    lasting = import_file(world, new_batch(world), f"code,expiry\n{others[1]},\n".encode())
    assert (lasting.first_expiry, lasting.last_expiry) == (None, None)
    assert batches_in_pool(world)[0] == batch.batch_id


def test_a_file_that_is_in_already_is_all_duplicates_and_adds_nothing(world: World) -> None:
    codes = new_codes(30)
    import_file(world, new_batch(world), file_of(codes))
    before = world.scan("keys")
    again = new_batch(world)
    batch = import_file(world, again, file_of(codes))
    assert counts(batch) == (0, 30, 0, 0)
    assert {problem.reason for problem in report_of(batch).problems} == {"duplicate_in_stock"}
    added = {item["key_id"]["S"] for item in world.scan("keys")} - {item["key_id"]["S"] for item in before}
    assert added == {again, f"import#{again}"}
    assert again not in batches_in_pool(world)


def test_a_code_that_was_sold_is_reported_as_sold(world: World) -> None:
    placed = world.order(1)
    (attempt,) = placed.order.attempts
    world.pay(attempt)
    (sold,) = world.sold()
    code = opened(world, sold.batch_id)[sold.line].code
    batch = import_file(world, new_batch(world), code.encode())
    assert [problem.reason for problem in report_of(batch).problems] == ["already_sold"]


def test_the_same_file_in_two_batches_at_once_brings_each_key_once(world: World) -> None:
    codes = new_codes(60)
    batches = [new_batch(world) for _ in range(4)]
    processes = [world.another_process() for _ in batches]
    with ThreadPoolExecutor(len(batches)) as people:
        done = list(
            people.map(lambda each: import_file(each[0], each[1], file_of(codes)), zip(processes, batches, strict=True))
        )
    assert sum(counts(batch)[0] for batch in done) == 60
    assert all(sum(counts(batch)[:2]) == 60 for batch in done)
    mine = [key for key in world.stored_keys() if key.batch_id in batches]
    assert len(mine) == 60
    for batch in done:
        assert len(opened(world, batch.batch_id)) == counts(batch)[0]
        assert (batch.batch_id in batches_in_pool(world)) == bool(counts(batch)[0])


def test_the_same_event_many_times_at_once_has_one_effect(world: World) -> None:
    codes, batch_id = new_codes(40), new_batch(world)
    processes = [world.another_process() for _ in range(6)]
    with ThreadPoolExecutor(len(processes)) as deliveries:
        done = list(deliveries.map(lambda process: import_file(process, batch_id, file_of(codes)), processes))
    assert {counts(batch) for batch in done} == {(40, 0, 0, 0)}
    assert {secret.code for secret in opened(world, batch_id).values()} == set(codes)
    assert batches_in_pool(world).count(batch_id) == 1


def test_a_settled_batch_takes_no_other_file(world: World) -> None:
    batch_id = new_batch(world)
    done = import_file(world, batch_id, file_of(new_codes(3)))
    for other in (file_of(new_codes(5)), b""):
        with pytest.raises(BatchNotWaiting):
            import_file(world, batch_id, other)
    assert world.keys.get_batch(batch_id) == done
    assert len(opened(world, batch_id)) == 3


def test_a_batch_whose_import_was_killed_goes_on_with_its_own_file_only(world: World) -> None:
    codes, batch_id = new_codes(5), new_batch(world)
    die(world, batch_id, file_of(codes), Life(writes=4))
    for other in (file_of(new_codes(5)), b"", b"\0"):
        with pytest.raises(BatchNotWaiting):
            import_file(world, batch_id, other)
    assert counts(import_file(world, batch_id, file_of(codes))) == (5, 0, 0, 0)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "empty"),
        (b"\x89PNG\0\0", "not_text"),
        (b"PK\x03\x04", "unsupported_format"),
        (b"A\n" * (MAX_LINES + 1), "too_many_lines"),
        (b"=1\n,\n", "no_key"),
    ],
)
def test_a_file_that_is_none_is_rejected_and_nothing_else_is_written(world: World, raw: bytes, problem: str) -> None:
    batch_id = new_batch(world)
    before = {item["key_id"]["S"]: item for item in world.scan("keys")}
    batch = import_file(world, batch_id, raw)
    assert (batch.status, report_of(batch).file_problem) == (BatchStatus.REJECTED, problem)
    after = {item["key_id"]["S"]: item for item in world.scan("keys")}
    assert {name for name in after if after[name] != before.get(name)} == {batch_id}
    assert import_file(world, batch_id, file_of(new_codes(1))) == batch


def test_a_file_of_no_batch_is_refused(world: World) -> None:
    with pytest.raises(BatchNotFound):
        import_file(world, "bat_" + "0" * 26, b"A1")


# killed


FILE_CODES = 6
# Fingerprint key, data key, the batch takes the file, what is in it, the keys, the pool, the report.
WRITES = FILE_CODES + 6


def die(world: World, batch_id: str, raw: bytes, life: Life) -> None:
    mortal = world.another_process(Mortal(world.dynamodb, life), Mortal(world.kms, life))
    with pytest.raises(Killed):
        import_file(mortal, batch_id, raw)


def test_an_import_killed_three_times_ends_as_one_that_was_not(world: World) -> None:
    codes, batch_id = new_codes(50), new_batch(world)
    for writes in (10, 20, 15):
        die(world, batch_id, file_of(codes), Life(writes, after=True))
    batch = import_file(world, batch_id, file_of(codes))
    assert counts(batch) == (50, 0, 0, 0)
    assert len(batch.data_keys) == 4
    assert {secret.code for secret in opened(world, batch_id).values()} == set(codes)


def test_keys_sold_between_the_pool_and_the_report_still_count_as_accepted(world: World) -> None:
    codes, batch_id = new_codes(FILE_CODES), new_batch(world)
    die(world, batch_id, file_of(codes), Life(WRITES, after=False))
    assert world.keys.get_batch(batch_id).status is BatchStatus.IMPORTING
    placed = world.order(FILE_CODES + 1)
    world.pay(placed.order.attempts[0])
    assert all(key.state is KeyState.SOLD for key in world.stored_keys())
    assert counts(import_file(world, batch_id, file_of(codes))) == (FILE_CODES, 0, 0, 0)
    assert world.claims.stock(SKU).claimable == 0


def test_keys_that_expire_while_an_import_lies_broken_are_judged_as_on_its_first_day(world: World) -> None:
    code, batch_id = new_codes(1)[0], new_batch(world)
    today = f"{code},p,2099-01-01".encode()
    die(world, batch_id, today, Life(3, after=True))
    later = world.another_process()
    later.ahead_ms = 100 * 366 * 24 * 3600 * 1000
    assert counts(import_file(later, batch_id, today)) == (1, 0, 0, 0)


# secret


def test_the_table_holds_none_of_the_codes(world: World) -> None:
    codes = new_codes(50)
    raw = file_of(codes) + b"\n=" + codes[0].encode() + b"\n" + codes[1].encode() + b"\n"
    import_file(world, new_batch(world), raw)
    dump = repr(world.scan("keys")) + repr(world.scan("catalog"))
    assert not [code for code in codes if code in dump or code.replace("-", "") in dump]
    assert "pass-" not in dump


def test_ciphertexts_swapped_between_keys_of_a_batch_do_not_open(world: World) -> None:
    batch_id = new_batch(world)
    import_file(world, batch_id, file_of(new_codes(2)))
    opener = Opener(KmsKeyWrapper(world.kms, world.vault_key), world.now_ms)
    (wrapped,) = world.keys.get_batch(batch_id).data_keys
    one, two = (key for key in world.stored_keys() if key.batch_id == batch_id)
    for key, other in ((one, two), (two, one)):
        with pytest.raises(SecretUnreadable):
            opener.open(wrapped, Place(key.key_id, batch_id, SKU), other.sealed)


def test_a_ciphertext_of_another_batch_does_not_open_with_either_data_key(world: World) -> None:
    batches = [import_file(world, new_batch(world), file_of(new_codes(1))) for _ in range(2)]
    one, two = (next(key for key in world.stored_keys() if key.batch_id == batch.batch_id) for batch in batches)
    for batch in batches:
        opener = Opener(KmsKeyWrapper(world.kms, world.vault_key), world.now_ms)
        with pytest.raises(KeyrailError):
            opener.open(batch.data_keys[0], Place(one.key_id, one.batch_id, SKU), two.sealed)


def test_no_error_on_the_way_quotes_a_code(world: World) -> None:
    class Refusing:
        exceptions: Any = None

        def __getattr__(self, name: str) -> Any:
            return getattr(world.dynamodb, name)

        def put_item(self, **request: Any) -> Any:
            if request["Item"]["key_id"]["S"].startswith("key_"):
                return world.dynamodb.put_item(**{**request, "TableName": "nowhere"})
            return world.dynamodb.put_item(**request)

    (code,), batch_id = new_codes(1), new_batch(world)
    with pytest.raises(StoreUnavailable) as raised:
        import_file(world.another_process(Refusing()), batch_id, file_of([code]))
    seen: BaseException | None = raised.value
    while seen is not None:
        assert code not in repr(seen)
        seen = seen.__cause__ or seen.__context__


# cost


def test_a_key_costs_one_request_and_a_batch_one_data_key(world: World) -> None:
    codes, batch_id = new_codes(400), new_batch(world)
    tables, keys = Life(), Life()
    process = world.another_process(Mortal(world.dynamodb, tables), Mortal(world.kms, keys))
    import_file(process, batch_id, file_of(codes))
    assert len(tables.sent) <= 1.05 * 400
    assert sorted(keys.sent) == ["decrypt", "generate_data_key"]


def test_a_pool_that_cannot_take_another_batch_is_told_before_the_first_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyrail.inventory.service.pooling.MAX_POOL_PARTS", 50)
    batch = import_file(world, new_batch(world), file_of(new_codes(1)))
    assert report_of(batch).file_problem == "pool_full"


def test_batches_past_their_last_day_leave_the_pool(world: World) -> None:
    pool = world.keys.get_pool(SKU)
    assert pool
    (standing,) = pool.parts
    stale = replace(standing, batch_id="bat_old", last_expiry="2020-01-01")
    item = to_attributes(pool.with_parts([stale])) | {"key_id": {"S": pool_key(SKU)}}
    world.dynamodb.put_item(TableName=world.names["keys"], Item=item)
    import_file(world, new_batch(world), file_of(new_codes(1)))
    assert "bat_old" not in batches_in_pool(world)
    assert standing.batch_id in batches_in_pool(world)


def test_parts_that_are_sold_out_leave_the_pool_and_others_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyrail.inventory.service.pooling.INDEX_SETTLES_S", 0)
    emptied = import_file(world, new_batch(world), file_of(new_codes(2)))
    stocked = import_file(world, new_batch(world), file_of(new_codes(2)))
    for item in world.scan("keys"):
        if item.get("batch_id", {}).get("S") == emptied.batch_id:
            world.dynamodb.update_item(
                TableName=world.names["keys"],
                Key={"key_id": item["key_id"]},
                UpdateExpression="REMOVE claim_partition, claim_order",
            )
    import_file(world, new_batch(world), file_of(new_codes(1)))
    assert emptied.batch_id in batches_in_pool(world), "too young to be judged"
    world.ahead_ms += YOUNG_PART_MS + 1
    import_file(world, new_batch(world), file_of(new_codes(1)))
    assert emptied.batch_id not in batches_in_pool(world)
    assert stocked.batch_id in batches_in_pool(world)


def test_keys_past_their_last_day_cost_a_claim_nothing_and_are_no_stock(world: World) -> None:
    today, later = utc_date(world.now_ms()), utc_date(world.now_ms() + 5 * 86_400_000)
    codes = new_codes(32)
    days = [today] * 30 + [later] * 2
    table = "code,expires\n" + "\n".join(f"{code},{day}" for code, day in zip(codes, days, strict=True))
    before = world.claims.stock(SKU).claimable
    batch = import_file(world, new_batch(world), table.encode())
    assert (batch.report.accepted if batch.report else 0) == 32
    assert world.claims.stock(SKU).claimable == before + 32
    world.ahead_ms += 86_400_000
    assert world.claims.stock(SKU).claimable == before + 2
    life = Life()
    process = world.another_process(Mortal(world.dynamodb, life))
    process.claims.lease(SKU, 1, "ord_of_tomorrow", world.now_ms() + 60_000, OPERATOR)
    assert life.sent.count("update_item") == 1
