"""The desk of complaints as support, finance and auditors meet it: what each is shown, and what one answer tells."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import pytest

from functions.operator_api import handler as operator_api
from functions.operator_api.access import AFTER_SALES, Group
from keyrail.catalog.model import CodeFormat
from keyrail.inventory.model.keys import events_between
from keyrail.inventory.service.batches import NewBatch
from keyrail.platform import aws
from keyrail.platform.audit import audit_record
from keyrail.platform.money import Money
from keyrail.vault.model import mask
from tests.files import UploadInMemory
from tests.local_cloud import LocalCloud
from tests.world import BUSINESS_TIME_ZONE, BUYER, OPERATOR, SKU, SYSTEM, World

EMAIL = "buyer@example.com"
BAD = {"fault": "bad_code", "charge_back": True, "reason": "ticket 4711"}


@dataclass
class Desk:
    world: World

    def ask(self, group: str, method: str, path: str, body: Any = None, query: str = "") -> tuple[int, dict[str, Any]]:
        answer = self.answer(group, method, path, body, query)
        return int(answer["statusCode"]), json.loads(answer["body"])

    def answer(
        self,
        group: str,
        method: str,
        path: str,
        body: Any = None,
        query: str = "",
        *,
        user: str = "sue",
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        claims = {"username": user, "cognito:groups": f"[{group}]", "sub": "1"}
        request = {"method": method, "path": f"/ops/v1/{path}", "sourceIp": "192.0.2.44"}
        event = {
            "version": "2.0",
            "rawPath": f"/ops/v1/{path}",
            "rawQueryString": query,
            "queryStringParameters": dict(part.split("=") for part in query.split("&") if part),
            "headers": headers or {},
            "body": json.dumps(body) if body is not None else None,
            "requestContext": {
                "http": request,
                "stage": "$default",
                "requestId": "r",
                "authorizer": {"jwt": {"claims": claims}},
            },
        }
        return operator_api.handler(event, None)

    def told(self, group: str, method: str, path: str, body: Any = None, query: str = "") -> dict[str, Any]:
        status, answer = self.ask(group, method, path, body, query)
        assert status == 200, answer
        return answer

    def sell(self, quantity: int = 1, sku_id: str = SKU) -> tuple[str, tuple[str, ...], list[str]]:
        """The order, its keys and their codes; the buyer has looked once."""
        placed = self.world.order(quantity, sku_id=sku_id)
        self.world.pay(placed.attempt)
        (unit,) = self.world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
        return placed.order.order_id, tuple(key.key_id for key in unit.keys), [str(key.code) for key in unit.keys]


@pytest.fixture
def desk(local_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(0)
    settings = {
        **local_cloud.environment,
        **{f"{kind.upper()}_TABLE": name for kind, name in world.names.items()},
        **{name.upper(): "x" for name in operator_api.Settings.__dataclass_fields__ if not name.endswith("_table")},
        "FINGERPRINT_KEY_ARN": world.fingerprint_key,
        "BUSINESS_TIME_ZONE": BUSINESS_TIME_ZONE,
        "REFUND_LIMITS": json.dumps({"CNY": {"payment_minor": 500, "day_minor": 500}}),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    forget()
    yield Desk(world)
    forget()


def forget() -> None:
    modules = [aws, *(module for name, module in sys.modules.items() if name.startswith("functions.operator_api"))]
    for remembered in (value for module in modules for value in vars(module).values()):
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()


def supply(desk: Desk, codes: list[str], source: str = "ACME", sku_id: str = SKU) -> str:
    return desk.world.import_codes(codes, sku_id, source, Money(700, "CNY"))[1].batch_id


def test_a_complaint_from_the_buyers_address_to_the_new_key(desk: Desk) -> None:
    supply(desk, ["AAAA-BBBB-CCCC-0001", "AAAA-BBBB-CCCC-0002", "AAAA-BBBB-CCCC-0003"])
    order_id, keys, codes = desk.sell(2)

    (order,) = desk.told("support", "POST", "orders/find", {"email": EMAIL.upper()})["orders"]
    assert order["order_id"] == order_id
    known = desk.told("support", "GET", f"orders/{order_id}/keys")["keys"]
    assert [key["key_id"] for key in known] == list(keys)
    (bad,) = desk.told("support", "POST", f"orders/{order_id}/keys/find", {"mask": f"***{codes[1][-4:]}"})["keys"]
    assert (bad["key_id"], bad["mask"]) == (keys[1], mask(codes[1]))

    done = desk.told("support", "POST", f"keys/{bad['key_id']}/replace", BAD)
    assert (done["bad"]["state"], done["bad"]["fault"]) == ("void", "bad_code")
    assert done["bad"]["replaced_by"] == done["replacement"]["key_id"]
    assert done["replacement"]["replaces"] == bad["key_id"]
    assert done["bad"]["charged_back_at"]

    known = desk.told("support", "GET", f"orders/{order_id}/keys")["keys"]
    assert [key["key_id"] for key in known] == [keys[0], done["replacement"]["key_id"], keys[1]]
    assert desk.told("support", "POST", f"keys/{bad['key_id']}/replace", BAD) == done
    assert not any(code in json.dumps([known, done, order]) for code in codes)


def test_support_is_shown_the_buyer_and_whoever_keeps_the_books_the_cost(desk: Desk) -> None:
    supply(desk, ["AAAA-BBBB-CCCC-0001"])
    _, (key_id,), (code,) = desk.sell()
    shown = {
        group: desk.told(group, "GET", f"keys/{key_id}") for group in ("support", "operator", "finance", "auditor")
    }
    cost, buyer = {"amount_minor": 700, "currency": "CNY"}, {"email": EMAIL}
    assert [shown[group].get("buyer") for group in shown] == [buyer, buyer, None, None]
    assert [shown[group].get("unit_cost") for group in shown] == [None, cost, cost, cost]
    by_code = desk.told("support", "POST", "keys/find", {"sku_id": SKU, "code": code.lower()})
    assert by_code == shown["support"]


def test_whoever_is_not_shown_the_buyer_of_a_key_is_not_shown_that_of_its_order(desk: Desk) -> None:
    supply(desk, ["AAAA-BBBB-CCCC-0001"])
    order_id, (key_id,), _ = desk.sell()
    for group in Group:
        (listed,) = desk.told(group, "GET", "orders", query="status=delivered")["orders"]
        shown = desk.told(group, "GET", f"orders/{order_id}").get("contact")
        assert shown == listed.get("contact") == desk.told(group, "GET", f"keys/{key_id}").get("buyer")
        assert (shown == {"email": EMAIL}) == (group in AFTER_SALES)
    refund = {"unit_ids": [f"unt_{order_id[4:]}01"], "even_if_used": True, "reason": "ticket 4711"}
    back = desk.answer("finance", "POST", f"orders/{order_id}/refunds", refund, headers={"Idempotency-Key": "a" * 16})
    assert (back["statusCode"], EMAIL in back["body"]) == (201, False)


def test_one_answer_tells_the_whole_of_a_key(desk: Desk) -> None:
    world = desk.world
    batch_id = supply(desk, ["AAAA-BBBB-CCCC-0001"])
    versions = [world.stored_keys()[0]]
    key_id = versions[0].key_id
    placed = world.order()
    versions.append(world.keys.get(key_id))
    world.pay(placed.attempt)
    versions.append(world.keys.get(key_id))
    world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    versions.append(world.keys.get(key_id))
    supply(desk, ["AAAA-BBBB-CCCC-0002"])
    done = desk.told("support", "POST", f"keys/{key_id}/replace", BAD)
    versions.append(world.keys.get(key_id))
    for before, after in zip([None, *versions], versions, strict=False):
        world.chain.write(audit_record(events_between(before, after), after), before)

    told = desk.told("support", "GET", f"keys/{key_id}")
    assert [(step["what"], step["by"], step.get("order_id")) for step in told["trace"]] == [
        (["key.imported"], "system:test", None),
        (["key.leased"], "buyer", placed.order.order_id),
        (["key.sold"], "provider:epay/main", placed.order.order_id),
        (["key.revealed"], "buyer", placed.order.order_id),
        (["key.replaced"], "operator:sue", placed.order.order_id),
    ]
    assert all(step["address"] and step["at"] for step in told["trace"])
    assert told["trace"][-1]["reason"] == "ticket 4711"
    expected = {
        "batch_id": batch_id,
        "source": "ACME",
        "line": 1,
        "imported_at": told["trace"][0]["at"],
        "order_id": placed.order.order_id,
        "unit_id": placed.order.units[0].unit_id,
        "sold_at": told["trace"][2]["at"],
        "revealed_at": told["trace"][3]["at"],
        "charged_back_at": told["trace"][4]["at"],
        "state": "void",
        "fault": "bad_code",
        "replaced_by": done["replacement"]["key_id"],
        "uses": [],
        "slots": [],
    }
    assert {name: told[name] for name in expected} == expected


def test_a_code_that_is_sold_often_is_shown_with_all_its_sales_or_as_one_orders_sale(desk: Desk) -> None:
    world = desk.world
    batch = world.batches.open(NewBatch(sku_id=SKU, source="ACME", sales_per_key=3), "a batch of loop keys", OPERATOR)
    world.importing.import_file(batch.batch_id, UploadInMemory(b"AAAA-BBBB-CCCC-0001"), SYSTEM)
    sold = dict(desk.sell()[:2] for _ in range(2))
    by_code = {"sku_id": SKU, "code": "aaaa-bbbb-cccc-0001"}
    told = desk.told("support", "POST", "keys/find", by_code)
    assert len(told["slots"]) == 3
    assert {slot.get("order_id") for slot in told["slots"]} == {*sold, None}
    for order_id, (key_id,) in sold.items():
        assert desk.told("support", "POST", "keys/find", {**by_code, "order_id": order_id})["key_id"] == key_id
    nobodys = {**by_code, "order_id": "ord_" + "0" * 26}
    assert desk.ask("support", "POST", "keys/find", nobodys)[1]["code"] == "key_not_found"


def test_where_case_tells_codes_apart_the_wrong_case_is_another_code(desk: Desk) -> None:
    world = desk.world
    written = replace(world.catalog.sku(SKU), issuer="strict", code_format=CodeFormat(case_sensitive=True))
    world.catalog.save_sku(replace(written, sku_id="strict-100"), OPERATOR)
    supply(desk, ["aaaa-BBBB-cccc-0001", "AAAA-BBBB-CCCC-0001"], sku_id="strict-100")
    found = {
        code: desk.ask("support", "POST", "keys/find", {"sku_id": "strict-100", "code": code})[1].get("line")
        for code in ("aaaa-BBBB-cccc-0001", "AAAA-BBBB-CCCC-0001", "aaaa-bbbb-cccc-0001")
    }
    assert list(found.values()) == [1, 2, None]


def test_only_support_replaces_and_only_with_a_reason(desk: Desk) -> None:
    supply(desk, ["AAAA-BBBB-CCCC-0001", "AAAA-BBBB-CCCC-0002"])
    _, (key_id,), _ = desk.sell()
    for group in ("finance", "auditor", "nobody"):
        assert desk.ask(group, "POST", f"keys/{key_id}/replace", BAD)[0] == 403
    assert desk.ask("support", "POST", f"keys/{key_id}/replace", {"fault": "bad_code"})[0] == 422
    assert desk.ask("support", "POST", f"keys/{key_id}/replace", {**BAD, "fault": "ugly"})[0] == 422
    assert desk.ask("finance", "POST", "orders/find", {"email": EMAIL})[0] == 403
    assert desk.world.keys.get(key_id).replaced_by is None


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("key_01" + "0" * 26, 404, "key_not_found"), ("{unsold}", 409, "not_sold"), ("{sold}", 409, "sold_out")],
)
def test_a_refusal_says_what_stands_in_the_way(desk: Desk, path: str, status: int, code: str) -> None:
    supply(desk, ["AAAA-BBBB-CCCC-0001"])
    if path == "{sold}":
        path = desk.sell()[1][0]
    elif path == "{unsold}":
        path = desk.world.stored_keys()[0].key_id
    answered, problem = desk.ask("support", "POST", f"keys/{path}/replace", BAD)
    assert (answered, problem["code"]) == (status, code)


@pytest.mark.parametrize("name", ["ACME", "供货商 一号", "A & B, 50%"])
def test_a_source_is_found_under_whatever_name_it_has(desk: Desk, name: str) -> None:
    supply(desk, ["AAAA-BBBB-CCCC-0001", "AAAA-BBBB-CCCC-0002"], name)
    _, (key_id,), _ = desk.sell()
    desk.told("support", "POST", f"keys/{key_id}/replace", BAD)
    told = desk.told("finance", "GET", f"sources/{quote(name, safe='')}")
    assert (told["name"], told["charged_back"]) == (name, 1)
    assert told["charged_money"] == [{"amount_minor": 700, "currency": "CNY"}]
    assert "charged_money" not in desk.told("support", "GET", f"sources/{quote(name, safe='')}")
    listed = desk.told("auditor", "GET", "sources", query="limit=100")["sources"]
    assert name in [source["name"] for source in listed]
    assert desk.ask("auditor", "GET", "sources/nobody")[1]["code"] == "source_not_found"
