"""Units that are supplied, on the engine: whatever a supplier says or does not say, each is done once or given back."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from keyrail.catalog.account_fields import AccountField, FieldKind
from keyrail.catalog.model import Shelf, SkuKind
from keyrail.fulfilment.service.recharging import Next, Turn
from keyrail.ordering.model.orders import Line, OrderNotFound, OrderStatus, UnitStatus
from keyrail.ordering.model.patience import PATIENCE_MS
from keyrail.ordering.model.supplying import hear
from keyrail.ordering.model.work import WorkKind
from keyrail.payments.model.confirmations import DisputeState
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import MAX_ATTEMPTS_PER_UNIT, SupplyState
from keyrail.suppliers.model.breaker import LET_DOWN, MAX_UNANSWERED, SLOW_MS
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal
from keyrail.suppliers.model.routing import Need
from keyrail.suppliers.model.sources import RECHARGE_KINDS, Source
from keyrail.suppliers.providers import Wanted
from keyrail.suppliers.service.routing import FIGURES_WAIT_MS
from tests.disputes import dispute_of
from tests.racing import at_once
from tests.recharging import MANUAL, PHONE, POOL, buy, recharge, run, sell, supplied, take, unit_of
from tests.supplier import SETTLEMENT_MS, Plan, Wholesaler
from tests.world import OPERATOR, PRICE, SYSTEM, World, new_codes

pytestmark = pytest.mark.usefixtures("kept_books", "kept_promises")
RACERS = 8


def test_what_is_done_at_once_is_delivered_by_one_step(world: World) -> None:
    placed = buy(world, sell(world, recharge("first")))
    unit = unit_of(world, placed)
    assert (unit.status, world.orders.of_operator(placed.order.order_id).status) == ("queued", "fulfilling")

    assert take(world, placed.order.order_id, unit.unit_id, Turn.PLACE) == Next(Turn.DONE)

    (wanted,) = world.wholesalers["first"].placed
    assert (wanted.account, wanted.limit, wanted.item) == ({"phone": PHONE}, PRICE, "1001")
    assert wanted.callback_url == "https://api.example/webhooks/suppliers/first"
    order = world.orders.of_operator(placed.order.order_id)
    assert order.status is OrderStatus.DELIVERED
    (attempt,) = order.units[0].attempts or ()
    assert (attempt.state, attempt.reference in world.wholesalers["first"].credited) == (SupplyState.SUCCEEDED, True)
    assert [each.chosen for each in order.units[0].decisions or ()] == ["first"]


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": SkuKind.KEY, "issuer": "phone", "account_fields": None},
        {"kind": SkuKind.EITHER, "issuer": "phone"},
        {"account_fields": (AccountField(name="qq", label="QQ", kind=FieldKind.DIGITS),), "work_minutes": 1},
        {"account_fields": (AccountField(name="phone", label="Phone", pattern="139[0-9]{8}"),), "shelf": Shelf.OFF},
    ],
)
def test_a_unit_keeps_what_was_checked_however_its_sku_changes_before_it_is_paid(
    world: World, changed: dict[str, Any]
) -> None:
    sku_id = sell(world, recharge("first"))
    line = Line(sku_id, 1, recharge_account={"phone": " +86 138-0013-8000"})
    placed = world.order(lines=(line,), idempotency_key="before the SKU is changed")
    world.catalog.save_sku(replace(world.catalog.sku(sku_id), **changed), OPERATOR)
    again = world.another_process().order(lines=(line,), idempotency_key="before the SKU is changed")
    assert (again.fresh, again.order) == (False, placed.order)
    world.pay(placed.attempt)
    assert supplied(world, placed) is Turn.DONE
    (wanted,) = world.wholesalers["first"].placed
    assert wanted.account == {"phone": PHONE}
    (unit,) = world.orders.of_operator(placed.order.order_id).units
    assert (unit.status, unit.came_as, unit.account_mask) == ("delivered", "recharge", {"phone": "138****8000"})


@pytest.mark.parametrize("plan", [Plan.REFUSED, Plan.NOT_SENT, Plan.SLOW_THEN_FAILED, Plan.LOST_REFUSED])
def test_what_surely_failed_is_asked_for_at_the_next_source(world: World, plan: Plan) -> None:
    placed = buy(world, sell(world, recharge("first"), recharge("second", priority=200), first=[plan]))
    assert supplied(world, placed) is Turn.DONE
    assert unit_of(world, placed).status is UnitStatus.DELIVERED
    assert [len(each.credited) for each in world.wholesalers.values()] == [0, 1]


@pytest.mark.parametrize(
    ("plan", "failed"),
    [(Plan.REFUSED, 1), (Plan.SLOW_THEN_FAILED, 1), (Plan.LOST_REFUSED, 1), (Plan.SLOW, 0), (Plan.NOT_SENT, 0)],
)
def test_a_supplier_is_known_by_what_it_refused_or_took_in_vain(world: World, plan: Plan, failed: int) -> None:
    placed = buy(world, sell(world, recharge("first"), recharge("second", priority=200), first=[plan]))
    assert supplied(world, placed) is Turn.DONE
    world.ahead_ms += FIGURES_WAIT_MS
    supplied(world, buy(world, sell(world, recharge("first"))))  # what is counted in between is written with it
    tally = world.suppliers.figures("first", world.now_ms())
    assert (tally.calls, tally.failed) == (2, failed)


def let_downs(world: World, supplier: str) -> int:
    health = world.suppliers.health(supplier)
    assert health
    return health.let_downs


def test_a_supplier_is_known_by_how_long_it_keeps_its_caller(world: World) -> None:
    class Slow(Wholesaler):
        def place(self, wanted: Wanted) -> Outcome:
            world.ahead_ms += SLOW_MS + 1
            return super().place(wanted)

    world.wholesalers["first"] = Slow()
    assert supplied(world, buy(world, sell(world, recharge("first")))) is Turn.DONE
    assert let_downs(world, "first") == LET_DOWN


@pytest.mark.parametrize("plan", [Plan.DONE, Plan.SLOW])
def test_whom_a_supplier_serves_at_once_or_later_makes_up_for_one(world: World, plan: Plan) -> None:
    sku_id = sell(world, recharge("first"), first=[Plan.SLOW_THEN_FAILED, plan])
    supplied(world, buy(world, sku_id))
    assert let_downs(world, "first") == LET_DOWN
    assert supplied(world, buy(world, sku_id)) is Turn.DONE
    assert let_downs(world, "first") == LET_DOWN - 1


def test_what_several_find_out_at_once_counts_once(world: World) -> None:
    plans: dict[str, Any] = {"first": [Plan.SLOW_THEN_FAILED]}
    placed = buy(world, sell(world, recharge("first"), recharge("second", priority=200), **plans))
    unit = unit_of(world, placed)
    take(world, placed.order.order_id, unit.unit_id, Turn.PLACE)
    asks = [
        partial(take, world.another_process(), placed.order.order_id, unit.unit_id, Turn.ASK) for _ in range(RACERS)
    ]
    at_once(asks)
    assert let_downs(world, "first") == LET_DOWN


@pytest.mark.parametrize("plan", [Plan.SLOW, Plan.LOST, Plan.CRASHES])
def test_what_is_not_known_is_asked_about_until_it_is(world: World, plan: Plan) -> None:
    placed = buy(world, sell(world, recharge("first"), recharge("second"), first=[plan]))
    assert supplied(world, placed) is Turn.DONE
    first, second = world.wholesalers.values()
    assert (len(first.placed), len(first.credited), second.placed) == (1, 1, [])
    assert unit_of(world, placed).status is UnitStatus.DELIVERED


@pytest.mark.parametrize("plan", [Plan.UNHEARD, Plan.STUCK])
def test_what_nobody_knows_at_the_end_of_its_window_is_a_persons(world: World, plan: Plan) -> None:
    placed = buy(world, sell(world, recharge("first"), recharge("second"), first=[plan]))
    began_ms = world.now_ms()

    assert supplied(world, placed) is Turn.PERSON

    assert SETTLEMENT_MS <= world.now_ms() - began_ms < 2 * SETTLEMENT_MS
    order, unit = world.orders.of_operator(placed.order.order_id), unit_of(world, placed)
    assert (unit.work.kind if unit.work else None, unit.status) == (WorkKind.UNKNOWN, UnitStatus.UNKNOWN)
    assert (order.refunds, order.status) == ((), OrderStatus.FULFILLING)
    first, second = world.wholesalers.values()
    assert (len(first.placed), second.placed) == (1, [])
    assert 3 < len(first.questions) < 40


def test_what_nobody_supplies_is_owed_back(world: World) -> None:
    plans: dict[str, Any] = {"first": [Plan.REFUSED], "second": [Plan.SLOW_THEN_FAILED]}
    placed = buy(world, sell(world, recharge("first"), recharge("second"), **plans))
    assert supplied(world, placed) is Turn.DONE
    order = world.orders.of_operator(placed.order.order_id)
    assert (order.status, [refund.amount for refund in order.refunds]) == (OrderStatus.REFUNDING, [PRICE])
    last = (order.units[0].decisions or ())[-1]
    assert (last.chosen, set(last.passed_over)) == (None, {"first", "second"})
    assert not any(each.waits_until_ms for each in order.units[0].decisions or ()), "nobody will be back"


def test_a_source_of_a_supplier_that_is_gone_is_passed_over(world: World) -> None:
    placed = buy(world, sell(world, recharge("first"), recharge("second", priority=200)))
    del world.wholesalers["first"]
    assert supplied(world, placed) is Turn.DONE
    assert unit_of(world, placed).status is UnitStatus.DELIVERED


def test_a_supplier_that_goes_while_it_is_asked_leaves_its_unit_unknown(world: World) -> None:
    placed = buy(world, sell(world, recharge("first"), first=[Plan.STUCK]))
    unit = unit_of(world, placed)
    take(world, placed.order.order_id, unit.unit_id, Turn.PLACE)
    del world.wholesalers["first"]
    assert supplied(world, placed) is Turn.PERSON
    assert unit_of(world, placed).open_attempt() is not None


@pytest.mark.parametrize("sources", [(MANUAL,), ()])
def test_what_a_person_does_waits_for_a_person(world: World, sources: tuple[Source, ...]) -> None:
    placed = buy(world, sell(world, *sources))
    assert supplied(world, placed) is Turn.PERSON
    unit = unit_of(world, placed)
    assert (unit.work.kind if unit.work else None, unit.status) == (WorkKind.MANUAL, UnitStatus.RECHARGING)
    assert supplied(world, placed) is Turn.PERSON
    assert unit_of(world, placed) == unit, "nobody else can be asked about it"


def test_a_key_of_our_own_does_as_well_where_either_will_do(world: World) -> None:
    sku_id = sell(world, POOL, recharge("first", priority=200), kind=SkuKind.EITHER)
    world.import_codes(new_codes(1), sku_id)
    first, second = buy(world, sku_id), buy(world, sku_id)
    assert [supplied(world, each) for each in (first, second)] == [Turn.DONE, Turn.DONE]
    assert [len(unit_of(world, each).key_ids) for each in (first, second)] == [1, 0]
    assert [order.status for order in world.stored_orders()] == [OrderStatus.DELIVERED] * 2
    assert len(world.wholesalers["first"].credited) == 1


def test_many_questions_at_once_lead_to_one_refund(world: World) -> None:
    placed = buy(world, sell(world, recharge("first"), first=[Plan.SLOW_THEN_FAILED]))
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id
    take(world, order_id, unit_id, Turn.PLACE)

    def go_on(process: World) -> Callable[[], Turn]:
        return lambda: run(process, order_id, unit_id, Next(Turn.ASK))

    assert set(at_once([go_on(world.another_process()) for _ in range(RACERS)])) == {Turn.DONE}
    assert len(world.orders.of_operator(order_id).refunds) == 1


def test_a_disputed_unit_is_asked_for_once_the_bank_has_decided_for_us(world: World) -> None:
    placed = buy(world, sell(world, recharge("first")))
    world.disputes.hear(dispute_of(placed, DisputeState.OPEN), SYSTEM)
    assert supplied(world, placed) is Turn.HELD
    assert world.wholesalers["first"].placed == []
    world.disputes.hear(dispute_of(placed, DisputeState.WON), SYSTEM)
    assert supplied(world, placed) is Turn.DONE
    assert unit_of(world, placed).status is UnitStatus.DELIVERED


@pytest.mark.parametrize(
    ("plan", "end"), [(Plan.SLOW, UnitStatus.DELIVERED), (Plan.SLOW_THEN_FAILED, UnitStatus.REFUNDED)]
)
def test_what_a_bank_took_while_nobody_knew_ends_as_the_supplier_says(
    world: World, plan: Plan, end: UnitStatus
) -> None:
    placed = buy(world, sell(world, recharge("first"), recharge("second"), first=[plan]))
    take(world, placed.order.order_id, unit_of(world, placed).unit_id, Turn.PLACE)
    world.disputes.hear(dispute_of(placed, DisputeState.LOST), SYSTEM)
    assert supplied(world, placed) is Turn.DONE
    order = world.orders.of_operator(placed.order.order_id)
    assert (order.units[0].status, order.refunds) == (end, ())
    assert world.wholesalers["second"].placed == []


def test_a_unit_waits_for_a_supplier_that_has_to_answer_others_first(world: World) -> None:
    sku_id = sell(world, recharge("first"), MANUAL)
    placed = buy(world, sku_id)
    order_id, unit = placed.order.order_id, unit_of(world, placed)
    need = Need(sku_id=sku_id, quantity=1, paid=PRICE, kinds=RECHARGE_KINDS, reference="another")
    others = [world.routing.choose(need, SYSTEM) for _ in range(MAX_UNANSWERED)]
    following = take(world, order_id, unit.unit_id, Turn.PLACE)
    assert (following.turn, unit_of(world, placed).attempts) == (Turn.WAIT, None)
    world.routing.heard(others[-1], Processing(said="3"), 200, SYSTEM, stored=True)
    assert take(world, order_id, unit.unit_id, following.turn) == Next(Turn.DONE)


def test_a_unit_whose_patience_is_over_is_a_persons_though_its_supplier_has_to_answer_others_first(
    world: World,
) -> None:
    sku_id = sell(world, recharge("first"), MANUAL)
    placed = buy(world, sku_id)
    order_id, unit = placed.order.order_id, unit_of(world, placed)
    need = Need(sku_id=sku_id, quantity=1, paid=PRICE, kinds=RECHARGE_KINDS, reference="another")
    for step, turn in ((0, Turn.WAIT), (PATIENCE_MS, Turn.PERSON)):
        world.ahead_ms += step
        others = [world.routing.choose(need, SYSTEM) for _ in range(MAX_UNANSWERED)]
        assert take(world, order_id, unit.unit_id, Turn.PLACE).turn is turn
        world.routing.heard(others[-1], Processing(said="3"), 200, SYSTEM, stored=True)
    assert world.wholesalers["first"].placed == []


def test_there_are_only_so_many_sources_that_a_unit_is_asked_for_at(world: World) -> None:
    sources = [recharge(f"source-{number:02}") for number in range(MAX_ATTEMPTS_PER_UNIT)]
    plans: dict[str, Any] = {source.source_id: [Plan.REFUSED] for source in sources}
    placed = buy(world, sell(world, *sources, **plans))
    assert supplied(world, placed) is Turn.DONE
    assert len(world.orders.of_operator(placed.order.order_id).refunds) == 1


def test_keys_are_delivered_with_the_payment_and_what_is_recharged_follows(world: World) -> None:
    (key_sku, _), recharged = (("game-100", world.stock_up(1)), sell(world, recharge("first")))
    placed = world.order(lines=(line(key_sku), line(recharged, phone=PHONE)))
    world.pay(placed.attempt)
    key, unit = world.orders.of_operator(placed.order.order_id).units
    assert (key.status, unit.status) == (UnitStatus.DELIVERED, UnitStatus.QUEUED)
    assert supplied(world, placed, 1) is Turn.DONE
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.DELIVERED


def line(sku_id: str, **account: str) -> Line:
    return Line(sku_id, 1, recharge_account=account or None)


def test_a_step_for_a_unit_that_is_not_there_is_refused(world: World) -> None:
    placed = buy(world, sell(world, recharge("first")))
    for step in (world.recharging.place, world.recharging.ask, world.recharging.leave):
        with pytest.raises(OrderNotFound):
            step(placed.order.order_id, "unt_of_nobody", SYSTEM)


def test_news_that_come_before_somebody_waits_are_not_lost(world: World) -> None:
    news, recharging = world.news, world.recharging
    assert recharging.await_news("unt_1", "token-1", 60) is False
    assert news.tell("unt_1") == "token-1"
    news.ask("unt_1")
    assert recharging.await_news("unt_1", "token-2", 60) is False
    assert news.tell("unt_2") is None
    assert recharging.await_news("unt_2", "token-3", 60) is True


def test_a_question_answers_all_news_that_came_before_it(world: World) -> None:
    placed = buy(world, sell(world, recharge("first"), first=[Plan.STUCK]))
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id
    take(world, order_id, unit_id, Turn.PLACE)
    world.news.tell(unit_id)
    assert world.recharging.await_news(unit_id, "token-1", 60)
    take(world, order_id, unit_id, Turn.ASK)
    assert not world.recharging.await_news(unit_id, "token-2", 60), "it would be asked about without an end"


def left_today(world: World, sku_id: str, quota: int) -> int:
    """Of the quota of its source `first`."""
    need = Need(sku_id=sku_id, quantity=1, paid=PRICE, kinds=RECHARGE_KINDS, reference="")
    return next(n for n in range(quota, -1, -1) if n == 0 or world.routing.usable_kinds(replace(need, quantity=n)))


@pytest.mark.parametrize(
    ("plan", "left"),
    [(Plan.DONE, 1), (Plan.STUCK, 1), (Plan.REFUSED, 2), (Plan.SLOW_THEN_FAILED, 2), (Plan.LOST_REFUSED, 2)],
)
def test_what_surely_failed_takes_nothing_of_a_quota(world: World, plan: Plan, left: int) -> None:
    sku_id = sell(world, recharge("first", quota=2), first=[plan])
    supplied(world, buy(world, sku_id))
    assert left_today(world, sku_id, 2) == left


def test_what_was_not_begun_takes_nothing_of_a_quota(world: World) -> None:
    sku_id = sell(world, recharge("first", quota=2))
    placed = buy(world, sku_id)
    gone = world.wholesalers.pop("first")
    assert supplied(world, placed) is Turn.DONE
    world.wholesalers["first"] = gone
    assert left_today(world, sku_id, 2) == 2


def test_a_supplier_may_take_no_more_than_leaves_the_margin(world: World) -> None:
    sku_id = sell(world, recharge("first"))
    standing = world.suppliers.sourcing(sku_id)
    assert standing is not None
    margin = Money(15, PRICE.currency)
    assert world.suppliers.put_sourcing(replace(standing, min_margin=margin, version=standing.version + 1))
    supplied(world, buy(world, sku_id))
    (wanted,) = world.wholesalers["first"].placed
    assert wanted.limit == Money(PRICE.amount_minor - margin.amount_minor, PRICE.currency)


def test_a_supplier_whose_breaker_is_open_is_told_of_no_more_units(world: World) -> None:
    sku_id = sell(world, recharge("first"), recharge("second", priority=200))
    world.wholesalers["first"] = Wholesaler(plans=[Plan.NOT_SENT] * 30)
    for _ in range(22):
        assert supplied(world, buy(world, sku_id)) is Turn.DONE
    assert len(world.wholesalers["first"].placed) <= 20
    assert len(world.wholesalers["second"].credited) == 22


def test_a_person_who_finds_that_nothing_was_supplied_sets_the_unit_going_again(world: World) -> None:
    placed = buy(world, sell(world, recharge("first"), recharge("second"), first=[Plan.UNHEARD]))
    assert supplied(world, placed) is Turn.PERSON
    order, unit = world.orders.of_operator(placed.order.order_id), unit_of(world, placed)
    (attempt,) = unit.attempts or ()
    nothing = DefiniteFailure(said="by a person", refusal=Refusal.REFUSED)
    assert world.orders.replace(order, hear(order, attempt.reference, nothing, SYSTEM, world.now_ms()))
    assert supplied(world, placed) is Turn.DONE
    assert len(world.wholesalers["second"].credited) == 1


def test_what_a_person_has_is_over_when_the_supplier_says_so_after_all(world: World) -> None:
    placed = buy(world, sell(world, recharge("first"), first=[Plan.STUCK]))
    assert supplied(world, placed) is Turn.PERSON
    assert supplied(world, placed) is Turn.PERSON
    (reference,) = world.wholesalers["first"].books
    world.wholesalers["first"].books[reference] = Plan.SLOW
    assert supplied(world, placed) is Turn.DONE
    unit = unit_of(world, placed)
    assert (unit.status, unit.work) == (UnitStatus.DELIVERED, None)
