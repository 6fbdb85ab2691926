"""Each function fed with the sample of its trigger in `events/triggers/`, as AWS would call it.

The samples tell one story: the order of `storefront_api.json` is the one that epay's callback pays, that the queue
brings, whose change the stream shows and whose key is revealed. Its number and token follow from the secrets below.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from keyrail.platform import aws
from keyrail.platform.metrics import Metric
from keyrail.platform.signed_messages import signed_header
from tests.card_house import HOUSE, Buying, CardHouse
from tests.card_house import accounts as house_accounts
from tests.local_cloud import LocalCloud
from tests.tables import create_table
from tests.world import CHAIN_SECRET, SKU, World

TRIGGERS = Path(__file__).resolve().parents[2] / "events" / "triggers"
FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
EPAY_KEY, TOKEN_SECRET, WEBHOOK_SECRET = "sample-epay-key-0123456789abcdef", "t" * 64, "whsec_sample"
SANDBOX_SECRET = "sample-sandbox-secret-0123456789abcdef"
HOUSE_SECRET = "sample-house-secret-0123456789abcdef"


@dataclass
class Stage:
    """The functions' surroundings."""

    world: World
    cloud: LocalCloud
    codes: list[str]
    queues: dict[str, str]

    def call(self, name: str, trigger: dict[str, Any] | None = None) -> dict[str, Any]:
        function = handler_of(name)
        answer: dict[str, Any] = function.handler(trigger or sample(name), None)
        return answer

    def messages(self, queue: str) -> list[Any]:
        answer = self.cloud.client("sqs").receive_message(QueueUrl=self.queues[queue], MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def stage(local_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"), epay_key=EPAY_KEY)
    codes = world.stock_up(3)
    queues = {
        name: local_cloud.client("sqs").create_queue(QueueName=f"{world.names['keys']}-{name}")["QueueUrl"]
        for name in (
            *(
                "issuance",
                "codes",
                "imports",
                "exports",
                "batches",
                "refunds",
                "inquiries",
                "sandbox",
                "reconciliations",
                "jobs",
                "supply",
            ),
            "relay-dead-letters",
        )
    }
    settings = {
        **local_cloud.environment,
        **{f"{kind.upper()}_TABLE": name for kind, name in world.names.items()},
        "VAULT_KEY_ARN": world.vault_key,
        "FINGERPRINT_KEY_ARN": world.fingerprint_key,
        "ACCESS_TOKEN_SECRET_ARN": secret(local_cloud, TOKEN_SECRET),
        "AUDIT_CHAIN_SECRET_ARN": secret(local_cloud, CHAIN_SECRET),
        "PAYMENT_ACCOUNTS_SECRET_ARN": secret(local_cloud, payment_accounts()),
        "SUPPLIER_ACCOUNTS_SECRET_ARN": secret(local_cloud, supplier_accounts()),
        "PUBLIC_API_URL": "https://api.example",
        "DEFAULT_STORE_ID": "main",
        "BUSINESS_TIME_ZONE": "Asia/Shanghai",
        "REFUND_LIMITS": '{"CNY": {"payment_minor": 100000, "day_minor": 1000000}}',
        "IMPORT_BUCKET": "keyrail-imports",
        "EVENT_BUS_NAME": "default",
        "ISSUANCE_QUEUE_URL": queues["issuance"],
        "CODE_QUEUE_URL": queues["codes"],
        "IMPORT_QUEUE_URL": queues["imports"],
        "EXPORT_QUEUE_URL": queues["exports"],
        "BATCH_QUEUE_URL": queues["batches"],
        "REFUND_QUEUE_URL": queues["refunds"],
        "INQUIRY_QUEUE_URL": queues["inquiries"],
        "SANDBOX_QUEUE_URL": queues["sandbox"],
        "SUPPLIER_SANDBOX_QUEUE_URL": queues["sandbox"],
        "HOUSE_TABLE": f"{world.names['keys']}-house",
        "SANDBOX_TABLE": f"{world.names['keys']}-sandbox",
        "KEYRAIL_STAGE": "local",
        "JOB_QUEUE_URL": queues["jobs"],
        "DIRECT_RECHARGE_ARN": workflow(local_cloud, world.names["orders"]),
        "RECONCILIATION_QUEUE_URL": queues["reconciliations"],
        "SUPPLY_QUEUE_URL": queues["supply"],
        "RELAY_DEAD_LETTER_QUEUE_URL": queues["relay-dead-letters"],
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    forget()
    yield Stage(world, local_cloud, codes, queues)
    forget()


def secret(cloud: LocalCloud, value: str) -> str:
    name = f"sample-{time.time_ns()}"
    return str(cloud.client("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"])


def workflow(cloud: LocalCloud, name: str) -> str:
    """One that is over as soon as it is started."""
    definition = json.dumps({"StartAt": "Over", "States": {"Over": {"Type": "Succeed"}}})
    role = "arn:aws:iam::000000000000:role/test"
    machine = cloud.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=role)
    return str(machine["stateMachineArn"])


def payment_accounts() -> str:
    epay = {"pid": "1001", "key": EPAY_KEY, "gateway_url": "https://pay.example"}
    stripe = {"account_id": "acct_1", "secret_key": "sk_test_1", "webhook_secret": WEBHOOK_SECRET}
    sandbox = {"merchant": "sbx_1", "base_url": "https://api.example/sandbox", "secrets": [SANDBOX_SECRET]}
    return json.dumps({"epay": {"main": epay}, "stripe": {"main": stripe}, "sandbox": {"main": sandbox}})


def supplier_accounts() -> str:
    house = {"merchant": "shop_1", "base_url": "https://api.example/sandbox/supplier", "secrets": [HOUSE_SECRET]}
    return json.dumps({"sandbox": {"adapter": "sandbox", **house}})


def handler_of(name: str) -> ModuleType:
    return importlib.import_module(f"functions.{name}.handler")


def function_names() -> list[str]:
    return sorted(folder.parent.name for folder in FUNCTIONS.glob("*/handler.py"))


def forget() -> None:
    """What a process remembers of its settings and clients."""
    for name in function_names():
        handler_of(name)
    modules = [aws, *(module for name, module in sys.modules.items() if name.startswith("functions."))]
    for remembered in (value for module in modules for value in vars(module).values()):
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()


def sample(name: str) -> dict[str, Any]:
    trigger: dict[str, Any] = json.loads((TRIGGERS / f"{name}.json").read_text())
    return trigger


def test_every_function_has_a_sample_of_its_trigger() -> None:
    stems = {path.stem for path in TRIGGERS.glob("*.json")}
    assert [name for name in function_names() if not any(stem.startswith(name) for stem in stems)] == []


def test_a_purchase_told_by_the_samples(stage: Stage) -> None:
    placed = stage.call("storefront_api")
    assert placed["statusCode"] == 201
    assert stage.call("storefront_api")["statusCode"] == 200

    for _ in range(2):
        paid = stage.call("payment_webhook", sample("payment_webhook_epay"))
        assert (paid["statusCode"], paid["body"]) == (200, "success")

    revealed = stage.call("delivery_api")
    assert revealed["statusCode"] == 200
    (unit,) = json.loads(revealed["body"])["units"]
    assert [key["code"] in stage.codes for key in unit["keys"]] == [True]

    assert stage.call("key_issuance") == {"batchItemFailures": []}
    assert stage.call("direct_recharge") == {"next": "done", "wait_s": 0}
    assert stage.call("refunds") == {"batchItemFailures": []}
    assert stage.messages("refunds") == []
    assert stage.call("payment_inquiries") == {"batchItemFailures": []}
    assert [order.order_id for order in stage.world.stored_orders()] == [json.loads(placed["body"])["order_id"]]
    assert len(stage.world.sold()) == 1


def test_a_production_function_whose_accounts_name_the_sandbox_serves_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYRAIL_STAGE", "prod")
    for name, trigger in (("storefront_api", "storefront_api"), ("payment_webhook", "payment_webhook_epay")):
        assert stage.call(name, sample(trigger))["statusCode"] == 500
    assert stage.world.stored_orders() == []
    heard = signed_now(sample("supplier_webhook"), "callback")
    assert stage.call("supplier_webhook", heard)["statusCode"] == 500
    assert stage.world.scan("suppliers") == []


def test_the_sandbox_shows_its_page_to_whoever_follows_the_link(stage: Stage) -> None:
    create_table(stage.world.dynamodb, "sandbox", f"{stage.world.names['keys']}-sandbox")
    shown = stage.call("payment_sandbox")
    assert (shown["statusCode"], "9.90 CNY" in shown["body"]) == (200, True)


@pytest.mark.parametrize("function", ["key_issuance", "refunds", "payment_inquiries"])
def test_a_queue_reports_the_message_of_an_order_that_is_not_there(stage: Stage, function: str) -> None:
    (record,) = sample(function)["Records"]
    assert stage.call(function) == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}


def test_a_refund_that_is_refused_is_not_asked_for_again_by_itself(stage: Stage) -> None:
    """The account of the samples takes no refunds by its gateway's API."""
    placed = json.loads(stage.call("storefront_api")["body"])
    order = stage.world.orders.of_operator(placed["order_id"])
    for reference in ("first", "second"):
        stage.world.pay(order.attempts[0], reference)
    assert stage.call("refunds") == {"batchItemFailures": []}
    (refund,) = stage.world.orders.of_operator(order.order_id).refunds
    assert (refund.status, refund.said) == ("failed", "not_supported")
    assert stage.messages("refunds") == []


def test_a_sample_of_last_year_is_too_late_for_stripe_and_a_fresh_one_is_heard(stage: Stage) -> None:
    trigger = sample("payment_webhook_stripe")
    assert stage.call("payment_webhook", trigger)["statusCode"] == 401

    now, body = str(int(time.time())), aws_body(trigger)
    signature = hmac.new(WEBHOOK_SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    trigger["headers"]["stripe-signature"] = f"t={now},v1={signature}"
    assert stage.call("payment_webhook", trigger)["statusCode"] == 200
    assert [entry.reason for entry in stage.world.desk.waiting(10)] == ["unknown_attempt"]


def signed_now(trigger: dict[str, Any], name: str) -> dict[str, Any]:
    signed = signed_header(HOUSE_SECRET, name, int(time.time()), aws_body(trigger))
    return {**trigger, "headers": {**trigger["headers"], "supplier-signature": signed}}


def test_a_suppliers_sample_of_last_year_is_too_late_and_a_fresh_one_of_no_order_is_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Metric] = []
    monkeypatch.setattr("keyrail.platform.metrics.count", rung.append)
    trigger = sample("supplier_webhook")
    assert stage.call("supplier_webhook", trigger)["statusCode"] == 401
    assert rung == [Metric.CALLBACK_REFUSED]
    assert stage.world.scan("suppliers") == []

    for _ in range(2):
        heard = stage.call("supplier_webhook", signed_now(trigger, "callback"))
        assert (heard["statusCode"], heard["body"]) == (200, "success")
    assert [notice.reason for notice in stage.world.suppliers.notices("sandbox", 10)] == ["no_attempt"]

    trigger["rawPath"] = trigger["requestContext"]["http"]["path"] = "/webhooks/suppliers/nobody"
    assert stage.call("supplier_webhook", signed_now(trigger, "callback"))["statusCode"] == 404
    assert rung == [Metric.CALLBACK_REFUSED, Metric.SUPPLIER_NEWS_UNMATCHED, Metric.CALLBACK_REFUSED]


def test_the_supplier_sandbox_answers_whoever_signs_now(stage: Stage) -> None:
    create_table(stage.world.dynamodb, "house", f"{stage.world.names['keys']}-house")
    assert stage.call("supplier_sandbox")["statusCode"] == 401
    answered = stage.call("supplier_sandbox", signed_now(sample("supplier_sandbox"), "ask.balance"))
    assert (answered["statusCode"], json.loads(answered["body"])["balance"]) == (200, "10000.00")


def aws_body(trigger: dict[str, Any]) -> bytes:
    assert trigger["isBase64Encoded"]
    return base64.b64decode(trigger["body"])


def test_keys_are_bought_by_messages_of_the_supply_queue(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    house, supply = CardHouse(), handler_of("supply")
    monkeypatch.setattr(supply, "accounts", lambda: house_accounts(house))
    buying = Buying(stage.world, house)
    buying.spend()
    buying.rule(SKU)
    assert stage.call("supply") == {"batchItemFailures": []}
    sent = stage.messages("supply")
    assert sorted(sent, key=str) == [{"sku_id": SKU}, {"supplier": HOUSE}]
    for message in sorted(sent, key=str, reverse=True):
        assert stage.call("supply", queued(message)) == {"batchItemFailures": []}
    assert stage.messages("supply") == [{"sku_id": SKU}]
    wanted = buying.request(SKU)
    assert stage.call("supply", queued({"purchase_id": wanted.purchase_id})) == {"batchItemFailures": []}
    assert handler_of("supplier_webhook").ask_about(wanted.purchase_id, HOUSE)
    assert not handler_of("supplier_webhook").ask_about(wanted.purchase_id, "another")
    assert not handler_of("supplier_webhook").ask_about("pur_none", HOUSE)
    assert stage.messages("supply") == [{"purchase_id": wanted.purchase_id}]
    bought = buying.purchases.find(wanted.purchase_id)
    assert (bought.status, bought.accepted, bought.changed_by) == ("stocked", 5, "system:supply")
    assert [each.callback_url for each in house.orders] == [f"https://api.example/webhooks/suppliers/{HOUSE}"]


def queued(message: dict[str, str]) -> dict[str, Any]:
    return {"Records": [{"messageId": "m", "body": json.dumps(message)}]}


def test_an_operator_is_known_by_the_claims_as_the_gateway_flattens_them(stage: Stage) -> None:
    answer = stage.call("operator_api")
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["stock"] == {"claimable": 3, "leased": 0, "scheduled": 0}

    trigger = sample("operator_api")
    trigger["requestContext"]["authorizer"]["jwt"]["claims"].pop("cognito:groups")
    assert stage.call("operator_api", trigger)["statusCode"] == 403
    assert sku_in(trigger) == SKU


def sku_in(trigger: dict[str, Any]) -> str:
    return str(trigger["rawPath"]).rpartition("/")[2]


def relayed(stage: Stage, trigger: dict[str, Any]) -> dict[str, Any]:
    """The sample's tables have names of their own; these are the stage's."""
    text = json.dumps(trigger)
    for kind in ("catalog", "keys", "orders", "payments"):
        text = text.replace(f"table/keyrail-{kind}/", f"table/{stage.world.names[kind]}/")
    return stage.call("event_relay", json.loads(text))


def test_the_relay_puts_each_change_on_record_once_and_open_units_on_the_queue(stage: Stage) -> None:
    trigger = sample("event_relay")
    for _ in range(2):
        assert relayed(stage, trigger) == {"batchItemFailures": []}

    records = {item["subject"]["S"]: [what["S"] for what in item["what"]["L"]] for item in stage.world.scan("audit")}
    kinds = {subject.partition(":")[0]: what for subject, what in records.items()}
    assert kinds == {
        "sku": ["sku.created"],
        "key": ["key.leased"],
        "order": ["order.paid"],
        "payment": ["payment.unmatched"],
    }
    order_id = json.loads(sample("key_issuance")["Records"][0]["body"])["order_id"]
    assert stage.messages("issuance") == [{"order_id": order_id}] * 2
    assert stage.messages("relay-dead-letters") == []


def test_the_relay_sets_a_poison_record_aside_and_goes_on(stage: Stage) -> None:
    trigger = sample("event_relay")
    poison = trigger["Records"][0]
    poison["dynamodb"]["NewImage"]["price"] = {"S": "not a price"}

    assert relayed(stage, trigger) == {"batchItemFailures": []}

    (aside,) = stage.messages("relay-dead-letters")
    assert aside["sequence_number"] == poison["dynamodb"]["SequenceNumber"]
    assert "not a price" not in json.dumps(aside)
    assert len(stage.world.scan("audit")) == 3


def test_the_relay_reports_what_it_could_not_deliver_and_all_behind_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISSUANCE_QUEUE_URL", f"{stage.queues['issuance']}-gone")
    forget()
    trigger = sample("event_relay")
    unsent = next(record for record in trigger["Records"] if "/keyrail-orders/" in record["eventSourceARN"])

    answer = relayed(stage, trigger)

    assert answer == {"batchItemFailures": [{"itemIdentifier": unsent["dynamodb"]["SequenceNumber"]}]}
