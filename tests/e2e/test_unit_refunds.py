"""What was delivered goes back: the keys end at once, and the money goes through the provider that was paid."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from infra.local.demo_client import Answer, send
from tests.e2e.shop import Placed, Shop, eventually, problem

MORE_THAN_ONE_PERSON_MAY = 26  # keys at 19.90, where one person gives back 500.00


def bought(shop: Shop, quantity: int = 1) -> Placed:
    order = shop.order(shop.new_sku(keys=quantity), quantity, provider="sandbox")
    shop.press(order, "pay")
    assert len(shop.reveal(order)) == quantity
    return order


def ask(shop: Shop, path: str, token: str, **more: Any) -> Answer:
    return send(
        "POST",
        f"{shop.api}/ops/v1/orders/{path}",
        token=token,
        document={"reason": "a test", **more},
        headers={"Idempotency-Key": secrets.token_hex(16)},
    )


def is_back(shop: Shop, order: Placed) -> bool:
    (refund,) = shop.buyer("GET", order).json["refunds"]
    return shop.status(order) == "refunded" and bool(refund["status"] == "succeeded")


def test_a_delivered_order_is_refunded_and_its_keys_are_shown_no_more(shop: Shop, token_of: Callable[..., str]) -> None:
    order, finance = bought(shop), token_of("finance")
    problem(ask(shop, f"{order.order_id}/refunds", token_of("support")), 403, "not_in_group")
    answer = ask(shop, f"{order.order_id}/refunds", finance)
    assert (answer.status, answer.json["refunds"][0]["amount"]) == (201, order.total)
    problem(shop.buyer("POST", order, "/reveal"), 409, "order_refunded")
    assert eventually(lambda: is_back(shop, order))
    problem(ask(shop, f"{order.order_id}/refunds", finance), 409, "not_refundable")
    (key,) = shop.ops("GET", f"orders/{order.order_id}/keys").json["keys"]
    assert (key["state"], "flagged_at" in key) == ("void", True)


def test_above_the_limit_a_second_person_decides(shop: Shop, token_of: Callable[..., str]) -> None:
    order, finance, second = bought(shop, MORE_THAN_ONE_PERSON_MAY), token_of("finance"), token_of("finance")
    answer = ask(shop, f"{order.order_id}/refunds", finance)
    (refund,) = answer.json["refunds"]
    assert (answer.status, refund["status"], shop.status(order)) == (201, "awaiting_approval", "delivered")
    waiting = eventually(lambda: shop.ops("GET", "refunds").json["refunds"])
    assert [each["refund"]["refund_id"] for each in waiting if each["order_id"] == order.order_id] == [
        refund["refund_id"]
    ]
    path = f"{order.order_id}/refunds/{refund['refund_id']}/approve"
    problem(ask(shop, path, finance), 403, "own_refund_request")
    assert ask(shop, path, second).status == 200
    assert eventually(lambda: is_back(shop, order))
