"""Keys that are bought for a paid unit, on the engine: bought once, sold to it and to nobody else, whatever happens."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.catalog.model import SkuKind
from keyrail.fulfilment.model import Complaint
from keyrail.fulfilment.service.keys_for_units import BOUGHT_LEASE_MS
from keyrail.fulfilment.service.recharging import Next, Turn
from keyrail.inventory.model.batches import Filling
from keyrail.inventory.model.keys import Fault, KeyState, LabelTaken, SoldOut, StockLevel
from keyrail.inventory.service.claims import POOL_CACHE_MS
from keyrail.ordering.model.orders import Delivery, Line, OrderStatus, UnitStatus
from keyrail.ordering.model.refund_requests import WantedRefund
from keyrail.ordering.model.work import Verdict, WorkKind
from keyrail.ordering.model.working import Saying
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import DisputeState
from keyrail.platform.errors import Unavailable
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import SupplyState
from keyrail.suppliers.model.breaker import MAX_UNANSWERED
from keyrail.suppliers.model.outcomes import Card
from tests.disputes import dispute_of
from tests.faults.breaking import Killed
from tests.promises import check_stock
from tests.racing import at_once
from tests.recharging import POOL, buy, keys_of, recharge, run, sell, supplied, take, unit_of
from tests.supplier import COST, SETTLEMENT_MS, Plan
from tests.world import BUYER, OPERATOR, PRICE, SYSTEM, World, new_codes

pytestmark = pytest.mark.usefixtures("kept_books", "kept_promises")
RACERS = 8


def ordered(world: World, *sources: Any, quantity: int = 1, **plans: Any) -> Placed:
    """A paid order of keys that the pool has none of."""
    sku_id = sell(world, *(sources or (keys_of("first"),)), kind=SkuKind.KEY, **plans)
    return buy(world, sku_id, quantity=quantity, account=False)


def restock(world: World, sku_id: str) -> None:
    """A key, which every process has heard of."""
    world.import_codes(new_codes(1), sku_id)
    world.ahead_ms += POOL_CACHE_MS


def long_after(world: World) -> None:
    """Whatever was bought for a unit is anybody's by then."""
    world.ahead_ms += SETTLEMENT_MS + BOUGHT_LEASE_MS + POOL_CACHE_MS


def shown(world: World, placed: Placed) -> list[str]:
    units = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    return sorted(key.code or "" for unit in units for key in unit.keys)


def say(world: World, placed: Placed, verdict: Verdict) -> Turn:
    """A person claims the unit's job and says how it ended; the unit goes on, as the stream has it."""
    unit = unit_of(world, placed)
    assert unit.work is not None
    where = placed.order.order_id, unit.unit_id
    world.work_desk.claim(*where, unit.work.job, OPERATOR)
    saying = Saying(job=unit.work.job, verdict=verdict, reference="asked their support")
    world.work_desk.say(*where, saying, OPERATOR, anybodys=False)
    return supplied(world, placed)


def test_keys_are_bought_for_a_paid_unit_and_sold_to_it_by_one_step(world: World) -> None:
    placed = ordered(world, quantity=2)
    unit = unit_of(world, placed)
    assert (unit.delivery, unit.key_ids, unit.status) == (Delivery.KEY, (), UnitStatus.QUEUED)

    assert take(world, placed.order.order_id, unit.unit_id, Turn.PLACE) == Next(Turn.DONE)

    (house,) = world.wholesalers.values()
    (wanted,) = house.placed
    assert (wanted.quantity, wanted.account) == (2, {})
    order = world.orders.of_operator(placed.order.order_id)
    (attempt,) = order.units[0].attempts or ()
    assert (order.status, attempt.state, attempt.of_keys) == (OrderStatus.DELIVERED, SupplyState.SUCCEEDED, True)
    assert shown(world, placed) == sorted(house.codes())
    (batch,) = {key.batch_id for key in world.sold()}
    stored = world.keys.get_batch(batch)
    assert (stored.filling, stored.source, stored.unit_cost, stored.key_count) == (Filling.PURCHASE, "first", COST, 2)
    assert world.keys.get_pool(order.units[0].sku_id) is None


def test_what_the_pool_has_is_leased_at_checkout_and_nobody_is_asked_for_it(world: World) -> None:
    sku_id = sell(world, keys_of("first"), kind=SkuKind.KEY)
    world.import_codes(new_codes(1), sku_id)
    first, second = (buy(world, sku_id, account=False) for _ in range(2))
    assert [unit_of(world, each).status for each in (first, second)] == [UnitStatus.DELIVERED, UnitStatus.QUEUED]
    assert unit_of(world, first).delivery is None
    assert supplied(world, second) is Turn.DONE
    assert len(world.wholesalers["first"].placed) == 1


