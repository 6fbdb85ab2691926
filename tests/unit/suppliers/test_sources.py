"""What an operator may say of where a SKU comes from; each wrong field is named, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import Invalid
from keyrail.platform.money import Money
from keyrail.suppliers.model.sources import (
    EVERY_KIND,
    KEY_KINDS,
    MAX_ITEM_LENGTH,
    MAX_PRIORITY,
    MAX_QUOTA,
    MAX_SOURCES_PER_SKU,
    Sold,
    Source,
    SourceKind,
    Sourcing,
    check_sourcing,
    check_supplier_name,
)

YUAN = Money(900, "CNY")
SOLD = Sold(currency="CNY", kinds=EVERY_KIND)
BOUGHT = Source(source_id="first", kind=SourceKind.RECHARGE, supplier="main", item="1001", cost=YUAN)
OURS = Source(source_id="ours", kind=SourceKind.POOL)
PLAN = Sourcing(sku_id="phone-10", sources=(BOUGHT, OURS), **stamp(Origin("operator:test", "192.0.2.1"), 0))


def wrong(plan: Sourcing) -> list[str]:
    with pytest.raises(Invalid) as refused:
        check_sourcing(plan, SOLD, {"main"})
    return [f"{each.field} {each.reason}" for each in refused.value.fields]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"kind": SourceKind.KEYS},
        {"opens": 1320, "closes": 360, "quota": MAX_QUOTA, "priority": MAX_PRIORITY},
        {"opens": 0, "closes": 1440, "quota": 1, "priority": 0, "item": "x" * MAX_ITEM_LENGTH},
        {"enabled": False},
    ],
)
def test_what_is_within_its_limits_is_taken(fields: dict[str, Any]) -> None:
    check_sourcing(replace(PLAN, sources=(replace(BOUGHT, **fields), OURS)), SOLD, {"main"})


def test_a_sku_may_come_from_nowhere() -> None:
    check_sourcing(replace(PLAN, sources=()), SOLD, ())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"source_id": "First"}, "source_id not_a_slug"),
        ({"source_id": ""}, "source_id not_a_slug"),
        ({"supplier": None}, "supplier missing"),
        ({"supplier": "other"}, "supplier unknown"),
        ({"item": None}, "item missing"),
        ({"item": "10 01"}, "item not_the_name_of_an_item"),
        ({"item": "1\n"}, "item not_the_name_of_an_item"),
        ({"item": "x" * (MAX_ITEM_LENGTH + 1)}, "item not_the_name_of_an_item"),
        ({"cost": None}, "cost missing"),
        ({"cost": Money(0, "CNY")}, "cost.amount_minor below_one"),
        ({"cost": Money(900, "USD")}, "cost.currency not_that_of_price"),
        ({"priority": -1}, "priority not_between_0_and_10000"),
        ({"priority": MAX_PRIORITY + 1}, "priority not_between_0_and_10000"),
        ({"quota": 0}, "quota not_between_1_and_1000000"),
        ({"quota": MAX_QUOTA + 1}, "quota not_between_1_and_1000000"),
        ({"opens": 540}, "closes not_without_each_other"),
        ({"closes": 540}, "closes not_without_each_other"),
        ({"opens": 540, "closes": 540}, "closes no_hours_of_a_day"),
        ({"opens": 1440, "closes": 540}, "closes no_hours_of_a_day"),
        ({"opens": 540, "closes": 0}, "closes no_hours_of_a_day"),
        ({"opens": 540, "closes": 1441}, "closes no_hours_of_a_day"),
        ({"opens": -1, "closes": 540}, "closes no_hours_of_a_day"),
    ],
)
def test_what_is_beyond_its_limits_is_named(fields: dict[str, Any], said: str) -> None:
    assert wrong(replace(PLAN, sources=(OURS, replace(BOUGHT, **fields)))) == [f"sources.1.{said}"]


@pytest.mark.parametrize("kind", [SourceKind.POOL, SourceKind.MANUAL])
def test_what_is_not_bought_names_no_supplier(kind: SourceKind) -> None:
    plan = replace(PLAN, sources=(replace(BOUGHT, kind=kind),))
    assert wrong(plan) == ["sources.0.supplier not_of_this_kind", "sources.0.item not_of_this_kind"]


def test_a_source_has_a_name_of_its_own_and_the_floor_is_in_the_price_s_currency() -> None:
    plan = replace(PLAN, sources=(OURS, BOUGHT, OURS), min_margin=Money(1, "USD"))
    assert wrong(plan) == ["min_margin.currency not_that_of_price", "sources.2.source_id named_twice"]


def test_a_source_that_can_never_deliver_the_sku_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        check_sourcing(PLAN, replace(SOLD, kinds=KEY_KINDS), {"main"})
    assert [each.field for each in refused.value.fields] == ["sources.0.kind"]


def test_there_are_only_so_many_sources() -> None:
    many = tuple(replace(OURS, source_id=f"s{number}") for number in range(MAX_SOURCES_PER_SKU + 1))
    assert wrong(replace(PLAN, sources=many)) == ["sources more_than_20"]


@pytest.mark.parametrize("name", ["", "a b", "-a", "a#b", "a/b", "店", "x" * 65])
def test_what_is_no_name_of_a_supplier_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_supplier_name(name)
