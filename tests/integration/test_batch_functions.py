"""A batch's commands from the operator's desk through stream and queue to its keys, and what buyers see of it."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.batch_follow import handler as batch_follow
from keyrail.inventory.model.batches import Batch, BatchStatus, Standing
from keyrail.inventory.model.keys import KeyState
from keyrail.inventory.service.batches import NewBatch
from keyrail.platform.changes import stamp
from keyrail.platform.documents import to_attributes
from keyrail.platform.money import Money
from tests.files import UploadInMemory
from tests.integration.test_triggers import Stage, sample, stage
from tests.world import OPERATOR, SKU, SYSTEM, new_codes

__all__ = ["stage"]  # a fixture

REASON = {"reason": "the supplier called"}
FEE = Money(8800, "CNY")


def request(method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> dict[str, Any]:
    """As the gateway passes it on, with an operator's token."""
    event = sample("operator_api")
    event["requestContext"]["http"] |= {"method": method, "path": path}
    event |= {"rawPath": path, "body": json.dumps(body), "queryStringParameters": query or {}}
    event["headers"] |= {"idempotency-key": "k" * 32}
    return event


def desk(stage: Stage, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    answer = stage.call("operator_api", request("POST", f"/ops/v1/batches/{path}", body))
    return answer["statusCode"], json.loads(answer["body"])


def shop(stage: Stage, path: str, query: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    answer = stage.call("storefront_api", request("GET", f"/v1/{path}", query=query))
    return answer["statusCode"], json.loads(answer["body"])


def streamed(stage: Stage, old: Batch, new: Batch) -> dict[str, Any]:
    """What the table's stream says of the change."""

    def image(batch: Batch) -> dict[str, Any]:
        text = json.dumps(to_attributes(batch), default=lambda raw: base64.b64encode(raw).decode())
        attributes: dict[str, Any] = json.loads(text)
        return attributes

    record = {
        "eventID": "1",
        "eventName": "MODIFY",
        "eventSourceARN": f"arn:aws:dynamodb:eu-central-1:123456789012:table/{stage.world.names['keys']}/stream/1",
        "dynamodb": {
            "Keys": {"key_id": {"S": new.batch_id}},
            "OldImage": image(old),
            "NewImage": image(new),
            "SequenceNumber": "100",
        },
    }
    return {"Records": [record]}


def queued(batch_id: str) -> dict[str, Any]:
    trigger = sample("batch_follow")
    trigger["Records"][0]["body"] = json.dumps({"batch_id": batch_id})
    return trigger


@pytest.fixture
def batch(stage: Stage) -> Batch:
    return stage.world.import_codes(new_codes(3))[1]


def states(stage: Stage, batch: Batch) -> Counter[KeyState]:
    return Counter(key.state for key in stage.world.stored_keys() if key.batch_id == batch.batch_id)


def test_a_batch_that_is_stopped_while_it_is_imported_calls_for_its_importer_once(stage: Stage) -> None:
    opened = stage.world.batches.open(NewBatch(sku_id=SKU, source="supplier"), "o" * 32, OPERATOR)
    importing = replace(opened, status=BatchStatus.IMPORTING, **stamp(SYSTEM, 1, 2))
    frozen = replace(importing, standing=Standing.FROZEN, generation=1, **stamp(OPERATOR, 2, 3))
    void = replace(frozen, standing=Standing.VOID, generation=2, **stamp(OPERATOR, 3, 4))
    noted = replace(void, charged_back=1, **stamp(SYSTEM, 4, 5))
    ended = replace(noted, status=BatchStatus.IMPORTED, **stamp(SYSTEM, 5, 6))
    calls = []
    for before, after in pairwise((opened, importing, frozen, void, noted, ended)):
        assert stage.call("event_relay", streamed(stage, before, after)) == {"batchItemFailures": []}
        calls.append(stage.messages("imports"))
    assert calls == [[], [], [{"batch_id": opened.batch_id}], [], []]


def test_each_address_for_an_upload_is_of_an_object_of_its_own(stage: Stage) -> None:
    opened = request("POST", "/ops/v1/batches", {"sku_id": SKU, "source": "ACME", **REASON})
    answers = [json.loads(stage.call("operator_api", opened)["body"]) for _ in range(2)]
    paths = {urlsplit(answer["upload"]["url"]).path for answer in answers}
    assert len(paths) == 2
    assert len({answer["batch_id"] for answer in answers}) == 1
    assert all(f"/imports/{answers[0]['batch_id']}/" in path for path in paths)


def test_a_freeze_goes_from_the_desk_through_stream_and_queue_to_every_key(stage: Stage, batch: Batch) -> None:
    status, answer = desk(stage, f"{batch.batch_id}/freeze", REASON)
    assert (status, answer["standing"], answer["following"]) == (200, "frozen", {"done": 0, "total": 3})
    frozen = stage.world.keys.get_batch(batch.batch_id)
    assert (frozen.changed_by, frozen.changed_reason) == ("operator:alice", REASON["reason"])

    assert stage.call("event_relay", streamed(stage, batch, frozen)) == {"batchItemFailures": []}
    assert stage.messages("batches") == [{"batch_id": batch.batch_id}]
    assert stage.call("batch_follow", queued(batch.batch_id)) == {"batchItemFailures": []}

    assert states(stage, batch) == {KeyState.FROZEN: 3}
    (key, *_) = (key for key in stage.world.stored_keys() if key.batch_id == batch.batch_id)
    assert (key.changed_by, key.changed_reason) == ("system:batch_follow", REASON["reason"])
    followed = stage.world.keys.get_batch(batch.batch_id)
    assert stage.call("event_relay", streamed(stage, frozen, followed)) == {"batchItemFailures": []}
    assert stage.messages("batches") == [], "what is followed calls for nobody"


def test_a_slice_whose_time_is_over_sends_itself_the_rest(
    stage: Stage, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.world.commands.freeze(batch.batch_id, OPERATOR)
    monkeypatch.setattr(batch_follow, "SLICE_MS", 0)
    assert stage.call("batch_follow", queued(batch.batch_id)) == {"batchItemFailures": []}
    assert stage.messages("batches") == [{"batch_id": batch.batch_id}]
    assert states(stage, batch) == {KeyState.AVAILABLE: 3}


def test_a_message_of_a_batch_that_is_not_there_is_reported(stage: Stage) -> None:
    (record,) = sample("batch_follow")["Records"]
    assert stage.call("batch_follow") == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}


@pytest.mark.parametrize(
    ("command", "body", "code"),
    [
        ("freeze", {}, "invalid_request"),
        ("freeze", REASON | {"why": "x"}, "invalid_request"),
        ("extend", REASON | {"expires_on": "tomorrow"}, "invalid_request"),
        ("extend", REASON | {"expires_on": "2099-12-31"}, "expiry_not_later"),
        ("release", REASON | {"stage": 1}, "invalid_request"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    stage: Stage, batch: Batch, command: str, body: dict[str, Any], code: str
) -> None:
    status, answer = desk(stage, f"{batch.batch_id}/{command}", body)
    assert (answer["code"], status >= 400) == (code, True)


def test_a_batch_is_opened_in_stages_released_and_extended(stage: Stage) -> None:
    opened = {
        "sku_id": SKU,
        "source": "ACME",
        "priority": 3,
        "expires_on": "2099-01-31",
        "sales_per_key": 2,
        "stages": [{"keys": 10, "opens_at": "2026-01-01T08:00:00+08:00"}, {}],
        **REASON,
    }
    for _ in range(2):
        answer = stage.call("operator_api", request("POST", "/ops/v1/batches", opened))
        assert answer["statusCode"] == 201
    batch = json.loads(answer["body"])
    assert batch["stages"] == [{"keys": 10, "opens_at": "2026-01-01T00:00:00.000Z"}, {}]
    assert (batch["priority"], batch["sales_per_key"], batch["expires_on"]) == (3, 2, "2099-01-31")

    status, released = desk(
        stage, f"{batch['batch_id']}/release", {"stage": 2, "opens_at": "2098-12-31T00:00:00Z", **REASON}
    )
    assert (status, released["stages"][1]["opens_at"]) == (200, "2098-12-31T00:00:00.000Z")
    status, extended = desk(stage, f"{batch['batch_id']}/extend", {"expires_on": "2099-06-30", **REASON})
    assert (status, extended["expires_on"]) == (200, "2099-06-30")
    # The same request again is the same batch, whatever became of it.
    again = stage.call("operator_api", request("POST", "/ops/v1/batches", opened))
    assert json.loads(again["body"])["expires_on"] == "2099-06-30"
    changed = stage.call("operator_api", request("POST", "/ops/v1/batches", opened | {"priority": 4}))
    assert json.loads(changed["body"])["code"] == "idempotency_conflict"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"stages": [{}, {}]}, "stages.0.keys"),
        ({"stages": [{"keys": 1}], "sellable_from": "2098-01-01T00:00:00Z"}, "stages"),
        ({"expires_on": "2001-01-01"}, "expires_on"),
        ({"sellable_from": "2098-01-01T00:00:00"}, "sellable_from"),
    ],
)
def test_a_batch_that_could_not_be_sold_as_it_says_is_refused(stage: Stage, wrong: dict[str, Any], field: str) -> None:
    body = {"sku_id": SKU, "source": "ACME", **REASON, **wrong}
    answer = stage.call("operator_api", request("POST", "/ops/v1/batches", body))
    assert answer["statusCode"] == 422
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == [field]


