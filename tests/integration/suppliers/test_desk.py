"""Where SKUs come from, and their suppliers, as operators meet them."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.catalog.account_fields import AccountField, FieldKind
from keyrail.catalog.model import SkuKind
from keyrail.platform.changes import stamp
from keyrail.platform.clock import rfc3339
from keyrail.suppliers.model.breaker import ASIDE_LASTS_MS, FIRST_OPEN_MS, LET_DOWN, LET_DOWN_LIMIT, new_supplier
from keyrail.suppliers.model.notices import NoticeReason
from keyrail.suppliers.model.outcomes import Success
from keyrail.suppliers.model.routing import Need
from keyrail.suppliers.model.sources import MAX_SUPPLIERS, RECHARGE_KINDS, Source, SourceKind, Sourcing
from keyrail.suppliers.service.desk import SupplierDesk
from keyrail.suppliers.service.notices import Notices
from keyrail.vault.codes import OWN_ISSUER
from tests.integration.test_after_sales_desk import Desk, desk
from tests.racing import at_once
from tests.world import OPERATOR, PRICE, SKU, SYSTEM

__all__ = ["desk"]
RECHARGE = "phone-10"

WHY = "ticket 4711"
FIRST = {
    "source_id": "first",
    "kind": "recharge",
    "supplier": "main",
    "item": "1001",
    "cost": {"amount_minor": 900, "currency": "CNY"},
    "opens": "09:00",
    "closes": "24:00",
    "quota": 5,
}
PLAN: dict[str, Any] = {
    "strategy": "cheapest",
    "sources": [FIRST, {"source_id": "us", "kind": "manual"}],
    "reason": WHY,
}

ALL_DAY = {**PLAN, "sources": [{**FIRST, "opens": "00:00"}]}


@pytest.fixture(autouse=True)
def phone_credit(desk: Desk) -> None:
    fields = (AccountField(name="phone", label="Phone", kind=FieldKind.PHONE),)
    sku = replace(
        desk.world.catalog.sku(SKU), sku_id=RECHARGE, kind=SkuKind.RECHARGE, issuer=None, account_fields=fields
    )
    desk.world.catalog.save_sku(sku, OPERATOR)


def known(desk: Desk, name: str = "main", **fields: Any) -> dict[str, Any]:
    return desk.told("operator", "PUT", f"suppliers/{name}", {"reason": WHY, **fields})


def breaker(desk: Desk, state: str) -> dict[str, Any]:
    return desk.told("operator", "POST", "suppliers/main/breaker", {"breaker": state, "reason": WHY})


def chosen(desk: Desk) -> tuple[str | None, dict[str, str]]:
    need = Need(sku_id=RECHARGE, quantity=1, paid=PRICE, kinds=RECHARGE_KINDS, reference="reference")
    decision = desk.world.routing.choose(need, SYSTEM).decision
    return decision.chosen, decision.passed_over


def test_what_is_said_of_a_sku_s_sources_is_read_back_and_routed_by(desk: Desk) -> None:
    known(desk)
    saved = desk.told("operator", "PUT", f"skus/{RECHARGE}/sourcing", ALL_DAY)
    assert (saved["version"], saved["strategy"], saved["changed_by"]) == (1, "cheapest", "operator:sue")
    (source,) = saved["sources"]
    assert {name: source[name] for name in FIRST} == {**FIRST, "opens": "00:00"}
    assert desk.told("support", "GET", f"skus/{RECHARGE}/sourcing") == saved
    assert chosen(desk) == ("first", {})
    again = desk.told("operator", "PUT", f"skus/{RECHARGE}/sourcing", PLAN)
    assert (again["version"], [each["source_id"] for each in again["sources"]]) == (2, ["first", "us"])


def test_what_a_price_rule_withholds_stays_so_when_the_sources_are_said_anew(desk: Desk) -> None:
    known(desk)
    desk.told("operator", "PUT", f"skus/{RECHARGE}/sourcing", PLAN)
    standing = desk.world.suppliers.sourcing(RECHARGE)
    assert standing
    first, us = standing.sources
    dear = replace(standing, sources=(replace(first, withheld="too_dear"), us), version=2)
    assert desk.world.suppliers.put_sourcing(dear)
    said = desk.told("operator", "PUT", f"skus/{RECHARGE}/sourcing", ALL_DAY)
    assert [each["withheld"] for each in said["sources"]] == ["too_dear"]
    assert chosen(desk) == (None, {"first": "too_dear"})
    other = {**PLAN, "sources": [{**FIRST, "item": "1002", "opens": "00:00"}]}
    assert desk.told("operator", "PUT", f"skus/{RECHARGE}/sourcing", other)["sources"][0].get("withheld") is None


def test_what_is_in_the_way_of_each_source_is_shown_before_anybody_has_ordered(desk: Desk) -> None:
    for name in ("main", "other"):
        known(desk, name)
    sources = [
        {**ALL_DAY["sources"][0], "source_id": "well"},
        {**ALL_DAY["sources"][0], "source_id": "off", "enabled": False},
        {**ALL_DAY["sources"][0], "source_id": "dear", "cost": PRICE.plain()},
        {**ALL_DAY["sources"][0], "source_id": "away", "supplier": "other"},
        {"source_id": "us", "kind": "manual"},
    ]
    plan = {"sources": sources, "min_margin": {"amount_minor": 10, "currency": "CNY"}, "reason": WHY}
    saved = desk.told("operator", "PUT", f"skus/{RECHARGE}/sourcing", plan)
    known(desk, "other", disabled=True)
    shown = desk.told("auditor", "GET", f"skus/{RECHARGE}/sourcing")
    aside = {"off": "disabled", "dear": "below_margin"}
    assert passed_over(saved) == aside
    assert passed_over(shown) == {**aside, "away": "supplier_disabled"}


def passed_over(sourcing: dict[str, Any]) -> dict[str, str]:
    return {each["source_id"]: each["passed_over"] for each in sourcing["sources"] if "passed_over" in each}


def test_a_sku_that_nobody_said_anything_of_has_no_sourcing(desk: Desk) -> None:
    assert desk.ask("support", "GET", f"skus/{RECHARGE}/sourcing")[1]["code"] == "unknown_sourcing"
    for method, body in (("GET", None), ("PUT", PLAN)):
        assert desk.ask("operator", method, "skus/nothing/sourcing", body)[1]["code"] == "unknown_sku"


def test_codes_that_we_make_ourselves_are_sold_by_nobody_else(desk: Desk) -> None:
    known(desk)
    theirs = desk.world.catalog.sku(SKU)
    desk.world.catalog.save_sku(replace(theirs, sku_id="own", issuer=OWN_ISSUER), OPERATOR)
    plan = {**PLAN, "sources": [{**FIRST, "kind": "keys"}]}
    status, said = desk.ask("operator", "PUT", "skus/own/sourcing", plan)
    assert (status, said["errors"]) == (422, [{"field": "sources.0.kind", "reason": "does_not_deliver_this_sku"}])
    assert desk.told("operator", "PUT", f"skus/{SKU}/sourcing", plan)["sources"][0]["kind"] == "keys"


@pytest.mark.parametrize(
    ("changed", "field", "reason"),
    [
        ({"supplier": "other"}, "sources.0.supplier", "unknown"),
        ({"kind": "wishes"}, "sources.0.kind", "enum"),
        ({"kind": "keys"}, "sources.0.kind", "does_not_deliver_this_sku"),
        ({"source_id": "No Slug"}, "sources.0.source_id", "string_pattern_mismatch"),
        ({"cost": {"amount_minor": 900, "currency": "USD"}}, "sources.0.cost.currency", "not_that_of_price"),
        ({"opens": "25:00"}, "sources.0.opens", "string_pattern_mismatch"),
        ({"quota": 0}, "sources.0.quota", "greater_than_equal"),
        ({"surprise": 1}, "sources.0.surprise", "unknown_field"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    desk: Desk, changed: dict[str, Any], field: str, reason: str
) -> None:
    known(desk)
    status, said = desk.ask("operator", "PUT", f"skus/{RECHARGE}/sourcing", {**PLAN, "sources": [{**FIRST, **changed}]})
    assert (status, [(each["field"], each["reason"]) for each in said["errors"]]) == (422, [(field, reason)])
    assert desk.world.suppliers.sourcing(RECHARGE) is None


def test_all_who_save_at_once_are_versions_of_one_sourcing(desk: Desk) -> None:
    own = Sourcing(sku_id=RECHARGE, sources=(Source(source_id="us", kind=SourceKind.MANUAL),), **stamp(OPERATOR, 0))
    service = SupplierDesk(desk.world.suppliers, desk.world.catalog, desk.world.now_ms)
    saved = at_once([lambda: service.save_sourcing(own, OPERATOR)] * 4)
    assert sorted(each.version for each in saved if isinstance(each, Sourcing)) == [1, 2, 3, 4]


def test_a_supplier_is_known_once_and_listed_by_name(desk: Desk) -> None:
    for name in ("main", "Zeta", "alpha", "main"):
        known(desk, name)
    assert [each["supplier"] for each in desk.told("auditor", "GET", "suppliers")["suppliers"]] == [
        "Zeta",
        "alpha",
        "main",
    ]
    assert known(desk)["version"] == 1


def test_a_supplier_s_name_is_one(desk: Desk) -> None:
    status, said = desk.ask("operator", "PUT", "suppliers/-main", {"reason": WHY})
    assert (status, said["errors"]) == (422, [{"field": "supplier", "reason": "not_a_name"}])


def test_there_are_only_so_many_suppliers(desk: Desk) -> None:
    now_ms = desk.world.now_ms()
    assert all(
        desk.world.suppliers.add(new_supplier(f"s{number}", OPERATOR, now_ms)) for number in range(MAX_SUPPLIERS)
    )
    status, said = desk.ask("operator", "PUT", "suppliers/one-more", {"reason": WHY})
    assert (status, said["code"]) == (409, "too_many_suppliers")
    assert known(desk, "s7")["supplier"] == "s7"


def test_all_who_make_a_supplier_known_at_once_make_one(desk: Desk) -> None:
    names = [f"supplier-{number % 4}" for number in range(8)]
    adding = [lambda name=name: desk.world.suppliers.add(new_supplier(name, OPERATOR, 1)) for name in names]
    assert sum(each is True for each in at_once(adding)) == len(desk.world.suppliers.all_health()) == 4


def test_a_disabled_supplier_gets_nothing_until_it_is_enabled(desk: Desk) -> None:
    known(desk)
    desk.told("operator", "PUT", f"skus/{RECHARGE}/sourcing", ALL_DAY)
    off = known(desk, disabled=True)
    assert (off["disabled"], off["version"], off["changed_reason"]) == (True, 2, WHY)
    assert chosen(desk) == (None, {"first": "supplier_disabled"})
    assert known(desk, disabled=True)["version"] == 2
    assert known(desk)["disabled"] is False
    assert chosen(desk)[0] == "first"


def test_a_breaker_is_opened_and_closed_by_hand_and_takes_itself_back(desk: Desk) -> None:
    known(desk)
    desk.told("operator", "PUT", f"skus/{RECHARGE}/sourcing", ALL_DAY)
    assert breaker(desk, "closed")["version"] == 1
    opened = breaker(desk, "open")
    assert (opened["breaker"], opened["openings"], opened["version"]) == ("open", 1, 2)
    assert breaker(desk, "open")["version"] == 2
    assert chosen(desk) == (None, {"first": "breaker_open"})
    assert breaker(desk, "closed")["breaker"] == "closed"
    assert chosen(desk)[0] == "first"
    breaker(desk, "open")
    desk.world.ahead_ms += FIRST_OPEN_MS
    assert chosen(desk)[0] == "first"


def test_a_supplier_nobody_knows_is_not_found(desk: Desk) -> None:
    assert desk.ask("support", "GET", "suppliers/main")[1]["code"] == "unknown_supplier"
    body = {"breaker": "open", "reason": WHY}
    assert desk.ask("operator", "POST", "suppliers/main/breaker", body)[1]["code"] == "unknown_supplier"


def test_a_breaker_is_half_opened_by_nobody_s_hand(desk: Desk) -> None:
    known(desk)
    status, said = desk.ask("operator", "POST", "suppliers/main/breaker", {"breaker": "half_open", "reason": WHY})
    assert (status, said["errors"][0]["field"]) == (422, "breaker")


def test_a_supplier_is_shown_with_how_it_did(desk: Desk) -> None:
    known(desk)
    desk.told("operator", "PUT", f"skus/{RECHARGE}/sourcing", ALL_DAY)
    before = desk.told("support", "GET", "suppliers/main")
    assert (before["figures"]["calls"], before["figures"].get("taken_share")) == (0, None)
    need = Need(sku_id=RECHARGE, quantity=1, paid=PRICE, kinds=RECHARGE_KINDS, reference="reference")
    choice = desk.world.routing.choose(need, SYSTEM)
    desk.world.routing.heard(choice, Success(said="4"), 250, SYSTEM, stored=True)
    told = desk.told("support", "GET", "suppliers/main")
    figures = told["figures"]
    assert (figures["calls"], figures["taken_share"], figures["mean_latency_ms"]) == (1, 1.0, 250)
    assert (figures["failed"], "aside_until" in told["supplier"]) == (0, False)


def test_a_supplier_that_does_poorly_is_shown_until_when_and_brought_back_by_hand(desk: Desk) -> None:
    known(desk)
    now_ms = desk.world.now_ms()
    for _ in range(LET_DOWN_LIMIT // LET_DOWN):
        assert "aside_until" not in desk.told("support", "GET", "suppliers/main")["supplier"]
        desk.world.suppliers.count_let_down(new_supplier("main", OPERATOR, now_ms), now_ms)
    assert desk.told("support", "GET", "suppliers/main")["supplier"]["aside_until"] == rfc3339(now_ms + ASIDE_LASTS_MS)
    told = desk.told("operator", "POST", "suppliers/main/breaker", {"breaker": "closed", "reason": WHY})
    assert (told["breaker"], "aside_until" in told) == ("closed", False)
    assert "aside_until" not in desk.told("support", "GET", "suppliers/main")["supplier"]


def test_what_a_supplier_has_news_of_that_is_none_of_ours_can_be_looked_at(desk: Desk) -> None:
    notices = Notices(desk.world.suppliers, desk.world.now_ms)
    assert notices.keep("main", "R-1", NoticeReason.NO_REFERENCE, None)
    assert not notices.keep("main", "R-1", NoticeReason.NO_REFERENCE, None)
    assert notices.keep("other", "R-2", NoticeReason.OTHER_SUPPLIER, "ord_1")
    (shown,) = desk.told("auditor", "GET", "suppliers/main/notices")["notices"]
    assert (shown["reference"], shown["reason"], "order_id" in shown) == ("R-1", "no_reference", False)
    (shown,) = desk.told("auditor", "GET", "suppliers/other/notices")["notices"]
    assert shown["order_id"] == "ord_1"
