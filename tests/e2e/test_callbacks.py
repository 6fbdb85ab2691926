"""Callbacks that are forged, and callbacks that are genuine and yet no payment of the order (promises I4, I5)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest

from infra.local.demo_client import Answer, send
from infra.local.demo_gateway import Payment
from tests.e2e.shop import Shop, eventually, problem

Forgery = Callable[[Shop, Payment], Answer]
FORGERIES: dict[str, Forgery] = {
    "another key": lambda shop, payment: replace(shop.gateway, key=secrets.token_hex(16)).notify(payment),
    "no signature": lambda shop, payment: send("GET", f"{payment.notify_url}?out_trade_no={payment.attempt_id}"),
    "nothing at all": lambda shop, payment: send("GET", payment.notify_url),
    "posted": lambda shop, payment: send("POST", payment.notify_url, raw=b"trade_status=TRADE_SUCCESS"),
    "a stripe address": lambda shop, payment: send("POST", payment.notify_url.replace("epay", "stripe"), raw=b"{}"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_callback_is_refused_and_nothing_is_stored(shop: Shop, well_stocked: str, forgery: str) -> None:
    order = shop.order(well_stocked)
    before = shop.stored()

    problem(FORGERIES[forgery](shop, shop.payment(order)), 401, "signature_invalid")

    assert shop.stored() == before
    assert shop.status(order) == "pending_payment"


def test_a_callback_for_an_account_that_is_not_ours_is_refused(shop: Shop, well_stocked: str) -> None:
    payment = shop.payment(shop.order(well_stocked))
    elsewhere = replace(payment, notify_url=payment.notify_url.replace("/main", "/other"))
    problem(shop.gateway.notify(elsewhere), 404, "unknown_payment_account")


MISMATCHES = {
    "under_paid": {"money": "0.01"},
    "over_paid": {"money": "19.91"},
    "not_paid": {"trade_status": "WAIT_BUYER_PAY"},
    "wrong_merchant": {"pid": "9999"},
    "wrong_currency": {"money": "one"},
    "unknown_attempt": {"out_trade_no": "pay_00000000000000000000000000"},
}


@pytest.mark.parametrize("reason", MISMATCHES)
def test_a_genuine_callback_that_is_no_payment_of_the_order_goes_to_the_desk(
    shop: Shop, well_stocked: str, reason: str
) -> None:
    order = shop.order(well_stocked)
    payment = shop.payment(order)

    for _ in range(2):
        assert shop.gateway.notify(payment, **MISMATCHES[reason]).text == "success"

    assert [entry["reason"] for entry in shop.desk() if entry["reference"] == payment.number] == [reason]
    assert shop.status(order) == "pending_payment"


def test_a_callback_signed_for_another_order_pays_only_that_one(shop: Shop) -> None:
    cheap = shop.new_sku(keys=1, price={"amount_minor": 1, "currency": "CNY"})
    dear = shop.new_sku(keys=1)
    small, large = shop.order(cheap), shop.order(dear)

    assert shop.gateway.notify(shop.payment(small), out_trade_no=large.attempt_id).text == "success"

    assert (shop.status(small), shop.status(large)) == ("pending_payment", "pending_payment")
    assert [e["reason"] for e in shop.desk() if e.get("order_id") == large.order_id] == ["under_paid"]


def test_a_second_payment_of_a_delivered_order_is_owed_back(shop: Shop, well_stocked: str) -> None:
    order = shop.order(well_stocked)
    shop.pay(order)
    second = shop.payment(order)

    assert shop.gateway.notify(second).text == "success"

    (refund,) = shop.buyer("GET", order).json["refunds"]
    assert (refund["amount"], refund["unit_ids"]) == (order.total, [])
    assert shop.status(order) == "delivered"
    assert len(shop.reveal(order)) == 1


def test_an_operator_accepts_what_is_too_little_and_gives_back_what_is_nobodys(shop: Shop, well_stocked: str) -> None:
    """With IAM enforced: the operator's decisions, and the worker behind the stream of each."""
    order, other = shop.order(well_stocked), shop.order(well_stocked)
    short, stray = shop.payment(order), shop.payment(other)
    shop.gateway.notify(short, money="0.01")
    shop.gateway.notify(stray, out_trade_no="till-7")
    on_desk = {entry["reference"]: entry["payment_id"] for entry in shop.desk()}
    why = {"reason": "test"}

    accepted = shop.ops("POST", f"payments/{on_desk[short.number]}/accept", document=why)
    assert (accepted.status, accepted.json["status"]) == (200, "accepted"), accepted.text
    assert shop.status(order) == "delivered"
    assert len(shop.reveal(order)) == 1
    refused = shop.ops("POST", f"payments/{on_desk[short.number]}/refund", document=why)
    assert problem(refused, 409, "payment_already_decided")["facts"]["status"] == "accepted"

    path = f"payments/{on_desk[stray.number]}"
    assert shop.ops("POST", f"{path}/refund", document=why).json["status"] == "refunding"
    # The gateway of this account takes no refunds by its API, so that a person has to give it back there.
    eventually(lambda: shop.ops("GET", path).json["refund"]["status"] == "failed")
    by_hand = shop.ops("POST", f"{path}/refund/given-back", document={**why, "reference": "T-77"})
    assert by_hand.json["status"] == "refunded"
    steps = eventually(lambda: [s["what"] for s in shop.ops("GET", path).json["trace"] if "refund_succ" in str(s)])
    assert steps == [["payment.refund_succeeded"]]