def test_what_came_into_the_pool_meanwhile_is_not_bought(world: World) -> None:
    placed = ordered(world)
    restock(world, unit_of(world, placed).sku_id)
    assert supplied(world, placed) is Turn.DONE
    assert world.wholesalers["first"].placed == []


@pytest.mark.parametrize("plan", [Plan.SLOW, Plan.LOST, Plan.CRASHES])
def test_keys_of_which_nobody_knows_are_asked_about_and_bought_once(world: World, plan: Plan) -> None:
    placed = ordered(world, keys_of("first"), keys_of("second"), first=[plan])
    assert supplied(world, placed) is Turn.DONE
    first, second = world.wholesalers.values()
    assert (len(first.placed), second.placed) == (1, [])
    assert shown(world, placed) == first.codes()


def test_keys_that_one_supplier_refuses_are_bought_at_the_next(world: World) -> None:
    placed = ordered(world, keys_of("first"), keys_of("second", priority=200), first=[Plan.SLOW_THEN_FAILED])
    assert supplied(world, placed) is Turn.DONE
    assert shown(world, placed) == world.wholesalers["second"].codes()


def test_keys_that_nobody_sells_are_owed_back(world: World) -> None:
    placed = ordered(world, first=[Plan.REFUSED])
    assert supplied(world, placed) is Turn.DONE
    order = world.orders.of_operator(placed.order.order_id)
    assert (order.status, [refund.amount for refund in order.refunds]) == (OrderStatus.REFUNDING, [PRICE])


def short(world: World, quantity: int = 2) -> Placed:
    """Bought, and one of the cards is in our stock already."""
    placed = ordered(world, keys_of("first"), keys_of("second", priority=200), quantity=quantity)
    known = new_codes(1)
    other = sell(world, kind=SkuKind.KEY)
    world.import_codes(known, other)
    world.wholesalers["first"].odd = lambda cards: (Card(code=known[0]), *cards[1:])
    assert supplied(world, placed) is Turn.PERSON
    return placed


def test_fewer_good_keys_than_were_bought_are_a_persons_and_wait_with_the_unit(world: World) -> None:
    placed = short(world)
    unit, order = unit_of(world, placed), world.orders.of_operator(placed.order.order_id)
    assert (unit.status, unit.work.kind if unit.work else None) == (UnitStatus.UNKNOWN, WorkKind.UNKNOWN)
    assert (len(unit.key_ids), order.refunds) == (1, ())
    (key,) = world.keys.get_all(unit.key_ids)
    assert (key.state, key.order_id) == (KeyState.LEASED, order.order_id)
    assert [supplied(world, placed), world.wholesalers["second"].placed] == [Turn.PERSON, []]
    world.ahead_ms += POOL_CACHE_MS
    with pytest.raises(SoldOut):
        world.claims.lease(unit.sku_id, 1, "ord_of_another", world.now_ms() + 60_000, SYSTEM)

    long_after(world)
    assert world.claims.stock(unit.sku_id).claimable == 1


def test_a_person_who_says_that_it_failed_has_the_unit_delivered_with_those_keys_and_others_of_the_pool(
    world: World,
) -> None:
    placed = short(world)
    held, sku_id = unit_of(world, placed).key_ids, unit_of(world, placed).sku_id
    restock(world, sku_id)
    assert say(world, placed, Verdict.FAILED) is Turn.DONE
    unit = unit_of(world, placed)
    assert (unit.status, set(held) < set(unit.key_ids)) == (UnitStatus.DELIVERED, True)
    assert world.wholesalers["second"].placed == []


def test_a_person_who_says_that_it_failed_has_the_next_source_asked_and_what_came_is_anybodys(world: World) -> None:
    placed = short(world)
    (held,), sku_id = unit_of(world, placed).key_ids, unit_of(world, placed).sku_id
    assert say(world, placed, Verdict.FAILED) is Turn.DONE
    assert shown(world, placed) == sorted(world.wholesalers["second"].codes())
    world.ahead_ms += POOL_CACHE_MS
    assert world.claims.lease(sku_id, 1, "ord_of_another", world.now_ms() + 60_000, SYSTEM) == (held,)
    world.claims.release([held], "ord_of_another", SYSTEM)
    check_stock(world, sku_id)


def test_a_person_who_says_that_it_is_done_has_brought_the_keys_in(world: World) -> None:
    placed = ordered(world, keys_of("first"), keys_of("second"), first=[Plan.WITHOUT_CARDS])
    assert supplied(world, placed) is Turn.PERSON
    restock(world, unit_of(world, placed).sku_id)
    assert say(world, placed, Verdict.DONE) is Turn.DONE
    assert unit_of(world, placed).status is UnitStatus.DELIVERED
    assert world.wholesalers["second"].placed == []


