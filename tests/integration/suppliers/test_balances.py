"""What we have with each supplier is asked from time to time, whatever is wrong with one of them."""

import json
from dataclasses import dataclass

from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import new_supplier
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.service.accounts import SupplierAccounts
from keyrail.suppliers.service.balances import Balances
from tests.integration.test_triggers import Stage, sample, stage
from tests.supplier import Wholesaler
from tests.world import OPERATOR, World

__all__ = ["stage"]
HAS = Wholesaler().balance()
FOR_EVER_MS = 10**15


@dataclass
class Silent(Wholesaler):
    def balance(self) -> Money:
        raise SupplierUnavailable


@dataclass
class Broken(Wholesaler):
    def balance(self) -> Money:
        raise ValueError("not what it says it is")


def balances(world: World, **suppliers: Wholesaler) -> Balances:
    for name in (*suppliers, "without-account"):
        world.suppliers.add(new_supplier(name, OPERATOR, world.now_ms()))
    return Balances(world.suppliers, SupplierAccounts({**suppliers}).at, world.now_ms)


def known(world: World) -> dict[str, Money | None]:
    return {each.supplier: each.balance for each in world.suppliers.all_health()}


def test_each_supplier_is_asked_though_others_are_silent_broken_or_gone(world: World) -> None:
    round_of = balances(world, broken=Broken(), good=Wholesaler(), silent=Silent(), zeta=Wholesaler())
    assert round_of.go_round(FOR_EVER_MS) == (2, 3)
    assert known(world) == {"broken": None, "good": HAS, "silent": None, "without-account": None, "zeta": HAS}


def test_a_round_that_runs_out_of_time_goes_on_with_those_it_left(world: World) -> None:
    round_of = balances(world, good=Wholesaler(), zeta=Wholesaler())
    before = world.now_ms()
    world.suppliers.put_balance("good", HAS, before)
    world.suppliers.put_balance("zeta", HAS, before - 1)

    class Once(Wholesaler):
        def balance(self) -> Money:
            world.ahead_ms += 1_000_000
            return Money(1, "CNY")

    late = balances(world, good=Once(), zeta=Once())
    world.suppliers.put_balance("without-account", HAS, before)
    assert late.go_round(world.now_ms() + 1_000) == (1, 0)
    assert (known(world)["zeta"], known(world)["good"]) == (Money(1, "CNY"), HAS)
    assert round_of.go_round(world.now_ms()) == (0, 0)


def test_the_clock_s_message_makes_the_function_ask(stage: Stage) -> None:
    stage.world.suppliers.add(new_supplier("without-account", OPERATOR, stage.world.now_ms()))
    trigger = sample("scheduled_jobs")
    trigger["Records"][0]["body"] = json.dumps({"job": "look_at_balances"})
    assert stage.call("scheduled_jobs", trigger) == {"batchItemFailures": []}
    assert known(stage.world) == {"without-account": None}
