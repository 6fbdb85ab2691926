"""Payments that fit nothing leave the desk as a decision of one operator, and their money goes where it says, once."""

from dataclasses import replace
from functools import partial

import pytest

from keyrail.fulfilment.service.payment_desk import PaysAnOrder
from keyrail.payments.model import desk as model
from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.payments.model.desk import AlreadyDecided, DeskStatus, MoneyInIt, PaymentNotFound, UnmatchedPayment
from keyrail.payments.model.refunds import ASK_AGAIN_MS, STUCK_MS, RefundNotice, RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import Origin
from keyrail.platform.errors import Invalid
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.promises import check_promises
from tests.racing import at_once, refusals
from tests.world import OPERATOR, PRICE, SYSTEM, World

WORKERS = 20
TOO_LITTLE = Money(500, "CNY")
BOB = Origin("operator:bob", "192.0.2.8", "ticket 4712")


@pytest.fixture
def bank(world: World) -> Bank:
    bank = Bank()
    at_bank(world, bank)
    return bank


def at_bank(world: World, bank: Bank) -> World:
    world.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})
    return world


def process(world: World, bank: Bank) -> World:
    return at_bank(world.another_process(), bank)


def said(world: World, bank: Bank, amount: Money = TOO_LITTLE, reference: str = "odd") -> Confirmation:
    """Of a new order, of another sum than it costs."""
    placed = world.order(provider=PROVIDER)
    return replace(bank.paid(placed.attempt, reference), amount=amount)


def on_desk(world: World, said: Confirmation) -> UnmatchedPayment:
    world.settlement.settle(said, SYSTEM)
    return world.desk.payment(model.payment_id(said))


def under_paid(world: World, bank: Bank) -> UnmatchedPayment:
    world.stock_up(1)
    return on_desk(world, said(world, bank))


def after(world: World, payment: UnmatchedPayment) -> UnmatchedPayment:
    return world.desk.payment(payment.payment_id)


def test_a_payment_goes_back_whole_to_whoever_made_it(world: World, bank: Bank) -> None:
    payment = under_paid(world, bank)
    world.payment_desk.refund(payment.payment_id, OPERATOR)
    assert world.refunds.settle(payment.payment_id, SYSTEM)
    back = after(world, payment)
    assert back.refund is not None
    assert (back.status, back.refund.status) == (DeskStatus.REFUNDED, RefundStatus.SUCCEEDED)
    assert bank.given_back == {back.refund.refund_id: TOO_LITTLE}
    assert (bank.wanted.attempt.attempt_id, bank.wanted.attempt.reference) == (payment.attempt_id, "odd")
    assert bank.wanted.attempt.amount == TOO_LITTLE
    assert world.desk.waiting(10) == []
    check_promises(world)


@pytest.mark.parametrize("troubles", [["lost"], ["lost", "down"], ["slow"], ["down"] * 3])
def test_whatever_is_lost_on_the_way_a_payment_goes_back_once(world: World, bank: Bank, troubles: list[str]) -> None:
    payment = under_paid(world, bank)
    world.payment_desk.refund(payment.payment_id, OPERATOR)
    bank.troubles = troubles
    for _ in range(len(troubles) + 2):
        world.ahead_ms += ASK_AGAIN_MS
        try:
            done = process(world, bank).refunds.settle(payment.payment_id, SYSTEM)
        except ProviderUnavailable:
            done = False
        assert done or after(world, payment).status is DeskStatus.REFUNDING
    assert list(bank.given_back.values()) == [TOO_LITTLE]
    assert after(world, payment).status is DeskStatus.REFUNDED


def test_many_operators_and_workers_at_once_give_a_payment_back_once(world: World, bank: Bank) -> None:
    payment = under_paid(world, bank)
    operators = [Origin(f"operator:{number}", "192.0.2.9", "at once") for number in range(WORKERS)]
    results = at_once([partial(world.payment_desk.refund, payment.payment_id, who) for who in operators])
    assert refusals(results) == ["payment_already_decided"] * (WORKERS - 1)
    at_once([lambda: world.refunds.settle(payment.payment_id, SYSTEM)] * WORKERS)
    assert list(bank.given_back.values()) == [TOO_LITTLE]
    assert after(world, payment).status is DeskStatus.REFUNDED


