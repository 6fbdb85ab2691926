"""The function as its queue calls it: what it reads and removes, what it sends itself, when it is called again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from functions.key_import import handler as function
from keyrail.inventory.model.batches import BatchStatus
from keyrail.inventory.providers.s3 import S3Upload
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.importing import reading, runs
from keyrail.platform import aws
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import KeyrailError
from keyrail.platform.ids import new_id
from keyrail.vault.model import SecretUnreadable
from tests.local_cloud import LocalCloud
from tests.logged import logged
from tests.world import OPERATOR, SKU, World, new_codes

TRIGGER = Path(__file__).resolve().parents[3] / "events" / "triggers" / "key_import.json"
BUCKET = "imports-of-tests"


@dataclass
class Stage:
    """The function in its environment, the bucket and the queue beside it."""

    world: World
    s3: Any
    sqs: Any
    queue_url: str

    def upload(self, raw: bytes, name: str | None = None) -> str:
        """A file for a new batch, or under any name; returns the object's name."""
        if name is None:
            key = new_id("key", self.world.now_ms())
            batch = self.world.batches.open(NewBatch(sku_id=SKU, source="supplier"), key, OPERATOR)
            name = f"imports/{batch.batch_id}/{key}"
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=raw)
        return name

    def exists(self, name: str) -> bool:
        return name in self.objects()

    def objects(self) -> set[str]:
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}

    def rest(self) -> list[dict[str, Any]]:
        """What the function sent itself, as the queue would bring it."""
        received = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        for message in received:
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return [{"Records": [{"messageId": m["MessageId"], "body": m["Body"]}]} for m in received]

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
        return self.world.keys.get_batch(name.split("/")[1])