def test_buyers_see_the_numbers_that_are_free_with_their_price(stage: Stage) -> None:
    assert shop(stage, f"skus/{SKU}/labels")[1]["code"] == "not_offered"
    sku = stage.world.catalog.sku(SKU)
    stage.world.catalog.save_sku(replace(sku, pick_fee=FEE), OPERATOR)
    lines = ["code,label", *(f"CARD-{number},{number}" for number in (777, 888))]
    opened = stage.world.batches.open(NewBatch(sku_id=SKU, source="supplier"), "n" * 32, OPERATOR)
    stage.world.importing.import_file(opened.batch_id, UploadInMemory("\n".join(lines).encode()), SYSTEM)
    status, answer = shop(stage, f"skus/{SKU}/labels", {"limit": "1"})
    price = (sku.price + FEE).plain()
    assert (status, answer["pick_fee"], len(answer["labels"])) == (200, FEE.plain(), 1)
    assert answer["labels"][0]["price"] == price
    rest = shop(stage, f"skus/{SKU}/labels", {"limit": "100", "cursor": answer["next_cursor"]})[1]
    assert sorted(label["label"] for label in (*answer["labels"], *rest["labels"])) == ["777", "888"]
    assert "next_cursor" not in rest
    assert shop(stage, "skus/nothing/labels")[1]["code"] == "unknown_sku"
