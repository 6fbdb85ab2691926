"""The redemption function as API Gateway calls it: by its samples, by holders and by tills that sign."""

from __future__ import annotations

import copy
import json
import logging
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from functions.redemption_api import handler as function
from keyrail.catalog.model import Activation, Terms
from keyrail.channels.model import TOLERANCE_S, Signed, signature
from keyrail.inventory.model.keys import events_between
from keyrail.platform import aws
from keyrail.platform.money import Money
from keyrail.redemption.model import PUBLIC
from keyrail.vault.codes import grouped, new_code
from tests.local_cloud import LocalCloud
from tests.redeeming import CARD, ONCE, issue, name
from tests.tables import TABLES
from tests.world import BUSINESS_TIME_ZONE, World

TRIGGERS = Path(__file__).resolve().parents[3] / "events" / "triggers"
KEY, SECRET, SECOND_SECRET = "kc_0a1b2c3d4e5f", "sample-partner-secret-0123456789ab", "s" * 40
OTHER_KEY, OTHER_SECRET = "kc_f5e4d3c2b1a0", "o" * 40
Answer = tuple[int, dict[str, Any]]


@dataclass
class Front:
    """The function and what is around it."""

    world: World

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = function.handler(event, None)
        return answer

    def holder(self, action: str, **body: Any) -> Answer:
        event = sample("redemption_api_holder")
        return self._answer(event, f"/v1/redemptions{action}", body)

    def till(self, action: str, key: str = KEY, secret: str = SECRET, **body: Any) -> Answer:
        event = sample("redemption_api_till")
        raw = json.dumps(body).encode()
        headers = {
            "keyrail-key": key,
            "keyrail-timestamp": str(int(time.time())),
            "keyrail-nonce": secrets.token_hex(16),
        }
        return self._answer(signed(event, f"/partner/v1/redemptions{action}", raw, headers, secret), None, body)

    def _answer(self, event: dict[str, Any], path: str | None, body: dict[str, Any]) -> Answer:
        if path:
            at(event, path)
            event["body"] = json.dumps(body)
        answer = self.call(event)
        return answer["statusCode"], json.loads(answer["body"])


def at(event: dict[str, Any], path: str) -> dict[str, Any]:
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    return event


def signed(event: dict[str, Any], path: str, raw: bytes, headers: dict[str, str], secret: str) -> dict[str, Any]:
    at(event, path)["body"] = raw.decode()
    request = Signed("POST", path, event["rawQueryString"], headers, raw)
    event["headers"] |= {**headers, "keyrail-signature": signature(request, secret)}
    return event


