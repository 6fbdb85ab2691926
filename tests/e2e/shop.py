"""A shop on the deployed stack, as its operator, its buyers and its payment providers use it: over HTTP alone.

`Shop.table` and `Shop.change` look behind the API with the administrator's rights, where a test has to see that
nothing was stored, or has to bring about what no caller can.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, TypeVar

from infra.local.demo_client import Answer, send
from infra.local.demo_gateway import EpayGateway, Payment
from infra.local.deployment import client
from infra.local.samples.key_file import Card, Series

STORED = ("catalog", "keys", "orders", "payments")
RELAY = {"S": "system:event_relay"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RETURN_URL = "https://shop.example/thanks"
PRICE: dict[str, Any] = {"amount_minor": 1990, "currency": "CNY"}
PATIENCE_S, POLL_S = 100.0, 0.1
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Placed:
    """An order as its buyer got it."""

    order_id: str
    token: str
    attempt_id: str
    page: str
    total: dict[str, Any]


@dataclass
class Shop:
    card: dict[str, Any]
    operator: str
    sold_here: list[Card] = field(default_factory=list)
    """Every key that was ever imported through this shop."""
    tokens: list[str] = field(default_factory=list)

    @property
    def api(self) -> str:
        return str(self.card["api_url"])

    @cached_property
    def gateway(self) -> EpayGateway:
        epay = self.card["payments"]["epay"]
        return EpayGateway(epay["pid"], epay["key"])

    def aws(self, service: str) -> Any:
        return client(service, self.card["endpoint_url"])

    # the operator

    def ops(self, method: str, path: str, **sent: Any) -> Answer:
        return send(method, f"{self.api}/ops/v1/{path}", token=self.operator, **sent)

    def new_sku(self, keys: int = 0, price: dict[str, Any] | None = None, max_quantity: int = 90, **more: Any) -> str:
        """A SKU of its own for each test, so that none sees another's stock."""
        sku_id = f"sku-{secrets.token_hex(6)}"
        product = {"name": "A test's product", "reason": "test"}
        assert self.ops("PUT", f"products/p-{sku_id}", document=product).status == 200
        sku = {
            "product_id": f"p-{sku_id}",
            "name": "A test's SKU",
            "price": price or PRICE,
            "issuer": f"i-{sku_id}",
            "max_quantity": max_quantity,
            "reason": "test",
            **more,
        }
        saved = self.ops("PUT", f"skus/{sku_id}", document=sku)
        assert saved.status == 200, saved.text
        if keys:
            self.stock_up(sku_id, keys)
        return sku_id

    def stock_up(self, sku_id: str, keys: int) -> list[Card]:
        series = Series(secrets.token_hex(8))
        cards = [series.draw() for _ in range(keys)]
        batch = self.import_file(sku_id, "".join(f"{c.number}----{c.password}\n" for c in cards).encode())
        assert (batch["status"], batch["report"]["accepted"]) == ("imported", keys)
        self.sold_here += cards
        return cards

    def open_batch(self, sku_id: str) -> dict[str, Any]:
        batch = {"sku_id": sku_id, "source": "a test's supplier", "reason": "test"}
        opened = self.ops("POST", "batches", document=batch, headers={"Idempotency-Key": secrets.token_hex(16)})
        assert opened.status == 201, opened.text
        found: dict[str, Any] = opened.json
        return found

    def import_file(self, sku_id: str, raw: bytes) -> dict[str, Any]:
        """The batch once its file is dealt with, imported or rejected."""
        opened = self.open_batch(sku_id)
        assert send("PUT", opened["upload"]["url"], raw=raw).status == 200
        return self.await_batch(opened["batch_id"])

    def await_batch(self, batch_id: str) -> dict[str, Any]:
        def settled() -> dict[str, Any] | None:
            batch: dict[str, Any] = self.ops("GET", f"batches/{batch_id}").json
            return batch if batch["status"] in {"imported", "rejected"} else None

        return eventually(settled)

    def stock(self, sku_id: str) -> tuple[int, int]:
        """Claimable, leased."""
        counted = self.ops("GET", f"skus/{sku_id}").json["stock"]
        return counted["claimable"], counted["leased"]

    def desk(self) -> list[dict[str, Any]]:
        waiting: list[dict[str, Any]] = self.ops("GET", "payments/unmatched?limit=100").json["payments"]
        return waiting

    def seen_by_operator(self, order: Placed) -> dict[str, Any]:
        found: dict[str, Any] = self.ops("GET", f"orders/{order.order_id}").json
        return found

    # buyers

    def ask(self, body: Any, key: str | None = None, **sent: Any) -> Answer:
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        return send("POST", f"{self.api}/v1/orders", document=body, headers=headers, **sent)

    def order(self, sku_id: str, quantity: int = 1, provider: str = "epay", key: str | None = None) -> Placed:
        answer = self.ask(wanted(sku_id, quantity, provider), key)
        assert answer.status in {200, 201}, answer.text
        placed = answer.json
        self.tokens.append(placed["access_token"])
        action = placed["payment"]["action"]
        return Placed(
            placed["order_id"],
            placed["access_token"],
            placed["payment"]["attempt_id"],
            action.get("url", ""),
            placed["total"],
        )

    def status(self, order: Placed) -> str:
        return str(self.buyer("GET", order).json["status"])

    def buyer(self, method: str, order: Placed, action: str = "", token: str | None = None) -> Answer:
        return send(method, f"{self.api}/v1/orders/{order.order_id}{action}", token=token or order.token)

    def reveal(self, order: Placed) -> list[Card]:
        answer = self.buyer("POST", order, "/reveal")
        assert answer.status == 200, answer.text
        return [Card(key["code"], key["password"]) for unit in answer.json["units"] for key in unit["keys"]]

    # payment providers

    def pay(self, order: Placed, **changed: str) -> Answer:
        return self.gateway.notify(self.payment(order), **changed)

    def press(self, order: Placed, decision: str) -> Answer:
        """On the sandbox's page, which sends the buyer on."""
        answer = send("POST", order.page, raw=f"decision={decision}".encode(), headers=FORM)
        assert answer.status == HTTPStatus.SEE_OTHER, answer.text
        return answer

    def payment(self, order: Placed) -> Payment:
        return self.gateway.take(order.page)

    # behind the API

    def table(self, kind: str) -> list[dict[str, Any]]:
        pages = self.aws("dynamodb").get_paginator("scan").paginate(TableName=self.card["tables"][kind])
        return [item for page in pages for item in page["Items"]]

    def stored(self) -> dict[str, list[dict[str, Any]]]:
        """All that callers can change, in an order that two looks can be compared by.

        What the relay keeps of earlier changes (stock figures) comes behind them and is no caller's.
        """
        changed = {kind: [item for item in self.table(kind) if item.get("changed_by") != RELAY] for kind in STORED}
        return {kind: sorted(items, key=repr) for kind, items in changed.items()}

    def change(self, kind: str, key: str, *paths: str, values: list[Any]) -> None:
        """Set each of the paths of the item to its value, as a process with all rights would."""
        names = {f"#{part.partition('[')[0]}": part.partition("[")[0] for path in paths for part in path.split(".")}
        stamped = {":by": {"S": "system:test"}, ":now": {"N": str(time.time_ns() // 1_000_000)}, ":one": {"N": "1"}}
        sets = [f"{'.'.join(f'#{part}' for part in path.split('.'))} = :v{at}" for at, path in enumerate(paths)]
        self.aws("dynamodb").update_item(
            TableName=self.card["tables"][kind],
            Key={"order_id" if kind == "orders" else "key_id": {"S": key}},
            UpdateExpression=f"SET {', '.join(sets)}, changed_by = :by, changed_at_ms = :now, version = version + :one",
            ConditionExpression="attribute_exists(changed_by)",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={**stamped, **{f":v{at}": value for at, value in enumerate(values)}},
        )

    def keys_of(self, order: Placed) -> list[str]:
        """The keys that the order holds."""
        return [key for unit in self.seen_by_operator(order)["units"] for key in unit["key_ids"]]

    def give_to_another(self, key_id: str) -> None:
        """What happens when a lease lapses and the next buyer is faster."""
        until = f"{int(time.time()) + 900:010d}#TESTTESTTE"
        values = [{"S": f"ord_{'0' * 26}"}, {"S": until}]
        self.change("keys", key_id, "order_id", "claim_order", values=values)


def wanted(sku_id: str, quantity: Any = 1, provider: str = "epay") -> dict[str, Any]:
    return {
        "items": [{"sku_id": sku_id, "quantity": quantity}],
        "contact": {"email": "buyer@example.com"},
        "payment": {"provider": provider, "return_url": RETURN_URL},
    }


def eventually(look: Callable[[], _Found | None]) -> _Found:
    """What `look` finds, as soon as it finds something."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(POLL_S)
    raise AssertionError(f"nothing came of it within {PATIENCE_S} s")


def problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The typed refusal, checked to be whole (RFC 9457)."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.raw)
    assert document["code"] == code, document
    assert document["status"] == status
    assert document["type"] == f"urn:keyrail:problem:{code}"
    assert document["charged"] == "no"
    assert {"title", "detail", "kind", "retryable", "trace_id"} <= document.keys()
    assert document["trace_id"]
    return document
