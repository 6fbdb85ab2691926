"""The function as S3 calls it: what it reads, what it removes, and when it asks to be called again."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from functions.key_import import handler as function
from keyrail.inventory.model import BatchStatus
from keyrail.inventory.model.key_file import MAX_FILE_BYTES
from keyrail.inventory.service.batches import NewBatch
from keyrail.platform import aws, logs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import KeyrailError
from keyrail.platform.ids import new_id
from keyrail.vault.model import SecretUnreadable
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, World, new_codes

TRIGGER = Path(__file__).resolve().parents[3] / "events" / "triggers" / "key_import.json"
BUCKET = "imports-of-tests"


@dataclass
class Stage:
    """The function in its environment, the bucket beside it."""

    world: World
    s3: Any

    def upload(self, raw: bytes, name: str | None = None) -> str:
        """A file for a new batch, or under any name; returns the object's name."""
        if name is None:
            key = new_id("key", self.world.now_ms())
            batch = self.world.batches.open(NewBatch(sku_id=SKU, source="supplier"), key, OPERATOR)
            name = f"imports/{batch.batch_id}"
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=raw)
        return name

    def exists(self, name: str) -> bool:
        return name in {item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}

    def wrap_fingerprint_key(self, wrapped: dict[str, bytes]) -> None:
        (key_id,) = (i["key_id"] for i in self.world.scan("keys") if i["key_id"]["S"].startswith("fingerprint"))
        self.world.dynamodb.update_item(
            TableName=self.world.names["keys"],
            Key={"key_id": key_id},
            UpdateExpression="SET #wrapped = :wrapped",
            ExpressionAttributeNames={"#wrapped": "wrapped"},
            ExpressionAttributeValues={":wrapped": wrapped},
        )

    def batch(self, name: str) -> Any:
        return self.world.keys.get_batch(name.removeprefix("imports/"))


