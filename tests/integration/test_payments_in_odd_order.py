"""Payments that come late, twice, too small or for something else: goods, money back, or the operator's desk."""

import secrets
from dataclasses import replace

import pytest

from keyrail.fulfilment.model import NotDelivered, Outcome
from keyrail.inventory.model.keys import KeyState
from keyrail.ordering.model.orders import Line, NotCancellable, Order, OrderStatus, UnitStatus
from keyrail.ordering.model.steps import pay
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.model.refunds import RefundStatus
from keyrail.platform.money import Money
from tests.engines import Engine
from tests.promises import check_promises, check_stock
from tests.world import BUYER, PRICE, PROVIDER, SKU, SYSTEM, World, new_codes

pytestmark = pytest.mark.usefixtures("kept_books")

MINUTE_MS = 60_000
ORDER_IS_OVER_MS = 20 * MINUTE_MS
POOLS_ARE_READ_AGAIN_MS = 3_000


def now(world: World, placed: Placed) -> Order:
    return world.orders.of_operator(placed.order.order_id)


def revealed(world: World, placed: Placed) -> list[str]:
    units = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    return [key.code for unit in units for key in unit.keys if key.code]


def test_a_payment_in_time_delivers_the_keys_that_were_leased(world: World) -> None:
    codes = world.stock_up(3)
    placed = world.order(2)
    assert world.pay(placed.attempt).outcome is Outcome.APPLIED
    order = now(world, placed)
    assert order.status is OrderStatus.DELIVERED
    assert order.units[0].key_ids == placed.order.units[0].key_ids
    assert set(revealed(world, placed)) < set(codes)
    check_promises(world, codes)


def test_a_payment_after_the_lease_lapsed_sells_the_same_key_if_nobody_took_it(world: World) -> None:
    world.stock_up(3)
    placed = world.order()
    world.ahead_ms += ORDER_IS_OVER_MS
    assert world.pay(placed.attempt).outcome is Outcome.APPLIED
    assert now(world, placed).units[0].key_ids == placed.order.units[0].key_ids
    check_promises(world)


def test_a_payment_after_the_key_went_to_somebody_else_gets_another_key(world: World) -> None:
    codes = world.stock_up(1)
    late = world.order()
    world.ahead_ms += ORDER_IS_OVER_MS
    faster = world.order()
    codes += world.import_codes(new_codes(1))[0]
    world.ahead_ms += POOLS_ARE_READ_AGAIN_MS
    assert world.pay(late.attempt).outcome is Outcome.APPLIED
    assert world.pay(faster.attempt).outcome is Outcome.APPLIED
    assert revealed(world, faster) == codes[:1]
    assert revealed(world, late) == codes[1:]
    check_promises(world, codes)


def test_a_payment_after_the_last_key_went_to_somebody_else_is_a_refund_of_the_exact_amount(world: World) -> None:
    world.stock_up(2)
    late = world.order(2)
    world.ahead_ms += ORDER_IS_OVER_MS
    world.pay(world.order(2).attempt)
    assert world.pay(late.attempt).outcome is Outcome.APPLIED
    order = now(world, late)
    assert order.status is OrderStatus.REFUNDING
    (refund,) = order.refunds
    assert (refund.status, refund.amount, refund.attempt_id) == (
        RefundStatus.DUE,
        PRICE.times(2),
        late.attempt.attempt_id,
    )
    assert order.units[0].status is UnitStatus.FAILED
    with pytest.raises(NotDelivered):
        revealed(world, late)
    check_promises(world)


def test_one_key_too_few_delivers_none_of_the_unit_and_frees_what_was_held_for_it(world: World) -> None:
    world.stock_up(2)
    late = world.order(2)
    world.ahead_ms += ORDER_IS_OVER_MS
    world.pay(world.order(1).attempt)
    world.pay(late.attempt)
    assert now(world, late).status is OrderStatus.REFUNDING
    world.ahead_ms += 2 * MINUTE_MS
    assert world.pay(world.order(1).attempt).outcome is Outcome.APPLIED
    check_promises(world)


def test_an_order_of_which_one_line_is_gone_is_delivered_in_part_and_the_rest_is_owed_back(world: World) -> None:
    for sku, price in (("small", 100), ("large", 5000), ("other", 777)):
        world.stock_up(3, sku, Money(price, "CNY"))
    placed = world.order(lines=(Line("small", 3), Line("large", 2), Line("other", 1)))
    world.ahead_ms += ORDER_IS_OVER_MS
    world.pay(world.order(3, sku_id="large").attempt)
    world.pay(placed.attempt)
    order = now(world, placed)
    assert order.status is OrderStatus.PARTIALLY_DELIVERED
    assert [unit.status for unit in order.units] == [UnitStatus.DELIVERED, UnitStatus.FAILED, UnitStatus.DELIVERED]
    assert [refund.amount for refund in order.refunds] == [Money(10_000, "CNY")]
    assert len(revealed(world, placed)) == 4
    check_promises(world)


