"""When another key may stand in for a key, and what its source owes us then."""

from dataclasses import replace

import pytest

from keyrail.inventory.model.faults import (
    MAX_SKUS,
    Source,
    charge,
    charge_back,
    check_replaceable,
    new_source,
    retire,
    supplying,
)
from keyrail.inventory.model.keys import Fault, Key, KeyFrozen, KeyRedeemed, KeyState, NotSold
from keyrail.inventory.model.uses import Use
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import Money

SUPPORT = Origin("operator:sue", "192.0.2.44", "ticket 4711")
NOW_MS = 1_767_225_600_000
SOLD = Key(
    key_id="key_bad",
    batch_id="bat_a",
    sku_id="sku",
    state=KeyState.SOLD,
    sealed=b"sealed",
    data_key=0,
    mask="••••",
    line=1,
    order_id="ord_a",
    unit_id="unt_a",
    sold_at_ms=1_000,
    left_pool="1",
    **stamp(Origin("buyer", "192.0.2.7"), 1_000, 3),
)
NEW = new_source("ACME", "sku", SUPPORT, NOW_MS)


def test_a_retired_key_is_void_and_says_why_and_what_stands_in_for_it() -> None:
    bad = retire(SOLD, "key_good", Fault.WRONG_VALUE, SUPPORT, NOW_MS, charge_back=False)
    assert (bad.state, bad.fault, bad.replaced_by, bad.charged_back_at_ms) == (
        KeyState.VOID,
        Fault.WRONG_VALUE,
        "key_good",
        None,
    )
    assert (bad.version, bad.changed_by, bad.changed_reason) == (4, SUPPORT.by, SUPPORT.reason)
    assert (bad.order_id, bad.unit_id, bad.sold_at_ms) == (SOLD.order_id, SOLD.unit_id, SOLD.sold_at_ms)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": KeyState.AVAILABLE, "sold_at_ms": None, "order_id": None, "unit_id": None},
        {"state": KeyState.LEASED, "sold_at_ms": None, "unit_id": None},
        {"state": KeyState.EXPIRED, "sold_at_ms": None, "unit_id": None},
        {"state": KeyState.VOID, "sold_at_ms": None, "unit_id": None},
        {"state": KeyState.FROZEN, "sold_at_ms": None, "unit_id": None, "state_before": KeyState.LEASED},
    ],
)
def test_what_was_never_sold_is_not_replaced(changes: dict[str, object]) -> None:
    with pytest.raises(NotSold):
        check_replaceable(replace(SOLD, **changes))  # type: ignore[arg-type]  # named above


def test_a_frozen_key_waits_for_what_comes_of_it() -> None:
    with pytest.raises(KeyFrozen):
        check_replaceable(replace(SOLD, state=KeyState.FROZEN, state_before=KeyState.SOLD))


USE = Use(name="till-1", by="partner:a", at_ms=2_000, spent=1)
TAKEN_BACK = Use(name="till-1", by="partner:a", at_ms=3_000, spent=-1)


@pytest.mark.parametrize("state", [KeyState.REDEEMED, KeyState.SOLD, KeyState.VOID])
def test_what_we_redeemed_in_whole_or_in_part_was_good(state: KeyState) -> None:
    with pytest.raises(KeyRedeemed):
        check_replaceable(replace(SOLD, state=state, uses=(USE,)))


def test_a_redemption_that_was_taken_back_stands_in_nobodys_way() -> None:
    check_replaceable(replace(SOLD, uses=(USE, TAKEN_BACK)))


def test_a_key_that_died_with_its_batch_may_be_replaced() -> None:
    assert retire(replace(SOLD, state=KeyState.VOID), "key_b", Fault.OTHER, SUPPORT, 1, charge_back=False).replaced_by


def test_a_key_is_replaced_once() -> None:
    bad = retire(SOLD, "key_good", Fault.OTHER, SUPPORT, NOW_MS, charge_back=False)
    with pytest.raises(ValueError, match="once"):
        retire(bad, "key_other", Fault.OTHER, SUPPORT, NOW_MS, charge_back=False)


def test_a_key_is_charged_back_once_and_only_when_it_is_void() -> None:
    at_once = retire(SOLD, "key_good", Fault.OTHER, SUPPORT, NOW_MS, charge_back=True)
    later = charge_back(retire(SOLD, "key_good", Fault.OTHER, SUPPORT, NOW_MS, charge_back=False), SUPPORT, NOW_MS + 1)
    assert (at_once.charged_back_at_ms, later.charged_back_at_ms) == (NOW_MS, NOW_MS + 1)
    for key in (at_once, later, SOLD):
        with pytest.raises(ValueError, match="once"):
            charge_back(key, SUPPORT, NOW_MS + 2)


def charged(*costs: Money | None) -> Source:
    source = NEW
    for cost in costs:
        source = charge(source, cost, SUPPORT, NOW_MS)
    return source


def test_a_source_owes_the_cost_of_every_charged_key_by_currency() -> None:
    source = charged(Money(700, "CNY"), Money(5, "EUR"), None, Money(900, "CNY"))
    assert source.charged_back == 4
    assert source.charged_money == (Money(1600, "CNY"), Money(5, "EUR"))
    assert source.version == NEW.version + 4


def test_a_source_that_nothing_was_charged_to_owes_nothing() -> None:
    assert (NEW.charged_back, NEW.charged_money) == (0, ())
    assert charged(None).charged_money == ()


def test_a_source_is_known_by_what_it_supplies_up_to_a_limit() -> None:
    assert supplying(NEW, "sku", SUPPORT, NOW_MS) is NEW
    more = supplying(NEW, "another", SUPPORT, NOW_MS)
    assert (more.sku_ids, more.version) == (("sku", "another"), 2)
    full = replace(NEW, sku_ids=tuple(map(str, range(MAX_SKUS))))
    assert supplying(full, "one-more", SUPPORT, NOW_MS) is full