def test_what_is_said_to_be_done_and_is_not_in_stock_comes_back_to_a_person_and_is_not_bought_again(
    world: World,
) -> None:
    placed = ordered(world, keys_of("first"), keys_of("second", priority=200), first=[Plan.WITHOUT_CARDS])
    assert supplied(world, placed) is Turn.PERSON
    assert say(world, placed, Verdict.DONE) is Turn.PERSON
    unit = unit_of(world, placed)
    assert (unit.work.kind if unit.work else None, world.wholesalers["second"].placed) == (WorkKind.MANUAL, [])
    assert say(world, placed, Verdict.FAILED) is Turn.DONE
    assert shown(world, placed) == world.wholesalers["second"].codes()


def test_keys_that_came_after_a_person_called_it_failed_are_the_units(world: World) -> None:
    placed = ordered(world, keys_of("first"), keys_of("second", priority=200), first=[Plan.STUCK])
    assert supplied(world, placed) is Turn.PERSON
    first, second = world.wholesalers.values()
    (reference,) = first.books
    first.books[reference] = Plan.SLOW
    assert say(world, placed, Verdict.FAILED) is Turn.DONE
    assert (shown(world, placed), second.placed) == (first.codes(), [])


def killed_before_the_sale(world: World, quantity: int = 1) -> Placed:
    """The keys are in, the order does not know, and the supplier never answers again."""
    placed = ordered(world, quantity=quantity)
    process = world.another_process()
    process.claims.sales = _killed  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        take(process, placed.order.order_id, unit_of(world, placed).unit_id, Turn.PLACE)
    world.wholesalers["first"].silent = True
    assert supplied(world, placed) is Turn.PERSON
    return placed


def test_keys_that_came_and_of_which_nothing_is_heard_any_more_wait_with_the_unit_for_a_person(world: World) -> None:
    placed = killed_before_the_sale(world, quantity=2)
    assert len(unit_of(world, placed).key_ids) == 2
    assert say(world, placed, Verdict.FAILED) is Turn.DONE
    assert shown(world, placed) == sorted(world.wholesalers["first"].codes())


def test_what_came_for_a_unit_that_is_given_up_is_stock(world: World) -> None:
    placed = killed_before_the_sale(world)
    world.disputes.hear(dispute_of(placed, DisputeState.LOST), SYSTEM)
    assert say(world, placed, Verdict.FAILED) is Turn.DONE
    unit = unit_of(world, placed)
    assert (unit.status, unit.key_ids) == (UnitStatus.REFUNDED, ())
    long_after(world)
    assert world.claims.stock(unit.sku_id).claimable == 1


def _killed(*_: object) -> None:
    raise Killed


def test_many_questions_at_once_sell_the_keys_once(world: World) -> None:
    placed = ordered(world, quantity=3, first=[Plan.SLOW])
    order_id, unit_id = placed.order.order_id, unit_of(world, placed).unit_id
    take(world, order_id, unit_id, Turn.PLACE)
    at_once([lambda: run(world.another_process(), order_id, unit_id, Next(Turn.ASK))] * RACERS)
    assert (len(world.sold()), len(world.wholesalers["first"].placed)) == (3, 1)
    assert unit_of(world, placed).status is UnitStatus.DELIVERED


def test_a_supplier_that_answers_is_not_left_because_its_keys_cannot_be_sealed(world: World) -> None:
    sku_id, process = sell(world, keys_of("first"), kind=SkuKind.KEY), world.another_process()
    process.intake.keep = _unavailable  # type: ignore[method-assign,assignment]
    bought = [buy(world, sku_id, account=False) for _ in range(MAX_UNANSWERED)]
    for placed in bought:
        with pytest.raises(Unavailable):
            take(process, placed.order.order_id, unit_of(world, placed).unit_id, Turn.PLACE)
    health = world.suppliers.health("first")
    assert health is not None
    assert not health.is_full
    assert {supplied(world, placed) for placed in bought} == {Turn.DONE}


def _unavailable(*_: object) -> None:
    raise Unavailable


@pytest.mark.parametrize(
    ("end", "status"), [(DisputeState.WON, UnitStatus.DELIVERED), (DisputeState.LOST, UnitStatus.REFUNDED)]
)
def test_keys_that_come_while_a_bank_may_take_the_money_back_wait_for_its_word(
    world: World, end: DisputeState, status: UnitStatus
) -> None:
    placed = ordered(world, first=[Plan.SLOW])
    take(world, placed.order.order_id, unit_of(world, placed).unit_id, Turn.PLACE)
    world.disputes.hear(dispute_of(placed, DisputeState.OPEN), SYSTEM)
    assert run(world, placed.order.order_id, unit_of(world, placed).unit_id, Next(Turn.ASK)) is Turn.HELD
    assert (len(unit_of(world, placed).key_ids), world.sold()) == (1, [])

    world.disputes.hear(dispute_of(placed, end), SYSTEM)
    assert supplied(world, placed) is Turn.DONE
    unit = unit_of(world, placed)
    assert (unit.status, len(world.wholesalers["first"].placed)) == (status, 1)
    long_after(world)
    assert world.claims.stock(unit.sku_id).claimable == (0 if unit.key_ids else 1)


