"""The third act of `make demo`: accounts are credited by suppliers that answer late, fail or say nothing, and by hand.

The stack's two suppliers credit nobody; how an order ends there is in the end of the number that is to be credited.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from infra.local.demo_client import send
from infra.local.demo_shop import WHY, Order, Shop, awaited, checked, clock
from infra.local.demo_timeline import expect

PRODUCT, SKU, BY_HAND = "harbour-mobile", "harbour-mobile-10", "harbour-mobile-10-by-hand"
PRICE, COST = {"amount_minor": 1000, "currency": "CNY"}, {"amount_minor": 950, "currency": "CNY"}
FIRST, NEXT = "sandbox", "reserve"
GOOD, FAILS, SILENT = "13812345678", "13800000003", "13800000004"


@dataclass(frozen=True)
class Recharge:
    shop: Shop

    def run(self) -> None:
        self.set_up()
        self.mistype()
        good, fails, silent = (self.buy(number) for number in (GOOD, FAILS, SILENT))
        self.follow(good)
        self.follow_to_the_next_supplier(fails)
        self.follow_what_nobody_knows(silent)
        self.credit_by_hand()

    # the operator

    def set_up(self) -> None:
        with self.shop.timeline.step("a recharge is set up") as said:
            product = {"name": "Harbour Mobile", "name_zh": "港湾移动", "reason": WHY}
            self.shop.ops("PUT", f"products/{PRODUCT}", HTTPStatus.OK, document=product)
            for name in (FIRST, NEXT):
                self.shop.ops("PUT", f"suppliers/{name}", HTTPStatus.OK, document={"reason": WHY})
                # What was tried on the stack before may have strained it.
                answers = {"breaker": "closed", "reason": WHY}
                self.shop.ops("POST", f"suppliers/{name}/breaker", HTTPStatus.OK, document=answers)
            self._sell(SKU, [_source(1, FIRST, "recharge-10"), _source(2, NEXT, "recharge-10.success")])
            self._sell(BY_HAND, [{"source_id": "by-hand", "kind": "manual"}])
            said(f"{SKU}, from supplier {FIRST}, or else from {NEXT}")

    def _sell(self, sku_id: str, sources: list[dict[str, Any]]) -> None:
        sku = {
            "product_id": PRODUCT,
            "name": "10 yuan of talk time",
            "name_zh": "话费10元",
            "kind": "recharge",
            "price": PRICE,
            "account_fields": [{"name": "phone", "kind": "phone", "label": "Mobile number", "label_zh": "手机号码"}],
            "reason": WHY,
        }
        self.shop.ops("PUT", f"skus/{sku_id}", HTTPStatus.OK, document=sku)
        plan = {"sources": sources, "reason": WHY}
        self.shop.ops("PUT", f"skus/{sku_id}/sourcing", HTTPStatus.OK, document=plan)

    def credit_by_hand(self) -> None:
        order = self.buy(GOOD, BY_HAND)
        with self.shop.timeline.step("a person does it") as said:

            def job() -> dict[str, Any] | None:
                jobs = self.shop.ops("GET", "work?limit=100", HTTPStatus.OK)["jobs"]
                return next((each for each in jobs if each["order_id"] == order.order_id), None)

            found = awaited(job, "the unit is not in the queue of people's work")
            at = f"orders/{order.order_id}/units/{found['unit_id']}"
            named = {"job": found["work"]["job"], "reason": WHY}
            claimed = self.shop.ops("POST", f"{at}/claim", HTTPStatus.OK, document=named)
            expect(claimed["account"] == {"phone": GOOD}, "whoever claimed the job is not shown whom to credit")
            expect(found["account"] == {"phone": masked(GOOD)}, "the queue shows whom to credit")
            done = {**named, "reference": "R-4711"}
            self.shop.ops("POST", f"{at}/done", HTTPStatus.OK, document=done)
            said(f"claimed, credited, {self._unit(order)['status']}; the look at the number is on record")

    # the buyer

    def mistype(self) -> None:
        with self.shop.timeline.step("a number is mistyped") as said:
            answer = self.shop.ask_for(SKU, PRICE, {"phone": GOOD[:-1]})
            (wrong,) = checked(answer, HTTPStatus.UNPROCESSABLE_ENTITY).json["errors"]
            said(f"refused before anything is paid: {wrong['field']} is {wrong['reason']}")

    def buy(self, number: str, sku_id: str = SKU) -> Order:
        order = self.shop.place_order(sku_id, PRICE, account={"phone": f"+86 {number[:3]}-{number[3:7]}-{number[7:]}"})
        with self.shop.timeline.step(f"paid, for {masked(number)}") as said:
            checked(self.shop.gateway.notify(self.shop.gateway.take(order.payment_page)), HTTPStatus.OK)
            unit = self._unit(order)
            expect(unit["account"] == {"phone": masked(number)}, "the order does not show the number behind its mask")
            said(unit["status"])
        return order

    def follow(self, order: Order) -> None:
        with self.shop.timeline.step("it succeeds at once") as said:
            said(_steps(self._delivered(order)))

    def follow_to_the_next_supplier(self, order: Order) -> None:
        with self.shop.timeline.step("it is taken, then it fails") as said:
            said(_steps(self._delivered(order)))
            asked = self._attempts(order)
            expect([each["supplier"] for each in asked] == [FIRST, NEXT], "the next supplier did not do it")
        self._show(asked)

    def follow_what_nobody_knows(self, order: Order) -> None:
        with self.shop.timeline.step("its call is never answered") as said:
            unit = self._delivered(order)
            expect("unknown" in [step["status"] for step in unit["history"]], "nobody was in doubt")
            said(_steps(unit))
            asked = self._attempts(order)
            expect([each["supplier"] for each in asked] == [FIRST], "it was sent again before anybody knew")
        self._show(asked)

    def _delivered(self, order: Order) -> dict[str, Any]:
        def delivered() -> dict[str, Any] | None:
            unit = self._unit(order)
            return unit if unit["status"] == "delivered" else None

        return awaited(delivered, "the account was not credited")

    def _unit(self, order: Order) -> dict[str, Any]:
        answer = send("GET", f"{self.shop.api}/v1/orders/{order.order_id}", token=order.token)
        (unit,) = checked(answer, HTTPStatus.OK).json["units"]
        found: dict[str, Any] = unit
        return found

    def _attempts(self, order: Order) -> list[dict[str, Any]]:
        (unit,) = self.shop.ops("GET", f"orders/{order.order_id}", HTTPStatus.OK)["units"]
        attempts: list[dict[str, Any]] = unit["attempts"]
        return attempts

    def _show(self, attempts: list[dict[str, Any]]) -> None:
        rows = [(clock(each["asked_at"]), each["supplier"], each["reference"], each["state"]) for each in attempts]
        self.shop.timeline.table(("asked at", "supplier", "by our reference", "outcome"), rows)


def _source(priority: int, supplier: str, item: str) -> dict[str, Any]:
    source = {"source_id": supplier, "kind": "recharge", "supplier": supplier, "item": item, "priority": priority}
    return {**source, "cost": COST}


def _steps(unit: dict[str, Any]) -> str:
    return ", ".join(step["status"] for step in unit["history"])


def masked(number: str) -> str:
    return f"{number[:3]}****{number[-4:]}"
