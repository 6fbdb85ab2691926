"""Which source a unit comes from, and why from none of the others: one reason each."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import Health, new_supplier, opened, switched
from keyrail.suppliers.model.routing import (
    Known,
    Need,
    PassedOver,
    is_open_at,
    limit_of,
    route,
)
from keyrail.suppliers.model.sources import (
    EVERY_KIND,
    KEY_KINDS,
    RECHARGE_KINDS,
    Source,
    SourceKind,
    Sourcing,
    Strategy,
)

SYSTEM = Origin("system:test", "test")
NOW = 1_000_000
NOON = 12 * 60
PAID = Money(2000, "CNY")
ALIVE = new_supplier("main", SYSTEM, NOW)
POOR = replace(ALIVE, aside_until_ms=NOW + 1)
SHUT = opened(ALIVE, SYSTEM, NOW)
NEED = Need(sku_id="phone-10", quantity=2, paid=PAID, kinds=RECHARGE_KINDS, reference="r")
KNOWN = Known(now_ms=NOW, minute=NOON, health={"main": ALIVE})


def yuan(minor: int) -> Money:
    return Money(minor, "CNY")


def source(source_id: str = "first", **fields: Any) -> Source:
    usual = {"kind": SourceKind.RECHARGE, "supplier": "main", "item": "1001", "cost": yuan(900)}
    return Source(source_id=source_id, **{**usual, **fields})


def sourcing(*sources: Source, strategy: Strategy = Strategy.PRIORITY, min_margin: Money | None = None) -> Sourcing:
    return Sourcing(sku_id="phone-10", sources=sources, strategy=strategy, min_margin=min_margin, **stamp(SYSTEM, NOW))


def known_of(health: Health) -> Known:
    return replace(KNOWN, health={"main": health})


@pytest.mark.parametrize(
    ("reason", "offered", "need", "known", "margin"),
    [
        (PassedOver.DISABLED, {"enabled": False}, {}, KNOWN, None),
        (PassedOver.DOES_NOT_FIT, {}, {"kinds": KEY_KINDS}, KNOWN, None),
        (PassedOver.TRIED, {}, {"tried": frozenset({"first"})}, KNOWN, None),
        (PassedOver.TOO_DEAR, {"withheld": "too_dear"}, {}, KNOWN, None),
        (PassedOver.NOT_ON_SALE, {"withheld": "not_on_sale"}, {}, KNOWN, None),
        (PassedOver.OUT_OF_HOURS, {"opens": NOON + 1, "closes": NOON + 2}, {}, KNOWN, None),
        (PassedOver.BELOW_MARGIN, {}, {}, KNOWN, 101),
        (PassedOver.BELOW_MARGIN, {"cost": Money(1, "USD")}, {}, KNOWN, None),
        (PassedOver.QUOTA_USED_UP, {"quota": 9}, {}, replace(KNOWN, taken={"first": 8}), None),
        (PassedOver.UNKNOWN_SUPPLIER, {"supplier": "other"}, {}, KNOWN, None),
        (PassedOver.SUPPLIER_DISABLED, {}, {}, known_of(switched(ALIVE, disabled=True, origin=SYSTEM, now_ms=NOW)), 1),
        (PassedOver.BREAKER_OPEN, {}, {}, known_of(SHUT), None),
        (PassedOver.BALANCE_SHORT, {}, {}, known_of(replace(ALIVE, balance=yuan(1799), balance_at_ms=NOW)), None),
    ],
)
def test_each_rule_passes_a_source_over_and_is_named(
    reason: PassedOver, offered: dict[str, Any], need: dict[str, Any], known: Known, margin: int | None
) -> None:
    floor = None if margin is None else yuan(margin)
    routed = route(sourcing(source(**offered), min_margin=floor), replace(NEED, **need), known)
    assert (routed.source, routed.passed_over) == (None, {"first": reason})


@pytest.mark.parametrize(
    ("offered", "known", "margin"),
    [
        ({}, KNOWN, None),
        ({"opens": NOON, "closes": NOON + 1}, KNOWN, None),
        ({}, KNOWN, 100),
        ({"cost": yuan(5000)}, KNOWN, None),
        ({"quota": 9}, replace(KNOWN, taken={"first": 7}), None),
        ({}, replace(known_of(SHUT), now_ms=SHUT.until_ms or 0), None),
        ({}, known_of(replace(ALIVE, balance=yuan(1800), balance_at_ms=NOW)), None),
        ({"kind": SourceKind.MANUAL, "supplier": None, "item": None}, replace(KNOWN, health={}), None),
    ],
)
def test_what_is_just_within_a_rule_is_chosen(offered: dict[str, Any], known: Known, margin: int | None) -> None:
    floor = None if margin is None else yuan(margin)
    routed = route(sourcing(source(**offered), min_margin=floor), NEED, known)
    assert (routed.source and routed.source.source_id, routed.passed_over) == ("first", {})


@pytest.mark.parametrize(
    ("opens", "closes", "minutes"),
    [(540, 1080, {540, 1079}), (1320, 360, {1320, 1439, 0, 359}), (0, 1440, {0, 1439}), (None, None, {0, 720})],
)
def test_hours_have_a_first_minute_and_may_end_after_midnight(
    opens: int | None, closes: int | None, minutes: set[int]
) -> None:
    asked = {0, 359, 360, 539, 540, 720, 1079, 1080, 1319, 1320, 1439}
    within = {minute for minute in asked if is_open_at(source(opens=opens, closes=closes), minute)}
    assert minutes <= within
    edges = {minute - 1 for minute in minutes & {540, 1320}} | {minute + 1 for minute in minutes & {359, 1079}}
    assert not within & edges


@pytest.mark.parametrize(("strategy", "first"), [(Strategy.PRIORITY, "dear"), (Strategy.CHEAPEST, "cheap")])
def test_the_strategy_says_who_comes_first_and_the_others_come_later(strategy: Strategy, first: str) -> None:
    offers = (source("cheap", cost=yuan(800), priority=20), source("dear", cost=yuan(900), priority=10))
    routed = route(sourcing(*offers, strategy=strategy), NEED, KNOWN)
    assert routed.source is not None
    assert routed.source.source_id == first
    assert set(routed.passed_over.values()) == {PassedOver.LATER_IN_LINE}


@pytest.mark.parametrize(
    ("line", "poorly", "first", "passed_over"),
    [
        (("poor", "good"), {"main"}, "good", {"poor": PassedOver.DOES_POORLY}),
        (("poor", "good"), {"other"}, "poor", {"good": PassedOver.DOES_POORLY}),
        (("poor", "good"), {"main", "other"}, "poor", {"good": PassedOver.DOES_POORLY}),
        (("poor", "good"), set(), "poor", {"good": PassedOver.LATER_IN_LINE}),
        (("poor",), {"main"}, "poor", {}),
        (("poor", "ours"), {"main"}, "ours", {"poor": PassedOver.DOES_POORLY}),
        (("poor", "person"), {"main"}, "poor", {"person": PassedOver.LATER_IN_LINE}),
        (("person", "poor"), {"main"}, "person", {"poor": PassedOver.DOES_POORLY}),
    ],
)
def test_whose_supplier_does_poorly_stands_aside_for_others_but_for_no_person(
    line: tuple[str, ...], poorly: set[str], first: str, passed_over: dict[str, PassedOver]
) -> None:
    offers = {
        "poor": source("poor"),
        "good": source("good", supplier="other"),
        "person": Source(source_id="person", kind=SourceKind.MANUAL),
        "ours": Source(source_id="ours", kind=SourceKind.POOL),
    }
    listed = (replace(offers[name], priority=number) for number, name in enumerate(line))
    known = replace(KNOWN, health={name: POOR if name in poorly else ALIVE for name in ("main", "other")})
    routed = route(sourcing(*listed), replace(NEED, kinds=EVERY_KIND), known)
    assert (routed.source and routed.source.source_id, routed.passed_over) == (first, passed_over)


def test_what_costs_the_same_goes_by_priority_and_then_as_it_is_listed() -> None:
    offers = (source("third", priority=20), source("first", priority=10), source("second", priority=10))
    routed = route(sourcing(*offers, strategy=Strategy.CHEAPEST), NEED, KNOWN)
    assert routed.source is not None
    assert routed.source.source_id == "first"


def test_a_key_of_ours_costs_nothing_more_so_it_is_the_cheapest() -> None:
    ours = Source(source_id="ours", kind=SourceKind.POOL)
    routed = route(sourcing(source(), ours, strategy=Strategy.CHEAPEST), replace(NEED, kinds=EVERY_KIND), KNOWN)
    assert routed.source is ours


def test_a_sku_of_no_sources_comes_from_nowhere() -> None:
    routed = route(sourcing(), NEED, KNOWN)
    assert (routed.source, routed.passed_over) == (None, {})


@pytest.mark.parametrize(
    ("cost", "margin", "limit"), [(900, 50, 1900), (900, None, 2000), (1100, None, 2200), (None, 100, 1800)]
)
def test_it_may_cost_what_the_floor_leaves_or_what_it_is_known_to_cost(
    cost: int | None, margin: int | None, limit: int
) -> None:
    offer = source(cost=None if cost is None else yuan(cost))
    plan = sourcing(offer, min_margin=None if margin is None else yuan(margin))
    assert limit_of(plan, offer, NEED) == yuan(limit)
