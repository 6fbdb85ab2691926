"""A disputed payment: what it paid for stands still at once, comes back if we win, and is gone if we lose."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from keyrail.catalog.model import Product, Sku
from keyrail.fulfilment.model import Complaint, GivenUp, NotDelivered
from keyrail.inventory.model.keys import Fault, KeyFrozen, KeyState, KeyVoid
from keyrail.ordering.model.disputes import MAX_DISPUTES
from keyrail.ordering.model.orders import Line, NotRefundable, OrderDisputed, OrderStatus, UnitStatus
from keyrail.ordering.model.refund_requests import WantedRefund
from keyrail.ordering.model.steps import pay
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import DisputeNotice, DisputeState
from keyrail.payments.model.disputes import DisputeNotFound
from keyrail.payments.model.refunds import STUCK_MS, RefundNotFailed, RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import stamp
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.faults.use_cases.case import later
from tests.promises import check_promises
from tests.racing import at_once, refusals
from tests.redeeming import ONCE, redeem, reverse
from tests.world import BUYER, OPERATOR, PRICE, SKU, SYSTEM, World, new_codes

OPEN = DisputeNotice(
    provider=PROVIDER,
    account=ACCOUNT,
    dispute_id="dp_1",
    reference="pi_1",
    attempt_id=None,
    amount=PRICE,
    status="needs_response",
)
WON = replace(OPEN, state=DisputeState.WON, status="won")
LOST = replace(OPEN, state=DisputeState.LOST, status="lost")
TILLS = 20


@pytest.fixture
def bank(world: World) -> Bank:
    bank = Bank()
    world.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})
    return bank


def bought(world: World, bank: Bank, quantity: int = 1, sku_id: str = SKU) -> Placed:
    placed = world.order(quantity, sku_id=sku_id, provider=PROVIDER)
    world.settlement.settle(bank.paid(placed.attempt, "pi_1"), SYSTEM)
    return placed


def redeemable(world: World, bank: Bank) -> tuple[Placed, str]:
    """An order of a code that we redeem ourselves, and the code in the clear."""
    now = stamp(OPERATOR, world.now_ms())
    world.catalog.save_product(Product(product_id="game", store_id="main", name="Game", **now), OPERATOR)
    sku = Sku(sku_id="own", product_id="game", store_id="main", name="Own", price=PRICE, issuer="g", terms=ONCE, **now)
    world.catalog.save_sku(sku, OPERATOR)
    (code,), _ = world.import_codes(new_codes(1), "own")
    return bought(world, bank, sku_id="own"), code


def shown(world: World, placed: Placed) -> int:
    units = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    return sum(key.code is not None for unit in units for key in unit.keys)


def test_what_was_sold_stands_still_and_goes_on_if_the_dispute_is_won(world: World, bank: Bank) -> None:
    placed, code = redeemable(world, bank)
    for _ in range(2):
        world.disputes.hear(OPEN, SYSTEM)
    with pytest.raises(KeyFrozen):
        shown(world, placed)
    with pytest.raises(KeyFrozen):
        redeem(world, code, issuer="g")
    check_promises(world)
    (waiting,) = world.desk.waiting(10)
    assert (waiting.reason, waiting.order_id, waiting.reference) == ("disputed", placed.order.order_id, "pi_1")
    for _ in range(2):
        world.disputes.hear(WON, SYSTEM)
    assert shown(world, placed) == 1
    redeem(world, code, issuer="g")
    assert len(world.desk.waiting(10)) == 1, "what is won needs nobody"
    check_promises(world)


def test_if_it_is_lost_the_keys_are_void_and_the_money_is_gone(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed = bought(world, bank, 2)
    shown(world, placed)
    for notice in (OPEN, replace(LOST, amount=PRICE.times(2)), replace(LOST, amount=PRICE.times(2)), WON, OPEN):
        world.disputes.hear(notice, SYSTEM)
    order = world.orders.of_operator(placed.order.order_id)
    assert (order.status, order.units[0].status, order.refunds) == (OrderStatus.REFUNDED, UnitStatus.REFUNDED, ())
    keys = world.stored_keys()
    assert {(key.state, key.flagged_at_ms is not None, key.held_for) for key in keys} == {(KeyState.VOID, True, None)}
    with pytest.raises(GivenUp):
        shown(world, placed)
    assert bank.given_back == {}
    check_promises(world)


@pytest.mark.parametrize(("end", "goods"), [(WON, 1), (LOST, 0)])
def test_an_end_that_is_told_before_the_beginning_is_the_end(
    world: World, bank: Bank, end: DisputeNotice, goods: int
) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    for notice in (end, OPEN):
        world.disputes.hear(notice, SYSTEM)
    order = world.orders.of_operator(placed.order.order_id)
    assert [dispute.state for dispute in order.disputes or ()] == [end.state]
    if goods:
        assert shown(world, placed) == 1
    else:
        with pytest.raises(GivenUp):
            shown(world, placed)
    check_promises(world)


def test_where_a_part_is_lost_all_stands_still_until_somebody_decides(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed = bought(world, bank, 2)
    world.disputes.hear(OPEN, SYSTEM)
    world.disputes.hear(LOST, SYSTEM)
    with pytest.raises(KeyFrozen):
        shown(world, placed)
    check_promises(world)
    world.freezing.unfreeze(placed.order.order_id, "dp_1", OPERATOR)
    assert shown(world, placed) == 2
    order = world.unit_refunds.request(placed.order.order_id, WantedRefund(why="the rest"), "the rest of it", OPERATOR)
    assert order.refunds[0].amount == PRICE, "no more than the bank has left"


def test_a_person_lets_it_go_on_and_the_bank_may_still_decide_otherwise(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    order_id = placed.order.order_id
    world.disputes.hear(OPEN, SYSTEM)
    released = world.freezing.unfreeze(order_id, "dp_1", OPERATOR)
    assert world.freezing.unfreeze(order_id, "dp_1", OPERATOR) == released
    with pytest.raises(DisputeNotFound):
        world.freezing.unfreeze(order_id, "dp_2", OPERATOR)
    world.disputes.hear(OPEN, SYSTEM)
    assert shown(world, placed) == 1
    check_promises(world)
    world.disputes.hear(LOST, SYSTEM)
    assert world.orders.of_operator(order_id).status is OrderStatus.REFUNDED
    check_promises(world)


def test_a_bank_that_only_asks_is_answered_by_a_refund(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    asked = replace(OPEN, state=DisputeState.ASKED, status="warning_needs_response")
    for notice in (asked, replace(asked, status="warning_under_review")):
        world.disputes.hear(notice, SYSTEM)
    with pytest.raises(KeyFrozen):
        shown(world, placed)
    assert len(world.desk.waiting(10)) == 1
    wanted = WantedRefund(why="they ask")
    order = world.unit_refunds.request(placed.order.order_id, wanted, "a name of sixteen", OPERATOR)
    assert order.refunds[0].status is RefundStatus.DUE
    world.disputes.hear(WON, SYSTEM)
    world.refunds.settle(placed.order.order_id, SYSTEM)
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.REFUNDED
    check_promises(world)


def test_a_bank_that_asked_and_takes_the_money_then_freezes_what_was_let_go(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    asked = replace(OPEN, state=DisputeState.ASKED, status="warning_needs_response")
    world.disputes.hear(asked, SYSTEM)
    world.freezing.unfreeze(placed.order.order_id, "dp_1", OPERATOR)
    for notice in (OPEN, asked):
        world.disputes.hear(notice, SYSTEM)
    with pytest.raises(KeyFrozen):
        shown(world, placed)
    assert [each.provider_status for each in world.desk.waiting(10)] == ["dp_1 open", "dp_1 asked"]
    check_promises(world)


def test_what_two_disputes_froze_goes_on_when_both_are_over(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    world.disputes.hear(OPEN, SYSTEM)
    world.disputes.hear(replace(OPEN, dispute_id="dp_2"), SYSTEM)
    world.disputes.hear(WON, SYSTEM)
    with pytest.raises(KeyFrozen):
        shown(world, placed)
    world.disputes.hear(replace(WON, dispute_id="dp_2"), SYSTEM)
    assert shown(world, placed) == 1


def test_while_it_is_open_nothing_is_refunded_nor_replaced(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed = bought(world, bank)
    world.disputes.hear(OPEN, SYSTEM)
    with pytest.raises(OrderDisputed):
        world.unit_refunds.request(placed.order.order_id, WantedRefund(why="x"), "a name of sixteen", OPERATOR)
    complaint = Complaint(fault=Fault.BAD_CODE, charge_back=False)
    with pytest.raises(KeyFrozen):
        world.after_sales.replace(placed.order.units[0].key_ids[0], complaint, OPERATOR)


def test_an_approval_waits_for_the_bank_too(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    world.refund_limits = replace(world.refund_limits, by_currency={})
    order_id = placed.order.order_id
    (waiting,) = world.unit_refunds.request(order_id, WantedRefund(why="x"), "a name of sixteen", OPERATOR).refunds
    second = replace(OPERATOR, by="operator:second")
    for notice, error in ((OPEN, OrderDisputed), (LOST, NotRefundable)):
        world.disputes.hear(notice, SYSTEM)
        with pytest.raises(error):
            world.unit_refunds.approve(order_id, waiting.refund_id, second)
    check_promises(world)


@pytest.mark.parametrize(("end", "taken", "given"), [(WON, 1, 1), (LOST, 1, 1), (LOST, 2, 0)])
def test_what_is_owed_already_waits_for_the_bank_and_goes_back_unless_that_was_faster(
    world: World, bank: Bank, end: DisputeNotice, taken: int, given: int
) -> None:
    for sku_id in (SKU, "other"):
        world.stock_up(1, sku_id)
    placed = world.order(lines=(Line(SKU, 1), Line("other", 1)), provider=PROVIDER)
    world.settlement.settle(bank.paid(placed.attempt, "pi_1"), SYSTEM)
    order_id, first = placed.order.order_id, placed.order.units[0].unit_id
    world.unit_refunds.request(order_id, WantedRefund(unit_ids=(first,), why="x"), "a name of sixteen", OPERATOR)
    amount = PRICE.times(taken)
    world.disputes.hear(replace(OPEN, amount=amount), SYSTEM)
    assert not world.refunds.settle(order_id, SYSTEM)
    assert bank.asked == 0
    world.disputes.hear(replace(end, amount=amount), SYSTEM)
    assert world.refunds.settle(order_id, SYSTEM) is bool(given)
    assert list(bank.given_back.values()) == [PRICE] * given
    if not given:
        world.ahead_ms += STUCK_MS
        (refund,) = world.orders.of_operator(order_id).refunds
        with pytest.raises(RefundNotFailed):
            world.refund_desk.give_by_hand(order_id, refund.refund_id, "T-77", OPERATOR)


def test_a_second_payment_goes_back_while_the_first_is_disputed(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    world.disputes.hear(OPEN, SYSTEM)
    world.settlement.settle(bank.paid(placed.attempt, "pi_2"), SYSTEM)
    assert world.refunds.settle(placed.order.order_id, SYSTEM)
    assert list(bank.given_back.values()) == [PRICE]


def test_what_is_not_delivered_yet_is_not_delivered_before_the_dispute_is_over(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = world.order(provider=PROVIDER)
    other = later(world)
    other.accounts = world.accounts
    taken = other.order(provider=PROVIDER)  # has the key by now
    order = world.orders.of_operator(placed.order.order_id)
    world.orders.replace(order, pay(order, placed.attempt.attempt_id, "pi_1", SYSTEM, world.now_ms()))
    world.disputes.hear(OPEN, SYSTEM)
    other.checkout.cancel(taken.order.order_id, taken.token, BUYER)
    assert world.issuance.issue(placed.order.order_id, SYSTEM).units_to_issue()
    with pytest.raises(NotDelivered):
        shown(world, placed)
    check_promises(world)
    world.disputes.hear(WON, SYSTEM)
    assert world.issuance.issue(placed.order.order_id, SYSTEM).status is OrderStatus.DELIVERED
    assert shown(world, placed) == 1
    check_promises(world)


def test_a_batch_that_is_frozen_and_unfrozen_meanwhile_lets_nothing_go_that_is_disputed(
    world: World, bank: Bank
) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    batch_id = world.stored_keys()[0].batch_id
    world.disputes.hear(OPEN, SYSTEM)
    world.commands.freeze(batch_id, OPERATOR)
    world.follow(batch_id)
    world.commands.unfreeze(batch_id, OPERATOR)
    world.follow(batch_id)
    with pytest.raises(KeyFrozen):
        shown(world.another_process(), placed)
    world.commands.freeze(batch_id, OPERATOR)
    world.disputes.hear(WON, SYSTEM)
    world.follow(batch_id)
    with pytest.raises(KeyFrozen):
        shown(world.another_process(), placed)
    check_promises(world)


def test_a_redemption_that_is_taken_back_meanwhile_leaves_nothing_that_can_be_used(world: World, bank: Bank) -> None:
    _, code = redeemable(world, bank)
    redeem(world, code, "till-7-000001", issuer="g")
    world.disputes.hear(OPEN, SYSTEM)
    reverse(world, code, "till-7-000001", issuer="g")
    with pytest.raises(KeyFrozen):
        redeem(world, code, "till-7-000002", issuer="g")


def test_a_dispute_and_tills_and_buyers_at_once_leave_nothing_open_behind_it(world: World, bank: Bank) -> None:
    placed, code = redeemable(world, bank)
    other = world.another_process()
    other.accounts = world.accounts

    def till(number: int) -> Callable[[], object]:
        process = world.another_process()
        return lambda: redeem(process, code, f"till-{number:02d}-000001", issuer="g")

    looks: list[Callable[[], object]] = [lambda: shown(world.another_process(), placed)] * 3
    actions = [lambda: other.disputes.hear(OPEN, SYSTEM), *looks, *(till(number) for number in range(TILLS))]
    results = at_once(actions)
    assert refusals(results[:1]) == []
    assert set(refusals(results)) <= {KeyFrozen.code, "already_redeemed"}
    with pytest.raises(KeyFrozen):
        shown(world.another_process(), placed)
    check_promises(world)
    world.disputes.hear(LOST, SYSTEM)
    with pytest.raises(KeyVoid):
        redeem(world, code, "till-x-000001", issuer="g")
    check_promises(world)


def test_ninety_keys_stand_still_in_one_transaction(world: World, bank: Bank) -> None:
    world.stock_up(90)
    bought(world, bank, 90)
    world.disputes.hear(OPEN, SYSTEM)
    assert {key.held_for for key in world.stored_keys()} == {"dp_1"}
    world.disputes.hear(replace(LOST, amount=PRICE.times(90)), SYSTEM)
    check_promises(world)


def test_a_dispute_more_than_an_order_remembers_is_on_the_desk_alone(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    for number in range(MAX_DISPUTES + 1):
        world.disputes.hear(replace(OPEN, dispute_id=f"dp_{number}"), SYSTEM)
    order = world.orders.of_operator(placed.order.order_id)
    assert [each.dispute_id for each in order.disputes or ()] == [f"dp_{number}" for number in range(MAX_DISPUTES)]
    assert len(world.desk.waiting(MAX_DISPUTES + 2)) == MAX_DISPUTES + 1


def test_a_dispute_of_no_order_of_ours_is_on_the_desk(world: World, bank: Bank) -> None:
    for notice in (OPEN, WON):
        world.disputes.hear(notice, SYSTEM)
    assert {(each.reason, each.order_id) for each in world.desk.waiting(10)} == {("disputed", None)}
    assert len(world.desk.waiting(10)) == 2
    assert bank.merchant


def test_a_dispute_about_another_currency_takes_nothing_away_by_itself(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    world.disputes.hear(replace(LOST, amount=Money(990, "EUR")), SYSTEM)
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.DELIVERED
    with pytest.raises(KeyFrozen):
        shown(world, placed)
