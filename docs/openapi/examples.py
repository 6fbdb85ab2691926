"""Bodies that show what may be sent. A test sends them to the code, one after another: a shop's first day.

`house` is a supplier whose credentials are in the secret of supplier accounts.
"""

from dataclasses import dataclass, field
from typing import Any

WHY = "contract of November"


@dataclass(frozen=True)
class Example:
    """`name` is unique among those of its operation; `named` is what stands in the braces of its path."""

    name: str
    summary: str
    operation: str
    body: dict[str, Any]
    named: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.operation.partition(" ")[2].format(**self.named)


def _yuan(fen: int) -> dict[str, Any]:
    return {"amount_minor": fen, "currency": "CNY"}


def _source(source_id: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"source_id": source_id, "kind": kind, **more}


_PRODUCT = "PUT /ops/v1/products/{product_id}"
_SKU = "PUT /ops/v1/skus/{sku_id}"
_SUPPLIER = "PUT /ops/v1/suppliers/{supplier}"
_SOURCING = "PUT /ops/v1/skus/{sku_id}/sourcing"
_GUARD = "PUT /ops/v1/supply/skus/{sku_id}/guard"
_ORDERS = "POST /v1/orders"
_UNIT = "POST /ops/v1/orders/{order_id}/units/{unit_id}"

PHONE = {"sku_id": "phone-50"}
GAME = {"sku_id": "game-60"}
CARD = {"sku_id": "card-100"}
EITHER = {"sku_id": "music-month"}
HOUSE = {"supplier": "house"}
UNIT = {"order_id": "ord_4DM93H99VX8W6WZTKWBTDM77ZE", "unit_id": "unt_4DM93H99VX8W6WZTKWBTDM77ZE01"}
JOB = "4DM93H99VX8W6WZTKWBTDM77ZE0101"

