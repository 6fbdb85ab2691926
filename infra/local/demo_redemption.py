"""The second act of `make demo`: codes of the shop's own are made, one is bought, stopped, set free and redeemed."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from infra.local.demo_client import Answer, send
from infra.local.demo_shop import WHY, Shop, awaited, checked, masked
from infra.local.demo_till import Till
from infra.local.demo_timeline import expect

PRODUCT, SKU, PREFIX = "harbour-coffee", "harbour-coffee-cup", "CAFE"
PRICE = {"amount_minor": 1500, "currency": "CNY"}
CODES = 20
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FIRST_TILL, SECOND_TILL = "harbour-east", "harbour-west"


@dataclass(frozen=True)
class Redemption:
    shop: Shop
    till: Till

    def run(self) -> None:
        self.make_codes()
        key_id, code = self.buy_one()
        self.mistype(code)
        self.stop_its_batch(key_id, code)
        self.redeem(code)
        self.trace(key_id, code)

    def make_codes(self) -> None:
        with self.shop.timeline.step("codes of our own") as said:
            product = {"name": "Harbour coffee", "name_zh": "港湾咖啡", "reason": WHY}
            self.shop.ops("PUT", f"products/{PRODUCT}", HTTPStatus.OK, document=product)
            sku = {
                "product_id": PRODUCT,
                "name": "A cup of coffee",
                "name_zh": "咖啡一杯",
                "price": PRICE,
                "issuer": "keyrail",
                "code_prefix": PREFIX,
                "terms": {"uses": 1, "places": [FIRST_TILL, SECOND_TILL]},
                "reason": WHY,
            }
            self.shop.ops("PUT", f"skus/{SKU}", HTTPStatus.OK, document=sku)
            batch_id = str(self.shop.open_batch("batches/own-codes", {"sku_id": SKU, "wanted": CODES})["batch_id"])
            report = self.shop.await_batch(batch_id, "generated")
            expect(report["accepted"] == CODES, f"{report['accepted']} codes were made instead of {CODES}")
            said(f"{CODES} made, sealed and stored; nobody has seen one")

    def buy_one(self) -> tuple[str, str]:
        order = self.shop.place_order(SKU, PRICE)
        with self.shop.timeline.step("paid, delivered, revealed") as said:
            checked(self.shop.gateway.notify(self.shop.gateway.take(order.payment_page)), HTTPStatus.OK)
            expect(self.shop.status(order) == "delivered", "the order was paid for and is not delivered")
            key = self.shop.reveal(order)
            expect(key["code"].startswith(PREFIX), "the code does not begin as the codes of its SKU do")
            said(f"{PREFIX}{masked(key['code'])[len(PREFIX) :]}")
        return str(key["key_id"]), str(key["code"])

    def mistype(self, code: str) -> None:
        with self.shop.timeline.step("one symbol mistyped") as said:
            wrong = ALPHABET[(ALPHABET.index(code[-1]) + 1) % len(ALPHABET)]
            answer = send("POST", f"{self.shop.api}/v1/redemptions/verify", document={"code": code[:-1] + wrong})
            said(f"refused: {_refused(answer, HTTPStatus.UNPROCESSABLE_ENTITY)['code']}, by its check symbol alone")

    def stop_its_batch(self, key_id: str, code: str) -> None:
        def refused() -> Answer | None:
            answer = self.till.post("/partner/v1/redemptions/verify", code=code)
            return answer if answer.status != HTTPStatus.OK or not answer.json["redeemable"] else None

        def taken() -> Answer | None:
            answer = self.till.post("/partner/v1/redemptions/verify", code=code)
            return answer if answer.status == HTTPStatus.OK and answer.json["redeemable"] else None

        with self.shop.timeline.step("its batch is frozen") as said:
            batch_id = self.shop.ops("GET", f"keys/{key_id}", HTTPStatus.OK)["batch_id"]
            self.shop.ops("POST", f"batches/{batch_id}/freeze", HTTPStatus.OK, document={"reason": WHY})
            awaited(refused, "a code of a frozen batch was still good")
            said("its codes are good for nothing at any till")
        with self.shop.timeline.step("its batch is unfrozen") as said:
            self.shop.ops("POST", f"batches/{batch_id}/unfreeze", HTTPStatus.OK, document={"reason": WHY})
            awaited(taken, "a code was not good again after its batch was unfrozen")
            said("as before")

    def redeem(self, code: str) -> None:
        wanted = {"code": code, "redemption_id": f"cup-{secrets.token_hex(6)}", "location": FIRST_TILL}
        with self.shop.timeline.step("redeemed at a till") as said:
            first = checked(self.till.post("/partner/v1/redemptions", **wanted), HTTPStatus.OK).json
            said(f"{first['redemption_id']} at {FIRST_TILL}, {first['uses_left']} uses left")
        with self.shop.timeline.step("the till asks again") as said:
            again = checked(self.till.post("/partner/v1/redemptions", **wanted), HTTPStatus.OK).json
            expect(again == first, "the same redemption got another answer")
            said("same answer")
        with self.shop.timeline.step("another till tries") as said:
            other = {**wanted, "redemption_id": f"cup-{secrets.token_hex(6)}", "location": SECOND_TILL}
            problem = _refused(self.till.post("/partner/v1/redemptions", **other), HTTPStatus.CONFLICT)
            expect(problem["facts"]["redemption_id"] == first["redemption_id"], "the refusal does not name the first")
            said(f"refused: {problem['code']}, by {problem['facts']['redemption_id']}")

    def trace(self, key_id: str, code: str) -> None:
        with self.shop.timeline.step("the operator traces it") as said:
            key = self.shop.trace(key_id, ["key.redeemed"])
            expect(code not in json.dumps(key), "the trace shows the code in the clear")
            said(f"{key['mask']}, {key['state']}")
        self.shop.show_trace(key)


def _refused(answer: Answer, status: HTTPStatus) -> dict[str, Any]:
    problem: dict[str, Any] = checked(answer, status).json
    return problem