def sample(trigger: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((TRIGGERS / f"{trigger}.json").read_text())
    return copy.deepcopy(event)


@pytest.fixture
def front(local_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    credentials = {
        KEY: {"partner": "coffee-house", "secrets": [SECRET, SECOND_SECRET]},
        OTHER_KEY: {"partner": "book-shop", "secrets": [OTHER_SECRET]},
    }
    stored = local_cloud.client("secretsmanager").create_secret(
        Name=f"partners-{time.time_ns()}", SecretString=json.dumps(credentials)
    )
    settings = {
        **local_cloud.environment,
        "KEYS_TABLE": world.names["keys"],
        "CATALOG_TABLE": world.names["catalog"],
        "GUARDS_TABLE": world.names["guards"],
        "FINGERPRINT_KEY_ARN": world.fingerprint_key,
        "PARTNER_CREDENTIALS_SECRET_ARN": stored["ARN"],
        "BUSINESS_TIME_ZONE": BUSINESS_TIME_ZONE,
    }
    for setting, value in settings.items():
        monkeypatch.setenv(setting, value)
    forget()
    yield Front(world)
    forget()


def forget() -> None:
    modules = [aws, *(module for name, module in sys.modules.items() if name.startswith("functions.redemption_api"))]
    for remembered in (value for module in modules for value in vars(module).values()):
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()


def test_the_samples_tell_of_a_code_that_its_holder_uses_and_a_till_refuses(front: Front) -> None:
    code = json.loads(sample("redemption_api_holder")["body"])["code"]
    assert front.call(sample("redemption_api_holder"))["statusCode"] == 404
    issue(front.world, ONCE, clear=(code,))
    redeemed = front.call(sample("redemption_api_holder"))
    assert redeemed["statusCode"] == 200
    assert front.call(sample("redemption_api_holder"))["body"] == redeemed["body"]

    assert front.call(sample("redemption_api_till"))["statusCode"] == 401, "it was signed long ago"
    trigger = sample("redemption_api_till")
    headers = {name: value for name, value in trigger["headers"].items() if name.startswith("keyrail-")}
    headers["keyrail-timestamp"] = str(int(time.time()))
    headers.pop("keyrail-signature")
    answer = front.call(signed(trigger, trigger["rawPath"], trigger["body"].encode(), headers, SECRET))
    assert answer["statusCode"] == 409
    assert json.loads(answer["body"])["facts"]["redemption_id"] == "web-5f1d0c7a9b2e4d68"


def test_a_till_redeems_verifies_and_takes_back(front: Front) -> None:
    issued = issue(front.world, CARD)
    amount = {"amount_minor": 2500, "currency": "CNY"}
    wanted: dict[str, Any] = {"code": issued.code, "redemption_id": "till-7-000418", "location": "shop-12"}
    wanted["amount"] = amount
    status, redeemed = front.till("", **wanted)
    assert status == 200
    assert redeemed.pop("redeemed_at").endswith("Z")
    assert redeemed == {
        "redemption_id": "till-7-000418",
        "sku_id": front.world.keys.get(issued.key_id).sku_id,
        "location": "shop-12",
        "amount": amount,
        "value_left": {"amount_minor": 7500, "currency": "CNY"},
    }
    assert front.till("/verify", code=issued.code)[1]["value_left"]["amount_minor"] == 7500
    status, back = front.till("/reverse", code=issued.code, redemption_id="till-7-000418")
    assert (status, back["value_left"]["amount_minor"]) == (200, 10_000)
    assert front.till("/reverse", code=issued.code, redemption_id="till-7-000418") == (status, back)
    assert front.till("", **wanted)[1]["reversed_at"] == back["reversed_at"]


def test_either_secret_of_a_credential_names_the_same_caller(front: Front) -> None:
    issued = issue(front.world, Terms(uses=5))
    answers = [
        front.till("", secret=secret, code=issued.code, redemption_id="till-7-000418")
        for secret in (SECRET, SECOND_SECRET)
    ]
    assert answers[0] == answers[1]
    assert front.till("", OTHER_KEY, OTHER_SECRET, code=issued.code, redemption_id="till-7-000418")[1]["uses_left"] == 3


def test_a_holder_reads_what_a_code_is_worth_and_when(front: Front) -> None:
    terms = Terms(
        uses=2,
        valid_from_ms=1_767_225_600_000,
        valid_to_ms=4_000_000_000_000,
        weekdays=(1, 2, 3, 4, 5, 6, 7),
        opens=0,
        closes=1_440,
        places=("shop-1", "shop-2"),
    )
    issued = issue(front.world, terms)
    status, seen = front.holder("/verify", code=issued.code)
    assert (status, seen) == (
        200,
        {
            "sku_id": front.world.keys.get(issued.key_id).sku_id,
            "redeemable": True,
            "activation": "on_sale",
            "uses_left": 2,
            "valid_from": "2026-01-01T00:00:00.000Z",
            "valid_to": "2096-10-02T07:06:40.000Z",
            "weekdays": [1, 2, 3, 4, 5, 6, 7],
            "hours": {"opens": "00:00", "closes": "24:00"},
            "locations": ["shop-1", "shop-2"],
        },
    )
    assert front.holder("/verify", code=issued.code, location="shop-3")[1]["refusal"] == "wrong_place"


def test_a_holder_activates_and_redeems_and_takes_nothing_back(front: Front) -> None:
    issued = issue(front.world, replace(ONCE, activation=Activation.ON_DEMAND, active_ms=300_000))
    status, first = front.holder("/activate", code=issued.code)
    assert status == 200
    assert front.holder("/activate", code=issued.code) == (200, first)
    assert front.holder("", code=issued.code, redemption_id="web-000418")[0] == 200
    assert front.holder("/reverse", code=issued.code, redemption_id="web-000418")[0] == 404
    assert front.till("/reverse", code=issued.code, redemption_id="web-000418")[1]["code"] == "redemption_unknown"
    (use,) = front.world.keys.get(issued.key_id).uses or ()
    assert use.by == PUBLIC


def test_a_printed_card_is_activated_at_the_till_and_its_request_serves_once(front: Front) -> None:
    issued = issue(front.world, ONCE, for_print=True)
    assert front.holder("/activate", code=issued.code)[1]["code"] == "not_active"
    event = sample("redemption_api_till")
    headers = {"keyrail-key": KEY, "keyrail-timestamp": str(int(time.time())), "keyrail-nonce": "n" * 16}
    raw = json.dumps({"code": issued.code, "actor": "cashier-3"}).encode()
    once = signed(event, "/partner/v1/redemptions/activate", raw, headers, SECRET)
    assert front.call(once)["statusCode"] == 200
    assert front.call(once)["statusCode"] == 401
    assert front.world.keys.get(issued.key_id).changed_by == f"partner:{KEY}/cashier-3"
    (spent,) = (item for item in front.world.scan("guards") if item["pk"]["S"].startswith("spent#"))
    assert int(spent["expires_at"]["N"]) > time.time() + 2 * TOLERANCE_S


def test_a_redemption_that_is_heard_twice_is_answered_twice_and_made_once(front: Front) -> None:
    issued = issue(front.world, Terms(uses=5))
    event = sample("redemption_api_till")
    headers = {"keyrail-key": KEY, "keyrail-timestamp": str(int(time.time())), "keyrail-nonce": "n" * 16}
    raw = json.dumps({"code": issued.code, "redemption_id": "till-7-000418"}).encode()
    sent = signed(event, "/partner/v1/redemptions", raw, headers, SECRET)
    assert front.call(sent)["body"] == front.call(sent)["body"]
    assert len(front.world.keys.get(issued.key_id).uses or ()) == 1
    assert front.world.scan("guards") == []


@pytest.mark.parametrize("action", ["", "/verify", "/activate", "/reverse"])
def test_whoever_does_not_sign_is_refused_before_anything_they_sent_is_looked_at(front: Front, action: str) -> None:
    issued = issue(front.world, ONCE)
    for body in ({"code": issued.code, "redemption_id": name()}, {"nothing": "of the kind"}):
        for key, secret in ((KEY, "x" * 40), ("kc_unknown", SECRET), (KEY, OTHER_SECRET)):
            status, refused = front.till(action, key, secret, **body)
            assert (status, refused["code"]) == (401, "signature_invalid")
            assert "errors" not in refused
            assert "facts" not in refused
    assert front.world.keys.get(issued.key_id).version == 2


def test_many_wrong_codes_are_answered_with_429_and_when_to_come_back(front: Front) -> None:
    issued = issue(front.world, ONCE)
    event = at(sample("redemption_api_holder"), "/v1/redemptions/verify")
    for _ in range(30):
        event["body"] = json.dumps({"code": grouped(new_code("TST"))})
        last = front.call(event)
        if last["statusCode"] != 404:
            break
    assert (last["statusCode"], json.loads(last["body"])["code"]) == (429, "too_many_attempts")
    assert 0 < int(last["headers"]["Retry-After"]) <= 900
    assert front.till("/verify", code=issued.code)[0] == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"code": ""}, "code"),
        ({"redemption_id": "a till's"}, "redemption_id"),
        ({"redemption_id": "with blanks in it"}, "redemption_id"),
        ({"redemption_id": "x" * 65}, "redemption_id"),
        ({"location": "no place of ours"}, "location"),
        ({"amount": {"amount_minor": 1.5, "currency": "CNY"}}, "amount.amount_minor"),
        ({"issuer": "Not A Slug"}, "issuer"),
        ({"ammount": 1}, "ammount"),
    ],
)
def test_a_body_that_is_wrong_is_refused_by_name(front: Front, body: dict[str, Any], field: str) -> None:
    status, refused = front.holder("", **{"code": "TST0", "redemption_id": "web-00000418", **body})
    assert (status, refused["code"]) == (422, "invalid_request")
    assert [error["field"] for error in refused["errors"]] == [field]


