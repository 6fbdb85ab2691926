"""People and suppliers at the same units, on the engine: what one has said, and what the other knows."""

import pytest

from keyrail.fulfilment.service.recharging import Turn
from keyrail.ordering.model.orders import OrderStatus, UnitStatus
from keyrail.ordering.model.work import Verdict, Waiting
from keyrail.ordering.model.working import Saying
from keyrail.ordering.service.checkout import Placed
from keyrail.suppliers.model.breaker import LET_DOWN
from keyrail.suppliers.model.outcomes import Outcome
from keyrail.suppliers.model.sources import Source
from keyrail.suppliers.providers import Placed as Asked
from tests.jobs import ALICE, BOB
from tests.recharging import MANUAL, PHONE, buy, recharge, sell, supplied, take, unit_of
from tests.supplier import Plan
from tests.world import PRICE, World

pytestmark = pytest.mark.usefixtures("kept_books", "kept_promises")


def say(world: World, placed: Placed, verdict: Verdict) -> None:
    """Whoever has claimed the unit's last job."""
    unit = unit_of(world, placed)
    at, job = (placed.order.order_id, unit.unit_id), unit.jobs[-1].job
    assert world.work_desk.claim(*at, job, ALICE).unit.account == {"phone": PHONE}
    world.work_desk.say(*at, Saying(job=job, verdict=verdict, reference="R-1"), ALICE, anybodys=False)


def see_to(world: World, placed: Placed, verdict: Verdict) -> None:
    unit = unit_of(world, placed)
    seen = Saying(job=unit.waiting_jobs[0].job, verdict=verdict, reference="R-2")
    world.work_desk.see_to(placed.order.order_id, unit.unit_id, seen, BOB)


def unknown_to_all(world: World, plan: Plan) -> Placed:
    """The supplier says nothing until its time is over, and a person has it."""
    sources = recharge("first", quota=1), recharge("second", priority=200)
    placed = buy(world, sell(world, *sources, first=[plan]))
    world.wholesalers["first"].silent = True
    assert supplied(world, placed) is Turn.PERSON
    return placed


def test_what_a_person_supplies_is_delivered_by_their_word(world: World) -> None:
    placed = buy(world, sell(world, MANUAL))
    assert supplied(world, placed) is Turn.PERSON
    say(world, placed, Verdict.DONE)
    assert supplied(world, placed) is Turn.DONE
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.DELIVERED


@pytest.mark.parametrize("sources", [(MANUAL,), ()])
def test_what_a_person_could_not_supply_is_owed_back_when_nobody_is_left(
    world: World, sources: tuple[Source, ...]
) -> None:
    """Also where nobody has said where it comes from, so that a person was asked."""
    placed = buy(world, sell(world, *sources))
    assert supplied(world, placed) is Turn.PERSON
    say(world, placed, Verdict.FAILED)
    assert supplied(world, placed) is Turn.DONE
    order = world.orders.of_operator(placed.order.order_id)
    assert [refund.amount for refund in order.refunds] == [PRICE]


def pieces_taken(world: World) -> list[str]:
    """Of each source and day with a quota."""
    return [item["taken"]["N"] for item in world.scan("suppliers") if item["sk"]["S"].startswith("quota#")]


def test_what_was_not_done_by_a_persons_word_is_asked_for_at_the_next_source(world: World) -> None:
    placed = unknown_to_all(world, Plan.LOST_REFUSED)
    say(world, placed, Verdict.FAILED)
    assert pieces_taken(world) == ["1"]
    assert supplied(world, placed) is Turn.DONE
    assert [len(each.credited) for each in world.wholesalers.values()] == [0, 1]
    assert pieces_taken(world) == ["0"]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_before_the_next_source_is_asked_the_supplier_is_heard_once_more(world: World, verdict: Verdict) -> None:
    """Somebody was wrong: it was done. Nobody else is asked until somebody else has seen to it."""
    placed = unknown_to_all(world, Plan.LOST)
    say(world, placed, Verdict.FAILED)
    world.wholesalers["first"].silent = False
    for _ in range(2):
        assert supplied(world, placed) is Turn.HELD
    assert (world.wholesalers["second"].placed, pieces_taken(world)) == ([], ["1"])
    listed, _ = world.work_desk.page(Waiting.CONTRADICTED, 10, None)
    assert [each.order.order_id for each in listed] == [placed.order.order_id]
    if verdict is Verdict.FAILED:
        world.wholesalers["first"].credited.clear()  # it was taken back there
    see_to(world, placed, verdict)
    assert supplied(world, placed) is Turn.DONE
    assert unit_of(world, placed).status is UnitStatus.DELIVERED
    assert len(world.wholesalers["second"].placed) == (verdict is Verdict.FAILED)


def test_what_was_done_after_all_is_delivered_though_another_was_asked_in_vain(world: World) -> None:
    placed = unknown_to_all(world, Plan.LOST)
    world.wholesalers["second"].plans = [Plan.SLOW_THEN_FAILED]
    say(world, placed, Verdict.FAILED)
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id
    assert take(world, order_id, unit_id, Turn.PLACE).turn is Turn.ASK
    world.wholesalers["first"].silent = False
    assert supplied(world, placed) is Turn.HELD
    see_to(world, placed, Verdict.DONE)
    assert supplied(world, placed) is Turn.DONE
    assert unit_of(world, placed).status is UnitStatus.DELIVERED


@pytest.mark.parametrize(("verdict", "plan"), [(Verdict.DONE, Plan.SLOW_THEN_FAILED), (Verdict.FAILED, Plan.SLOW)])
def test_what_a_person_ends_while_the_supplier_is_asked_says_nothing_of_the_supplier(
    world: World, monkeypatch: pytest.MonkeyPatch, verdict: Verdict, plan: Plan
) -> None:
    placed, house = unknown_to_all(world, plan), world.wholesalers["first"]
    house.silent = False
    health = world.suppliers.health("first")
    assert health
    world.suppliers.count_let_down(health, world.now_ms())
    asked = house.query

    def meanwhile(about: Asked) -> Outcome:
        say(world, placed, verdict)
        return asked(about)

    monkeypatch.setattr(house, "query", meanwhile)
    take(world, placed.order.order_id, unit_of(world, placed).unit_id, Turn.ASK)
    assert [work.is_contradicted for work in unit_of(world, placed).jobs] == [True]
    health = world.suppliers.health("first")
    assert health
    assert (health.let_downs, pieces_taken(world)) == (LET_DOWN, ["1"])


def test_a_supplier_that_says_later_that_it_failed_takes_nothing_back(world: World) -> None:
    placed = unknown_to_all(world, Plan.LOST_REFUSED)
    say(world, placed, Verdict.DONE)
    world.wholesalers["first"].silent = False
    for _ in range(2):
        assert supplied(world, placed) is Turn.DONE
    assert unit_of(world, placed).status is UnitStatus.DELIVERED
    assert [work.is_contradicted for work in unit_of(world, placed).jobs] == [True]
    see_to(world, placed, Verdict.DONE)
    assert world.work_desk.page(None, 10, None) == ([], None)
