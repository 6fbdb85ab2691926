"""The fourth act of `make demo`: a person pays at the payment sandbox's page, once, and then twice for one order.

The page is followed as a browser without scripts would: the link, the form's buttons, the redirect.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from infra.local.demo_client import Answer, send
from infra.local.demo_shop import RETURN_URL, SANDBOX, Order, Shop, awaited, checked
from infra.local.demo_timeline import expect


@dataclass(frozen=True)
class SandboxAct:
    shop: Shop

    def run(self, sku_id: str, price: dict[str, Any]) -> None:
        self.pay(self.shop.place_order(sku_id, price, SANDBOX))
        self.pay_twice(self.shop.place_order(sku_id, price, SANDBOX))

    def pay(self, order: Order) -> None:
        with self.shop.timeline.step("“pay” on the page") as said:
            page = checked(send("GET", order.payment_page), HTTPStatus.OK)
            expect('value="pay"' in page.text and "支付 / Pay" in page.text, "the page has no button to pay with")
            answer = press(order, "pay")
            expect(answer.headers["location"] == RETURN_URL, "the buyer is not led back to the shop")
            status = self.shop.status(order)
            expect(status == "delivered", f"the order is {status}")
            said(f"{status}; the buyer is back at {RETURN_URL}")

    def pay_twice(self, order: Order) -> None:
        with self.shop.timeline.step("“pay twice” on the page") as said:
            answer = press(order, "pay_twice")
            expect(answer.headers["location"] == order.payment_page, "the page does not show what came of it")
            status = self.shop.status(order)
            expect(status == "delivered", f"the order is {status}")
            press(order, "pay_twice")
            said(f"{status}, once, however often it is pressed")
        with self.shop.timeline.step("second payment given back") as said:

            def refunded() -> int | None:
                return checked(send("GET", order.payment_page), HTTPStatus.OK).text.count("已退款 / refunded") or None

            times = awaited(refunded, "the second payment was not given back")
            expect(times == 1, f"{times} refunds for one payment too many")
            said("by itself; the page shows it")


def press(order: Order, button: str) -> Answer:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    raw = urlencode({"decision": button}).encode()
    return checked(send("POST", order.payment_page, raw=raw, headers=form), HTTPStatus.SEE_OTHER)
