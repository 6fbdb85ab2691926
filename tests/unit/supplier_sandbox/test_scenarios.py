"""Which account or item is magic, and that every scenario has a part to play."""

import pytest

from functions.supplier_sandbox.catalogue import price_of
from functions.supplier_sandbox.scenarios import NUMBERS, PLAYS, Scenario, Status, scenario_of


def test_every_scenario_has_its_part_and_its_number() -> None:
    assert set(PLAYS) == set(NUMBERS.values()) == set(Scenario)
    assert Status.PROCESSING not in {play.ends for play in PLAYS.values()}


@pytest.mark.parametrize(
    ("item", "account", "scenario"),
    [
        ("recharge-10", ["13800000002"], Scenario.SLOW),
        ("recharge-10", ["main", "13800000003"], Scenario.ACCEPT_THEN_FAIL),
        ("recharge-10.slow", ["13800000003"], Scenario.SLOW),
        ("recharge-10.success", ["13800000003"], Scenario.SUCCESS),
        ("recharge-10", ["13800000000"], Scenario.SUCCESS),
        ("recharge-10", ["13800000099"], Scenario.SUCCESS),
        ("recharge-10", ["13800100002"], Scenario.SUCCESS),
        ("recharge-10", ["138000000020"], Scenario.SUCCESS),
        ("recharge-10", [], Scenario.SUCCESS),
        ("card-10.partial", [], Scenario.PARTIAL),
    ],
)
def test_the_item_speaks_first_and_then_the_account(item: str, account: list[str], scenario: Scenario) -> None:
    assert scenario_of(item, account) is scenario


@pytest.mark.parametrize("item", ["", "card-10.", "card-10.nonsense", "card", "card-10.slow.slow", "recharge-10"])
def test_what_is_no_item_of_that_kind_has_no_price(item: str) -> None:
    assert price_of(item, of_keys=True) is None