def test_no_code_is_told_by_any_log_table_answer_event_or_metric(
    front: Front, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="keyrail")
    issued = issue(front.world, Terms(uses=3, reversal_ms=600_000), 2)
    strange, wrong = grouped(new_code("TST")), issued.code[:-1] + ("0" if issued.code[-1] != "0" else "1")
    answers = []
    for code in (*issued.clear, strange, wrong, issued.code.lower(), issued.code.replace("-", " ")):
        for action in ("/verify", "/activate"):
            answers += [front.holder(action, code=code), front.till(action, code=code)]
        for redemption_id in (name(), code.replace(" ", ""), name()):
            answers.append(front.till("", code=code, redemption_id=redemption_id, actor="cashier-3"))
        answers.append(front.till("/reverse", code=code, redemption_id=redemption_id))
        answers.append(front.holder("", code=code, redemption_id=name(), cod=code))
        answers.append(front.holder("", **{code: code}))
    assert {status for status, _ in answers} == {200, 404, 409, 422}
    for _ in range(30):
        front.holder("/verify", code=strange)
    changes = [events_between(None, key) for key in front.world.stored_keys()]
    lines = [vars(record) for record in caplog.records if record.name.startswith("keyrail")]
    assert any(line["code"] == "K6001" for line in lines)
    said = repr(lines) + "".join(capfd.readouterr()) + repr(changes)
    stored = json.dumps([front.world.scan(kind) for kind in TABLES], default=repr)
    for secret in (*issued.clear, strange, wrong):
        for spelled in (secret, secret.replace("-", ""), secret.replace("-", " ")):
            assert spelled.casefold() not in (said + stored).casefold()
    told = [answer for _, answer in answers if "errors" not in answer]
    assert not [code for code in issued.clear if code.casefold() in json.dumps(told).casefold()]


def test_each_refusal_has_its_status_and_speaks_chinese(front: Front) -> None:
    issued = issue(front.world, ONCE)
    front.holder("", code=issued.code, redemption_id="web-000418")
    event = at(sample("redemption_api_holder"), "/v1/redemptions")
    event["headers"]["accept-language"] = "zh-CN"
    event["body"] = json.dumps({"code": issued.code, "redemption_id": "web-000419"})
    refused = json.loads(front.call(event)["body"])
    assert (refused["status"], refused["title"]) == (409, "该兑换码已被核销。")
    unit = Money(1, "CNY")
    status, wrong = front.holder(
        "", code=issued.code, redemption_id="web-000420", amount={"amount_minor": unit.amount_minor, "currency": "CNY"}
    )
    assert (status, wrong["code"]) == (409, "already_redeemed")