def test_what_a_provider_refuses_to_give_back_is_on_the_desk_each_time(world: World, bank: Bank) -> None:
    """Somebody who took the first refusal off the desk is told of the second."""
    payment = under_paid(world, bank)
    world.payment_desk.refund(payment.payment_id, OPERATOR)
    refund_id = model.refund_id(payment.payment_id)
    for _ in range(2):
        bank.troubles = ["refuse"]
        assert world.refunds.settle(payment.payment_id, SYSTEM)
        (waiting,) = world.desk.waiting(10)
        assert (waiting.reason, waiting.reference) == (Mismatch.REFUND_FAILED, refund_id)
        world.payment_desk.dismiss(waiting.payment_id, OPERATOR)
        world.ahead_ms += 1
        world.refund_desk.ask_again(payment.payment_id, refund_id, OPERATOR)
    bank.troubles = ["refuse"]
    world.refunds.settle(payment.payment_id, SYSTEM)
    given = world.refund_desk.give_by_hand(payment.payment_id, refund_id, "T-77", OPERATOR)
    assert given == world.refund_desk.give_by_hand(payment.payment_id, refund_id, "T-77", OPERATOR)
    assert (given.status, bank.given_back) == (DeskStatus.REFUNDED, {})


def test_a_payments_refund_that_is_open_for_a_day_is_on_the_desk(world: World, bank: Bank) -> None:
    payment = under_paid(world, bank)
    world.payment_desk.refund(payment.payment_id, OPERATOR)
    bank.troubles, bank.repeats = ["lost"], False
    assert not world.refunds.settle(payment.payment_id, SYSTEM)
    world.ahead_ms += STUCK_MS
    bank.troubles = ["lost"]
    assert not world.refunds.settle(payment.payment_id, SYSTEM)
    assert [waiting.reason for waiting in world.desk.waiting(10)] == [Mismatch.REFUND_STUCK]


def test_the_providers_word_about_a_payments_refund_is_heard(world: World, bank: Bank) -> None:
    payment = under_paid(world, bank)
    notice = RefundNotice(
        provider=PROVIDER,
        account=ACCOUNT,
        attempt_id=payment.attempt_id,
        refund_id=model.refund_id(payment.payment_id),
    )
    assert not world.refunds.hear_of(notice, SYSTEM)
    world.payment_desk.refund(payment.payment_id, OPERATOR)
    bank.troubles = ["slow"]
    world.refunds.settle(payment.payment_id, SYSTEM)
    assert after(world, payment).status is DeskStatus.REFUNDING
    assert world.refunds.hear_of(notice, SYSTEM)
    assert after(world, payment).status is DeskStatus.REFUNDED
    assert not world.refunds.hear_of(replace(notice, refund_id="re_of_the_console"), SYSTEM)


def test_the_same_command_again_is_once_and_another_operator_is_told_who_was_faster(world: World, bank: Bank) -> None:
    payment = under_paid(world, bank)
    first = world.payment_desk.refund(payment.payment_id, OPERATOR)
    assert world.payment_desk.refund(payment.payment_id, OPERATOR) == first == after(world, payment)
    with pytest.raises(AlreadyDecided) as refused:
        world.payment_desk.refund(payment.payment_id, BOB)
    assert (refused.value.facts["by"], refused.value.facts["status"]) == (OPERATOR.by, "refunding")


def test_a_payment_that_paid_its_order_after_all_is_not_given_back(world: World, bank: Bank) -> None:
    """The provider told of it twice, the first time with another sum."""
    world.stock_up(1)
    placed = world.order(provider=PROVIDER)
    right = bank.paid(placed.attempt, "T-1")
    payment = on_desk(world, replace(right, amount=TOO_LITTLE))
    with pytest.raises(MoneyInIt):
        world.payment_desk.dismiss(payment.payment_id, OPERATOR)
    world.settlement.settle(right, SYSTEM)
    with pytest.raises(PaysAnOrder):
        world.payment_desk.refund(payment.payment_id, OPERATOR)
    assert world.payment_desk.dismiss(payment.payment_id, OPERATOR).status is DeskStatus.DISMISSED
    check_promises(world)


def test_what_is_not_on_the_desk_is_not_decided_about(world: World) -> None:
    with pytest.raises(PaymentNotFound):
        world.payment_desk.refund("upm_" + "0" * 26, OPERATOR)


def test_every_payment_on_the_desk_is_found_page_by_page(world: World, bank: Bank) -> None:
    world.stock_up(1)
    right = bank.paid(world.order(provider=PROVIDER).attempt, "odd")
    sums = [replace(right, amount=Money(PRICE.amount_minor + more, "CNY")) for more in range(1, 8)]
    put = [on_desk(world, each).payment_id for each in sums]
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page, cursor = world.desk.page(DeskStatus.WAITING, 3, cursor)
        found += [payment.payment_id for payment in page]
        pages += 1
    assert (sorted(found), pages) == (sorted(put), 3)
    with pytest.raises(Invalid):
        world.desk.page(DeskStatus.WAITING, 3, "bm90aGluZw")
