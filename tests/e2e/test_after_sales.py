"""A buyer whose code does not work: found, replaced for the same token, and charged back to whoever sold it to us."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from infra.local.demo_client import Answer
from tests.e2e.shop import Placed, Shop, eventually, problem

BAD = {"fault": "bad_code", "charge_back": True, "reason": "ticket 4711"}
SOURCE = quote("a test's supplier")


def bought(shop: Shop, keys: int, quantity: int = 1) -> Placed:
    order = shop.order(shop.new_sku(keys=keys), quantity)
    shop.pay(order)
    assert shop.status(order) == "delivered"
    return order


def replace(shop: Shop, key_id: str) -> Answer:
    return shop.ops("POST", f"keys/{key_id}/replace", document=BAD)


def test_support_finds_the_order_by_its_buyer_and_the_key_by_its_end(shop: Shop) -> None:
    order = bought(shop, keys=2, quantity=2)
    (one, two) = shop.reveal(order)

    found = shop.ops("POST", "orders/find", document={"email": " Buyer@Example.COM", "limit": 100})
    known = shop.ops("GET", f"orders/{order.order_id}/keys").json["keys"]
    (mine,) = shop.ops("POST", f"orders/{order.order_id}/keys/find", document={"mask": f"…{two.number[-4:]}"}).json[
        "keys"
    ]
    by_code = shop.ops("POST", "keys/find", document=code_of(shop, order, two.number)).json

    assert order.order_id in [each["order_id"] for each in found.json["orders"]]
    assert [key["key_id"] for key in known] == shop.keys_of(order)
    assert by_code["key_id"] == mine["key_id"] == shop.keys_of(order)[1]
    assert by_code["buyer"] == {"email": "buyer@example.com"}
    assert not any(card.number in found.text + str(known) + str(mine) + str(by_code) for card in (one, two))


def code_of(shop: Shop, order: Placed, code: str) -> dict[str, Any]:
    (unit,) = shop.seen_by_operator(order)["units"]
    return {"sku_id": unit["sku_id"], "code": code, "order_id": order.order_id}


def test_the_buyer_gets_another_key_with_the_same_token_and_all_of_it_is_on_record(shop: Shop) -> None:
    order = bought(shop, keys=2)
    (bad,) = shop.keys_of(order)
    (before,) = shop.reveal(order)

    done = replace(shop, bad)
    assert done.status == 200, done.text
    (after,) = shop.reveal(order)

    assert after.number != before.number
    assert shop.keys_of(order) == [done.json["replacement"]["key_id"]]
    again = replace(shop, bad).json
    assert again["replacement"]["key_id"] == done.json["replacement"]["key_id"]
    story = eventually(lambda: told(shop, bad, "key.replaced"))
    assert (story["state"], story["replaced_by"]) == ("void", done.json["replacement"]["key_id"])
    last = story["trace"][-1]
    assert (last["what"], last["reason"]) == (["key.replaced"], BAD["reason"])
    assert last["by"].startswith("operator:")
    trace = eventually(lambda: with_step(shop.seen_by_operator(order), "order.key_replaced"))
    assert trace["units"][0]["replaced"] == [bad]


def told(shop: Shop, key_id: str, step: str) -> dict[str, Any] | None:
    return with_step(shop.ops("GET", f"keys/{key_id}").json, step)


def with_step(story: dict[str, Any], step: str) -> dict[str, Any] | None:
    return story if any(step in each["what"] for each in story["trace"]) else None


def test_many_operators_at_once_give_one_replacement_and_charge_it_once(shop: Shop) -> None:
    order = bought(shop, keys=8)
    (bad,) = shop.keys_of(order)
    charged = shop.ops("GET", f"sources/{SOURCE}").json["charged_back"]

    with ThreadPoolExecutor(6) as hands:
        answers = list(hands.map(lambda _: replace(shop, bad), range(6)))

    assert {answer.status for answer in answers} <= {200, 503}
    given = {answer.json["replacement"]["key_id"] for answer in answers if answer.status == 200}
    assert given == set(shop.keys_of(order))
    assert shop.ops("GET", f"sources/{SOURCE}").json["charged_back"] == charged + 1
    stock = shop.ops("GET", f"skus/{shop.seen_by_operator(order)['units'][0]['sku_id']}").json["stock"]
    assert stock["claimable"] + stock["leased"] == 6


def test_with_nothing_left_the_buyer_keeps_what_there_is(shop: Shop) -> None:
    order = bought(shop, keys=1)
    (bad,) = shop.keys_of(order)
    (before,) = shop.reveal(order)

    problem(replace(shop, bad), 409, "sold_out")

    assert shop.reveal(order) == [before]


def test_sources_are_listed_with_what_they_supplied(shop: Shop) -> None:
    order = bought(shop, keys=3)
    sku = shop.seen_by_operator(order)["units"][0]["sku_id"]

    source = eventually(lambda: supplying(shop.ops("GET", f"sources/{SOURCE}").json, sku))

    assert source["sold"] >= 1
    assert source["imported"] >= 3
    assert source["name"] in [each["name"] for each in shop.ops("GET", "sources?limit=100").json["sources"]]
    problem(shop.ops("GET", "sources/nobody"), 404, "source_not_found")


def supplying(source: dict[str, Any], sku_id: str) -> dict[str, Any] | None:
    """Once its figures have come through the stream."""
    counted = source.get("imported") and source.get("sold")
    return source if counted and sku_id in source["sku_ids"] else None
