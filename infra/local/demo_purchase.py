"""The first act of `make demo`: a supplier's keys are imported, one is bought and paid for, shown and traced."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from infra.local.demo_client import send
from infra.local.demo_gateway import Payment
from infra.local.demo_shop import WHY, Order, Shop, checked, masked, money
from infra.local.demo_timeline import expect
from infra.local.samples.key_file import Card, KeyFile, Series, make_key_file

PRODUCT, SKU, ISSUER = "star-river-card", "star-river-card-100", "star-river"
PRICE = {"amount_minor": 9850, "currency": "CNY"}
KEYS_IN_FILE = 400


@dataclass(frozen=True)
class Purchase:
    shop: Shop
    series: Series

    def run(self) -> Order:
        self.set_up_the_shop()
        before = self.stock()
        file = make_key_file(self.series, KEYS_IN_FILE)
        self.import_keys(file)
        self.look_at_the_shelf()
        order = self.shop.place_order(SKU, PRICE)
        self.shop.place_it_again(order)
        payment = self.shop.gateway.take(order.payment_page)
        self.forge_a_callback(payment, order)
        self.deliver_the_callback(payment)
        key_id, revealed = self.receive_the_key(order)
        self.trace(key_id, revealed, order)
        self.count_what_is_left(before + len(file.cards) - 1)
        self.shop.place_it_again(order)
        return order

    # the operator

    def set_up_the_shop(self) -> None:
        with self.shop.timeline.step("product and SKU") as said:
            product = {"name": "Star River game card", "name_zh": "星河游戏点卡", "reason": WHY}
            self.shop.ops("PUT", f"products/{PRODUCT}", HTTPStatus.OK, document=product)
            sku = {
                "product_id": PRODUCT,
                "name": "Star River, 100 yuan",
                "name_zh": "星河 100 元",
                "price": PRICE,
                "issuer": ISSUER,
                "reason": WHY,
            }
            saved = self.shop.ops("PUT", f"skus/{SKU}", HTTPStatus.OK, document=sku)
            expect(saved["sku"]["price"] == PRICE, "the SKU was saved with another price")
            said(f"{SKU} at {money(PRICE)}")

    def import_keys(self, file: KeyFile) -> None:
        with self.shop.timeline.step("batch opened") as said:
            opened = self.shop.open_batch("batches", {"sku_id": SKU, "source": "Star River Digital Ltd."})
            said(opened["batch_id"])
        with self.shop.timeline.step("key file uploaded") as said:
            upload = opened["upload"]
            answer = send(upload["method"], upload["url"], raw=file.raw)
            expect(answer.status == HTTPStatus.OK, f"the upload was answered with {answer.status}")
            said(f"{len(file.raw):,} bytes of {file.encoding.upper()} to the presigned address")
        with self.shop.timeline.step("keys imported") as said:
            report = self.shop.await_batch(opened["batch_id"], "imported")
            counts = {name: report[name] for name in ("accepted", "duplicate", "rejected", "ignored")}
            wanted = (len(file.cards), file.duplicates, 0, file.ignored)
            expect(tuple(counts.values()) == wanted, f"the report says {counts}, and should say {wanted}")
            said(", ".join(f"{count} {name}" for name, count in counts.items()))

    def stock(self) -> int:
        """Keys that are not sold: on the shelf, or held for an open order."""
        stock = self.shop.ops("GET", f"skus/{SKU}", HTTPStatus.OK)["stock"]
        return int(stock["claimable"]) + int(stock["leased"])

    def trace(self, key_id: str, card: Card, order: Order) -> None:
        steps = ["key.imported", "key.leased", "key.sold", "key.revealed"]
        with self.shop.timeline.step("the operator traces it") as said:
            found = self.shop.ops("POST", "keys/find", HTTPStatus.OK, document={"sku_id": SKU, "code": card.number})
            expect(found["key_id"] == key_id, "the code leads the operator to another key")
            expect(found["order_id"] == order.order_id, "the key is not on record as this order's")
            key = self.shop.trace(key_id, steps[1:])
            expect(key["trace"][0]["what"] == steps[:1], "the trace does not begin with the import")
            expect(card.number not in json.dumps(key), "the trace shows the code in the clear")
            said(f"{key['mask']}, line {key['line']} of {key['batch_id']}")
        self.shop.show_trace(key)

    def count_what_is_left(self, wanted: int) -> None:
        with self.shop.timeline.step("stock counted") as said:
            left = self.stock()
            expect(left == wanted, f"{left} keys are left, and should be {wanted}")
            said(f"{left} keys left, exactly one less")

    # the buyer

    def look_at_the_shelf(self) -> None:
        with self.shop.timeline.step("the buyer sees the shelf") as said:
            skus = {sku["sku_id"]: sku for product in self._shelf() for sku in product["skus"]}
            expect(SKU in skus, "the SKU is not on the shelf")
            said(f"{skus[SKU]['name']}, {money(skus[SKU]['price'])}, {skus[SKU]['stock']}")

    def _shelf(self) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            page = checked(send("GET", f"{self.shop.api}/v1/products?limit=100{cursor}"), HTTPStatus.OK).json
            yield from page["products"]
            if "next_cursor" not in page:
                return
            cursor = f"&cursor={page['next_cursor']}"

    def receive_the_key(self, order: Order) -> tuple[str, Card]:
        with self.shop.timeline.step("order delivered") as said:
            status = self.shop.status(order)
            expect(status == "delivered", f"the order is {status}")
            said(status)
        with self.shop.timeline.step("the buyer reveals the key") as said:
            key = self.shop.reveal(order)
            card = Card(key["code"], key["password"])
            expect(self.series.recognises(card), "the revealed code and password are none of those imported")
            said(f"card {masked(card.number)}, password {masked(card.password)}: one of those imported")
        return str(key["key_id"]), card

    # the payment provider

    def forge_a_callback(self, payment: Payment, order: Order) -> None:
        with self.shop.timeline.step("forged callback") as said:
            answer = replace(self.shop.gateway, key=secrets.token_hex(16)).notify(payment)
            problem = checked(answer, HTTPStatus.UNAUTHORIZED).json
            expect(self.shop.status(order) == "pending_payment", "the forged callback changed the order")
            said(f"refused: {answer.status} {problem['code']}")

    def deliver_the_callback(self, payment: Payment) -> None:
        for title in ("signed callback", "same callback again"):
            with self.shop.timeline.step(title) as said:
                answer = checked(self.shop.gateway.notify(payment), HTTPStatus.OK)
                expect(answer.text == "success", f"the provider was told {answer.text!r}")
                said(f"acknowledged: {answer.text}")