def test_bought_keys_are_replaced_refunded_and_frozen_as_any_others(world: World) -> None:
    placed = ordered(world, quantity=2)
    assert supplied(world, placed) is Turn.DONE
    unit = unit_of(world, placed)
    restock(world, unit.sku_id)
    world.after_sales.replace(unit.key_ids[0], Complaint(fault=Fault.BAD_CODE, charge_back=True), OPERATOR)
    unit = unit_of(world, placed)
    assert (len(unit.replaced), world.keys.get_batch(world.keys.get(unit.replaced[0]).batch_id).charged_back) == (1, 1)

    world.disputes.hear(dispute_of(placed, DisputeState.OPEN), SYSTEM)
    assert {key.held_for for key in world.keys.get_all(unit.key_ids)} == {"dp_1"}
    world.disputes.hear(dispute_of(placed, DisputeState.WON), SYSTEM)

    wanted = WantedRefund(unit_ids=(unit.unit_id,), why="returned", even_if_used=False)
    world.unit_refunds.request(placed.order.order_id, wanted, "refund-1", OPERATOR)
    assert {key.state for key in world.keys.get_all(unit.key_ids)} == {KeyState.VOID}
    assert unit_of(world, placed).status is UnitStatus.FAILED


def test_keys_are_bought_only_where_the_sourcing_says_so_and_never_for_a_chosen_one(world: World) -> None:
    nowhere = sell(world, POOL, kind=SkuKind.KEY)
    with pytest.raises(SoldOut):
        buy(world, nowhere, account=False)
    assert world.supply.offer(world.catalog.sku(nowhere)).stock is StockLevel.SOLD_OUT

    there = sell(world, keys_of("first"), kind=SkuKind.KEY)
    assert world.supply.offer(world.catalog.sku(there)).stock is StockLevel.IN_STOCK
    sku = world.catalog.sku(there)
    world.catalog.save_sku(replace(sku, pick_fee=Money(100, "CNY")), OPERATOR)
    with pytest.raises(LabelTaken):
        world.order(lines=(Line(there, 1, label="8888"),))
    few = sell(world, keys_of("first", quota=1), kind=SkuKind.KEY)
    with pytest.raises(SoldOut):
        buy(world, few, quantity=2, account=False)


@pytest.mark.parametrize("account", [True, False])
def test_a_choice_without_an_account_has_its_keys_bought_and_one_with_an_account_is_recharged(
    world: World, account: bool
) -> None:
    sku_id = sell(world, keys_of("first"), recharge("second"), kind=SkuKind.CHOICE)
    placed = buy(world, sku_id, account=account)
    assert supplied(world, placed) is Turn.DONE
    assert (len(unit_of(world, placed).key_ids), len(world.wholesalers["second"].credited)) == (
        (0, 1) if account else (1, 0)
    )


def test_where_either_will_do_a_recharge_follows_keys_that_cannot_be_bought(world: World) -> None:
    sku_id = sell(world, keys_of("first"), recharge("second", priority=200), kind=SkuKind.EITHER, first=[Plan.REFUSED])
    first, second = buy(world, sku_id), buy(world, sku_id)
    assert [supplied(world, each) for each in (first, second)] == [Turn.DONE, Turn.DONE]
    assert [len(unit_of(world, each).key_ids) for each in (first, second)] == [0, 1]
    assert shown(world, second) == world.wholesalers["first"].codes()


def test_keys_whose_batch_is_stopped_before_they_are_sold_wait_with_a_person_and_are_not_bought_again(
    world: World,
) -> None:
    placed = ordered(world)
    process = world.another_process()
    sales = process.claims.sales

    def stopped_first(keys: tuple[str, ...], *more: Any) -> Any:
        process.claims.sales = sales  # type: ignore[method-assign]
        writes = sales(keys, *more)
        batch_id = world.keys.get(keys[0]).batch_id
        world.commands.freeze(batch_id, OPERATOR)
        world.follow(batch_id)
        return writes

    process.claims.sales = stopped_first  # type: ignore[method-assign,assignment]
    assert run(process, placed.order.order_id, unit_of(world, placed).unit_id) is Turn.PERSON
    unit = unit_of(world, placed)
    (key_id,) = unit.key_ids
    batch_id = world.keys.get(key_id).batch_id
    world.commands.unfreeze(batch_id, OPERATOR)
    world.follow(batch_id)
    assert say(world, placed, Verdict.DONE) is Turn.DONE
    assert (unit_of(world, placed).key_ids, len(world.wholesalers["first"].placed)) == ((key_id,), 1)