def test_a_payment_of_a_cancelled_order_still_gets_its_goods(world: World) -> None:
    world.stock_up(2)
    placed = world.order()
    world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    assert world.pay(placed.attempt).outcome is Outcome.APPLIED
    assert now(world, placed).status is OrderStatus.DELIVERED
    check_promises(world)


def test_a_payment_of_a_cancelled_order_whose_key_is_sold_is_owed_back(world: World) -> None:
    world.stock_up(1)
    placed = world.order()
    world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    world.pay(world.order().attempt)
    assert world.pay(placed.attempt).outcome is Outcome.APPLIED
    assert [refund.amount for refund in now(world, placed).refunds] == [PRICE]
    check_promises(world)


def test_the_same_payment_again_is_a_duplicate_at_every_stage(world: World) -> None:
    world.stock_up(1)
    delivered = world.order()
    world.pay(delivered.attempt)
    stage = now(world, delivered)
    assert world.pay(delivered.attempt).outcome is Outcome.DUPLICATE
    assert now(world, delivered) == stage
    assert world.desk.waiting(10) == []


def test_a_duplicate_of_a_payment_without_goods_owes_the_money_once(world: World) -> None:
    world.stock_up(1)
    late = world.order()
    world.ahead_ms += ORDER_IS_OVER_MS
    world.pay(world.order().attempt)
    for expected in (Outcome.APPLIED, Outcome.DUPLICATE, Outcome.DUPLICATE):
        assert world.pay(late.attempt).outcome is expected
        world.issuance.issue(late.order.order_id, SYSTEM)
    assert len(now(world, late).refunds) == 1
    check_promises(world)


def test_a_second_payment_with_another_number_is_owed_back(world: World) -> None:
    world.stock_up(5)
    placed = world.order()
    world.pay(placed.attempt, "first")
    outcomes = [world.pay(placed.attempt, "second").outcome for _ in range(3)]
    assert outcomes == [Outcome.GIVEN_BACK, Outcome.DUPLICATE, Outcome.DUPLICATE]
    (refund,) = now(world, placed).refunds
    assert (refund.reason, refund.payment_reference, refund.amount) == ("double_payment", "second", PRICE)
    assert world.desk.waiting(10) == []
    assert len(world.sold()) == 1
    check_promises(world)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"money": "9.89"}, Mismatch.UNDER_PAID),
        ({"money": "0.01"}, Mismatch.UNDER_PAID),
        ({"money": "9.91"}, Mismatch.OVER_PAID),
        ({"money": "9,90"}, Mismatch.WRONG_CURRENCY),
        ({"trade_status": "WAIT_BUYER_PAY"}, Mismatch.NOT_PAID),
        ({"trade_status": "TRADE_CLOSED"}, Mismatch.NOT_PAID),
        ({"pid": "1002"}, Mismatch.WRONG_MERCHANT),
        ({"out_trade_no": "somebody-elses-number"}, Mismatch.UNKNOWN_ATTEMPT),
        ({"out_trade_no": "pay_" + "0" * 28}, Mismatch.UNKNOWN_ATTEMPT),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_a_signed_callback_that_does_not_fit_delivers_nothing_and_is_on_the_desk(
    world: World, said: dict[str, str], reason: Mismatch
) -> None:
    world.stock_up(2)
    placed = world.order()
    settled = world.pay(placed.attempt, **said)
    assert (settled.outcome, settled.reason) == (Outcome.UNMATCHED, reason)
    (waiting,) = world.desk.waiting(10)
    assert waiting.reason is reason
    assert waiting.provider_status == said.get("trade_status", "TRADE_SUCCESS")
    assert now(world, placed) == placed.order
    assert world.sold() == []
    # It blocks nobody: the true payment still goes through.
    assert world.pay(placed.attempt).outcome is Outcome.APPLIED
    check_promises(world)


def test_a_callback_in_another_currency_delivers_nothing_and_is_on_the_desk(world: World) -> None:
    world.stock_up(2)
    placed = world.order()
    said = replace(world.confirmed(world.callback(placed.attempt)), amount=Money(PRICE.amount_minor, "USD"))
    assert world.settlement.settle(said, PROVIDER).reason is Mismatch.WRONG_CURRENCY
    assert [waiting.amount for waiting in world.desk.waiting(10)] == [Money(PRICE.amount_minor, "USD")]
    assert now(world, placed) == placed.order


def test_a_callback_that_came_to_another_account_delivers_nothing_and_is_on_the_desk(world: World) -> None:
    world.stock_up(2)
    placed = world.order()
    said = world.confirmed(world.callback(placed.attempt, pid="1002"), account="second")
    assert world.settlement.settle(said, PROVIDER).reason is Mismatch.WRONG_ACCOUNT
    assert [waiting.account for waiting in world.desk.waiting(10)] == ["second"]
    assert now(world, placed) == placed.order


