"""Supply on the deployed stack: a round looks at suppliers, prices are guarded, and low stock is bought for."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.demo_client import Answer, send
from infra.local.samples.key_file import Card
from tests.e2e.recharges import ask
from tests.e2e.shop import Shop, eventually, problem, wanted

HOUSE, ITEM, COST_MINOR = "sandbox", "card-10", 9_40
ALONE_MINOR = 50_00
WHY = "a test"


def yuan(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "CNY"}


def put(shop: Shop, path: str, **document: Any) -> dict[str, Any]:
    saved = shop.ops("PUT", path, document={**document, "reason": WHY})
    assert saved.status == 200, saved.text
    found: dict[str, Any] = saved.json
    return found


def go_round(shop: Shop) -> None:
    """As the clock does: what it sends, to where it sends it."""
    scheduler = shop.aws("scheduler")
    named = [each for page in scheduler.get_paginator("list_schedules").paginate() for each in page["Schedules"]]
    targets = [scheduler.get_schedule(Name=each["Name"], GroupName=each["GroupName"])["Target"] for each in named]
    (target,) = [each for each in targets if json.loads(each["Input"]) == {"job": "go_round"}]
    queue = shop.aws("sqs").get_queue_url(QueueName=target["Arn"].rpartition(":")[2])["QueueUrl"]
    shop.aws("sqs").send_message(QueueUrl=queue, MessageBody=target["Input"])


@pytest.fixture(scope="module")
def house(shop: Shop) -> str:
    """The supplier, once a round has looked at it, and a budget to buy there."""
    put(shop, f"suppliers/{HOUSE}")
    put(shop, "supply/budgets/CNY", a_day_minor=1_000_000_00, alone_minor=ALONE_MINOR)
    go_round(shop)

    def offered() -> dict[str, Any] | None:
        offers = shop.ops("GET", f"supply/suppliers/{HOUSE}/offers?limit=500").json["offers"]
        return next((each for each in offers if each["item"] == ITEM), None)

    assert eventually(offered)["price"] == yuan(COST_MINOR)
    return HOUSE


def purchased(shop: Shop, sku_id: str) -> dict[str, Any]:
    """The SKU's only purchase, once its keys are in stock."""

    def stocked() -> dict[str, Any] | None:
        found = shop.ops("GET", f"supply/skus/{sku_id}/purchases").json["purchases"]
        return next((each for each in found if each["status"] == "stocked"), None)

    found = eventually(stocked)
    assert len(shop.ops("GET", f"supply/skus/{sku_id}/purchases").json["purchases"]) == 1
    return found


def cards_of(shop: Shop, purchase: dict[str, Any]) -> set[Card]:
    """What the supplier's books say was sold under the purchase's reference, once."""
    tally = ask(shop, "tally", reference=purchase["reference"])
    assert (tally["placed"], tally["supplied"]) == (1, purchase["pieces"])
    told = ask(shop, "query", reference=purchase["reference"])["cards"]
    return {Card(each["code"], each["password"]) for each in told}


def test_stock_that_runs_low_is_bought_by_its_rule_and_sold_on(shop: Shop, house: str) -> None:
    sku_id = shop.new_sku(keys=3, low_stock=2)
    rule = {"supplier": house, "item": ITEM, "pieces": 2, "up_to": 4, "max_price": yuan(COST_MINOR + 60)}
    put(shop, f"supply/skus/{sku_id}/purchasing", **rule)
    first = shop.order(sku_id)
    assert shop.pay(first).text == "success"

    purchase = purchased(shop, sku_id)
    assert (purchase["pieces"], purchase["accepted"], purchase["cost"]) == (2, 2, yuan(2 * COST_MINOR))
    assert purchase["requested_by"] == "system:supply"
    assert eventually(lambda: shop.stock(sku_id) == (4, 0))
    key = secrets.token_hex(16)
    # Whoever sold out a moment ago remembers for two seconds where keys were.
    assert eventually(lambda: shop.ask(wanted(sku_id, 4), key).status == 201)
    rest = shop.order(sku_id, 4, key=key)
    assert shop.pay(rest).text == "success"
    bought = cards_of(shop, purchase)
    shop.sold_here += bought
    assert bought <= set(shop.reveal(rest))


def test_a_purchase_above_the_limit_waits_for_a_second_person(
    shop: Shop, house: str, token_of: Callable[..., str]
) -> None:
    sku_id, pieces = shop.new_sku(keys=1), ALONE_MINOR // COST_MINOR + 1
    wanted = {"sku_id": sku_id, "supplier": house, "item": ITEM, "pieces": pieces, "max_price": yuan(COST_MINOR)}
    asked = shop.ops(
        "POST",
        "supply/purchases",
        document={**wanted, "reason": WHY},
        headers={"Idempotency-Key": secrets.token_hex(16)},
    )
    assert (asked.status, asked.json["status"]) == (201, "awaiting_approval")

    def approve(token: str) -> Answer:
        path = f"{shop.api}/ops/v1/supply/purchases/{asked.json['purchase_id']}/approve"
        return send("POST", path, token=token, document={"reason": WHY})

    problem(approve(shop.operator), 403, "own_purchase")
    assert ask(shop, "tally", reference=asked.json["reference"])["placed"] == 0
    approved = approve(token_of("finance"))
    assert (approved.status, approved.json["status"]) == (200, "approved")
    purchase = purchased(shop, sku_id)
    shop.sold_here += cards_of(shop, purchase)
    assert (purchase["purchase_id"], purchase["accepted"]) == (asked.json["purchase_id"], pieces)


def test_a_source_that_costs_too_much_stands_aside_and_a_price_that_follows_catches_up_with_it(
    shop: Shop, house: str
) -> None:
    sku_id = shop.new_sku(price=yuan(10_00))
    source = {"source_id": "house", "kind": "keys", "supplier": house, "item": ITEM, "cost": yuan(1)}
    put(shop, f"skus/{sku_id}/sourcing", sources=[source])

    def seen() -> tuple[str | None, int, int]:
        (standing,) = shop.ops("GET", f"skus/{sku_id}/sourcing").json["sources"]
        price = shop.ops("GET", f"skus/{sku_id}").json["sku"]["price"]
        return standing.get("withheld"), standing["cost"]["amount_minor"], price["amount_minor"]

    guard = f"supply/skus/{sku_id}/guard"
    put(shop, guard, mode="pause", max_cost=yuan(COST_MINOR - 1))
    go_round(shop)
    assert eventually(lambda: seen() == ("too_dear", COST_MINOR, 10_00))
    assert shop.ops("GET", guard).json["withheld"] == {"house": "too_dear"}
    put(shop, guard, mode="follow", margin=yuan(100), max_step=yuan(100), ceiling=yuan(20_00))
    go_round(shop)
    assert eventually(lambda: seen() == (None, COST_MINOR, COST_MINOR + 100))
