"""Money goes back through the payment that brought it, once, whatever is lost on the way."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from keyrail.fulfilment.model import Outcome
from keyrail.ordering.model.orders import MAX_SECOND_PAYMENTS, Order, OrderStatus, UnitStatus
from keyrail.ordering.model.refunds import give_back
from keyrail.ordering.service.checkout import Placed, WayToPay
from keyrail.payments.model.attempts import ProviderUnavailable, attempt_id
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.model.refunds import (
    ASK_AGAIN_MS,
    STUCK_MS,
    RefundNotFailed,
    RefundNotFound,
    RefundNotice,
    RefundStatus,
)
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.ids import derived_id
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.promises import check_promises
from tests.world import BUYER, OPERATOR, PRICE, SYSTEM, World

pytestmark = pytest.mark.usefixtures("kept_books")

WORKERS = 20
AFTER_THE_LEASES_MS = 60 * 60 * 1000


@pytest.fixture
def bank(world: World) -> Bank:
    bank = Bank()
    at_bank(world, bank)
    return bank


def at_bank(world: World, bank: Bank) -> None:
    world.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})


def process(world: World, bank: Bank) -> World:
    other = world.another_process()
    at_bank(other, bank)
    return other


def ordered(world: World) -> Placed:
    return world.order(provider=PROVIDER)


def paid_too_late(world: World, bank: Bank) -> Order:
    """Somebody else has the key by now, so that the money is owed back."""
    world.stock_up(1)
    late = ordered(world)
    world.ahead_ms += AFTER_THE_LEASES_MS
    first = ordered(world)
    world.settlement.settle(bank.paid(first.attempt, "first"), SYSTEM)
    world.settlement.settle(bank.paid(late.attempt, "late"), SYSTEM)
    order = world.orders.of_operator(late.order.order_id)
    assert [refund.status for refund in order.refunds] == [RefundStatus.DUE]
    return order


def after(world: World, order: Order) -> Order:
    return world.orders.of_operator(order.order_id)


def test_what_cannot_be_delivered_is_given_back(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    assert world.refunds.settle(order.order_id, SYSTEM)
    order = after(world, order)
    (refund,) = order.refunds
    assert (refund.status, refund.said) == (RefundStatus.SUCCEEDED, "bank says succeeded")
    assert (order.status, order.units[0].status) == (OrderStatus.REFUNDED, UnitStatus.REFUNDED)
    assert bank.given_back == {refund.refund_id: PRICE}
    check_promises(world)


@pytest.mark.parametrize("troubles", [["lost"], ["lost", "lost"], ["lost", "down"], ["slow"], ["down"], ["down"] * 3])
def test_whatever_is_lost_on_the_way_the_money_goes_back_once(world: World, bank: Bank, troubles: list[str]) -> None:
    order = paid_too_late(world, bank)
    bank.troubles = troubles
    for _ in range(len(troubles) + 2):
        world.ahead_ms += ASK_AGAIN_MS
        try:
            done = process(world, bank).refunds.settle(order.order_id, SYSTEM)
        except ProviderUnavailable:
            done = False
        assert done or after(world, order).refunds[0].status in {RefundStatus.UNKNOWN, RefundStatus.PROCESSING}
    assert list(bank.given_back.values()) == [PRICE]
    assert after(world, order).status is OrderStatus.REFUNDED


def test_a_refund_that_is_done_is_not_asked_for_again(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    world.refunds.settle(order.order_id, SYSTEM)
    asked, version = bank.asked, after(world, order).version
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert (bank.asked, after(world, order).version) == (asked, version)


def test_a_refund_that_the_provider_refuses_is_on_the_desk_and_can_be_asked_for_again(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    bank.troubles = ["refuse"]
    assert world.refunds.settle(order.order_id, SYSTEM)
    order = after(world, order)
    (refund,) = order.refunds
    assert (refund.status, order.status) == (RefundStatus.FAILED, OrderStatus.REFUNDING)
    (waiting,) = world.desk.waiting(10)
    assert (waiting.reason, waiting.reference, waiting.amount) == (Mismatch.REFUND_FAILED, refund.refund_id, PRICE)
    world.refund_desk.ask_again(order.order_id, refund.refund_id, OPERATOR)
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert after(world, order).status is OrderStatus.REFUNDED
    with pytest.raises(RefundNotFailed):
        world.refund_desk.ask_again(order.order_id, refund.refund_id, OPERATOR)
    assert list(bank.given_back.values()) == [PRICE]


def test_an_answer_about_another_sum_ends_nothing(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    bank.troubles = ["other_sum"]
    assert not world.refunds.settle(order.order_id, SYSTEM)
    assert after(world, order).refunds[0].status is RefundStatus.UNKNOWN


def test_a_second_payment_is_given_back_and_the_goods_stay(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = ordered(world)
    world.settlement.settle(bank.paid(placed.attempt, "first"), SYSTEM)
    outcomes = [world.settlement.settle(bank.paid(placed.attempt, "second"), SYSTEM).outcome for _ in range(3)]
    assert outcomes == [Outcome.GIVEN_BACK, Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert world.refunds.settle(placed.order.order_id, SYSTEM)
    order = after(world, placed.order)
    (refund,) = order.refunds
    assert (order.status, refund.payment_reference, refund.amount) == (OrderStatus.DELIVERED, "second", PRICE)
    assert bank.given_back == {refund.refund_id: PRICE}
    check_promises(world)


def test_of_very_many_payments_of_an_order_those_too_many_are_on_the_desk(world: World, bank: Bank) -> None:
    """An item holds 400 KB: a payment that its order had no room for would be dropped."""
    world.stock_up(1)
    placed = ordered(world)
    world.settlement.settle(bank.paid(placed.attempt, "first"), SYSTEM)
    paid = full = after(world, placed.order)
    for number in range(MAX_SECOND_PAYMENTS):
        full = give_back(full, placed.attempt.attempt_id, f"more-{number}", SYSTEM, world.now_ms())
    assert world.orders.replace(paid, replace(full, version=paid.version + 1))
    outcomes = [world.settlement.settle(bank.paid(placed.attempt, name), SYSTEM).outcome for name in ("more-0", "last")]
    assert outcomes == [Outcome.DUPLICATE, Outcome.UNMATCHED]
    (waiting,) = world.desk.waiting(10)
    assert (waiting.reason, waiting.reference, waiting.money) == (Mismatch.DOUBLE_PAYMENT, "last", PRICE)
    world.payment_desk.refund(waiting.payment_id, OPERATOR)
    assert world.refunds.settle(waiting.payment_id, SYSTEM)
    assert list(bank.given_back.values()) == [PRICE]
    check_promises(world)


def test_many_workers_at_once_give_it_back_once(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    with ThreadPoolExecutor(WORKERS) as workers:
        done = list(workers.map(lambda _: world.refunds.settle(order.order_id, SYSTEM), range(WORKERS)))
    assert any(done)
    assert list(bank.given_back.values()) == [PRICE]
    assert after(world, order).status is OrderStatus.REFUNDED


def test_while_a_request_may_be_on_its_way_it_is_asked_about_and_not_for(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    bank.troubles = ["down"]
    with pytest.raises(ProviderUnavailable):
        world.refunds.settle(order.order_id, SYSTEM)
    assert not world.refunds.settle(order.order_id, SYSTEM)
    assert bank.given_back == {}
    world.ahead_ms += ASK_AGAIN_MS
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert list(bank.given_back.values()) == [PRICE]


def test_a_person_gives_back_what_the_provider_refuses_to_and_says_so_once(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    (refund,) = order.refunds
    with pytest.raises(RefundNotFailed):
        world.refund_desk.give_by_hand(order.order_id, refund.refund_id, "T-77", OPERATOR)
    bank.troubles = ["refuse"]
    world.refunds.settle(order.order_id, SYSTEM)
    given = world.refund_desk.give_by_hand(order.order_id, refund.refund_id, "T-77", OPERATOR)
    again = world.refund_desk.give_by_hand(order.order_id, refund.refund_id, "T-77", OPERATOR)
    assert (given.status, given.refunds[0].said, given.refunds[0].reference) == (
        OrderStatus.REFUNDED,
        "by_hand",
        "T-77",
    )
    assert again == given
    with pytest.raises(RefundNotFailed):
        world.refund_desk.give_by_hand(order.order_id, refund.refund_id, "T-78", OPERATOR)
    with pytest.raises(RefundNotFound):
        world.refund_desk.give_by_hand(order.order_id, "ref_none", "T-77", OPERATOR)
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert bank.given_back == {}


def test_a_refund_that_may_not_be_repeated_is_only_asked_about(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    bank.troubles, bank.repeats = ["down"], False
    for _ in range(4):
        with suppress(ProviderUnavailable):
            assert not world.refunds.settle(order.order_id, SYSTEM)
        world.ahead_ms += ASK_AGAIN_MS
    assert bank.given_back == {}
    assert after(world, order).refunds[0].status is RefundStatus.UNKNOWN


def test_a_refund_that_is_open_for_a_day_is_on_the_desk_once_and_still_asked_about(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    bank.troubles = ["down"] * 3
    for _ in range(3):
        with suppress(ProviderUnavailable):
            world.refunds.settle(order.order_id, SYSTEM)
        world.ahead_ms += STUCK_MS
    (waiting,) = world.desk.waiting(10)
    (refund,) = after(world, order).refunds
    assert (waiting.reason, waiting.reference) == (Mismatch.REFUND_STUCK, refund.refund_id)
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert list(bank.given_back.values()) == [PRICE]


def test_what_nobody_could_be_asked_for_in_a_day_is_given_by_a_person(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    (refund,) = order.refunds
    world.ahead_ms += STUCK_MS
    given = world.refund_desk.give_by_hand(order.order_id, refund.refund_id, "T-77", OPERATOR)
    assert (given.status, given.refunds[0].said) == (OrderStatus.REFUNDED, "by_hand")
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert bank.given_back == {}


def test_one_provider_that_is_gone_does_not_hold_up_what_another_owes(world: World) -> None:
    world.stock_up(1)
    gone, bank = Bank(), Bank()
    world.accounts = PaymentAccounts(
        {("gone", ACCOUNT): gone, (PROVIDER, ACCOUNT): bank}, {("gone", ACCOUNT): (), (PROVIDER, ACCOUNT): ()}
    )
    placed = world.order(provider=PROVIDER)
    way = WayToPay(provider="gone", return_url="https://shop.example")
    other = world.checkout.start_payment(placed.order.order_id, placed.token, way, BUYER)
    said = replace(gone.paid(other.attempt, "at the other"), provider="gone")
    world.settlement.settle(bank.paid(placed.attempt, "first"), SYSTEM)
    world.settlement.settle(said, SYSTEM)
    world.settlement.settle(bank.paid(placed.attempt, "second"), SYSTEM)
    gone.troubles = ["down"] * 5
    with pytest.raises(ProviderUnavailable):
        world.refunds.settle(placed.order.order_id, SYSTEM)
    assert len(bank.given_back) == 1
    assert gone.given_back == {}


def test_a_refund_that_falls_back_after_it_had_gone_is_owed_again_and_on_the_desk(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    world.refunds.settle(order.order_id, SYSTEM)
    (refund,) = after(world, order).refunds
    bank.troubles = ["refuse"]
    world.refunds.look_again(order.order_id, refund.refund_id, SYSTEM)
    order = after(world, order)
    assert (order.status, order.refunds[0].status) == (OrderStatus.REFUNDING, RefundStatus.FAILED)
    assert order.units[0].status is UnitStatus.FAILED
    assert [waiting.reason for waiting in world.desk.waiting(10)] == [Mismatch.REFUND_FAILED]


def test_what_was_given_by_hand_does_not_fall_back(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    bank.troubles = ["refuse", "refuse"]
    world.refunds.settle(order.order_id, SYSTEM)
    (refund,) = after(world, order).refunds
    world.refund_desk.give_by_hand(order.order_id, refund.refund_id, "T-77", OPERATOR)
    world.refunds.look_again(order.order_id, refund.refund_id, SYSTEM)
    assert after(world, order).status is OrderStatus.REFUNDED


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_a_provider_gives_back_that_it_had_refused_to_is_on_the_desk_once(
    world: World, bank: Bank, by_hand: bool
) -> None:
    order = paid_too_late(world, bank)
    bank.troubles = ["refuse", "refuse"]
    world.refunds.settle(order.order_id, SYSTEM)
    (refund,) = after(world, order).refunds
    if by_hand:
        world.refund_desk.give_by_hand(order.order_id, refund.refund_id, "T-77", OPERATOR)
    world.refunds.look_again(order.order_id, refund.refund_id, SYSTEM)
    told = after(world, order)
    bank.given_back[refund.refund_id] = refund.amount
    for _ in range(2):
        world.refunds.look_again(order.order_id, refund.refund_id, SYSTEM)
    found, _ = world.desk.waiting(10)
    assert (found.reason, found.reference, found.order_id) == (
        Mismatch.FOREIGN_REFUND,
        refund.refund_id,
        order.order_id,
    )
    assert after(world, order) == told


def notice(order: Order, **changes: object) -> RefundNotice:
    plain = RefundNotice(
        provider=PROVIDER,
        account=ACCOUNT,
        attempt_id=order.attempts[0].attempt_id,
        refund_id="made-by-hand-1",
        reference="R-1",
        amount=PRICE,
        status="SUCCESS",
        moved=True,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # named by the test


def delivered(world: World, bank: Bank) -> Order:
    world.stock_up(1)
    placed = ordered(world)
    world.settlement.settle(bank.paid(placed.attempt, "first"), SYSTEM)
    return after(world, placed.order)


@pytest.mark.parametrize("changes", [{}, {"refund_id": "", "attempt_id": "", "payment_reference": "first"}])
def test_money_that_went_back_without_us_is_on_the_desk_once(
    world: World, bank: Bank, changes: dict[str, object]
) -> None:
    order = delivered(world, bank)
    for status in ("PROCESSING", "SUCCESS", "SUCCESS"):
        assert world.refunds.hear_of(notice(order, status=status, **changes), SYSTEM)
    (waiting,) = world.desk.waiting(10)
    assert (waiting.reason, waiting.reference, waiting.amount) == (Mismatch.FOREIGN_REFUND, "R-1", PRICE)
    assert waiting.order_id == order.order_id
    assert after(world, order) == order


@pytest.mark.parametrize(
    "changes",
    [
        {"moved": False},
        {"refund_id": "", "attempt_id": "", "payment_reference": "of another shop at the same account"},
        {"attempt_id": "somebody-elses-1"},
        {"attempt_id": attempt_id(derived_id("ord", "another stage"), 1), "refund_id": derived_id("ref", "there")},
    ],
)
def test_what_is_no_payment_of_ours_or_moved_nothing_is_no_concern(
    world: World, bank: Bank, changes: dict[str, object]
) -> None:
    assert not world.refunds.hear_of(notice(delivered(world, bank), **changes), SYSTEM)
    assert world.desk.waiting(10) == []


def test_a_notice_of_our_own_refund_in_whatever_round_is_not_on_the_desk(world: World, bank: Bank) -> None:
    order = paid_too_late(world, bank)
    (refund,) = order.refunds
    bank.troubles = ["refuse", "slow"]
    world.refunds.settle(order.order_id, SYSTEM)
    world.refund_desk.ask_again(order.order_id, refund.refund_id, OPERATOR)
    assert not world.refunds.settle(order.order_id, SYSTEM)
    assert world.refunds.hear_of(notice(order, refund_id=refund.refund_id), SYSTEM)
    (told,) = after(world, order).refunds
    assert (told.status, told.round) == (RefundStatus.SUCCEEDED, 1)
    assert [waiting.reason for waiting in world.desk.waiting(10)] == [Mismatch.REFUND_FAILED]
