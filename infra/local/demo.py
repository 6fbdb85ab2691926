"""`make demo`: a whole purchase on the local stack, over HTTP, as its users would make it.

A black box: this client knows the addresses, the API's documents and epay's protocol, and nothing of the code behind
them. Each answer is checked; the first that is not as it should be ends the demo with an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.card import operator_token
from infra.local.demo_client import Answer, Unreachable, send
from infra.local.demo_gateway import EpayGateway, Payment, PaymentRefused
from infra.local.demo_timeline import NotAsItShouldBe, Timeline, expect
from infra.local.samples.key_file import Card, KeyFile, Series, make_key_file
from infra.local.settings import CARD, keep_loopback_direct

PRODUCT, SKU, ISSUER = "star-river-card", "star-river-card-100", "star-river"
PRICE = {"amount_minor": 9850, "currency": "CNY"}
KEYS_IN_FILE = 400
WAIT_S, POLL_S = 60.0, 0.1
WHY = "demo"
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
class Demo:
    timeline: Timeline
    api: str
    gateway: EpayGateway
    series: Series
    operator: str
    """The operator's token."""

    def run(self) -> Order:
        self.set_up_the_shop()
        before = self.stock()
        file = make_key_file(self.series, KEYS_IN_FILE)
        self.import_keys(file)
        self.look_at_the_shelf()
        order = self.place_order()
        self.place_it_again(order)
        payment = self.gateway.take(order.payment_page)
        self.forge_a_callback(payment, order)
        self.deliver_the_callback(payment)
        key_id, revealed = self.receive_the_key(order)
        self.trace(key_id, revealed, order)
        self.count_what_is_left(before + len(file.cards) - 1)
        self.place_it_again(order)
        return order

    # the operator

    def set_up_the_shop(self) -> None:
        with self.timeline.step("product and SKU") as said:
            product = {"name": "Star River game card", "name_zh": "星河游戏点卡", "reason": WHY}
            self._ops("PUT", f"products/{PRODUCT}", HTTPStatus.OK, document=product)
            sku = {
                "product_id": PRODUCT,
                "name": "Star River, 100 yuan",
                "name_zh": "星河 100 元",
                "price": PRICE,
                "issuer": ISSUER,
                "reason": WHY,
            }
            saved = self._ops("PUT", f"skus/{SKU}", HTTPStatus.OK, document=sku)
            expect(saved.json["sku"]["price"] == PRICE, "the SKU was saved with another price")
            said(f"{SKU} at {_money(PRICE)}")

    def import_keys(self, file: KeyFile) -> None:
        with self.timeline.step("batch opened") as said:
            batch = {"sku_id": SKU, "source": "Star River Digital Ltd.", "reason": WHY}
            headers = {"Idempotency-Key": secrets.token_hex(16)}
            opened = self._ops("POST", "batches", HTTPStatus.CREATED, document=batch, headers=headers).json
            said(opened["batch_id"])
        with self.timeline.step("key file uploaded") as said:
            upload = opened["upload"]
            answer = send(upload["method"], upload["url"], raw=file.raw)
            expect(answer.status == HTTPStatus.OK, f"the upload was answered with {answer.status}")
            said(f"{len(file.raw):,} bytes of {file.encoding.upper()} to the presigned address")
        with self.timeline.step("keys imported") as said:
            report = self._await_import(opened["batch_id"])
            counts = {name: report[name] for name in ("accepted", "duplicate", "rejected", "ignored")}
            wanted = (len(file.cards), file.duplicates, 0, file.ignored)
            expect(tuple(counts.values()) == wanted, f"the report says {counts}, and should say {wanted}")
            said(", ".join(f"{count} {name}" for name, count in counts.items()))

    def _await_import(self, batch_id: str) -> dict[str, Any]:
        def report() -> dict[str, Any] | None:
            batch = self._ops("GET", f"batches/{batch_id}", HTTPStatus.OK).json
            expect(batch["status"] != "rejected", f"the file was rejected: {batch.get('report')}")
            found: dict[str, Any] | None = batch.get("report") if batch["status"] == "imported" else None
            return found

        return _await(report, "the import did not end")

    def stock(self) -> int:
        """Keys that are not sold: on the shelf, or held for an open order."""
        stock = self._ops("GET", f"skus/{SKU}", HTTPStatus.OK).json["stock"]
        return int(stock["claimable"]) + int(stock["leased"])

    def trace(self, key_id: str, card: Card, order: Order) -> None:
        steps = ["key.imported", "key.leased", "key.sold", "key.revealed"]
        with self.timeline.step("the operator traces it") as said:
            found = self._ops("POST", "keys/find", HTTPStatus.OK, document={"sku_id": SKU, "code": card.number}).json
            expect(found["key_id"] == key_id, "the code leads the operator to another key")
            expect(found["order_id"] == order.order_id, "the key is not on record as this order's")

            def complete() -> dict[str, Any] | None:
                key: dict[str, Any] = self._ops("GET", f"keys/{key_id}", HTTPStatus.OK).json
                return key if [what for step in key["trace"] for what in step["what"]][-3:] == steps[-3:] else None

            key = _await(complete, "the trace does not end in leased, sold, revealed")
            expect(key["trace"][0]["what"] == steps[:1], "the trace does not begin with the import")
            expect(card.number not in json.dumps(key), "the trace shows the code in the clear")
            said(f"{key['mask']}, line {key['line']} of {key['batch_id']}")
        rows = [(_clock(step["at"]), ", ".join(step["what"]), step["by"], step["address"]) for step in key["trace"]]
        self.timeline.table(("at", "what", "by whom", "from where"), rows)

    def count_what_is_left(self, wanted: int) -> None:
        with self.timeline.step("stock counted") as said:
            left = self.stock()
            expect(left == wanted, f"{left} keys are left, and should be {wanted}")
            said(f"{left} keys left, exactly one less")

    # the buyer

    def look_at_the_shelf(self) -> None:
        with self.timeline.step("the buyer sees the shelf") as said:
            skus = {sku["sku_id"]: sku for product in self._shelf() for sku in product["skus"]}
            expect(SKU in skus, "the SKU is not on the shelf")
            said(f"{skus[SKU]['name']}, {_money(skus[SKU]['price'])}, {skus[SKU]['stock']}")

    def _shelf(self) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            page = _checked(send("GET", f"{self.api}/v1/products?limit=100{cursor}"), HTTPStatus.OK).json
            yield from page["products"]
            if "next_cursor" not in page:
                return
            cursor = f"&cursor={page['next_cursor']}"

    def place_order(self) -> Order:
        with self.timeline.step("order placed") as said:
            order = Order("", "", "", secrets.token_hex(16), _order_request())
            placed = self._place(order, HTTPStatus.CREATED)
            expect(placed["total"] == PRICE, f"the total is {placed['total']}")
            said(f"{placed['order_id']}, to be paid until {_clock(placed['expires_at'])}")
        page = placed["payment"]["action"]["url"]
        return replace(order, order_id=placed["order_id"], token=placed["access_token"], payment_page=page)

    def place_it_again(self, order: Order) -> None:
        with self.timeline.step("same request again") as said:
            again = self._place(order, HTTPStatus.OK)
            expect(again["order_id"] == order.order_id, "the same Idempotency-Key gave another order")
            expect(again["access_token"] == order.token, "the same Idempotency-Key gave another access token")
            said(f"same order, {again['status']}")

    def _place(self, order: Order, status: HTTPStatus) -> dict[str, Any]:
        headers = {"Idempotency-Key": order.idempotency_key}
        answer = send("POST", f"{self.api}/v1/orders", document=order.request, headers=headers)
        placed: dict[str, Any] = _checked(answer, status).json
        return placed

    def status(self, order: Order) -> str:
        answer = send("GET", f"{self.api}/v1/orders/{order.order_id}", token=order.token)
        return str(_checked(answer, HTTPStatus.OK).json["status"])

    def receive_the_key(self, order: Order) -> tuple[str, Card]:
        with self.timeline.step("order delivered") as said:
            status = self.status(order)
            expect(status == "delivered", f"the order is {status}")
            said(status)
        with self.timeline.step("the buyer reveals the key") as said:
            answer = send("POST", f"{self.api}/v1/orders/{order.order_id}/reveal", token=order.token)
            keys = [key for unit in _checked(answer, HTTPStatus.OK).json["units"] for key in unit["keys"]]
            expect(len(keys) == 1, f"{len(keys)} keys were revealed for one that was paid")
            card = Card(keys[0]["code"], keys[0]["password"])
            expect(self.series.recognises(card), "the revealed code and password are none of those imported")
            said(f"card {_masked(card.number)}, password {_masked(card.password)}: one of those imported")
        return str(keys[0]["key_id"]), card

    # the payment provider

    def forge_a_callback(self, payment: Payment, order: Order) -> None:
        with self.timeline.step("forged callback") as said:
            answer = replace(self.gateway, key=secrets.token_hex(16)).notify(payment)
            problem = _checked(answer, HTTPStatus.UNAUTHORIZED).json
            expect(self.status(order) == "pending_payment", "the forged callback changed the order")
            said(f"refused: {answer.status} {problem['code']}")

    def deliver_the_callback(self, payment: Payment) -> None:
        for title in ("signed callback", "same callback again"):
            with self.timeline.step(title) as said:
                answer = _checked(self.gateway.notify(payment), HTTPStatus.OK)
                expect(answer.text == "success", f"the provider was told {answer.text!r}")
                said(f"acknowledged: {answer.text}")

    def _ops(self, method: str, path: str, status: HTTPStatus, **sent: Any) -> Answer:
        return _checked(send(method, f"{self.api}/ops/v1/{path}", token=self.operator, **sent), status)


