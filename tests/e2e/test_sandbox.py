"""A person at the payment sandbox's page, and the callbacks of WeChat Pay and Alipay signed with the card's keys."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.local.demo_client import Answer, send
from infra.local.sandbox_alipay import joined, sign
from infra.local.sandbox_wechatpay import platform_headers
from tests.e2e.shop import FORM, RETURN_URL, Placed, Shop, eventually, problem


def shown(order: Placed) -> str:
    page = send("GET", order.page)
    assert page.status == 200, page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    return unescape(page.text)


def test_a_purchase_is_paid_by_a_press_on_the_page(shop: Shop) -> None:
    sku = shop.new_sku()
    cards = shop.stock_up(sku, 1)
    order = shop.order(sku, provider="sandbox")
    assert order.page.startswith(f"{shop.card['sandbox']['base_url']}/pay?")
    assert "19.90 CNY" in shown(order)

    assert shop.press(order, "pay").headers["location"] == RETURN_URL

    assert shop.status(order) == "delivered"
    assert shop.reveal(order) == cards
    assert shop.press(order, "fail").headers["location"] == RETURN_URL
    page = shown(order)
    assert "the shop knows" in page
    assert "<button" not in page


def test_a_payment_that_fails_delivers_nothing(shop: Shop, well_stocked: str) -> None:
    order = shop.order(well_stocked, provider="sandbox")
    assert shop.press(order, "fail").headers["location"] == order.page
    assert "failed" in shown(order)
    assert shop.status(order) == "pending_payment"
    waiting = {payment["attempt_id"]: payment["reason"] for payment in shop.desk()}
    assert waiting[order.attempt_id] == "not_paid"


def test_what_is_paid_twice_is_given_back_once_by_itself(shop: Shop, well_stocked: str) -> None:
    order = shop.order(well_stocked, provider="sandbox")
    shop.press(order, "pay_twice")
    shop.press(order, "pay_twice")
    assert shop.status(order) == "delivered"

    def refunded() -> dict[str, Any] | None:
        (refund,) = shop.seen_by_operator(order)["refunds"]
        return dict(refund) if refund["status"] == "succeeded" else None

    eventually(refunded)
    first, second = re.findall(r"<dt>(sbx_\w+)</dt>", shown(order))
    assert "refunded 19.90 CNY" in shown(order).partition(second)[2]
    assert "refunded" not in shown(order).partition(second)[0]
    assert shop.seen_by_operator(order)["payments"][0]["reference"] == first


def test_a_link_that_was_changed_opens_no_page_and_a_callback_that_was_forged_delivers_nothing(
    shop: Shop, well_stocked: str
) -> None:
    order = shop.order(well_stocked, provider="sandbox")
    before = shop.stored()
    cheap = order.page.replace("amount_minor=1990", "amount_minor=1")
    assert cheap != order.page
    problem(send("GET", cheap), 401, "signature_invalid")
    problem(send("POST", cheap, raw=b"decision=pay", headers=FORM), 401, "signature_invalid")
    said = {"merchant": shop.card["sandbox"]["merchant"], "attempt_id": order.attempt_id, "reference": "sbx_forged"}
    body = json.dumps({**said, "amount_minor": 1990, "currency": "CNY", "status": "paid"}).encode()
    forged = {"Sandbox-Signature": f"t={int(time.time())},v1={secrets.token_hex(32)}"}
    address = f"{shop.api}/webhooks/payments/sandbox/main"
    problem(send("POST", address, raw=body, headers=forged), 401, "signature_invalid")
    assert shop.stored() == before
    assert shop.status(order) == "pending_payment"


@pytest.mark.parametrize(
    ("provider", "method", "scanned"),
    [("wechatpay", "native", "weixin://wxpay/bizpayurl?pr="), ("alipay", "qr", "https://qr.alipay.com/")],
)
def test_a_code_is_scanned_and_a_callback_signed_with_the_cards_keys_delivers(
    shop: Shop, well_stocked: str, provider: str, method: str, scanned: str
) -> None:
    order, action = order_by(shop, well_stocked, provider, method)
    assert (action["type"], action["content"].startswith(scanned)) == ("qr_code", True)
    assert action["svg"].startswith("<svg")
    notify, thanks = (wechatpay, "") if provider == "wechatpay" else (alipay, "success")

    problem(notify(shop, order, forged=True), 401, "signature_invalid")
    assert shop.status(order) == "pending_payment"
    for _ in range(2):
        answer = notify(shop, order)
        assert (answer.status, answer.text) == (200, thanks)
    assert shop.status(order) == "delivered"
    assert len(shop.reveal(order)) == 1
    assert shop.seen_by_operator(order)["refunds"] == []


def order_by(shop: Shop, sku: str, provider: str, method: str) -> tuple[Placed, dict[str, Any]]:
    payment = {"provider": provider, "method": method, "return_url": RETURN_URL}
    wanted = {"items": [{"sku_id": sku, "quantity": 1}], "contact": {"email": "b@example.com"}, "payment": payment}
    answer = shop.ask(wanted)
    assert answer.status == 201, answer.text
    placed = answer.json
    shop.tokens.append(placed["access_token"])
    attempt = placed["payment"]["attempt_id"]
    return Placed(placed["order_id"], placed["access_token"], attempt, "", placed["total"]), placed["payment"]["action"]


def wechatpay(shop: Shop, order: Placed, forged: bool = False) -> Answer:
    """What WeChat Pay posts; forged, it is signed by a key of somebody else's."""
    account = dict(shop.card["payments"]["wechatpay"])
    amount = {"total": 1990, "payer_total": 1990, "currency": "CNY", "payer_currency": "CNY"}
    paid = {
        "mchid": account["mchid"],
        "appid": account["appid"],
        "out_trade_no": order.attempt_id,
        "transaction_id": f"42{order.attempt_id[-26:]}",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "amount": amount,
    }
    nonce = secrets.token_hex(6)
    sealed = AESGCM(account["apiv3_key"].encode()).encrypt(nonce.encode(), json.dumps(paid).encode(), b"transaction")
    notice = {
        "id": secrets.token_hex(16),
        "event_type": "TRANSACTION.SUCCESS",
        "resource_type": "encrypt-resource",
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": "transaction",
            "nonce": nonce,
        },
    }
    if forged:
        account["platform_private_key"] = private_key()
    raw = json.dumps(notice).encode()
    headers = {"Content-Type": "application/json", **platform_headers(account, raw)}
    return send("POST", f"{shop.api}/webhooks/payments/wechatpay/main", raw=raw, headers=headers)


def alipay(shop: Shop, order: Placed, forged: bool = False) -> Answer:
    """What Alipay posts; forged, it is signed by a key of somebody else's."""
    account = dict(shop.card["payments"]["alipay"])
    said = {
        "notify_type": "trade_status_sync",
        "notify_id": secrets.token_hex(16),
        "charset": "utf-8",
        "app_id": account["app_id"],
        "seller_id": account["seller_id"],
        "out_trade_no": order.attempt_id,
        "trade_no": f"2026{order.attempt_id[-24:]}",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "19.90",
    }
    if forged:
        account["alipay_private_key"] = private_key()
    raw = urlencode({**said, "sign": sign(account, joined(said)), "sign_type": "RSA2"}).encode()
    return send("POST", f"{shop.api}/webhooks/payments/alipay/main", raw=raw, headers=FORM)


def private_key() -> str:
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
