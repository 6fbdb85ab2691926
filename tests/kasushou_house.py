"""A house of 卡速售 as a test needs one: our account with it, what is wanted there, and what it says of an order."""

from __future__ import annotations

import json
from typing import Any

from keyrail.platform.money import Money
from keyrail.suppliers.providers import Placed, Wanted
from keyrail.suppliers.providers.kasushou import Kasushou

KEY = "k3y"
USER_ID = "2uIkTrXNdAFc7OKhbRenzjDtgPoZ6s5C"
NOW_MS = 1_700_000_000_000
REFERENCE = "7" * 26 + "0101"
PHONE = "13800138000"
THEIRS = "D100759082558859640832"


def account(url: str = "https://house.example", **settings: Any) -> Kasushou:
    return Kasushou(**{"base_url": url, "user_id": USER_ID, "key": KEY, "now_ms": lambda: NOW_MS, **settings})


def wanted(**changed: Any) -> Wanted:
    given: dict[str, Any] = {
        "reference": REFERENCE,
        "item": "2909",
        "quantity": 1,
        "limit": Money(990, "CNY"),
        "callback_url": "https://api.example/hook/main",
        "account": {"phone": PHONE},
    }
    return Wanted(**{**given, **changed})


def placed(**changed: Any) -> Placed:
    given: dict[str, Any] = {"reference": REFERENCE, "their_reference": THEIRS, "quantity": 1}
    return Placed(**{**given, **changed})


def order(status: object, **changed: Any) -> dict[str, Any]:
    """As order/info has it; what is changed to None is left out."""
    given = {
        "ordersn": THEIRS,
        "external_orderno": REFERENCE,
        "recharge_info": [{"n": "充值账号", "v": PHONE, "k": "recharge_account"}],
        "recharge_hints": "",
        "status": status,
        "total_price": "9.5000",
        "has_back_money": "0.0000",
        "card_list": [],
        **changed,
    }
    return {name: value for name, value in given.items() if value is not None}


def answer(data: object = None, code: object = 200, msg: str = "成功") -> bytes:
    return json.dumps({"code": code, "msg": msg, "data": data}, ensure_ascii=False).encode()