def _order_request() -> dict[str, Any]:
    return {
        "items": [{"sku_id": SKU, "quantity": 1}],
        "contact": {"email": "buyer@example.com"},
        "payment": {"provider": "epay", "method": "alipay", "return_url": "https://shop.example/thanks"},
        "expected_total": PRICE,
    }


def _checked(answer: Answer, status: HTTPStatus) -> Answer:
    problem = answer.json if isinstance(answer.json, dict) else {}
    said = problem.get("detail") or problem.get("message") or ""
    expect(answer.status == status, f"answered {answer.status} {problem.get('code', '')} {said}, and not {status}")
    return answer


def _await(look: Callable[[], _Found | None], otherwise: str) -> _Found:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if (found := look()) is not None:
            return found
        time.sleep(POLL_S)
    raise NotAsItShouldBe(f"{otherwise} within {WAIT_S:.0f} s")


def _masked(text: str) -> str:
    return "*" * (len(text) - 4) + text[-4:]


def _clock(rfc3339: str) -> str:
    return rfc3339.partition("T")[2].rstrip("Z")


def _money(price: dict[str, Any]) -> str:
    return f"{price['amount_minor'] / 100:.2f} {price['currency']}"


def curl_lines(demo: Demo, order: Order) -> list[str]:
    """Three lines that work as they stand."""
    proxied = any(name in os.environ for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"))
    start = ["curl", "-sS", *(["--noproxy", "*"] if proxied else [])]
    return [
        shlex.join([*start, *wanted])
        for wanted in (
            [f"{demo.api}/v1/products"],
            [f"{demo.api}/v1/orders/{order.order_id}", "-H", f"Authorization: Bearer {order.token}"],
            [f"{demo.api}/ops/v1/skus/{SKU}", "-H", f"Authorization: Bearer {demo.operator}"],
        )
    ]


def _prepare(timeline: Timeline, card_path: Path) -> Demo:
    try:
        card = json.loads(card_path.read_text())
    except (OSError, ValueError):
        raise NotAsItShouldBe("there is no local stack; `make up` brings one up") from None
    epay, stripe = card["payments"]["epay"], card["payments"]["stripe"]
    with timeline.step("the operator signs in") as said:
        try:
            token = operator_token(card)
        except (BotoCoreError, ClientError) as error:
            raise NotAsItShouldBe(f"the local stack does not let its operator in ({error}); try `make up`") from None
        said(card["operator"]["username"])
    # One series of cards for the life of the stack, so that a key of an earlier run is recognised too.
    seed = hashlib.sha256(f"cards of {stripe['webhook_secret']}".encode()).hexdigest()
    return Demo(timeline, card["api_url"], EpayGateway(epay["pid"], epay["key"]), Series(seed), token)


def main() -> int:
    """Takes the path of another stack's card as its one argument."""
    keep_loopback_direct()
    timeline = Timeline()
    try:
        demo = _prepare(timeline, Path(sys.argv[1]) if sys.argv[1:] else CARD)
        order = demo.run()
    except (KeyError, IndexError, TypeError) as error:
        timeline.console.print(f"\nAn answer lacks what it should hold: {error!r}", style="red", markup=False)
        return 1
    except (NotAsItShouldBe, PaymentRefused, Unreachable) as error:
        timeline.console.print(f"\nThis is not as it should be: {error}", style="red", markup=False, soft_wrap=True)
        return 1
    timeline.console.print(f"\nSold, delivered and traced in {timeline.elapsed_s:.1f} s. Try it yourself:\n")
    for line in curl_lines(demo, order):
        # Not through the console, whose wrapping would break the line.
        print(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
