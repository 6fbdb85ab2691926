"""Many hands on one pool, one order, one payment: real threads against a real engine."""

from functools import partial

import pytest

from keyrail.fulfilment.model import Outcome, Settled
from keyrail.inventory.model.keys import KeyState
from keyrail.ordering.model.orders import Line, Order, OrderStatus, UnitStatus
from keyrail.ordering.model.steps import pay
from keyrail.ordering.service.checkout import Placed
from keyrail.platform.errors import KeyrailError
from tests.promises import check_promises, check_stock
from tests.racing import at_once, refusals
from tests.world import BUYER, PROVIDER, SKU, SYSTEM, World

pytestmark = pytest.mark.usefixtures("kept_books")

BUYERS, KEYS = 64, 50
COPIES = 100
MINUTE_MS = 60_000


def buy(buyer: World) -> Settled:
    return buyer.pay(buyer.order().attempt)


def test_of_64_buyers_of_50_keys_50_get_one_each_and_14_are_told_that_it_is_sold_out(world: World) -> None:
    codes = world.stock_up(KEYS)
    results = at_once([partial(buy, world.another_process()) for _ in range(BUYERS)])
    assert refusals(results) == ["sold_out"] * (BUYERS - KEYS)
    assert len(world.sold()) == KEYS
    delivered = [order for order in world.stored_orders() if order.status is OrderStatus.DELIVERED]
    assert len(delivered) == KEYS
    check_promises(world, codes)


def test_buyers_of_several_keys_share_what_is_left_without_a_remainder_under_dead_leases(world: World) -> None:
    codes = world.stock_up(12)
    buyers = [world.another_process() for _ in range(16)]
    results = at_once([partial(buyer.order, 3) for buyer in buyers])
    placed = [result for result in results if isinstance(result, Placed)]
    # All or none: buyers who met halfway gave everything back, so whoever asks again can have it.
    while len(placed) < 4:
        placed.append(world.order(3))
    assert set(refusals(results)) <= {"sold_out", "pool_contended"}
    held = [key for each in placed for key in each.order.units[0].key_ids]
    assert len(set(held)) == len(held) == 12
    for each in placed:
        world.pay(each.attempt)
    assert len(world.sold()) == 12
    check_promises(world, codes)


def test_100_copies_of_one_callback_at_once_have_one_effect_and_100_acknowledgements(world: World) -> None:
    codes = world.stock_up(5)
    said = world.confirmed(world.callback(world.order().attempt))
    results = at_once([partial(world.another_process().settlement.settle, said, PROVIDER) for _ in range(COPIES)])
    settled = [result for result in results if isinstance(result, Settled)]
    assert len(settled) == COPIES
    assert {result.outcome for result in settled} <= {Outcome.APPLIED, Outcome.DUPLICATE}
    assert Outcome.APPLIED in {result.outcome for result in settled}
    assert len(world.sold()) == 1
    (order,) = world.stored_orders()
    assert (order.status, order.version) == (OrderStatus.DELIVERED, 3)
    assert world.desk.waiting(10) == []
    check_promises(world, codes)


def test_copies_of_a_late_callback_whose_key_went_to_another_sell_one_other_key(world: World) -> None:
    codes = world.stock_up(1)
    late = world.order()
    world.ahead_ms += 20 * MINUTE_MS
    world.order()
    codes += world.import_codes(["SPARE-0001", "SPARE-0002", "SPARE-0003"])[0]
    said = world.confirmed(world.callback(late.attempt))
    results = at_once([partial(world.another_process().settlement.settle, said, PROVIDER) for _ in range(16)])
    assert refusals(results) == []
    world.issuance.issue(late.order.order_id, SYSTEM)
    assert len(world.sold()) == 1
    check_promises(world, codes)
    check_stock(world, SKU)


def test_one_idempotency_key_20_times_at_once_is_one_order_and_holds_no_more_than_its_keys(world: World) -> None:
    world.stock_up(60)
    name = "the same name of one order"
    results = at_once([partial(world.another_process().order, 2, name) for _ in range(20)])
    placed = [result for result in results if isinstance(result, Placed)]
    assert len(placed) == 20
    (order,) = world.stored_orders()
    assert {each.order.order_id for each in placed} == {order.order_id}
    assert {each.token for each in placed} == {placed[0].token}
    assert [each.fresh for each in placed].count(True) == 1
    leased = {key.key_id for key in world.stored_keys() if key.state is KeyState.LEASED}
    assert leased == set(order.units[0].key_ids)
    assert world.claims.stock(SKU).claimable == 58


