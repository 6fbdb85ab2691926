"""What a supplier's price does to a SKU: sources stand aside, or the price follows in bounded steps."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import new_supplier
from keyrail.suppliers.model.guarding import Guarded, GuardMode, PriceGuard, check_guard, guarded
from keyrail.suppliers.model.offers import KnownOffer, changes, looked_at, new_watch, watched
from keyrail.suppliers.model.routing import Known, Need, PassedOver, route
from keyrail.suppliers.model.sources import RECHARGE_KINDS, Source, SourceKind, Sourcing

SYSTEM = Origin("system:test", "test")
NOW = 1_000_000


def yuan(minor: int) -> Money:
    return Money(minor, "CNY")


def offer(price: int, item: str = "1001", **fields: Any) -> KnownOffer:
    usual = {"name": item, "on_sale": True, "changed_at_ms": NOW}
    return KnownOffer(item=item, price=yuan(price), **{**usual, **fields})


def source(source_id: str, item: str = "1001", supplier: str | None = "main") -> Source:
    return Source(source_id=source_id, kind=SourceKind.RECHARGE, supplier=supplier, item=item, cost=yuan(1))


SOURCING = Sourcing(sku_id="phone-10", sources=(source("first"), source("second", "1002")), **stamp(SYSTEM, NOW))
PAUSE = PriceGuard(sku_id="phone-10", mode=GuardMode.PAUSE, max_cost=yuan(900), **stamp(SYSTEM, NOW))
FOLLOW = PriceGuard(
    sku_id="phone-10",
    mode=GuardMode.FOLLOW,
    margin=yuan(100),
    max_step=yuan(50),
    ceiling=yuan(1200),
    **stamp(SYSTEM, NOW),
)


def judged(guard: PriceGuard, price: int, *offers: KnownOffer) -> Guarded:
    return guarded(guard, SOURCING, yuan(price), {("main", each.item): each for each in offers})


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (offer(900), None),
        (offer(901), "too_dear"),
        (offer(800, on_sale=False), "not_on_sale"),
        (offer(800, stock=0), "not_on_sale"),
        (offer(800, stock=1), None),
        (offer(0), "not_on_sale"),
        (replace(offer(1), price=Money(1, "USD")), "too_dear"),
    ],
)
def test_a_source_stands_aside_while_it_costs_too_much_or_cannot_be_had(asked: KnownOffer, reason: str | None) -> None:
    result = judged(PAUSE, 1000, asked)
    assert (result.sources[0].withheld, result.price) == (reason, yuan(1000))
    assert result.withheld == ({"first": reason} if reason else {})


def test_it_comes_back_by_itself_and_is_passed_over_with_its_reason_until_then() -> None:
    need = Need(sku_id="phone-10", quantity=1, paid=yuan(1000), kinds=RECHARGE_KINDS, reference="r")
    known = Known(now_ms=NOW, minute=0, health={"main": new_supplier("main", SYSTEM, NOW)})
    dear = replace(SOURCING, sources=judged(PAUSE, 1000, offer(950)).sources)
    routed = route(dear, need, known)
    assert (routed.source and routed.source.source_id, routed.passed_over) == ("second", {"first": PassedOver.TOO_DEAR})
    again = guarded(PAUSE, dear, yuan(1000), {("main", "1001"): offer(890)})
    routed = route(replace(dear, sources=again.sources), need, known)
    assert (routed.source and routed.source.source_id, again.sources[0].cost) == ("first", yuan(890))


def test_what_a_piece_costs_to_land_has_its_fee_in_it() -> None:
    result = judged(replace(PAUSE, fee=yuan(10)), 1000, offer(891))
    assert (result.sources[0].cost, result.sources[0].withheld) == (yuan(901), "too_dear")


def test_sources_that_no_catalogue_tells_of_stay_as_they_are() -> None:
    assert judged(PAUSE, 1000, offer(1)).sources[1] == SOURCING.sources[1]
    assert judged(PAUSE, 1000).sources == SOURCING.sources


@pytest.mark.parametrize(
    ("price", "cost", "moved", "withheld"),
    [
        (1000, 900, 1000, {}),
        (1000, 930, 1030, {}),
        (1000, 980, 1050, {"first": "too_dear"}),
        (1050, 980, 1080, {}),
        (1000, 800, 950, {}),
        (1200, 1150, 1200, {"first": "too_dear"}),
        (1300, 1150, 1250, {}),
    ],
)
def test_a_price_follows_in_bounded_steps_and_nothing_is_sold_before_it_has_caught_up(
    price: int, cost: int, moved: int, withheld: dict[str, str]
) -> None:
    result = judged(FOLLOW, price, offer(cost))
    assert (result.price, result.withheld) == (yuan(moved), withheld)


def test_the_price_follows_the_cheapest_that_can_be_had() -> None:
    result = judged(FOLLOW, 1000, offer(700, stock=0), offer(910, "1002"))
    assert (result.price, result.withheld) == (yuan(1010), {"first": "not_on_sale"})


def test_what_is_said_to_cost_nothing_moves_no_price_and_is_not_sold() -> None:
    result = judged(FOLLOW, 1000, offer(0), offer(910, "1002"))
    assert (result.price, result.withheld) == (yuan(1010), {"first": "not_on_sale"})


@given(
    st.integers(1, 5000),
    st.lists(st.integers(0, 5000), min_size=2, max_size=2),
    st.integers(0, 500),
    st.integers(1, 500),
    st.integers(1, 5000),
)
def test_no_source_that_is_let_through_leaves_less_than_the_margin(
    price: int, costs: list[int], margin: int, step: int, ceiling: int
) -> None:
    guard = replace(FOLLOW, margin=yuan(margin), max_step=yuan(step), ceiling=yuan(ceiling))
    result = judged(guard, price, offer(costs[0]), offer(costs[1], "1002"))
    assert abs(result.price.amount_minor - price) <= step
    assert price <= result.price.amount_minor or result.price.amount_minor >= 1
    assert result.price.amount_minor <= max(ceiling, price)
    for each in result.sources:
        assert each.cost is not None
        assert each.withheld or each.cost.amount_minor + margin <= result.price.amount_minor


@pytest.mark.parametrize(
    "guard",
    [
        replace(PAUSE, max_cost=None),
        replace(FOLLOW, margin=None),
        replace(FOLLOW, ceiling=None),
        replace(FOLLOW, max_step=None),
        replace(FOLLOW, max_step=yuan(0)),
    ],
)
def test_a_rule_says_what_its_mode_is_about(guard: PriceGuard) -> None:
    with pytest.raises(Invalid):
        check_guard(guard)
    check_guard(replace(guard, enabled=False))


def test_a_ceiling_under_which_no_cost_would_leave_the_margin_is_refused_since_the_price_would_go_down_to_it() -> None:
    slip = replace(FOLLOW, margin=yuan(100), fee=yuan(2), ceiling=yuan(102))
    with pytest.raises(Invalid) as refused:
        check_guard(slip)
    assert refused.value.fields == (FieldError("ceiling.amount_minor", "not_above_margin_and_fee", "at least 103"),)
    check_guard(replace(slip, ceiling=yuan(103)))


def test_a_rule_that_is_switched_off_withholds_nothing_any_more() -> None:
    withheld = judged(PAUSE, 1000, offer(950))
    assert withheld.withheld
    off = guarded(replace(PAUSE, enabled=False), replace(SOURCING, sources=withheld.sources), yuan(1000), {})
    assert ([each.withheld for each in off.sources], off.withheld, off.price) == ([None, None], {}, yuan(1000))


# catalogues


def test_a_catalogue_that_is_not_whole_takes_nothing_away() -> None:
    known = {each.item: each for each in (offer(1, "a"), offer(2, "b"))}
    assert changes(known, [offer(9, "a")], whole=False) == [offer(9, "a")]


def test_only_what_changed_of_a_catalogue_is_news_and_what_is_missing_is_not_on_sale() -> None:
    known = {each.item: each for each in (offer(1, "a"), offer(2, "b"), offer(3, "c"))}
    later = NOW + 1
    told = [offer(1, "a", changed_at_ms=later), offer(5, "b", changed_at_ms=later), offer(9, "d", changed_at_ms=later)]
    gone = offer(3, "c", on_sale=False, changed_at_ms=later)
    assert changes(known, told) == [told[1], told[2], gone]
    assert changes({**known, "c": gone}, told) == [told[1], told[2]]


def test_a_catalogue_with_nothing_in_it_takes_nothing_away() -> None:
    assert changes({"a": offer(1, "a")}, []) == []


# balances


def test_a_balance_is_told_once_when_it_crosses_its_threshold() -> None:
    watch = watched(new_watch("main", SYSTEM, NOW), yuan(1000), SYSTEM, NOW)
    seen = []
    for minor in (1000, 999, 500, 1000, 1200, 999):
        before, watch = watch, looked_at(watch, yuan(minor), 1, SYSTEM, NOW)
        seen.append((watch.low, watch.version > before.version))
    assert seen == [(False, False), (True, True), (True, False), (False, True), (False, False), (True, True)]


def test_a_balance_in_another_currency_does_not_do() -> None:
    watch = watched(new_watch("main", SYSTEM, NOW), yuan(1000), SYSTEM, NOW)
    assert looked_at(watch, Money(10_000, "USD"), 1, SYSTEM, NOW).low


def test_a_supplier_that_cannot_be_reached_is_counted_and_what_was_known_stays() -> None:
    known = looked_at(new_watch("main", SYSTEM, NOW), yuan(1), 7, SYSTEM, NOW)
    missed = looked_at(looked_at(known, None, None, SYSTEM, NOW + 1), None, None, SYSTEM, NOW + 2)
    assert (missed.unreached, missed.balance, missed.offers, missed.version) == (2, yuan(1), 7, known.version)
    assert looked_at(missed, yuan(1), 7, SYSTEM, NOW).unreached == 0


def test_a_balance_that_is_too_little_is_told_of_a_supplier_whose_catalogue_cannot_be_had() -> None:
    watch = watched(new_watch("main", SYSTEM, NOW), yuan(1000), SYSTEM, NOW)
    assert looked_at(watch, yuan(999), None, SYSTEM, NOW).low
