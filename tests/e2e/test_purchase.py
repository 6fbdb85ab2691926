"""A purchase as buyers, providers and operators meet it, on the deployed stack with IAM enforced."""

from __future__ import annotations

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from infra.local.demo_client import Answer, send
from tests.e2e.shop import PRICE, Placed, Shop, eventually, problem, wanted

stripe = pytest.importorskip("stripe")
CROWD = 100


def test_a_key_is_sold_through_epay(shop: Shop) -> None:
    sku = shop.new_sku()
    cards = shop.stock_up(sku, 3)
    order = shop.order(sku, 2)
    assert order.total == {"amount_minor": 2 * 1990, "currency": "CNY"}
    assert shop.status(order) == "pending_payment"
    assert shop.stock(sku) == (1, 2)

    assert shop.pay(order).text == "success"

    assert shop.status(order) == "delivered"
    revealed = shop.reveal(order)
    assert len(set(revealed)) == 2
    assert set(revealed) <= set(cards)
    assert shop.stock(sku) == (1, 0)


def test_a_key_is_sold_through_stripe(shop: Shop) -> None:
    sku = shop.new_sku(price={"amount_minor": 499, "currency": "USD"})
    cards = shop.stock_up(sku, 1)
    order = shop.order(sku, provider="stripe")
    assert order.page.startswith(shop.card["payments"]["stripe"]["api_base"])

    for _ in range(2):
        answer = deliver_stripe_event(shop, stripe_event(order))
        assert (answer.status, answer.text) == (200, "")

    assert shop.status(order) == "delivered"
    assert shop.reveal(order) == cards
    assert shop.seen_by_operator(order)["refunds"] == []


def test_a_stripe_event_signed_with_another_secret_or_too_late_is_refused(shop: Shop, well_stocked: str) -> None:
    order = shop.order(well_stocked, provider="stripe")
    before = shop.stored()
    event = stripe_event(order)

    problem(deliver_stripe_event(shop, event, secret="whsec_other"), 401, "signature_invalid")
    problem(deliver_stripe_event(shop, event, at=int(time.time()) - 301), 401, "signature_invalid")
    problem(deliver_stripe_event(shop, event, at=int(time.time()) + 330), 401, "signature_invalid")

    assert shop.stored() == before
    assert shop.status(order) == "pending_payment"


def test_an_unpaid_stripe_session_delivers_nothing(shop: Shop, well_stocked: str) -> None:
    order = shop.order(well_stocked, provider="stripe")
    assert deliver_stripe_event(shop, stripe_event(order, payment_status="unpaid")).status == 200
    assert shop.status(order) == "pending_payment"
    problem(shop.buyer("POST", order, "/reveal"), 409, "not_delivered")


def test_a_hundred_identical_callbacks_at_once_sell_one_key(shop: Shop) -> None:
    sku = shop.new_sku()
    shop.stock_up(sku, 5)
    order = shop.order(sku)
    payment = shop.payment(order)
    together = Barrier(CROWD)

    def deliver(_: int) -> Answer:
        together.wait()
        return shop.gateway.notify(payment)

    with ThreadPoolExecutor(CROWD) as crowd:
        answers = list(crowd.map(deliver, range(CROWD)))

    assert {(answer.status, answer.text) for answer in answers} == {(200, "success")}
    assert len(shop.reveal(order)) == 1
    assert shop.stock(sku) == (4, 0)
    assert [entry for entry in shop.desk() if entry.get("order_id") == order.order_id] == []


def test_the_same_request_gives_the_same_order_and_another_one_is_refused(shop: Shop, well_stocked: str) -> None:
    key = secrets.token_hex(16)
    first = shop.ask(wanted(well_stocked), key)
    again = shop.ask(wanted(well_stocked), key)

    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json
    problem(shop.ask(wanted(well_stocked, 2), key), 409, "idempotency_conflict")


def test_buyers_of_one_request_at_once_get_one_order(shop: Shop) -> None:
    sku = shop.new_sku(keys=10)
    key = secrets.token_hex(16)
    with ThreadPoolExecutor(8) as crowd:
        orders = list(crowd.map(lambda _: shop.order(sku, 2, key=key), range(8)))

    assert len({(order.order_id, order.token) for order in orders}) == 1
    assert eventually(lambda: shop.stock(sku) == (8, 2))


def test_cancelling_gives_the_key_back(shop: Shop) -> None:
    sku = shop.new_sku(keys=1)
    order = shop.order(sku)
    problem(shop.ask(wanted(sku)), 409, "sold_out")

    for _ in range(2):
        assert shop.buyer("POST", order, "/cancel").json["status"] == "cancelled"

    assert shop.stock(sku) == (1, 0)
    assert shop.pay(shop.order(sku)).text == "success"


def test_a_delivered_order_cannot_be_cancelled(shop: Shop, well_stocked: str) -> None:
    order = shop.order(well_stocked)
    shop.pay(order)
    problem(shop.buyer("POST", order, "/cancel"), 409, "not_cancellable")


def test_a_payment_for_a_cancelled_order_is_not_lost(shop: Shop) -> None:
    sku = shop.new_sku(keys=1)
    order = shop.order(sku)
    payment = shop.payment(order)
    shop.buyer("POST", order, "/cancel")

    assert shop.gateway.notify(payment).text == "success"

    assert shop.status(order) == "delivered"


def test_the_shelf_shows_levels_and_never_counts(shop: Shop) -> None:
    sku = shop.new_sku(keys=1)
    product = send("GET", f"{shop.api}/v1/products/p-{sku}").json
    assert [(entry["sku_id"], entry["stock"], entry["price"]) for entry in product["skus"]] == [(sku, "low", PRICE)]


def test_the_shelf_is_turned_page_by_page(shop: Shop) -> None:
    mine = {f"p-{shop.new_sku()}" for _ in range(3)}
    seen: list[str] = []
    cursor = ""
    while True:
        page = send("GET", f"{shop.api}/v1/products?limit=2{cursor}").json
        seen += [product["product_id"] for product in page["products"]]
        if "next_cursor" not in page:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert mine <= set(seen)
    assert len(seen) == len(set(seen))


def stripe_event(order: Placed, **session: Any) -> bytes:
    return json.dumps(
        {
            "id": f"evt_{secrets.token_hex(8)}",
            "object": "event",
            "type": "checkout.session.completed",
            "livemode": False,
            "data": {
                "object": {
                    "id": f"cs_test_{secrets.token_hex(8)}",
                    "object": "checkout.session",
                    "mode": "payment",
                    "client_reference_id": order.attempt_id,
                    "payment_intent": f"pi_{order.order_id[-8:]}",
                    "payment_status": "paid",
                    "amount_total": order.total["amount_minor"],
                    "currency": order.total["currency"].lower(),
                    **session,
                }
            },
        }
    ).encode()


def deliver_stripe_event(shop: Shop, event: bytes, secret: str | None = None, at: int | None = None) -> Answer:
    account = shop.card["payments"]["stripe"]
    at = at or int(time.time())
    signature = stripe.WebhookSignature._compute_signature(
        f"{at}.{event.decode()}", secret or account["webhook_secret"]
    )
    headers = {"Stripe-Signature": f"t={at},v1={signature}", "Content-Type": "application/json"}
    return send("POST", f"{shop.api}/webhooks/payments/stripe/{account['account']}", raw=event, headers=headers)
