"""The shop that the demo trades with, as its users meet it: addresses, the description of the API, and no more."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, TypeVar

from infra.local.demo_client import Answer, send
from infra.local.demo_gateway import EpayGateway
from infra.local.demo_timeline import NotAsItShouldBe, Timeline, expect

WAIT_S, POLL_S = 180.0, 0.1  # a busy machine starts its functions slowly
WHY = "demo"
RETURN_URL = "https://shop.example/thanks"
EPAY = {"provider": "epay", "method": "alipay"}
SANDBOX = {"provider": "sandbox"}
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Order:
    """What the buyer has in hand after placing an order, and what they sent to get it."""

    order_id: str
    token: str
    payment_page: str
    idempotency_key: str
    request: dict[str, Any]


@dataclass(frozen=True)
class Shop:
    timeline: Timeline
    api: str
    gateway: EpayGateway
    operator: str
    """The operator's token."""

    def place_order(
        self,
        sku_id: str,
        price: dict[str, Any],
        way: dict[str, str] = EPAY,
        account: dict[str, str] | None = None,
    ) -> Order:
        with self.timeline.step("order placed") as said:
            order = Order("", "", "", secrets.token_hex(16), _wanted(sku_id, price, way, account))
            placed = self._place(order, HTTPStatus.CREATED)
            expect(placed["total"] == price, f"the total is {placed['total']}")
            said(f"{placed['order_id']}, to be paid until {clock(placed['expires_at'])}")
        page = placed["payment"]["action"]["url"]
        return replace(order, order_id=placed["order_id"], token=placed["access_token"], payment_page=page)

    def ask_for(self, sku_id: str, price: dict[str, Any], account: dict[str, str]) -> Answer:
        """What an order of a recharge is answered with."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return send("POST", f"{self.api}/v1/orders", document=_wanted(sku_id, price, EPAY, account), headers=headers)

    def place_it_again(self, order: Order) -> None:
        with self.timeline.step("same request again") as said:
            again = self._place(order, HTTPStatus.OK)
            expect(again["order_id"] == order.order_id, "the same Idempotency-Key gave another order")
            expect(again["access_token"] == order.token, "the same Idempotency-Key gave another access token")
            said(f"same order, {again['status']}")

    def _place(self, order: Order, status: HTTPStatus) -> dict[str, Any]:
        headers = {"Idempotency-Key": order.idempotency_key}
        answer = send("POST", f"{self.api}/v1/orders", document=order.request, headers=headers)
        placed: dict[str, Any] = checked(answer, status).json
        return placed

    def status(self, order: Order) -> str:
        answer = send("GET", f"{self.api}/v1/orders/{order.order_id}", token=order.token)
        return str(checked(answer, HTTPStatus.OK).json["status"])

    def reveal(self, order: Order) -> dict[str, Any]:
        """The one key of a delivered order."""
        answer = send("POST", f"{self.api}/v1/orders/{order.order_id}/reveal", token=order.token)
        keys = [key for unit in checked(answer, HTTPStatus.OK).json["units"] for key in unit["keys"]]
        expect(len(keys) == 1, f"{len(keys)} keys were revealed for one that was paid")
        key: dict[str, Any] = keys[0]
        return key

    def ops(self, method: str, path: str, status: HTTPStatus, **sent: Any) -> Any:
        """The document that answers an operator."""
        return checked(send(method, f"{self.api}/ops/v1/{path}", token=self.operator, **sent), status).json

    def open_batch(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        document = {**document, "reason": WHY}
        opened: dict[str, Any] = self.ops("POST", path, HTTPStatus.CREATED, document=document, headers=headers)
        return opened

    def await_batch(self, batch_id: str, status: str) -> dict[str, Any]:
        """Its report, once it is there."""

        def report() -> dict[str, Any] | None:
            batch = self.ops("GET", f"batches/{batch_id}", HTTPStatus.OK)
            expect(batch["status"] != "rejected", f"the batch was rejected: {batch.get('report')}")
            found: dict[str, Any] | None = batch.get("report") if batch["status"] == status else None
            return found

        return awaited(report, "the batch was not filled")

    def trace(self, key_id: str, steps: list[str]) -> dict[str, Any]:
        """The key with its trace, once that has these steps; the stream brings them in a moment.

        What follows its batch may come behind them.
        """

        def complete() -> dict[str, Any] | None:
            key: dict[str, Any] = self.ops("GET", f"keys/{key_id}", HTTPStatus.OK)
            return key if [what for step in key["trace"] for what in step["what"] if what in steps] == steps else None

        return awaited(complete, f"the trace does not show {', '.join(steps)}")

    def show_trace(self, key: dict[str, Any]) -> None:
        rows = [(clock(step["at"]), ", ".join(step["what"]), step["by"], step["address"]) for step in key["trace"]]
        self.timeline.table(("at", "what", "by whom", "from where"), rows)


def _wanted(sku_id: str, price: dict[str, Any], way: dict[str, str], account: dict[str, str] | None) -> dict[str, Any]:
    return {
        "items": [{"sku_id": sku_id, "quantity": 1, **({"recharge_account": account} if account else {})}],
        "contact": {"email": "buyer@example.com"},
        "payment": {**way, "return_url": RETURN_URL},
        "expected_total": price,
    }


def checked(answer: Answer, status: HTTPStatus) -> Answer:
    problem = answer.json if isinstance(answer.json, dict) else {}
    said = problem.get("detail") or problem.get("message") or ""
    expect(answer.status == status, f"answered {answer.status} {problem.get('code', '')} {said}, and not {status}")
    return answer


def awaited(look: Callable[[], _Found | None], otherwise: str) -> _Found:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if (found := look()) is not None:
            return found
        time.sleep(POLL_S)
    raise NotAsItShouldBe(f"{otherwise} within {WAIT_S:.0f} s")


def masked(text: str) -> str:
    return "*" * (len(text) - 4) + text[-4:]


def clock(rfc3339: str) -> str:
    return rfc3339.partition("T")[2].rstrip("Z")


def money(price: dict[str, Any]) -> str:
    return f"{price['amount_minor'] / 100:.2f} {price['currency']}"