SHELF = (
    Example(
        "top_ups",
        "What is shown together",
        _PRODUCT,
        {"name": "Top-ups", "name_zh": "充值中心", "reason": WHY},
        {"product_id": "top-ups"},
    ),
    Example(
        "recharge_of_a_phone",
        "A recharge that asks for a mobile number",
        _SKU,
        {
            "product_id": "top-ups",
            "name": "50 yuan of talk time",
            "name_zh": "话费50元",
            "kind": "recharge",
            "price": _yuan(4990),
            "account_fields": [{"name": "phone", "kind": "phone", "label": "Mobile number", "label_zh": "手机号码"}],
            "work_minutes": 30,
            "reason": WHY,
        },
        PHONE,
    ),
    Example(
        "recharge_of_a_game",
        "A recharge that asks for a user id, a region, and a server of that region",
        _SKU,
        {
            "product_id": "top-ups",
            "name": "60 crystals",
            "name_zh": "60创世结晶",
            "kind": "recharge",
            "price": _yuan(600),
            "max_quantity": 5,
            "account_fields": [
                {"name": "uid", "kind": "digits", "label": "User id", "label_zh": "用户ID", "min_length": 6,
                 "max_length": 10},
                {"name": "region", "kind": "choice", "label": "Region", "label_zh": "大区",
                 "choices": [{"value": "android", "label": "Android", "label_zh": "安卓"},
                             {"value": "ios", "label": "iOS"}]},
                {"name": "server", "kind": "choice", "label": "Server", "label_zh": "区服", "depends_on": "region",
                 "choices": [{"value": "1", "label": "Dragon 1", "within": ["android"]},
                             {"value": "2", "label": "Phoenix 1", "within": ["ios"]}]},
            ],
            "reason": WHY,
        },
        GAME,
    ),
    Example(
        "key",
        "A key of an issuer of its own, of which few are left at five",
        _SKU,
        {
            "product_id": "top-ups",
            "name": "Card of 100 points",
            "name_zh": "100点卡",
            "issuer": "points",
            "price": _yuan(990),
            "low_stock": 5,
            "reason": WHY,
        },
        CARD,
    ),
    Example(
        "either",
        "A key or a recharge, as it comes to hand",
        _SKU,
        {
            "product_id": "top-ups",
            "name": "A month of music",
            "name_zh": "音乐月卡",
            "kind": "either",
            "issuer": "music",
            "price": _yuan(1500),
            "account_fields": [{"name": "phone", "kind": "phone", "label": "Mobile number", "label_zh": "手机号码"}],
            "reason": WHY,
        },
        EITHER,
    ),
)  # fmt: skip
SUPPLY = (
    Example("known", "Make a supplier known", _SUPPLIER, {"reason": WHY}, HOUSE),
    Example(
        "disabled", "Keep all units from it", _SUPPLIER, {"disabled": True, "reason": "their maintenance"}, HOUSE
    ),
    Example("enabled", "Let units go there again", _SUPPLIER, {"disabled": False, "reason": "they are back"}, HOUSE),
    Example(
        "open",
        "Send nothing there for half a minute",
        "POST /ops/v1/suppliers/{supplier}/breaker",
        {"breaker": "open", "reason": "they answer nonsense"},
        HOUSE,
    ),
    Example(
        "closed",
        "Take it back at once",
        "POST /ops/v1/suppliers/{supplier}/breaker",
        {"breaker": "closed", "reason": "our firewall was wrong"},
        HOUSE,
    ),
    Example(
        "balance_alarm",
        "Ring when less than 5,000 yuan are left there",
        "PUT /ops/v1/supply/suppliers/{supplier}",
        {"threshold": _yuan(500_000), "reason": "two days of sales"},
        HOUSE,
    ),
    Example(
        "by_priority",
        "The supplier while 5 fen a piece are left and up to 2,000 pieces a day, else people in office hours",
        _SOURCING,
        {
            "strategy": "priority",
            "min_margin": _yuan(5),
            "sources": [
                _source("house", "recharge", supplier="house", item="1001", cost=_yuan(4925), priority=1, quota=2000),
                _source("by-hand", "manual", priority=9, opens="09:00", closes="18:00"),
            ],
            "reason": WHY,
        },
        PHONE,
    ),
    Example(
        "by_cost",
        "Whatever costs least; what people do costs what is said, and nothing where nothing is said",
        _SOURCING,
        {
            "strategy": "cheapest",
            "sources": [
                _source("day", "recharge", supplier="house", item="2001", cost=_yuan(570)),
                _source("night", "recharge", supplier="house", item="2002", cost=_yuan(550), opens="22:00",
                        closes="06:00"),
                _source("by-hand", "manual", cost=_yuan(590)),
            ],
            "reason": WHY,
        },
        GAME,
    ),
    Example(
        "keys_on_demand",
        "Our own keys, and where they are sold out such as are bought for the order",
        _SOURCING,
        {
            "sources": [
                _source("pool", "pool", priority=1),
                _source("house", "keys", supplier="house", item="card-100", cost=_yuan(800), priority=2, quota=200),
            ],
            "reason": WHY,
        },
        CARD,
    ),
    Example(
        "all_four_kinds",
        "Own keys, keys that are bought, a recharge, a person, in this order",
        _SOURCING,
        {
            "min_margin": _yuan(10),
            "sources": [
                _source("pool", "pool", priority=1),
                _source("card", "keys", supplier="house", item="3001", cost=_yuan(1380), priority=2),
                _source("credit", "recharge", supplier="house", item="3002", cost=_yuan(1390), priority=3),
                _source("by-hand", "manual", priority=4),
            ],
            "reason": WHY,
        },
        EITHER,
    ),
    Example(
        "pause",
        "A source that costs more than 49.85 stands aside until it costs less",
        _GUARD,
        {"mode": "pause", "max_cost": _yuan(4985), "reason": "margin"},
        PHONE,
    ),
    Example(
        "follow",
        "The price keeps 30 fen over the cheapest source, by at most 20 fen in ten minutes, up to 7 yuan",
        _GUARD,
        {"mode": "follow", "margin": _yuan(30), "max_step": _yuan(20), "ceiling": _yuan(700), "reason": "margin"},
        GAME,
    ),
    Example(
        "budget",
        "10,000 yuan a day for keys, and up to 2,000 a purchase without a second person",
        "PUT /ops/v1/supply/budgets/{currency}",
        {"a_day_minor": 1_000_000, "alone_minor": 200_000, "reason": "budget of November"},
        {"currency": "CNY"},
    ),
    Example(
        "rule",
        "When the stock is low, fill it up to 200 by 50 at once, for at most 9 yuan a piece",
        "PUT /ops/v1/supply/skus/{sku_id}/purchasing",
        {
            "supplier": "house", "item": "card-100", "pieces": 50, "up_to": 200, "max_price": _yuan(900),
            "reason": "sells 100 a day",
        },
        CARD,
    ),
    Example(
        "by_hand",
        "Buy 30 keys now",
        "POST /ops/v1/supply/purchases",
        {
            "sku_id": "card-100", "supplier": "house", "item": "card-100", "pieces": 30, "max_price": _yuan(900),
            "reason": "for the weekend",
        },
    ),
)  # fmt: skip
WORK = (
    Example("claim", "Have the job for half an hour", f"{_UNIT}/claim", {"job": JOB, "reason": "mine"}, UNIT),
    Example("release", "Give it back", f"{_UNIT}/release", {"job": JOB, "reason": "end of shift"}, UNIT),
    Example(
        "by_its_number",
        "Credited; the number is the one there",
        f"{_UNIT}/done",
        {"job": JOB, "reference": "R-4711", "reason": "credited"},
        UNIT,
    ),
    Example(
        "by_a_text",
        "Credited; this is what was seen",
        f"{_UNIT}/done",
        {"job": JOB, "text": "their page shows it as done at 14:05", "reason": "credited"},
        UNIT,
    ),
    Example(
        "refused",
        "Surely not credited, and it surely will not be",
        f"{_UNIT}/fail",
        {"job": JOB, "text": "they say that there is no such number", "reason": "refused there"},
        UNIT,
    ),
    Example("agreed", "Agree with what somebody else has said", f"{_UNIT}/approve",
            {"job": JOB, "reason": "checked with the supplier"}, UNIT),
    Example("turned_down", "Turn it down", f"{_UNIT}/reject",
            {"job": JOB, "reason": "their page says otherwise"}, UNIT),
    Example(
        "it_was_done",
        "The supplier was right: it was done",
        f"{_UNIT}/see-to",
        {"job": JOB, "verdict": "done", "reference": "R-4711", "reason": "asked the supplier"},
        UNIT,
    ),
)  # fmt: skip
ORDERS = (
    Example(
        "recharge_of_a_phone",
        "A recharge of a mobile number, however it is written",
        _ORDERS,
        {
            "items": [{"sku_id": "phone-50", "quantity": 1, "recharge_account": {"phone": "+86 138-0013-8000"}}],
            "contact": {"email": "buyer@example.com"},
            "payment": {"provider": "wechatpay", "method": "native"},
            "expected_total": _yuan(4990),
        },
    ),
    Example(
        "recharge_of_a_game",
        "A recharge of a user id on a server of its region",
        _ORDERS,
        {
            "items": [
                {
                    "sku_id": "game-60",
                    "quantity": 2,
                    "recharge_account": {"uid": "100200300", "region": "android", "server": "1"},
                }
            ],
            "contact": {"phone": "+86 138 0013 8000"},
            "payment": {"provider": "alipay", "method": "qr"},
        },
    ),
    Example(
        "key",
        "Two keys, paid on a page of the provider's",
        _ORDERS,
        {
            "items": [{"sku_id": "card-100", "quantity": 2}],
            "contact": {"email": "buyer@example.com"},
            "payment": {"provider": "epay", "method": "alipay", "return_url": "https://shop.example/thanks"},
        },
    ),
)
EXAMPLES = (*SHELF, *SUPPLY, *WORK, *ORDERS)


def of_operation(operation: str) -> dict[str, dict[str, Any]]:
    """As OpenAPI has them, by name."""
    found = [each for each in EXAMPLES if each.operation == operation]
    return {each.name: {"summary": each.summary, "value": each.body} for each in found}
