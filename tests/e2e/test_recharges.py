"""Recharges on the deployed stack: each magic account of the supplier sandbox ends as it must, and is placed once."""

from __future__ import annotations

import json
import time

import pytest

from infra.local.demo_client import Answer, send
from keyrail.platform.signed_messages import signed_header
from tests.e2e.recharges import ask, buy, new_recharge, unit_of
from tests.e2e.shop import Placed, Shop, eventually, problem

DONE, BACK, OPEN = "delivered", "failed", "unknown"
# By magic number: how the unit ends, and how many pieces the supplier has supplied.
ENDS = {
    "01": (DONE, 1),  # at once
    "02": (DONE, 1),  # slowly
    "03": (BACK, 0),  # accepted, then failed
    "04": (DONE, 1),  # no answer, done
    "05": (OPEN, 0),  # no answer, not done, and nobody knows it
    "06": (OPEN, 0),  # in part
    "07": (DONE, 1),  # the callback first
    "08": (DONE, 1),  # two callbacks
    "09": (DONE, 1),  # no callback
    "10": (DONE, 1),  # a forged callback
    "11": (DONE, 1),  # a callback about nobody's order
    "12": (BACK, 0),  # the price has changed
    "14": (BACK, 0),  # sold out
    "15": (BACK, 0),  # no such account
    "16": (DONE, 1),  # a page of HTML
    "17": (OPEN, 0),  # failed, and the money stays
    "18": (OPEN, 0),  # a word that nobody has reviewed
}


def call_back(shop: Shop, reference: str, secret: str | None = None, to: str = "sandbox") -> Answer:
    account = shop.card["suppliers"]["sandbox"]
    body = json.dumps({"merchant": account["merchant"], "reference": reference}).encode()
    signed = signed_header(secret or account["secret"], "callback", int(time.time()), body)
    headers = {"supplier-signature": signed, "content-type": "application/json"}
    return send("POST", f"{shop.api}/webhooks/suppliers/{to}", raw=body, headers=headers)


def references(shop: Shop, order: Placed) -> list[str]:
    (unit,) = shop.seen_by_operator(order)["units"]
    return [attempt["reference"] for attempt in unit["attempts"]]


@pytest.fixture(scope="module")
def bought(shop: Shop) -> dict[str, Placed]:
    """One of each, all at once; a first one before them finds the functions asleep."""
    sku_id = new_recharge(shop, ("sandbox", "recharge-10"))
    first = buy(shop, sku_id, "13800000001")
    assert eventually(lambda: unit_of(shop, first)["status"] == DONE)
    return {number: buy(shop, sku_id, f"138000000{number}") for number in ENDS}


@pytest.mark.parametrize("number", ENDS)
def test_each_magic_account_ends_as_it_must_and_is_placed_once(
    shop: Shop, bought: dict[str, Placed], number: str
) -> None:
    order, (status, supplied) = bought[number], ENDS[number]

    def over() -> bool:
        unit = unit_of(shop, order)
        waits_for_a_person = bool(shop.seen_by_operator(order)["units"][0]["jobs"])
        return unit["status"] == status and (status != OPEN or waits_for_a_person)

    assert eventually(over)
    (reference,) = references(shop, order)
    tally = ask(shop, "tally", reference=reference)
    assert (tally["placed"], tally["supplied"]) == (1, supplied)
    assert "138000000" not in json.dumps(unit_of(shop, order))


def test_what_the_first_supplier_refuses_the_next_one_does(shop: Shop) -> None:
    sku_id = new_recharge(shop, ("reserve", "recharge-10.sold_out"), ("sandbox", "recharge-10"))
    order = buy(shop, sku_id, "13812345678")
    assert eventually(lambda: unit_of(shop, order)["status"] == DONE)
    *_, reference = references(shop, order)
    assert ask(shop, "tally", reference=reference)["placed"] == 1


def test_a_callback_that_is_forged_or_of_nobody_moves_nothing_and_a_genuine_one_of_no_order_is_kept(
    shop: Shop, bought: dict[str, Placed]
) -> None:
    (reference,) = references(shop, bought["05"])
    before = shop.seen_by_operator(bought["05"])["units"]
    problem(call_back(shop, reference, secret="another-secret-that-is-nobodys-at-all"), 401, "signature_invalid")
    problem(call_back(shop, reference, to="nobody"), 404, "unknown_supplier")
    heard = call_back(shop, "7" * 26 + "0101")
    assert (heard.status, heard.text) == (200, "success")
    notices = shop.ops("GET", "suppliers/sandbox/notices").json["notices"]
    assert "7" * 26 + "0101" in {notice["reference"] for notice in notices}
    assert shop.seen_by_operator(bought["05"])["units"] == before


def test_a_genuine_callback_is_acknowledged_also_of_a_unit_for_which_a_person_has_taken_over(
    shop: Shop, bought: dict[str, Placed]
) -> None:
    order = bought["18"]
    assert eventually(lambda: shop.seen_by_operator(order)["units"][0]["jobs"])
    (reference,) = references(shop, order)
    heard = call_back(shop, reference)
    assert (heard.status, heard.text) == (200, "success")