@pytest.fixture
def stage(local_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    settings = {
        **local_cloud.environment,
        "KEYS_TABLE": world.names["keys"],
        "CATALOG_TABLE": world.names["catalog"],
        "VAULT_KEY_ARN": world.vault_key,
        "FINGERPRINT_KEY_ARN": world.fingerprint_key,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    s3 = local_cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    forget()
    yield Stage(world, s3)
    forget()
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def forget() -> None:
    """What a process remembers of its clients."""
    caches: list[Any] = [function.importing, aws.client, aws.session]
    for remembered in caches:
        remembered.cache_clear()


def event_of(*names: str) -> dict[str, Any]:
    """The sample trigger, for these objects."""
    (sample,) = json.loads(TRIGGER.read_text())["Records"]
    records = []
    for name in names:
        record = json.loads(json.dumps(sample))
        record["s3"]["bucket"]["name"] = BUCKET
        record["s3"]["object"]["key"] = quote_plus(name, safe="/")
        records.append(record)
    return {"Records": records}


def test_a_file_is_imported_and_then_removed(stage: Stage) -> None:
    codes = new_codes(5)
    name = stage.upload("\n".join(codes).encode())
    function.handler(event_of(name), None)
    batch = stage.batch(name)
    assert (batch.status, batch.report.accepted) == (BatchStatus.IMPORTED, 5)
    assert (batch.changed_by, batch.changed_from) == ("system:key_import", "192.0.2.10")
    assert not stage.exists(name)


def test_the_same_event_again_finds_its_work_done(stage: Stage) -> None:
    name = stage.upload("\n".join(new_codes(5)).encode())
    function.handler(event_of(name), None)
    done = stage.batch(name)
    function.handler(event_of(name, name), None)
    assert stage.batch(name) == done


def test_a_second_file_for_a_batch_is_removed_unread(stage: Stage) -> None:
    name = stage.upload("\n".join(new_codes(5)).encode())
    function.handler(event_of(name), None)
    done = stage.batch(name)
    stage.upload("\n".join(new_codes(9)).encode(), name)
    function.handler(event_of(name), None)
    assert stage.batch(name) == done
    assert not stage.exists(name)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [(b"", "empty"), (b"\0\1\2", "not_text"), (b"A" * (MAX_FILE_BYTES + 1), "too_large")],
    ids=["empty", "binary", "too_large"],
)
def test_a_file_that_cannot_be_taken_is_rejected_and_removed(stage: Stage, raw: bytes, problem: str) -> None:
    name = stage.upload(raw)
    function.handler(event_of(name), None)
    batch = stage.batch(name)
    assert (batch.status, batch.report.file_problem) == (BatchStatus.REJECTED, problem)
    assert not stage.exists(name)


def test_a_file_of_no_batch_is_removed_too(stage: Stage) -> None:
    name = stage.upload(b"A1", f"imports/{new_id('bat', stage.world.now_ms())}")
    function.handler(event_of(name), None)
    assert not stage.exists(name)


@pytest.mark.parametrize(
    "name", ["imports/other file+.txt", "imports/bat_1", "exports/bat_" + "0" * 26, "imports/bat_" + "0" * 26 + "/x"]
)
def test_an_object_of_another_name_is_left_alone(stage: Stage, name: str) -> None:
    stage.upload(b"A1", name)
    function.handler(event_of(name), None)
    assert stage.exists(name)


def test_a_file_that_vanished_before_its_batch_was_settled_asks_for_another_call(stage: Stage) -> None:
    name = stage.upload(b"A1")
    stage.s3.delete_object(Bucket=BUCKET, Key=name)
    with pytest.raises(function.ImportUnfinished):
        function.handler(event_of(name), None)
    assert stage.batch(name).status is BatchStatus.AWAITING_UPLOAD


def test_one_bad_record_stops_no_other_and_the_event_comes_again(stage: Stage) -> None:
    name = stage.upload("\n".join(new_codes(3)).encode())
    with pytest.raises(function.ImportUnfinished):
        function.handler({"Records": [{"s3": {}}, *event_of(name)["Records"]]}, None)
    assert stage.batch(name).status is BatchStatus.IMPORTED


def test_the_object_stays_while_the_table_does_not_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    name = stage.upload(b"A1")
    monkeypatch.setenv("KEYS_TABLE", "nowhere")
    function.importing.cache_clear()
    with pytest.raises(function.ImportUnfinished):
        function.handler(event_of(name), None)
    assert stage.exists(name)


def test_the_object_stays_until_the_fingerprint_key_can_be_read(stage: Stage) -> None:
    name = stage.upload("\n".join(new_codes(3)).encode())
    (wrapped,) = (item["wrapped"] for item in stage.world.scan("keys") if item["key_id"]["S"].startswith("fingerprint"))
    # The local cloud's KMS takes one key's ciphertext for another's, but not one context's for another's.
    foreign = stage.world.kms.generate_data_key_without_plaintext(
        KeyId=stage.world.fingerprint_key, KeySpec="AES_256", EncryptionContext={"purpose": "another"}
    )
    stage.wrap_fingerprint_key({"B": foreign["CiphertextBlob"]})
    with pytest.raises(function.ImportUnfinished):
        function.handler(event_of(name), None)
    assert stage.exists(name)
    stage.wrap_fingerprint_key(wrapped)
    function.handler(event_of(name), None)
    assert stage.batch(name).report.accepted == 3


@pytest.mark.parametrize("error", [SecretUnreadable, KeyrailError, StoreUnavailable])
def test_what_is_not_refused_for_good_asks_for_another_call(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: type[KeyrailError]
) -> None:
    def failing(*_: object) -> None:
        raise error

    name = stage.upload(b"A1")
    monkeypatch.setattr(function.importing(), "import_file", failing)
    with pytest.raises(function.ImportUnfinished):
        function.handler(event_of(name), None)
    assert stage.exists(name)


def test_a_file_that_replaced_the_one_that_was_read_is_left_to_its_own_event(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = stage.upload("\n".join(new_codes(2)).encode())
    importing, import_file = function.importing(), function.importing().import_file

    def replaced_meanwhile(*arguments: Any) -> Any:
        stage.upload(b"NEWER1", name)
        return import_file(*arguments)

    monkeypatch.setattr(importing, "import_file", replaced_meanwhile)
    function.handler(event_of(name), None)
    assert stage.batch(name).report.accepted == 2
    assert stage.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() == b"NEWER1"
    monkeypatch.setattr(importing, "import_file", import_file)
    function.handler(event_of(name), None)
    assert not stage.exists(name)


def test_a_file_that_somebody_else_removed_meanwhile_is_done(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    name = stage.upload("\n".join(new_codes(2)).encode())
    importing, import_file = function.importing(), function.importing().import_file

    def removed_meanwhile(*arguments: Any) -> Any:
        stage.s3.delete_object(Bucket=BUCKET, Key=name)
        return import_file(*arguments)

    monkeypatch.setattr(importing, "import_file", removed_meanwhile)
    function.handler(event_of(name), None)
    assert stage.batch(name).status is BatchStatus.IMPORTED


def test_a_message_without_records_is_nothing_to_do() -> None:
    function.handler({"Service": "Amazon S3", "Event": "s3:TestEvent"}, None)


def test_the_log_tells_counts_and_reasons_and_no_code(stage: Stage) -> None:
    out = io.StringIO()
    listening = logging.StreamHandler(out)
    logger = logging.getLogger(logs.logger().name)
    listening.setFormatter(logger.handlers[0].formatter)
    codes = new_codes(3)
    good = stage.upload("\n".join([*codes, codes[0], f"={codes[1]}"]).encode())
    bad, foreign = stage.upload(f"={codes[2]}".encode()), stage.upload(b"A1", f"imports/{codes[0]}")
    logger.addHandler(listening)
    try:
        function.handler(event_of(good, bad, foreign, "imports/bat_" + "0" * 26), None)
    finally:
        logger.removeHandler(listening)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["code"], line.get("reason")) for line in lines] == [
        ("K4001", None),
        ("K4002", "no_key"),
        ("K4002", "not_an_import"),
        ("K4002", "batch_not_found"),
    ]
    assert {name: lines[0][name] for name in ("accepted", "duplicate", "rejected", "ignored")} == {
        "accepted": 3,
        "duplicate": 1,
        "rejected": 1,
        "ignored": 0,
    }
    assert not [code for code in codes if code in out.getvalue()]
