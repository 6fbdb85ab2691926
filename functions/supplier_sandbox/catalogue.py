"""What the house sells, in fen. Every item has a magic sister for each scenario, `<item>.<scenario>`, at its price."""

from collections.abc import Iterator
from typing import Any

from functions.supplier_sandbox.scenarios import Scenario
from keyrail.platform.money import Money

CURRENCY = "CNY"
RECHARGES = {"recharge-10": 9_50, "recharge-30": 28_50, "recharge-50": 47_50, "recharge-100": 95_00}
CARDS = {"card-10": 9_40, "card-50": 47_00, "card-100": 94_00}
STOCK = 10_000
ITEMS_A_PAGE = 50


def price_of(item: str, *, of_keys: bool) -> Money | None:
    """Of one piece; None for what is not sold, or not as that."""
    plain, point, scenario = item.partition(".")
    price_minor = (CARDS if of_keys else RECHARGES).get(plain)
    is_sold = price_minor is not None and (not point or scenario in set(Scenario))
    return Money(price_minor, CURRENCY) if price_minor is not None and is_sold else None


def page(after: str) -> dict[str, Any]:
    """The items behind `after`, all from the first where it is none of ours."""
    items = list(_items())
    behind = next((number for number, each in enumerate(items, start=1) if each["item"] == after), 0)
    shown = items[behind : behind + ITEMS_A_PAGE]
    more = behind + ITEMS_A_PAGE < len(items)
    return {"items": shown, "next": shown[-1]["item"] if more else None}


def _items() -> Iterator[dict[str, Any]]:
    for plain, price_minor in (RECHARGES | CARDS).items():
        for item in (plain, *(f"{plain}.{scenario}" for scenario in Scenario)):
            price = Money(price_minor, CURRENCY)
            yield {
                "item": item,
                "name": f"Pretended {item}",
                "price": price.decimal(),
                "currency": CURRENCY,
                "on_sale": True,
                "stock": STOCK,
            }