def test_a_cheap_orders_payment_does_not_pay_a_dear_one(world: World) -> None:
    world.stock_up(1, "cheap", Money(100, "CNY"))
    world.stock_up(1, "dear", Money(99_900, "CNY"))
    cheap, dear = world.order(sku_id="cheap"), world.order(sku_id="dear")
    settled = world.pay(cheap.attempt, out_trade_no=dear.attempt.attempt_id)
    assert settled.reason is Mismatch.UNDER_PAID
    assert (now(world, cheap), now(world, dear)) == (cheap.order, dear.order)


def test_a_callback_for_an_attempt_that_its_order_never_made_is_on_the_desk(world: World) -> None:
    world.stock_up(2)
    placed = world.order()
    another = placed.attempt.attempt_id[:-2] + "02"
    assert world.pay(placed.attempt, out_trade_no=another).reason is Mismatch.UNKNOWN_ATTEMPT
    assert [waiting.order_id for waiting in world.desk.waiting(10)] == [placed.order.order_id]
    assert world.sold() == []


def test_an_unpaid_order_is_issued_nothing(world: World) -> None:
    world.stock_up(2)
    placed = world.order()
    assert world.issuance.issue(placed.order.order_id, SYSTEM) == placed.order
    assert world.sold() == []


def test_a_paid_order_cannot_be_cancelled(world: World) -> None:
    world.stock_up(2)
    placed = world.order()
    world.pay(placed.attempt)
    with pytest.raises(NotCancellable):
        world.checkout.cancel(placed.order.order_id, placed.token, BUYER)


def test_a_key_that_was_lost_and_comes_free_again_is_taken_by_the_same_issuing(engine: Engine, world: World) -> None:
    """The leased key is gone when the sale is tried, and free when another is looked for."""
    world.stock_up(1)
    late = world.order()
    world.ahead_ms += ORDER_IS_OVER_MS
    rival = world.order()
    paid = pay(late.order, late.attempt.attempt_id, secrets.token_hex(8), PROVIDER, world.now_ms())
    assert world.orders.replace(late.order, paid)
    issuing = world.another_process(dynamodb=engine.dynamodb())
    looked = False

    def rival_gives_up(**_: object) -> None:
        nonlocal looked
        if not looked:
            looked = True
            world.checkout.cancel(rival.order.order_id, rival.token, BUYER)

    issuing.dynamodb.meta.events.register("before-call.dynamodb.Query", rival_gives_up)
    order = issuing.issuance.issue(late.order.order_id, SYSTEM)
    assert looked
    assert order.status is OrderStatus.DELIVERED
    check_promises(world)


def test_a_second_run_sells_the_keys_that_a_first_had_leased_when_it_was_killed(engine: Engine, world: World) -> None:
    """They are the last ones, and held for a minute: whoever takes the pool for empty owes money for nothing."""
    world.stock_up(1)
    late = world.order()
    world.ahead_ms += ORDER_IS_OVER_MS
    world.pay(world.order().attempt)
    world.import_codes(new_codes(1))
    world.ahead_ms += POOLS_ARE_READ_AGAIN_MS
    paid = pay(late.order, late.attempt.attempt_id, secrets.token_hex(8), PROVIDER, world.now_ms())
    assert world.orders.replace(late.order, paid)
    first = world.another_process(dynamodb=engine.dynamodb())
    sales = 0

    def die_at_the_second_sale(**_: object) -> None:
        nonlocal sales
        sales += 1
        if sales == 2:
            raise KeyboardInterrupt

    first.dynamodb.meta.events.register("before-call.dynamodb.TransactWriteItems", die_at_the_second_sale)
    with pytest.raises(KeyboardInterrupt):
        first.issuance.issue(late.order.order_id, SYSTEM)
    assert world.claims.stock(SKU).claimable == 0
    order = world.another_process().issuance.issue(late.order.order_id, SYSTEM)
    assert order.status is OrderStatus.DELIVERED
    check_promises(world)


def test_a_key_leased_by_one_order_is_not_sold_to_another_however_late(world: World) -> None:
    world.stock_up(1)
    late = world.order()
    world.ahead_ms += ORDER_IS_OVER_MS
    holder = world.order()
    world.pay(late.attempt)
    assert now(world, late).status is OrderStatus.REFUNDING
    (key,) = world.stored_keys()
    assert (key.state, key.order_id) == (KeyState.LEASED, holder.order.order_id)
    assert world.pay(holder.attempt).outcome is Outcome.APPLIED
    assert now(world, holder).status is OrderStatus.DELIVERED
    check_stock(world, SKU)