@pytest.mark.parametrize("spare_keys", [0, 1])
def test_a_cancellation_racing_its_payment_ends_in_goods_or_money_back(world: World, spare_keys: int) -> None:
    for number in range(8):
        sku = f"race-{number}"
        world.stock_up(1 + spare_keys, sku)
        placed = world.order(sku_id=sku)
        payer, canceller, rival = (world.another_process() for _ in range(3))

        def cancel(by: World = canceller, placed: Placed = placed) -> OrderStatus:
            return by.checkout.cancel(placed.order.order_id, placed.token, BUYER).status

        def take_what_is_released(by: World = rival, sku: str = sku) -> OrderStatus:
            for _ in range(3):
                try:
                    return by.order(sku_id=sku).order.status
                except KeyrailError:
                    continue
            return OrderStatus.CANCELLED

        def settle(by: World = payer, placed: Placed = placed) -> OrderStatus:
            assert by.pay(placed.attempt).outcome is Outcome.APPLIED
            return OrderStatus.PAID

        assert set(refusals(at_once([cancel, settle, take_what_is_released]))) <= {"not_cancellable"}
        order = world.orders.of_operator(placed.order.order_id)
        assert order.status in {OrderStatus.DELIVERED, OrderStatus.REFUNDING}
        check_stock(world, sku)
    check_promises(world)


def test_two_orders_paid_late_for_one_key_are_one_delivery_and_one_refund(world: World) -> None:
    for number in range(6):
        sku = f"late-{number}"
        world.stock_up(1, sku)
        first = world.order(sku_id=sku)
        world.ahead_ms += 20 * MINUTE_MS
        second = world.order(sku_id=sku)
        world.ahead_ms += 20 * MINUTE_MS
        buyers = [partial(world.another_process().pay, placed.attempt) for placed in (first, second)]
        assert refusals(at_once(buyers)) == []
        orders = [world.issuance.issue(placed.order.order_id, SYSTEM) for placed in (first, second)]
        assert sorted(order.status for order in orders) == [OrderStatus.DELIVERED, OrderStatus.REFUNDING]
    check_promises(world)


def test_issuing_by_8_at_once_delivers_each_unit_once(world: World) -> None:
    codes = [code for sku in ("one", "two", "three") for code in world.stock_up(10, sku)]
    placed = world.order(lines=(Line("one", 2), Line("two", 1), Line("three", 3)))
    world.ahead_ms += 20 * MINUTE_MS  # the leases have lapsed
    mark_paid(world, placed.order)
    results = at_once([partial(issue, world.another_process(), placed.order.order_id) for _ in range(8)])
    assert set(refusals(results)) <= {"store_unavailable"}
    order = world.orders.of_operator(placed.order.order_id)
    assert [unit.status for unit in order.units] == [UnitStatus.DELIVERED] * 3
    assert len(world.sold()) == 6
    check_promises(world, codes)
    for sku in ("one", "two", "three"):
        check_stock(world, sku)


def test_issuing_by_8_at_once_owes_the_money_of_what_is_not_there_once(world: World) -> None:
    world.stock_up(1, "there")
    world.stock_up(1, "gone")
    placed = world.order(lines=(Line("there", 1), Line("gone", 1)))
    world.ahead_ms += 20 * MINUTE_MS
    rival = world.order(sku_id="gone")
    world.pay(rival.attempt)
    mark_paid(world, placed.order)
    at_once([partial(issue, world.another_process(), placed.order.order_id) for _ in range(8)])
    order = world.orders.of_operator(placed.order.order_id)
    assert order.status is OrderStatus.PARTIALLY_DELIVERED
    assert [refund.amount for refund in order.refunds] == [placed.order.units[1].amount]
    check_promises(world)


def test_the_same_code_imported_by_many_at_once_is_in_stock_once(world: World) -> None:
    world.stock_up(1)
    codes = [f"SAME-CODE-{number:04d}" for number in range(8)]
    at_once([partial(world.another_process().import_codes, codes) for _ in range(6)])
    assert world.claims.stock(SKU).claimable == 9
    assert len(world.stored_keys()) == 9


def issue(process: World, order_id: str) -> Order:
    return process.issuance.issue(order_id, SYSTEM)


def mark_paid(world: World, order: Order) -> None:
    """As a callback leaves it that was killed right behind the payment's own write."""
    attempt = order.attempts[0]
    paid = pay(order, attempt.attempt_id, f"ref-{attempt.attempt_id}", PROVIDER, world.now_ms())
    assert world.orders.replace(order, paid)
