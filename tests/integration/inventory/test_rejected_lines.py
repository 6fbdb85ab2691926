"""The file of rejected lines in a bucket: handed out to one call, on record, and to nobody a second time."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.stub import Stubber

from keyrail.inventory.model.batches import Batch, NoRejectedLines, batch_events_between
from keyrail.inventory.providers import UploadUnavailable
from keyrail.inventory.providers.s3 import S3Files, S3Upload
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.import_desk import ImportDesk
from keyrail.inventory.service.importing import Importing
from keyrail.platform.changes import Origin
from keyrail.platform.handover import FILE_LIFETIME_MS, AlreadyHandedOut, FileExpired
from keyrail.vault.providers.kms import KmsKeyWrapper
from tests.engines import production_client
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, SYSTEM, World, new_codes

ALICE = Origin("operator:alice", "192.0.2.9", "to send them back to the supplier")


@dataclass
class Bench:
    world: World
    s3: Any
    bucket: str

    def desk(self) -> ImportDesk:
        wrapper = KmsKeyWrapper(self.world.kms, self.world.fingerprint_key)
        files = S3Files(self.s3, self.bucket)
        return ImportDesk(self.world.another_process().keys, files, wrapper, self.world.now_ms)

    def objects(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def imported(self, raw: bytes) -> Batch:
        wanted = NewBatch(sku_id=SKU, source="supplier")
        batch_id = self.world.batches.open(wanted, secrets.token_hex(16), OPERATOR).batch_id
        name = f"imports/{batch_id}"
        self.s3.put_object(Bucket=self.bucket, Key=name, Body=raw)
        upload = S3Upload.find(self.s3, self.bucket, name)
        assert upload is not None
        vault, fingerprint = (
            KmsKeyWrapper(self.world.kms, key) for key in (self.world.vault_key, self.world.fingerprint_key)
        )
        files = S3Files(self.s3, self.bucket)
        importing = Importing(self.world.keys, self.world.catalog, vault, fingerprint, files, self.world.now_ms)
        return importing.import_file(batch_id, upload, SYSTEM)


@pytest.fixture
def bench(local_cloud: LocalCloud) -> Iterator[Bench]:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    s3, bucket = production_client("s3", local_cloud), f"files-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket)
    yield Bench(world, s3, bucket)
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=item["Key"])
    s3.delete_bucket(Bucket=bucket)


def test_the_file_is_handed_out_once_and_whoever_took_it_is_on_record(bench: Bench) -> None:
    batch = bench.imported("\n".join([*new_codes(2), "=坏"]).encode())
    content = bench.desk().hand_out(batch.batch_id, ALICE)
    assert content.decode("utf-8-sig") == "line,reason,mask,text\r\n3,formula,,'=坏\r\n"
    assert not [name for name in bench.objects() if name.startswith("rejected/")]
    with pytest.raises(AlreadyHandedOut):
        bench.desk().hand_out(batch.batch_id, OPERATOR)
    taken = bench.world.keys.get_batch(batch.batch_id)
    assert (taken.version, taken.changed_by, taken.changed_from) == (batch.version + 1, ALICE.by, ALICE.address)
    assert taken.changed_reason == ALICE.reason
    (event,) = batch_events_between(batch, taken)
    assert event.name == "batch.rejected_lines_handed_out"
    assert "=坏" not in repr(taken)


def test_of_many_who_ask_at_once_one_gets_it(bench: Bench) -> None:
    batch = bench.imported(b"GOOD-1\n=1\n")

    def ask(_: int) -> bytes | None:
        try:
            return bench.desk().hand_out(batch.batch_id, ALICE)
        except AlreadyHandedOut:
            return None

    with ThreadPoolExecutor(8) as people:
        copies = [content for content in people.map(ask, range(8)) if content]
    assert len(copies) == 1


def test_a_command_on_the_batch_at_that_moment_hides_the_file_from_nobody(bench: Bench) -> None:
    batch = bench.imported(b"GOOD-1\n=1\n")
    desk, real = bench.desk(), bench.world.keys.replace_batch

    class Overtaken(type(desk.store)):  # type: ignore[misc]  # the store, with somebody else at work
        def replace_batch(self, wanted: Batch) -> None:
            standing = bench.world.keys.get_batch(wanted.batch_id)
            if standing.version == batch.version:
                real(replace(standing, priority=9, version=standing.version + 1))
            real(wanted)

    store = Overtaken(bench.world.dynamodb, bench.world.names["keys"])
    assert replace(desk, store=store).hand_out(batch.batch_id, ALICE)
    standing = bench.world.keys.get_batch(batch.batch_id)
    assert standing.priority == 9
    assert standing.rejected_lines is not None
    assert standing.rejected_lines.file.taken_as is not None


def test_a_file_that_the_bucket_has_forgotten_is_said_to_be_expired(bench: Bench) -> None:
    batch = bench.imported(b"GOOD-1\n=1\n")
    assert batch.rejected_lines is not None
    name = batch.rejected_lines.file.object_name
    content = bench.s3.get_object(Bucket=bench.bucket, Key=name)["Body"].read()
    bench.s3.delete_object(Bucket=bench.bucket, Key=name)
    with pytest.raises(FileExpired):
        bench.desk().hand_out(batch.batch_id, ALICE)
    bench.s3.put_object(Bucket=bench.bucket, Key=name, Body=content)
    bench.world.ahead_ms += FILE_LIFETIME_MS
    with pytest.raises(FileExpired):
        bench.desk().hand_out(batch.batch_id, ALICE)


@pytest.mark.parametrize("raw", [b"GOOD-1\n", b"=1\n", b""])
def test_where_there_is_no_such_file_that_is_said(bench: Bench, raw: bytes) -> None:
    batch = bench.imported(raw)
    with pytest.raises(NoRejectedLines):
        bench.desk().hand_out(batch.batch_id, ALICE)


@pytest.mark.parametrize("code", ["403", "503"])
def test_a_file_that_may_not_be_read_is_not_taken_for_one_that_is_gone(bench: Bench, code: str) -> None:
    with Stubber(bench.s3) as refusing:
        refusing.add_client_error("head_object", code, http_status_code=int(code))
        with pytest.raises(UploadUnavailable):
            S3Upload.find(bench.s3, bench.bucket, "imports/x")


def test_an_upload_that_was_replaced_is_not_read_on_and_not_removed(bench: Bench) -> None:
    bench.s3.put_object(Bucket=bench.bucket, Key="imports/x", Body=b"first" * 10)
    upload = S3Upload.find(bench.s3, bench.bucket, "imports/x")
    assert upload is not None
    assert (upload.read(0, 5), upload.read(45, 100), upload.read(50, 5)) == (b"first", b"first", b"")
    bench.s3.put_object(Bucket=bench.bucket, Key="imports/x", Body=b"other" * 10)
    with pytest.raises(UploadUnavailable):
        upload.read(0, 5)
    upload.remove()
    assert bench.s3.get_object(Bucket=bench.bucket, Key="imports/x")["Body"].read() == b"other" * 10
    newer = S3Upload.find(bench.s3, bench.bucket, "imports/x")
    assert newer is not None
    newer.remove()
    newer.remove()
    assert S3Upload.find(bench.s3, bench.bucket, "imports/x") is None
