"""Keys that are bought for a paid order on the deployed stack: each magic item ends as it must, and is bought once."""

from __future__ import annotations

import pytest

from tests.e2e.recharges import ask, supply, unit_of
from tests.e2e.shop import Placed, Shop, eventually, problem, wanted

PIECES = 2
DONE, BACK, OPEN = "delivered", "failed", "unknown"
ENDS = {
    "success": DONE,
    "slow": DONE,
    "accept_then_fail": BACK,
    "timeout_then_success": DONE,
    "timeout_then_nothing": OPEN,
    "partial": OPEN,
    "callback_first": DONE,
    "sold_out": BACK,
    "html_page": DONE,
}


def new_key(shop: Shop, *sources: tuple[str, str]) -> str:
    sku_id = shop.new_sku()
    supply(shop, sku_id, "keys", *sources)
    return sku_id


def buy(shop: Shop, sku_id: str, quantity: int = PIECES) -> Placed:
    order = shop.order(sku_id, quantity)
    assert shop.pay(order).text == "success"
    return order


@pytest.fixture(scope="module")
def bought(shop: Shop) -> dict[str, Placed]:
    """One of each, all at once."""
    return {name: buy(shop, new_key(shop, ("sandbox", f"card-10.{name}"))) for name in ENDS}


@pytest.mark.parametrize("name", ENDS)
def test_each_magic_item_ends_as_it_must_and_is_bought_once(shop: Shop, bought: dict[str, Placed], name: str) -> None:
    order, status = bought[name], ENDS[name]

    def over() -> bool:
        waits_for_a_person = bool(shop.seen_by_operator(order)["units"][0]["jobs"])
        return unit_of(shop, order)["status"] == status and (status != OPEN or waits_for_a_person)

    assert eventually(over)
    unit = shop.seen_by_operator(order)["units"][0]
    (attempt,) = unit["attempts"]
    assert attempt["of_keys"]
    assert ask(shop, "tally", reference=attempt["reference"])["placed"] == 1
    if status != DONE:
        assert problem(shop.buyer("POST", order, "/reveal"), 409, "not_delivered")
        return
    keys = shop.reveal(order)
    assert len({key.number for key in keys}) == len(unit["key_ids"]) == PIECES
    key = shop.ops("GET", f"keys/{unit['key_ids'][0]}").json
    assert (key["state"], key["source"], key["order_id"]) == ("sold", "sandbox", order.order_id)


def test_the_pool_comes_first_and_what_it_has_not_is_bought(shop: Shop) -> None:
    sku_id = new_key(shop, ("sandbox", "card-10"))
    shop.stock_up(sku_id, 1)
    first, second = buy(shop, sku_id, 1), buy(shop, sku_id, 1)
    assert unit_of(shop, first)["status"] == DONE
    assert eventually(lambda: unit_of(shop, second)["status"] == DONE)
    assert [len(shop.seen_by_operator(each)["units"][0]["attempts"]) for each in (first, second)] == [0, 1]


def test_what_one_supplier_has_sold_out_the_next_one_sells(shop: Shop) -> None:
    order = buy(shop, new_key(shop, ("reserve", "card-10.sold_out"), ("sandbox", "card-10")))
    assert eventually(lambda: unit_of(shop, order)["status"] == DONE)
    assert len(shop.reveal(order)) == PIECES


def test_where_nobody_sells_any_it_is_sold_out(shop: Shop) -> None:
    problem(shop.ask(wanted(shop.new_sku())), 409, "sold_out")
