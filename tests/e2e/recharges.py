"""A shop that sells recharges of the deployed stack's sandbox supplier, and the supplier's own books."""

from __future__ import annotations

import json
import time
from typing import Any

from infra.local.demo_client import send
from keyrail.platform.signed_messages import signed_header
from tests.e2e.shop import PRICE, RETURN_URL, Placed, Shop


def ask(shop: Shop, what: str, name: str = "sandbox", **members: Any) -> dict[str, Any]:
    account = shop.card["suppliers"][name]
    body = json.dumps({"merchant": account["merchant"], **members}).encode()
    signed = signed_header(account["secret"], f"ask.{what}", int(time.time()), body)
    answer = send("POST", f"{account['base_url']}/{what}", raw=body, headers={"supplier-signature": signed})
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def new_recharge(shop: Shop, *sources: tuple[str, str]) -> str:
    """A SKU of these items of suppliers, the first of them first."""
    phone = {"name": "phone", "kind": "phone", "label": "Phone"}
    sku_id = shop.new_sku(kind="recharge", account_fields=[phone], issuer=None)
    supply(shop, sku_id, "recharge", *sources)
    return sku_id


def supply(shop: Shop, sku_id: str, kind: str, *sources: tuple[str, str]) -> None:
    for name, _ in sources:
        assert shop.ops("PUT", f"suppliers/{name}", document={"reason": "test"}).status == 200
    plan = [
        {
            "source_id": f"source-{number}",
            "kind": kind,
            "supplier": name,
            "item": item,
            "cost": {"amount_minor": 950, "currency": "CNY"},
            "priority": number,
        }
        for number, (name, item) in enumerate(sources)
    ]
    saved = shop.ops("PUT", f"skus/{sku_id}/sourcing", document={"sources": plan, "reason": "test"})
    assert saved.status == 200, saved.text


def buy(shop: Shop, sku_id: str, phone: str) -> Placed:
    line = {"sku_id": sku_id, "quantity": 1, "recharge_account": {"phone": phone}}
    answer = shop.ask(
        {
            "items": [line],
            "contact": {"email": "buyer@example.com"},
            "payment": {"provider": "epay", "return_url": RETURN_URL},
            "expected_total": PRICE,
        }
    )
    assert answer.status == 201, answer.text
    placed = answer.json
    action, attempt_id = placed["payment"]["action"], placed["payment"]["attempt_id"]
    order = Placed(placed["order_id"], placed["access_token"], attempt_id, action["url"], placed["total"])
    assert shop.pay(order).text == "success"
    return order


def unit_of(shop: Shop, order: Placed) -> dict[str, Any]:
    (unit,) = shop.buyer("GET", order).json["units"]
    return dict(unit)
