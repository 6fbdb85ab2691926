"""Units that a house of 卡速售 supplies, over real HTTP and on the engine: each once, or another does it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from keyrail.fulfilment.service.recharging import Turn
from keyrail.ordering.model.orders import Unit, UnitStatus
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import SupplyState
from keyrail.suppliers.model.outcomes import Outcome, Success
from keyrail.suppliers.providers import Placed, Wanted
from keyrail.suppliers.providers.kasushou import Kasushou
from tests.kasushou_house import THEIRS, account, answer, order
from tests.promises import check_promises
from tests.provider_server import Answer, ProviderServer, Sent, address_of_nobody, serving
from tests.recharging import PHONE, buy, recharge, sell, supplied, unit_of
from tests.supplier import Wholesaler
from tests.world import World

pytestmark = pytest.mark.usefixtures("kept_books")
BUY, INFO = "/api/v1/order/buy", "/api/v1/order/info"


@pytest.fixture
def house() -> Iterator[ProviderServer]:
    with serving() as server:
        yield server


@dataclass
class AtAHouse(Wholesaler):
    """Its books, as they are known to whoever asks the house through our adapter."""

    adapter: Kasushou = field(kw_only=True)

    def place(self, wanted: Wanted) -> Outcome:
        self.placed.append(wanted)
        return self.adapter.place(wanted)

    def query(self, placed: Placed) -> Outcome:
        outcome = self.adapter.query(placed)
        if isinstance(outcome, Success):
            self.credited[placed.reference] = self.placed[0]
        return outcome


def says(house: ProviderServer, placing: Any, *states: dict[str, Any] | None) -> None:
    """`placing` is the answer to an order, None for none at all; then the order's states, one a question, the last of
    them for good; None is an order that the house does not have.
    """
    left = list(states)

    def serve(sent: Sent, _: BaseHTTPRequestHandler) -> Answer | None:
        if sent.path == BUY:
            return None if placing is None else Answer(200, answer(**placing))
        ours = json.loads(sent.body)["external_orderno"]
        state = left.pop(0) if len(left) > 1 else left[0]
        return Answer(200, answer([] if state is None else [order(**{**state, "external_orderno": ours})]))

    house.answer = serve


ACCEPTED = {"data": {"ordersn": THEIRS}}
SHORT = {"code": 400, "msg": "账户余额不足"}


def supply(world: World, url: str) -> tuple[Turn, Unit]:
    """At the house first, and then at a wholesaler who does what he is asked for."""
    placed = buy(world, sell(world, recharge("house"), recharge("other", priority=200)))
    world.wholesalers["house"] = AtAHouse(adapter=account(url))
    turn = supplied(world, placed)
    check_promises(world)
    return turn, unit_of(world, placed)


def asked(house: ProviderServer, path: str) -> list[dict[str, Any]]:
    return [json.loads(sent.body) for sent in house.requests if sent.path == path]


@pytest.mark.parametrize("took", [Money(950, "CNY"), Money(990_00, "CNY")], ids=["as it may", "more than it may"])
def test_what_the_house_has_done_is_delivered_at_what_it_took(world: World, house: ProviderServer, took: Money) -> None:
    said = {"total_price": f"{took.amount_minor / 100:.4f}"}
    says(house, ACCEPTED, {"status": 1}, {"status": 2}, {"status": 3, **said})
    turn, unit = supply(world, house.url)
    assert (turn, unit.status) == (Turn.DONE, UnitStatus.DELIVERED)
    (attempt,) = unit.attempts or ()
    assert (attempt.state, attempt.cost, attempt.their_reference) == (SupplyState.SUCCEEDED, took, THEIRS)
    assert attempt.is_overpaid is (took != Money(950, "CNY"))
    (body,) = asked(house, BUY)
    assert (body["external_orderno"], body["attach"]) == (attempt.reference, {"recharge_account": PHONE})
    assert body["url"] == "https://api.example/webhooks/suppliers/house"
    assert {each["external_orderno"] for each in asked(house, INFO)} == {attempt.reference}


GIVEN_BACK = {"status": 5, "has_back_money": "9.5000"}


@pytest.mark.parametrize(
    ("placing", "states"),
    [
        (SHORT, [None]),
        (ACCEPTED, [{"status": 2}, GIVEN_BACK]),
        (None, [None, {"status": 1}, GIVEN_BACK]),
    ],
    ids=["refused", "given back", "heard of late and given back"],
)
def test_what_the_house_surely_does_not_do_another_does(
    world: World, house: ProviderServer, placing: Any, states: list[Any]
) -> None:
    says(house, placing, *states)
    turn, unit = supply(world, house.url)
    assert (turn, unit.status) == (Turn.DONE, UnitStatus.DELIVERED)
    assert [each.state for each in unit.attempts or ()] == [SupplyState.FAILED, SupplyState.SUCCEEDED]
    assert (len(asked(house, BUY)), len(world.wholesalers["other"].credited)) == (1, 1)


def test_a_house_that_cannot_be_reached_costs_a_unit_nothing(world: World) -> None:
    turn, unit = supply(world, address_of_nobody())
    assert (turn, [each.said for each in unit.attempts or ()]) == (Turn.DONE, ["not_sent", "4"])


@pytest.mark.parametrize(
    ("placing", "states"),
    [
        (None, [None]),
        (ACCEPTED, [{"status": 2}]),
        (ACCEPTED, [{"status": 5, "has_back_money": "9.4900"}]),
        (ACCEPTED, [{"status": 3, "goods_id": 7}]),
        (ACCEPTED, [{"status": -1}]),
        (SHORT, [{"status": 2}]),
    ],
    ids=[
        "no answer and no order",
        "at work",
        "given back in part",
        "other goods",
        "a word of their own",
        "refused and at work",
    ],
)
def test_what_nobody_knows_is_a_persons_and_nobody_else_is_asked(
    world: World, house: ProviderServer, placing: Any, states: list[Any]
) -> None:
    says(house, placing, *states)
    turn, unit = supply(world, house.url)
    assert turn is Turn.PERSON
    assert unit.open_attempt() is not None
    assert (len(asked(house, BUY)), world.wholesalers["other"].placed) == (1, [])
