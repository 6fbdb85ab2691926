"""Days of suppliers that make no statement, compared on the engine by what they say of each of our orders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from keyrail.ordering.model.orders import order_of
from keyrail.ordering.model.work import Verdict
from keyrail.ordering.model.working import Saying
from keyrail.platform.money import Money
from keyrail.reconciliation.model import questions
from keyrail.reconciliation.model.comparing import DifferenceKind
from keyrail.reconciliation.model.differences import Difference, DifferenceStatus, calls_for_question
from keyrail.reconciliation.model.questions import MAX_ASKING_MS, MAX_SILENT
from keyrail.reconciliation.model.runs import PATIENCE_MS, RunMoved, RunStatus
from keyrail.reconciliation.service import asking
from keyrail.reconciliation.service.comparing import Outcome as Came
from keyrail.suppliers.model.outcomes import Outcome, Success
from keyrail.suppliers.model.purchases import purchase_of
from keyrail.suppliers.providers import Placed
from tests.card_house import HOUSE, CardHouse
from tests.card_house import Plan as Keys
from tests.kasushou_house import account, answer, order
from tests.provider_server import Answer, Sent, serving
from tests.recharging import buy, recharge, sell, supplied, unit_of
from tests.supplied_days import HOLDER, Street, attempted, street_at_noon
from tests.supplier import Plan, Wholesaler
from tests.world import OPERATOR, SYSTEM, World

K = DifferenceKind
DAY_MS = 24 * 60 * 60 * 1000


@dataclass
class Counter(Wholesaler):
    """One that sells recharges and keys, and makes no statement: whoever wants to know asks."""

    cards: CardHouse = field(kw_only=True)
    statement_zone = None  # type: ignore[assignment]

    def query(self, placed: Placed) -> Outcome:
        if purchase_of(placed.reference) and not self.silent:
            return self.cards.query(placed)
        return super().query(placed)


@pytest.fixture
def street(world: World) -> Street:
    street = street_at_noon(world)
    street.house = world.wholesalers[HOUSE] = Counter(cards=street.buying.house)
    return street


def morning(street: Street) -> list[Difference]:
    """What is open after the clock has asked for what it asks for."""
    street.post()
    street.house.questions.clear()
    street.world.reconciliation_desk.request_day([HOLDER], SYSTEM)
    return go_on(street)


def go_on(street: Street) -> list[Difference]:
    while street.world.comparing.run(street.run().run_id, SYSTEM) is Came.ON:
        pass
    return street.open()


def test_each_order_of_the_day_is_asked_about_once_and_agrees(street: Street) -> None:
    """Units that were done, accepted, refused and given up, and keys that were bought; not what was never sent."""
    plans = [Plan.DONE, Plan.SLOW, Plan.REFUSED, Plan.SLOW_THEN_FAILED, Plan.NOT_SENT]
    units = [street.unit(plan)[1] for plan in plans]
    purchases = [street.purchase(), street.purchase(Keys.STUCK)]
    street.next_morning()
    assert morning(street) == []
    run = street.run()
    assert (run.status, run.order_by_order, run.fees) == (RunStatus.RECONCILED, True, ())
    assert sorted(street.house.questions) == sorted(map(attempted, units))  # of the last one its second attempt
    asked = street.buying.house.questions
    assert {each.reference for each in purchases} <= set(asked)
    assert (run.tally.asked, run.tally.unheard, run.tally.lines) == (7, 0, 7)
    assert (run.tally.matched, run.tally.under_way) == (7, 1)


def test_what_is_given_back_after_it_was_done_is_found_when_it_is_asked_about_again_a_week_later(
    street: Street,
) -> None:
    _, unit = street.unit()
    street.next_morning()
    assert morning(street) == []
    street.next_morning()
    assert (morning(street), street.house.questions) == ([], [])
    street.house.given_back.add(attempted(unit))
    street.next_morning(days=5)
    (found,) = morning(street)
    assert (found.kind, found.number, found.order_id) == (K.STATUS_DIFFERS, attempted(unit), order_of(unit.unit_id))
    assert found.theirs is not None
    assert (found.theirs.status, found.theirs.amount, calls_for_question(found)) == ("5", None, None)
    street.next_morning()
    assert street.run().status is RunStatus.RECONCILED
    morning(street)
    assert street.house.questions == []


def test_a_morning_that_does_not_come_is_made_up_for(street: Street) -> None:
    _, unit = street.unit()
    street.next_morning()
    morning(street)
    street.next_morning(days=29)
    morning(street)
    assert street.house.questions == [attempted(unit)]


def test_what_is_done_with_them_and_failed_or_open_with_us_differs(street: Street) -> None:
    order_id, failed = street.unit(Plan.SLOW_THEN_FAILED)[0].order_id, street.unit(Plan.STUCK, once=True)[1]
    refused = street.world.orders.of_operator(order_id).units[0]
    for unit in (refused, failed):
        street.house.books[attempted(unit)] = Plan.DONE
        street.house.credited[attempted(unit)] = street.house.accepted[attempted(unit)]
    street.next_morning()
    found = {each.number: each for each in morning(street)}
    assert {each.kind for each in found.values()} == {K.STATUS_DIFFERS}
    assert [calls_for_question(found[attempted(each)]) for each in (refused, failed)] == [None, attempted(failed)]


def test_what_they_say_nothing_of_is_counted_and_no_difference(street: Street) -> None:
    done, lost = street.unit()[1], street.unit()[1]
    del street.house.books[attempted(lost)]
    street.next_morning()
    assert morning(street) == []
    run = street.run()
    assert (run.status, run.tally.asked, run.tally.unheard, run.tally.lines) == (RunStatus.RECONCILED, 2, 1, 1)
    assert set(street.house.questions) == {attempted(done), attempted(lost)}


def test_a_difference_of_what_they_say_nothing_of_this_time_stays_as_it_was(street: Street) -> None:
    lost, _ = street.unit()[1], street.unit()
    street.house.given_back.add(attempted(lost))
    street.next_morning()
    (found,) = morning(street)
    street.house.given_back.clear()
    plan = street.house.books.pop(attempted(lost))
    street.next_morning()
    assert morning(street) == [found]
    street.house.books[attempted(lost)] = plan
    street.next_morning()
    assert morning(street) == []
    (found,) = street.world.reconciliation_desk.all_differences(street.run().run_id)
    assert found.status is DifferenceStatus.GONE


def test_a_supplier_that_does_not_answer_is_asked_again_later_and_not_for_each_order(street: Street) -> None:
    for _ in range(MAX_SILENT + 2):
        street.unit()
    street.next_morning()
    street.house.silent = True
    assert morning(street) == []
    assert (street.run().status, len(street.house.questions)) == (RunStatus.REQUESTED, MAX_SILENT)
    street.house.silent = False
    assert go_on(street) == []
    assert (street.run().status, street.run().tally.asked) == (RunStatus.RECONCILED, MAX_SILENT + 2)


@pytest.mark.parametrize(
    ("orders", "silent", "trouble"),
    [
        (MAX_SILENT, True, "supplier_unavailable"),
        (1, True, "supplier_unavailable"),
        (1, False, "supplier_said_nothing"),
    ],
)
def test_a_day_of_which_nothing_was_heard_is_given_up(street: Street, orders: int, silent: bool, trouble: str) -> None:
    for _ in range(orders):
        street.unit()
    street.house.books.clear()
    street.next_morning()
    street.house.silent = silent
    morning(street)
    assert street.run().status is RunStatus.REQUESTED
    street.world.ahead_ms += PATIENCE_MS
    assert go_on(street) == []
    assert (street.run().status, street.run().trouble) == (RunStatus.GIVEN_UP, trouble)


def test_a_day_on_which_all_was_refused_need_not_be_known_to_them(street: Street) -> None:
    street.unit(Plan.REFUSED)
    street.house.books.clear()
    street.next_morning()
    assert morning(street) == []
    assert (street.run().status, street.run().tally.unheard) == (RunStatus.RECONCILED, 1)


def test_a_day_that_they_know_no_more_when_they_are_asked_again_is_no_day_that_could_not_be_compared(
    street: Street,
) -> None:
    street.unit()
    street.next_morning()
    assert morning(street) == []
    street.house.books.clear()
    street.next_morning(days=6)
    assert morning(street) == []
    assert (street.run().status, street.run().tally.unheard) == (RunStatus.RECONCILED, 1)
    street.house.silent = True
    street.next_morning(days=20)
    morning(street)
    assert street.run().status is RunStatus.REQUESTED


def test_a_day_without_orders_is_compared_at_once(street: Street) -> None:
    street.next_morning()
    assert morning(street) == []
    assert (street.run().status, street.run().order_by_order) == (RunStatus.RECONCILED, True)


def test_what_takes_long_goes_on_in_the_next_message_where_it_stopped(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "PORTION_LENGTH", 2)
    monkeypatch.setattr(asking, "PORTION_LENGTH", 2)
    units = [street.unit()[1] for _ in range(5)]
    street.next_morning()
    street.post()
    street.world.reconciliation_desk.request_day([HOLDER], SYSTEM)
    street.house.questions.clear()
    came: list[Came] = []
    slow = street.world.another_process()
    slow.ahead_ms = street.world.ahead_ms

    def later(_: float) -> None:
        slow.ahead_ms += MAX_ASKING_MS

    comparing = replace(slow.comparing, pause=later)
    while not came or came[-1] is Came.ON:
        came.append(comparing.run(street.run().run_id, SYSTEM))
    assert came == [Came.ON, Came.ON, Came.ON, Came.ENDED]
    assert sorted(street.house.questions) == sorted(map(attempted, units))
    assert (street.run().tally.matched, street.run().tally.unheard) == (5, 0)


def test_a_portion_that_breaks_off_is_asked_about_again_and_those_before_it_are_not(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "PORTION_LENGTH", 1)
    monkeypatch.setattr(asking, "PORTION_LENGTH", 1)
    for _ in range(3):
        street.unit()
    street.next_morning()
    questions_asked = street.house.questions

    def killed(_: float) -> None:
        if len(questions_asked) == 2:
            raise KeyboardInterrupt

    comparing = replace(street.world.comparing, pause=killed)
    street.post()
    questions_asked.clear()
    street.world.reconciliation_desk.request_day([HOLDER], SYSTEM)
    with pytest.raises(KeyboardInterrupt):
        comparing.run(street.run().run_id, SYSTEM)
    assert go_on(street) == []
    assert [questions_asked.count(each) for each in sorted(set(questions_asked))] == [1, 2, 1]
    assert street.run().tally.matched == 3


def test_of_two_that_ask_at_once_one_is_believed(street: Street) -> None:
    units = [street.unit()[1] for _ in range(2)]
    street.next_morning()
    street.post()
    street.world.reconciliation_desk.request_day([HOLDER], SYSTEM)
    name, slow = street.run().run_id, street.world.another_process()
    slow.ahead_ms = street.world.ahead_ms
    faster: list[Came] = []

    def overtaken(_: float) -> None:
        if not faster:
            street.house.given_back.add(attempted(units[0]))
            faster.append(street.world.comparing.run(name, SYSTEM))
            street.house.given_back.clear()

    comparing = replace(slow.comparing, pause=overtaken)
    with pytest.raises(RunMoved):
        comparing.run(name, SYSTEM)
    assert faster == [Came.ENDED]
    assert [each.number for each in street.open()] == [attempted(units[0])]
    assert comparing.run(name, SYSTEM) is Came.ENDED


def test_what_a_person_says_was_done_and_they_took_money_for_is_in_no_book(street: Street) -> None:
    street.house.silent = True
    order_of_it, unit = street.unit(Plan.LOST)
    assert unit.work is not None
    job, desk = unit.work.job, street.world.work_desk
    desk.claim(order_of_it.order_id, unit.unit_id, job, OPERATOR)
    saying = Saying(job=job, verdict=Verdict.DONE, text="the buyer has it")
    desk.say(order_of_it.order_id, unit.unit_id, saying, OPERATOR, anybodys=False)
    street.house.silent = False
    street.next_morning()
    assert [(each.kind, each.number) for each in morning(street)] == [(K.MISSING_WITH_US, job)]


def test_one_that_tells_no_cost_agrees_with_what_is_in_no_book(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Wholesaler._said

    def untold(house: Wholesaler, reference: str, *, asked: bool) -> Outcome:
        said = told(house, reference, asked=asked)
        return Success(said=said.said, their_reference=said.their_reference) if isinstance(said, Success) else said

    monkeypatch.setattr(Wholesaler, "_said", untold)
    _, unit = street.unit()
    street.next_morning()
    assert morning(street) == []
    assert (street.run().tally.matched, street.run().tally.entries) == (1, 0)
    street.house.given_back.add(attempted(unit))
    monkeypatch.setattr(Wholesaler, "_said", told)
    street.next_morning(days=6)
    assert [each.kind for each in morning(street)] == [K.STATUS_DIFFERS]


@pytest.fixture
def kasushou() -> Iterator[dict[str, Any]]:
    """What a house of 卡速售 says of the one order that it has, over HTTP."""
    state: dict[str, Any] = {"status": 3}
    with serving() as server:

        def serve(sent: Sent, _: BaseHTTPRequestHandler) -> Answer:
            ours = json.loads(sent.body)["external_orderno"]
            if sent.path.endswith("/buy"):
                return Answer(200, answer({"ordersn": "D1"}))
            return Answer(200, answer([order(**{"ordersn": "D1", **state, "external_orderno": ours})]))

        server.answer = serve
        yield state | {"url": server.url, "state": state}


def test_what_a_house_of_kasushou_gives_back_after_it_was_done_differs(world: World, kasushou: dict[str, Any]) -> None:
    street = street_at_noon(world)
    placed = buy(world, sell(world, recharge(HOUSE)))
    world.wholesalers[HOUSE] = account(kasushou["url"])  # type: ignore[assignment]
    supplied(world, placed)
    unit = unit_of(world, placed)
    street.next_morning()
    assert morning(street) == []
    assert street.run().tally.matched == 1
    kasushou["state"].update(status=5, has_back_money="9.5000")
    street.next_morning(days=6)
    (found,) = morning(street)
    assert (found.kind, found.number, found.order_id) == (K.STATUS_DIFFERS, attempted(unit), placed.order.order_id)
    assert found.ours is not None
    assert found.ours.booked == Money(950, "CNY")
    kasushou["state"].update(has_back_money="4.0000")
    assert street.again() == [found]  # in part is not known
    assert (street.run().status, street.run().tally.unheard) == (RunStatus.RECONCILED, 1)