@pytest.fixture
def stage(local_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    s3, sqs = local_cloud.client("s3"), local_cloud.client("sqs")
    s3.create_bucket(Bucket=BUCKET)
    queue_url = sqs.create_queue(QueueName=f"imports-{new_id('q', world.now_ms())}")["QueueUrl"]
    settings = {
        **local_cloud.environment,
        "KEYS_TABLE": world.names["keys"],
        "CATALOG_TABLE": world.names["catalog"],
        "IMPORT_BUCKET": BUCKET,
        "IMPORT_QUEUE_URL": queue_url,
        "VAULT_KEY_ARN": world.vault_key,
        "FINGERPRINT_KEY_ARN": world.fingerprint_key,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    forget()
    stage = Stage(world, s3, sqs, queue_url)
    yield stage
    forget()
    for name in stage.objects():
        s3.delete_object(Bucket=BUCKET, Key=name)
    s3.delete_bucket(Bucket=BUCKET)
    sqs.delete_queue(QueueUrl=queue_url)


def forget() -> None:
    """What a process remembers of its clients and settings."""
    caches: list[Any] = [function.importing, function.settings, aws.client, aws.session]
    for remembered in caches:
        remembered.cache_clear()


def event_of(*names: str) -> dict[str, Any]:
    """The sample trigger, with a message for each of these objects."""
    (sample,) = json.loads(TRIGGER.read_text())["Records"]
    messages = []
    for number, name in enumerate(names):
        body = json.loads(sample["body"])
        (record,) = body["Records"]
        record["s3"]["bucket"]["name"] = BUCKET
        record["s3"]["object"]["key"] = quote_plus(name, safe="/")
        messages.append({**sample, "messageId": f"message-{number}", "body": json.dumps(body)})
    return {"Records": messages}


def call(event: dict[str, Any]) -> list[str]:
    """The messages that are to come again."""
    return [failure["itemIdentifier"] for failure in function.handler(event, None)["batchItemFailures"]]


def test_a_file_is_imported_and_then_removed(stage: Stage) -> None:
    codes = new_codes(5)
    name = stage.upload("\n".join(codes).encode())
    assert call(event_of(name)) == []
    batch = stage.batch(name)
    assert (batch.status, batch.report.accepted) == (BatchStatus.IMPORTED, 5)
    assert (batch.changed_by, batch.changed_from) == ("system:key_import", "192.0.2.10")
    assert stage.objects() == set()
    assert stage.rest() == []


def test_a_file_that_takes_longer_than_a_slice_goes_on_by_messages_to_itself(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function, "SLICE_MS", 0)
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", 10)
    codes = new_codes(35)
    name = stage.upload("\n".join([*codes, codes[0]]).encode())
    events, slices = [event_of(name)], 0
    while events:
        forget()  # each slice in a process of its own
        assert call(events.pop()) == []
        slices += 1
        if not stage.batch(name).is_settled:
            assert stage.exists(name)
        events += stage.rest()
    batch = stage.batch(name)
    assert slices == 4
    assert (batch.report.accepted, batch.report.duplicate) == (35, 1)
    assert len(batch.data_keys) == 4
    assert len([key for key in stage.world.stored_keys() if key.batch_id == batch.batch_id]) == 35
    assert not stage.exists(name)
    assert stage.objects() == {batch.rejected_lines.file.object_name}


def test_slices_in_one_process_share_a_data_key(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function, "SLICE_MS", 0)
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", 10)
    name = stage.upload("\n".join(new_codes(35)).encode())
    events = [event_of(name)]
    while events:
        assert call(events.pop()) == []
        events += stage.rest()
    assert stage.batch(name).report.accepted == 35
    assert len(stage.batch(name).data_keys) == 1


def test_what_could_not_be_put_on_the_queue_comes_again_as_it_was(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function, "SLICE_MS", 0)
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", 2)
    name = stage.upload("\n".join(new_codes(5)).encode())
    monkeypatch.setenv("IMPORT_QUEUE_URL", stage.queue_url + "-of-nobody")
    function.settings.cache_clear()
    assert call(event_of(name)) == ["message-0"]
    assert stage.batch(name).status is BatchStatus.IMPORTING
    assert stage.exists(name)


def test_the_same_event_again_finds_its_work_done(stage: Stage) -> None:
    name = stage.upload("\n".join(new_codes(5)).encode())
    call(event_of(name))
    done = stage.batch(name)
    assert call(event_of(name, name)) == []
    assert stage.batch(name) == done


@pytest.fixture
def begun(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a file of which one chunk is in; nobody is at work on it."""
    monkeypatch.setattr(function, "SLICE_MS", 0)
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", 10)
    name = stage.upload("\n".join(new_codes(35)).encode())
    assert call(event_of(name)) == []
    assert len(stage.rest()) == 1
    return name


def woken(name: str) -> dict[str, Any]:
    """As the relay tells of a batch that was stopped."""
    body = json.dumps({"batch_id": name.split("/")[1]})
    return {"Records": [{"messageId": "stopped", "body": body}]}


@pytest.mark.parametrize("is_there", [True, False], ids=["with_its_file", "without_its_file"])
def test_an_import_that_is_stopped_ends_though_nobody_is_at_work_on_it(
    stage: Stage, begun: str, is_there: bool
) -> None:
    if not is_there:
        stage.s3.delete_object(Bucket=BUCKET, Key=begun)
    stage.world.commands.void(stage.batch(begun).batch_id, OPERATOR)
    assert call(woken(begun)) == []
    batch = stage.batch(begun)
    assert (batch.status, batch.report.file_problem) == (BatchStatus.IMPORTED, "stopped")
    assert batch.report.accepted == (20 if is_there else 10)
    assert stage.objects() == set()
    stage.world.follow(batch.batch_id)
    assert stage.batch(begun).followed == 1
    assert call(woken(begun)) == call(event_of(begun)) == []


def test_an_import_whose_file_expired_says_so(stage: Stage, begun: str) -> None:
    stage.s3.delete_object(Bucket=BUCKET, Key=begun)
    assert call(event_of(begun)) == []
    batch = stage.batch(begun)
    assert (batch.report.file_problem, batch.report.accepted) == ("file_gone", 10)


def test_an_import_whose_file_was_written_over_by_another_one_says_so(stage: Stage, begun: str) -> None:
    stage.upload("\n".join(new_codes(3)).encode(), begun)
    assert call(event_of(begun)) == []
    batch = stage.batch(begun)
    assert (batch.report.file_problem, batch.report.accepted) == ("file_gone", 10)
    assert stage.objects() == set()


def test_another_file_for_a_batch_takes_nothing_away_from_the_one_that_is_imported(stage: Stage, begun: str) -> None:
    other = stage.upload("\n".join(new_codes(3)).encode(), f"{begun}-other")
    assert call(event_of(other, other)) == []
    assert stage.objects() == {begun}
    events = [event_of(begun)]
    while events:
        assert call(events.pop()) == []
        events += stage.rest()
    assert (stage.batch(begun).report.file_problem, stage.batch(begun).report.accepted) == (None, 35)


def test_a_message_of_a_batch_that_is_none_is_nothing_to_do(stage: Stage) -> None:
    assert call(woken(f"imports/{new_id('bat', stage.world.now_ms())}/x")) == []


def test_a_second_file_for_a_batch_is_removed_unread(stage: Stage) -> None:
    name = stage.upload("\n".join(new_codes(5)).encode())
    call(event_of(name))
    done = stage.batch(name)
    stage.upload("\n".join(new_codes(9)).encode(), name)
    assert call(event_of(name)) == []
    assert stage.batch(name) == done
    assert not stage.exists(name)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [(b"", "empty"), (b"\0\1\2", "not_text"), (b"A" * 1_001, "too_large")],
    ids=["empty", "binary", "too_large"],
)
def test_a_file_that_cannot_be_taken_is_rejected_and_removed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, raw: bytes, problem: str
) -> None:
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1_000)
    name = stage.upload(raw)
    assert call(event_of(name)) == []
    batch = stage.batch(name)
    assert (batch.status, batch.report.file_problem) == (BatchStatus.REJECTED, problem)
    assert not stage.exists(name)


def test_a_file_of_no_batch_is_removed_too(stage: Stage) -> None:
    name = stage.upload(b"A1", f"imports/{new_id('bat', stage.world.now_ms())}/1")
    assert call(event_of(name)) == []
    assert not stage.exists(name)
    assert call(event_of(name)) == []


@pytest.mark.parametrize(
    "name",
    [
        *("imports/other file+.txt", "imports/bat_1/x", "exports/bat_" + "0" * 26 + "/x"),
        *(f"imports/bat_{'0' * 26}{rest}" for rest in ("", "/", "/x/y")),
    ],
)
def test_an_object_of_another_name_is_left_alone(stage: Stage, name: str) -> None:
    stage.upload(b"A1", name)
    assert call(event_of(name)) == []
    assert stage.exists(name)


def test_an_object_of_another_bucket_is_left_alone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    name = stage.upload(b"A1")
    monkeypatch.setenv("IMPORT_BUCKET", "another-bucket")
    function.settings.cache_clear()
    assert call(event_of(name)) == []
    assert stage.exists(name)


def test_a_file_that_vanished_before_its_batch_was_settled_asks_for_another_call(stage: Stage) -> None:
    name = stage.upload(b"A1")
    stage.s3.delete_object(Bucket=BUCKET, Key=name)
    assert call(event_of(name)) == ["message-0"]
    assert stage.batch(name).status is BatchStatus.AWAITING_UPLOAD


@pytest.mark.parametrize("body", ["", "no json", "[]", '{"Records": [{"s3": {}}]}', '{"Records": 1}'])
def test_one_bad_message_stops_no_other_and_comes_again_until_it_is_set_aside(stage: Stage, body: str) -> None:
    name = stage.upload("\n".join(new_codes(3)).encode())
    poison = {"messageId": "poison", "body": body}
    assert call({"Records": [poison, *event_of(name)["Records"]]}) == ["poison"]
    assert stage.batch(name).status is BatchStatus.IMPORTED


def test_the_object_stays_while_the_table_does_not_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    name = stage.upload(b"A1")
    monkeypatch.setenv("KEYS_TABLE", "nowhere")
    forget()
    assert call(event_of(name)) == ["message-0"]
    assert stage.exists(name)


def test_the_object_stays_until_the_fingerprint_key_can_be_read(stage: Stage) -> None:
    name = stage.upload("\n".join(new_codes(3)).encode())
    (wrapped,) = (item["wrapped"] for item in stage.world.scan("keys") if item["key_id"]["S"].startswith("fingerprint"))
    # The local cloud's KMS takes one key's ciphertext for another's, but not one context's for another's.
    foreign = stage.world.kms.generate_data_key_without_plaintext(
        KeyId=stage.world.fingerprint_key, KeySpec="AES_256", EncryptionContext={"purpose": "another"}
    )
    stage.wrap_fingerprint_key({"B": foreign["CiphertextBlob"]})
    assert call(event_of(name)) == ["message-0"]
    assert stage.exists(name)
    stage.wrap_fingerprint_key(wrapped)
    assert call(event_of(name)) == []
    assert stage.batch(name).report.accepted == 3


@pytest.mark.parametrize("error", [SecretUnreadable, KeyrailError, StoreUnavailable])
def test_what_is_not_refused_for_good_asks_for_another_call(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: type[KeyrailError]
) -> None:
    def failing(*_: object) -> None:
        raise error

    name = stage.upload(b"A1")
    monkeypatch.setattr(function.importing(), "import_file", failing)
    assert call(event_of(name)) == ["message-0"]
    assert stage.exists(name)


def test_a_file_that_replaced_the_one_that_was_read_is_left_to_its_own_message(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = stage.upload("\n".join(new_codes(2)).encode())
    importing, import_file = function.importing(), function.importing().import_file

    def replaced_meanwhile(*arguments: Any) -> Any:
        imported = import_file(*arguments)
        stage.upload(b"NEWER1", name)
        return imported

    monkeypatch.setattr(importing, "import_file", replaced_meanwhile)
    assert call(event_of(name)) == []
    assert stage.batch(name).report.accepted == 2
    assert stage.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() == b"NEWER1"
    monkeypatch.setattr(importing, "import_file", import_file)
    assert call(event_of(name)) == []
    assert not stage.exists(name)


def test_a_file_that_is_replaced_while_it_is_read_is_never_read_half_and_half(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ_BYTES", 64)
    codes, other = new_codes(20), new_codes(20)
    name = stage.upload("\n".join(codes).encode())
    read, reads = S3Upload.read, iter(range(100))

    def replaced_meanwhile(upload: Any, start: int, length: int) -> bytes:
        if next(reads) == 3:
            stage.upload("\n".join(other).encode(), name)
        return read(upload, start, length)

    monkeypatch.setattr(S3Upload, "read", replaced_meanwhile)
    assert call(event_of(name)) == ["message-0"]
    assert stage.batch(name).status is BatchStatus.AWAITING_UPLOAD
    assert call(event_of(name)) == []
    assert stage.batch(name).report.accepted == 20
    find = stage.world.batches.find
    assert {find(SKU, code).batch_id for code in other} == {stage.batch(name).batch_id}


def test_a_file_that_somebody_else_removed_meanwhile_is_done(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    name = stage.upload("\n".join(new_codes(2)).encode())
    importing, import_file = function.importing(), function.importing().import_file

    def removed_meanwhile(*arguments: Any) -> Any:
        imported = import_file(*arguments)
        stage.s3.delete_object(Bucket=BUCKET, Key=name)
        return imported

    monkeypatch.setattr(importing, "import_file", removed_meanwhile)
    assert call(event_of(name)) == []
    assert stage.batch(name).status is BatchStatus.IMPORTED


def test_a_message_without_records_is_nothing_to_do() -> None:
    test_of_s3 = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}
    assert call({"Records": [{"messageId": "test", "body": json.dumps(test_of_s3)}]}) == []


def test_the_log_tells_counts_and_reasons_and_no_code(stage: Stage) -> None:
    codes = new_codes(3)
    good = stage.upload("\n".join([*codes, codes[0], f"={codes[1]}"]).encode())
    bad, foreign = stage.upload(f"={codes[2]}".encode()), stage.upload(b"A1", f"imports/{codes[0]}")
    nobodys = stage.upload(b"A1", "imports/bat_" + "0" * 26 + "/1")
    with logged() as told:
        assert call(event_of(good, bad, foreign, nobodys)) == []
    lines = told()
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
    assert not [code for code in codes if code in repr(lines)]
