"""Supply as operators and finance meet it."""

import json
from typing import Any

import pytest

from keyrail.platform.money import Money
from tests.card_house import CLOCK, COST, HOUSE, ITEM, Buying, CardHouse
from tests.integration.test_after_sales_desk import Desk, desk
from tests.own_codes import OWN_SKU, Workshop
from tests.world import SKU

__all__ = ["desk"]

WHY = "contract of November"
WANTED = {"sku_id": SKU, "supplier": HOUSE, "item": ITEM, "pieces": 3, "max_price": COST.plain(), "reason": WHY}
BUDGET = {"a_day_minor": 100_000, "alone_minor": 0, "reason": WHY}


@pytest.fixture
def buying(desk: Desk) -> Buying:
    buying = Buying(desk.world, CardHouse())
    buying.sync()
    desk.told("finance", "PUT", "supply/budgets/CNY", BUDGET)
    return buying


def request(desk: Desk, key: str = "k" * 32, **changed: Any) -> tuple[int, dict[str, Any]]:
    answer = desk.answer(
        "operator", "POST", "supply/purchases", {**WANTED, **changed}, headers={"idempotency-key": key}
    )
    return int(answer["statusCode"]), json.loads(answer["body"])


def test_keys_are_wanted_by_one_person_approved_by_another_and_shown_with_their_trace(
    desk: Desk, buying: Buying
) -> None:
    status, wanted = request(desk)
    assert (status, wanted["status"], wanted["requested_by"]) == (201, "awaiting_approval", "operator:sue")
    assert request(desk) == (201, wanted)
    path = f"supply/purchases/{wanted['purchase_id']}"
    assert desk.ask("finance", "POST", f"{path}/approve", {"reason": WHY})[1]["code"] == "own_purchase"
    answer = desk.answer("finance", "POST", f"{path}/approve", {"reason": WHY}, user="bob")
    assert answer["statusCode"] == 200
    assert [each["status"] for each in desk.told("auditor", "GET", "supply/purchases")["purchases"]] == ["approved"]
    buying.purchasing.go_on(wanted["purchase_id"], CLOCK)
    shown = desk.told("auditor", "GET", path)["purchase"]
    assert (shown["status"], shown["accepted"], shown["decided_by"]) == ("stocked", 3, "operator:bob")
    assert desk.told("auditor", "GET", f"supply/skus/{SKU}/purchases")["purchases"] == [shown]
    assert desk.told("auditor", "GET", "supply/budgets/CNY")["taken"] == COST.times(3).plain()
    for card in buying.house.sold[wanted["reference"]]:
        assert card.code not in repr(shown)
    assert desk.ask("operator", "POST", f"{path}/reject", {"reason": WHY})[1]["code"] == "purchase_decided"
    undecided = {"resolution": "not_done", "reason": WHY}
    assert desk.ask("operator", "POST", f"{path}/resolve", undecided)[1]["code"] == "purchase_decided"


def test_what_cannot_be_bought_is_refused_with_its_reason(desk: Desk, buying: Buying) -> None:
    Workshop(desk.world).sku()
    cheap = Money(COST.amount_minor - 1, "CNY").plain()
    refusals: dict[str, dict[str, Any]] = {
        "unknown_sku": {"sku_id": "no-such-sku"},
        "not_buyable": {"sku_id": OWN_SKU},
        "not_offered_there": {"max_price": cheap},
        "no_purchase_budget": {"max_price": {"amount_minor": 1, "currency": "USD"}},
        "purchase_budget_spent": {"pieces": 500},
    }
    for number, (code, changed) in enumerate(refusals.items()):
        assert request(desk, f"{number}" * 32, **changed)[1]["code"] == code
    assert buying.purchases.open() == []
    assert request(desk)[0] == 201
    assert request(desk, "another" * 5)[1]["code"] == "purchase_under_way"


def test_rules_are_said_and_read_back(desk: Desk, buying: Buying) -> None:
    rule = {name: value for name, value in WANTED.items() if name != "sku_id"} | {"up_to": 9}
    saved = desk.told("operator", "PUT", f"supply/skus/{SKU}/purchasing", rule)
    assert desk.told("auditor", "GET", f"supply/skus/{SKU}/purchasing") == saved
    assert (saved["up_to"], saved["enabled"], buying.store.skus_with_rules()) == (9, True, [SKU])
    guard = {"mode": "pause", "max_cost": COST.plain(), "reason": WHY}
    saved = desk.told("operator", "PUT", f"supply/skus/{SKU}/guard", guard)
    assert desk.told("auditor", "GET", f"supply/skus/{SKU}/guard") == saved
    assert desk.ask("operator", "PUT", f"supply/skus/{SKU}/guard", {"mode": "follow", "reason": WHY})[0] == 422
    dollars = {**guard, "max_cost": {"amount_minor": 1, "currency": "USD"}}
    assert desk.ask("operator", "PUT", f"supply/skus/{SKU}/guard", dollars)[1]["code"] == "wrong_currency"
    watched = desk.told("operator", "PUT", f"supply/suppliers/{HOUSE}", {"threshold": COST.plain(), "reason": WHY})
    assert desk.told("auditor", "GET", f"supply/suppliers/{HOUSE}") == watched
    assert desk.told("auditor", "GET", f"supply/suppliers/{HOUSE}/offers")["offers"][0]["item"] == ITEM


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"supplier": "nobody"}, {"field": "supplier", "reason": "unknown"}),
        ({"item": "话费 50"}, {"field": "item", "reason": "string_pattern_mismatch", "allowed": "^[!-~]{1,64}$"}),
        ({"item": "  "}, {"field": "item", "reason": "string_pattern_mismatch", "allowed": "^[!-~]{1,64}$"}),
    ],
)
def test_a_rule_that_could_never_buy_is_refused_when_it_is_said(
    desk: Desk, buying: Buying, changed: dict[str, str], wrong: dict[str, str]
) -> None:
    rule = {name: value for name, value in WANTED.items() if name != "sku_id"} | {"up_to": 9} | changed
    status, said = desk.ask("operator", "PUT", f"supply/skus/{SKU}/purchasing", rule)
    assert (status, said["errors"], buying.store.skus_with_rules()) == (422, [wrong], [])


def test_what_nobody_has_set_is_not_there(desk: Desk) -> None:
    for path, code in (
        (f"supply/skus/{SKU}/guard", "no_price_guard"),
        (f"supply/skus/{SKU}/purchasing", "no_purchase_rule"),
        ("supply/suppliers/nobody", "unknown_supplier"),
        ("supply/suppliers/nobody/offers", "unknown_supplier"),
        ("suppliers/nobody/notices", "unknown_supplier"),
        ("supply/budgets/CNY", "no_purchase_budget"),
        ("supply/budgets/XXX", "invalid_request"),
        ("supply/purchases/pur_nothing", "purchase_not_found"),
    ):
        assert desk.ask("auditor", "GET", path)[1]["code"] == code
