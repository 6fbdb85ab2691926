"""From the operator's wish to the printer's machine, function by function, as queues and streams call them."""

import base64
import json
import logging
import secrets
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import pytest

from functions.code_generation import handler as code_generation
from tests.integration.test_triggers import Stage, sample, stage
from tests.own_codes import OWN_SKU, Workshop, printer

__all__ = ["stage"]

CODES = 7


@dataclass
class House:
    """Functions, and between them the stream that carries what changed to the relay."""

    stage: Stage
    bucket: str
    relayed: dict[str, Any] = field(default_factory=dict)

    def ask(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        trigger = sample("operator_api")
        trigger |= {"routeKey": f"{method} {path}", "rawPath": path, "rawQueryString": "", "queryStringParameters": {}}
        trigger["requestContext"]["http"] |= {"method": method, "path": path}
        trigger["requestContext"]["authorizer"]["jwt"]["claims"] |= {
            "username": who,
            "cognito:username": who,
            "cognito:groups": "[operator]",
        }
        trigger["headers"] |= {"idempotency-key": secrets.token_hex(16), "content-type": "application/json"}
        trigger |= {"body": json.dumps(body) if body is not None else "", "isBase64Encoded": False}
        answer = self.stage.call("operator_api", trigger)
        return answer["statusCode"], json.loads(answer["body"])

    def stream(self) -> None:
        """What changed in the keys table since the last time, as its stream says it."""
        name = self.stage.world.names["keys"]
        records = []
        for item in self.stage.world.scan("keys"):
            key = item["key_id"]["S"]
            if key.startswith(("bat_", "exp_")) and self.relayed.get(key) != item:
                images = {"NewImage": wire(item)}
                if key in self.relayed:
                    images["OldImage"] = wire(self.relayed[key])
                records.append(
                    {
                        "eventID": secrets.token_hex(8),
                        "eventSourceARN": f"arn:aws:dynamodb:eu-central-1:1:table/{name}/stream/2026",
                        "dynamodb": {"Keys": {"key_id": item["key_id"]}, "SequenceNumber": "1", **images},
                    }
                )
                self.relayed[key] = item
        assert self.stage.call("event_relay", {"Records": records}) == {"batchItemFailures": []}

    def work(self, queue: str, function: str) -> list[Any]:
        """The messages of the queue, brought to its consumer."""
        messages = self.stage.messages(queue)
        records = [{"messageId": f"m{n}", "body": json.dumps(body)} for n, body in enumerate(messages)]
        assert self.stage.call(function, {"Records": records}) == {"batchItemFailures": []}
        return messages


def wire(image: Any) -> Any:
    """A stream carries bytes as base64 text."""
    match image:
        case bytes():
            return base64.b64encode(image).decode()
        case dict():
            return {name: wire(value) for name, value in image.items()}
        case list():
            return [wire(value) for value in image]
        case _:
            return image


@pytest.fixture
def house(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> House:
    bucket = f"files-{secrets.token_hex(8)}"
    stage.cloud.client("s3").create_bucket(Bucket=bucket)
    monkeypatch.setenv("IMPORT_BUCKET", bucket)
    Workshop(stage.world).sku()
    return House(stage, bucket)


def generated(house: House, **wanted: Any) -> str:
    body = {"sku_id": OWN_SKU, "wanted": CODES, "reason": "spring sale", **wanted}
    status, batch = house.ask("alice", "POST", "/ops/v1/batches/own-codes", body)
    assert (status, batch["status"], batch["generated"]) == (201, "generating", 0)
    house.stream()
    assert house.work("codes", "code_generation") == [{"batch_id": batch["batch_id"]}]
    house.stream()
    return str(batch["batch_id"])


def test_an_operator_has_codes_made_and_sees_how_far_they_are(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG, logger="keyrail")
    monkeypatch.setattr(code_generation, "SLICE_MS", 0)
    batch_id = generated(house)
    assert house.ask("alice", "GET", f"/ops/v1/batches/{batch_id}")[1]["generated"] == 0
    # The first slice had no time, and left its work to the next.
    assert house.stage.messages("codes") == [{"batch_id": batch_id}]
    trigger = {"Records": [{"messageId": "again", "body": json.dumps({"batch_id": batch_id})}]}
    monkeypatch.setattr(code_generation, "SLICE_MS", 60_000)
    assert house.stage.call("code_generation", trigger) == {"batchItemFailures": []}
    _, batch = house.ask("alice", "GET", f"/ops/v1/batches/{batch_id}")
    assert (batch["status"], batch["generated"], batch["wanted"]) == ("generated", CODES, CODES)
    said = repr([vars(line) for line in caplog.records]) + "".join(capfd.readouterr())
    assert "K4010" in said
    assert not [code for code in Workshop(house.stage.world).codes(batch_id).values() if code in said]


def test_two_operators_print_a_batch_and_one_link_leads_to_the_file(
    house: House, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="keyrail")
    batch_id = generated(house, for_print=True, expires_on="2099-12-31")
    wish = {"certificate": printer().pem, "reason": "cards for the shops"}
    status, export = house.ask("alice", "POST", f"/ops/v1/batches/{batch_id}/exports", wish)
    assert (status, export["status"], export["recipient"]) == (201, "requested", "CN=The Printer\\, Ltd")
    here, why = f"/ops/v1/exports/{export['export_id']}", {"reason": "compared by telephone"}
    assert house.ask("alice", "POST", f"{here}/approve", why)[1]["code"] == "same_person"
    assert house.ask("bob", "POST", f"{here}/link", why)[1]["code"] == "not_approved"
    house.stream()
    assert house.stage.messages("exports") == []

    assert house.ask("bob", "POST", f"{here}/approve", why)[0] == 200
    assert house.ask("alice", "POST", f"{here}/link", why)[1]["code"] == "export_not_made"
    house.stream()
    assert house.work("exports", "key_export") == [{"export_id": export["export_id"]}]
    house.stream()

    status, link = house.ask("alice", "POST", f"{here}/link", why)
    assert (status, link["export"]["status"], link["export"]["keys"]) == (200, "handed_out", CODES)
    with urllib.request.urlopen(link["url"]) as answer:
        opened = printer().opened(answer.read()).decode()
    codes = Workshop(house.stage.world).codes(batch_id)
    rows = [line.split(",") for line in opened.splitlines()[1:]]
    assert rows == [[str(number), codes[number], "2099-12-31"] for number in range(1, CODES + 1)]
    assert house.ask("alice", "POST", f"{here}/link", why)[1]["code"] == "already_handed_out"
    house.stream()

    status, traced = house.ask("carol", "GET", here)
    assert [(step["what"], step["by"]) for step in traced["trace"]] == [
        (["export.requested"], "operator:alice"),
        (["export.approved"], "operator:bob"),
        (["export.made"], "system:key_export"),
        (["export.handed_out"], "operator:alice"),
    ]
    status, of_batch = house.ask("carol", "GET", f"/ops/v1/batches/{batch_id}/exports")
    assert [each["export_id"] for each in of_batch["exports"]] == [export["export_id"]]
    assert ["batch.export_requested"] in [step["what"] for step in of_batch["trace"]]
    said = repr([vars(line) for line in caplog.records]) + "".join(capfd.readouterr())
    assert "K4011" in said
    assert not [code for code in codes.values() if code in said]


@pytest.mark.parametrize(
    "wrong",
    [
        {"wanted": 0},
        {"wanted": 1_000_001},
        {"expires_on": "2099-02-30"},
        {"expires_on": "2020-01-01"},
        {"codes": ["A"]},
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(house: House, wrong: dict[str, Any]) -> None:
    body = {"sku_id": OWN_SKU, "wanted": 1, "reason": "spring sale", **wrong}
    status, answer = house.ask("alice", "POST", "/ops/v1/batches/own-codes", body)
    assert (status, answer["code"], [e["field"] for e in answer["errors"]]) == (422, "invalid_request", list(wrong))
    assert not [item for item in house.stage.world.scan("keys") if "wanted" in item]


@pytest.mark.parametrize("who", ["support", "finance", "auditor"])
def test_only_operators_and_admins_have_codes_made_or_printed(house: House, who: str) -> None:
    paths = {
        "/ops/v1/batches/own-codes": {"sku_id": OWN_SKU, "wanted": 1, "reason": "x"},
        "/ops/v1/batches/bat_1/exports": {"certificate": "x", "reason": "x"},
        "/ops/v1/exports/exp_1/approve": {"reason": "x"},
        "/ops/v1/exports/exp_1/link": {"reason": "x"},
    }
    trigger = sample("operator_api")
    for path, body in paths.items():
        trigger |= {"rawPath": path, "body": json.dumps(body), "isBase64Encoded": False}
        trigger["requestContext"]["http"] |= {"method": "POST", "path": path}
        trigger["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = f"[{who}]"
        trigger["headers"] |= {"idempotency-key": "i" * 32}
        answer = house.stage.call("operator_api", trigger)
        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (403, "not_in_group")


def test_a_message_about_nothing_is_set_aside_or_dropped(house: House) -> None:
    unknown = {"Records": [{"messageId": "m", "body": json.dumps({"batch_id": "bat_1"})}]}
    assert house.stage.call("code_generation", unknown) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    forged = {"Records": [{"messageId": "m", "body": json.dumps({"export_id": "exp_1"})}]}
    assert house.stage.call("key_export", forged) == {"batchItemFailures": []}
    assert house.stage.call("key_export") == {"batchItemFailures": []}
