"""Payments that fit nothing leave the desk as a decision of one operator, and their money goes where it says, once."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from keyrail.fulfilment.model import Outcome
from keyrail.fulfilment.service.payment_desk import PaysAnOrder
from keyrail.ordering.model.orders import Order, OrderNotFound, OrderStatus
from keyrail.ordering.model.placing import NotAcceptable, OrderPaid, OtherCurrency, OtherSum, TooMuchMissing
from keyrail.payments.model import desk as model
from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.payments.model.desk import (
    AlreadyDecided,
    DeskStatus,
    MoneyInIt,
    NoMoneyInIt,
    PaymentNotFound,
    UnmatchedPayment,
)
from keyrail.payments.model.refund_limits import RefundLimit, RefundLimits
from keyrail.payments.model.refunds import ASK_AGAIN_MS, STUCK_MS, OwnRequest, RefundNotice, RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import Origin
from keyrail.platform.errors import Invalid, KeyrailError
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.engines import Engine
from tests.promises import check_promises
from tests.racing import at_once, refusals
from tests.world import BUYER, OPERATOR, PRICE, REFUND_LIMITS, SYSTEM, World

pytestmark = pytest.mark.usefixtures("kept_books")

WORKERS = 20
AFTER_THE_LEASES_MS = 60 * 60 * 1000
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


def test_above_the_limit_a_second_person_gives_it_back(world: World, bank: Bank) -> None:
    payment = under_paid(world, bank)
    world.refund_limits = RefundLimits({"CNY": RefundLimit(TOO_LITTLE.amount_minor - 1, 10_000)})
    waiting = world.payment_desk.refund(payment.payment_id, OPERATOR)
    assert waiting.status is DeskStatus.AWAITING_APPROVAL
    assert world.refunds.settle(payment.payment_id, SYSTEM)
    assert bank.given_back == {}
    with pytest.raises(OwnRequest):
        world.payment_desk.approve_refund(payment.payment_id, OPERATOR)
    with pytest.raises(AlreadyDecided):
        world.payment_desk.accept(payment.payment_id, BOB)
    approved = world.payment_desk.approve_refund(payment.payment_id, BOB)
    assert world.payment_desk.approve_refund(payment.payment_id, BOB) == approved
    assert world.refunds.settle(payment.payment_id, SYSTEM)
    assert list(bank.given_back.values()) == [TOO_LITTLE]
    check_promises(world)


def test_what_a_person_gives_back_on_a_day_is_counted_with_it(world: World, bank: Bank) -> None:
    """Of four that ask at once, and each twice, two are within the day; the others wait for a second person."""
    world.stock_up(1)
    world.refund_limits = RefundLimits({"CNY": RefundLimit(TOO_LITTLE.amount_minor, 2 * TOO_LITTLE.amount_minor)})
    payments = [unknown(world, bank, TOO_LITTLE, f"T-{number}") for number in range(4)]
    at_once([partial(world.payment_desk.refund, each.payment_id, OPERATOR) for each in payments * 2])
    assert sorted(after(world, each).status for each in payments) == ["awaiting_approval"] * 2 + ["refunding"] * 2
    world.refund_limits = RefundLimits({})
    other = unknown(world, bank, Money(1, "USD"), "of no named currency")
    assert world.payment_desk.refund(other.payment_id, BOB).status is DeskStatus.AWAITING_APPROVAL


def test_a_payment_whose_refund_is_turned_down_can_still_pay_its_order(world: World, bank: Bank) -> None:
    payment = under_paid(world, bank)
    world.refund_limits = RefundLimits({})
    world.payment_desk.refund(payment.payment_id, OPERATOR)
    rejected = world.payment_desk.reject_refund(payment.payment_id, BOB)
    assert world.payment_desk.reject_refund(payment.payment_id, BOB) == rejected
    assert [each.payment_id for each in world.desk.waiting(10)] == [payment.payment_id]
    world.refund_limits = REFUND_LIMITS
    process(world, bank).payment_desk.accept(payment.payment_id, BOB)
    check_promises(world)


def test_a_refund_of_a_payment_that_paid_its_order_meanwhile_is_not_approved(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = world.order(provider=PROVIDER)
    right = bank.paid(placed.attempt, "T-1")
    payment = on_desk(world, replace(right, amount=TOO_LITTLE))
    world.refund_limits = RefundLimits({})
    world.payment_desk.refund(payment.payment_id, OPERATOR)
    world.settlement.settle(right, SYSTEM)
    with pytest.raises(PaysAnOrder):
        world.payment_desk.approve_refund(payment.payment_id, BOB)
    world.payment_desk.reject_refund(payment.payment_id, BOB)
    assert world.payment_desk.dismiss(payment.payment_id, BOB).status is DeskStatus.DISMISSED


def test_the_providers_word_about_the_refund_of_an_assigned_payment_finds_its_order(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed, faster = world.order(provider=PROVIDER), world.another_process()
    faster.ahead_ms += AFTER_THE_LEASES_MS
    faster.order()
    payment = unknown(world, bank)
    world.ahead_ms += AFTER_THE_LEASES_MS
    world.payment_desk.assign(payment.payment_id, placed.order.order_id, OPERATOR, accept_amount=False)
    bank.troubles = ["slow"]
    assert not world.refunds.settle(placed.order.order_id, SYSTEM)
    (refund,) = world.orders.of_operator(placed.order.order_id).refunds
    notice = RefundNotice(
        provider=PROVIDER,
        account=ACCOUNT,
        attempt_id=payment.attempt_id,
        refund_id=refund.refund_id,
        payment_reference=payment.reference,
        moved=True,
    )
    assert world.refunds.hear_of(notice, SYSTEM)
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.REFUNDED


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


@pytest.mark.parametrize("command", ["refund", "assign"])
def test_a_payment_that_pays_its_order_in_that_very_moment_stays_what_it_is(
    engine: Engine, world: World, bank: Bank, command: str
) -> None:
    """The provider tells of it anew between the operator's look and their decision."""
    world.stock_up(2)
    placed, other = world.order(provider=PROVIDER), world.order(provider=PROVIDER)
    right = bank.paid(placed.attempt, "T-1")
    payment = on_desk(world, replace(right, amount=TOO_LITTLE))
    slow, paid = at_bank(world.another_process(dynamodb=engine.dynamodb()), bank), False

    def pay_first(**_: object) -> None:
        nonlocal paid
        if not paid:
            paid = True
            world.settlement.settle(right, SYSTEM)

    slow.dynamodb.meta.events.register("before-call.dynamodb.TransactWriteItems", pay_first)
    named, order_id = payment.payment_id, other.order.order_id
    commands: dict[str, Callable[[], object]] = {
        "refund": lambda: slow.payment_desk.refund(named, OPERATOR),
        "assign": lambda: slow.payment_desk.assign(named, order_id, OPERATOR, accept_amount=True),
    }
    with pytest.raises(PaysAnOrder):
        commands[command]()
    assert paid
    assert after(world, payment) == payment
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


# accepted and assigned


def order_of(world: World, payment: UnmatchedPayment) -> Order:
    return world.orders.of_operator(str(payment.order_id))


def unknown(world: World, bank: Bank, amount: Money = PRICE, reference: str = "stray") -> UnmatchedPayment:
    """A payment that names a number of somebody else's."""
    there = Confirmation(
        provider=PROVIDER,
        account=ACCOUNT,
        merchant=bank.merchant,
        attempt_id=f"till-{reference}",
        reference=reference,
        amount=amount,
        paid=True,
        status="paid",
    )
    return on_desk(world, there)


@pytest.mark.parametrize("amount", [TOO_LITTLE, Money(1_500, "CNY")])
def test_an_accepted_payment_delivers_its_order_as_if_it_had_been_right(
    world: World, bank: Bank, amount: Money
) -> None:
    world.stock_up(1)
    payment = on_desk(world, said(world, bank, amount))
    accepted = world.payment_desk.accept(payment.payment_id, OPERATOR)
    order = order_of(world, payment)
    paid = order.paid_attempt()
    assert paid is not None
    assert (order.status, paid.attempt_id, paid.reference) == (OrderStatus.DELIVERED, payment.attempt_id, "odd")
    assert (paid.amount, paid.received, paid.known_as) == (PRICE, amount, None)
    assert (accepted.status, accepted.decision and accepted.decision.order_id) == ("accepted", order.order_id)
    assert (order.changed_by, order.changed_reason) == (OPERATOR.by, OPERATOR.reason)
    assert world.payment_desk.accept(payment.payment_id, OPERATOR) == accepted
    with pytest.raises(AlreadyDecided) as refused:
        world.payment_desk.refund(payment.payment_id, OPERATOR)
    assert refused.value.facts["order_id"] == order.order_id
    check_promises(world)


@pytest.mark.parametrize("limit", [RefundLimit(600, 10_000), RefundLimit(10_000, 600)])
def test_what_is_missing_is_given_away_by_whoever_accepts_and_is_limited_as_refunds_are(
    world: World, bank: Bank, limit: RefundLimit
) -> None:
    """Of one payment, and of a day."""
    world.stock_up(3)
    short = PRICE.amount_minor - 500
    first, second = (on_desk(world, said(world, bank, Money(short, "CNY"), reference)) for reference in ("a", "b"))
    tiny = on_desk(world, said(world, bank, Money(1, "CNY"), "c"))
    world.refund_limits = RefundLimits({"CNY": limit})
    careful = world.payment_desk
    careful.accept(first.payment_id, OPERATOR)
    with pytest.raises(TooMuchMissing):
        careful.accept(tiny.payment_id, OPERATOR)
    if limit.day_minor == 600:
        with pytest.raises(TooMuchMissing):
            careful.accept(second.payment_id, OPERATOR)
        assert after(world, second) == second
    careful.accept(second.payment_id, BOB)
    assert after(world, tiny) == tiny
    assert order_of(world, tiny).paid_attempt() is None
    check_promises(world)


def test_what_a_person_waives_at_once_is_limited_as_what_they_waive_one_by_one(world: World, bank: Bank) -> None:
    world.stock_up(4)
    payments = [on_desk(world, said(world, bank, TOO_LITTLE, f"T-{number}")) for number in range(4)]
    missing = PRICE.amount_minor - TOO_LITTLE.amount_minor
    world.refund_limits = RefundLimits({"CNY": RefundLimit(missing, 2 * missing)})
    refused = refusals(at_once([partial(world.payment_desk.accept, each.payment_id, OPERATOR) for each in payments]))
    assert refused == ["payment_too_small"] * 2
    assert sorted(after(world, each).status for each in payments) == ["accepted"] * 2 + ["waiting"] * 2
    check_promises(world)


def test_the_same_acceptance_twice_at_once_is_once_though_it_fills_the_day(
    engine: Engine, world: World, bank: Bank
) -> None:
    """The second is between its look and its write when the first comes through."""
    payment = under_paid(world, bank)
    missing = PRICE.amount_minor - TOO_LITTLE.amount_minor
    world.refund_limits = RefundLimits({"CNY": RefundLimit(missing, missing)})
    slow, accepted = at_bank(world.another_process(dynamodb=engine.dynamodb()), bank), list[UnmatchedPayment]()

    def accept_first(**_: object) -> None:
        if not accepted:
            accepted.append(world.payment_desk.accept(payment.payment_id, OPERATOR))

    slow.dynamodb.meta.events.register("before-call.dynamodb.TransactWriteItems", accept_first)
    assert [slow.payment_desk.accept(payment.payment_id, OPERATOR)] == accepted
    check_promises(world)


@pytest.mark.parametrize("amount", [TOO_LITTLE, Money(1_500, "CNY")])
def test_of_an_accepted_payment_that_came_too_late_all_that_was_received_goes_back(
    world: World, bank: Bank, amount: Money
) -> None:
    world.stock_up(1)
    payment = on_desk(world, said(world, bank, amount))
    world.ahead_ms += AFTER_THE_LEASES_MS
    faster = world.order(provider=PROVIDER)
    world.settlement.settle(bank.paid(faster.attempt, "faster"), SYSTEM)
    world.payment_desk.accept(payment.payment_id, OPERATOR)
    assert [refund.amount for refund in order_of(world, payment).refunds] == [amount]
    assert world.refunds.settle(str(payment.order_id), SYSTEM)
    assert list(bank.given_back.values()) == [bank.wanted.attempt.amount] == [amount]
    assert order_of(world, payment).status is OrderStatus.REFUNDED
    check_promises(world)


def test_an_accepted_payment_of_a_cancelled_order_still_gets_its_goods(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = world.order(provider=PROVIDER)
    payment = on_desk(world, replace(bank.paid(placed.attempt, "odd"), amount=TOO_LITTLE))
    world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    world.payment_desk.accept(payment.payment_id, OPERATOR)
    assert order_of(world, payment).status is OrderStatus.DELIVERED
    check_promises(world)


def test_the_right_payment_behind_an_accepted_one_is_one_too_many_and_goes_back(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = world.order(provider=PROVIDER)
    payment = on_desk(world, replace(bank.paid(placed.attempt, "odd"), amount=TOO_LITTLE))
    world.payment_desk.accept(payment.payment_id, OPERATOR)
    assert world.settlement.settle(bank.paid(placed.attempt, "right"), SYSTEM).outcome is Outcome.GIVEN_BACK
    assert world.refunds.settle(placed.order.order_id, SYSTEM)
    assert list(bank.given_back.values()) == [bank.wanted.attempt.amount] == [PRICE]
    assert on_desk(world, replace(bank.paid(placed.attempt, "odd"), amount=TOO_LITTLE)).status is DeskStatus.ACCEPTED
    check_promises(world)


def test_an_order_that_was_paid_meanwhile_takes_no_other_payment(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = world.order(provider=PROVIDER)
    payment = on_desk(world, replace(bank.paid(placed.attempt, "odd"), amount=TOO_LITTLE))
    world.settlement.settle(bank.paid(placed.attempt, "right"), SYSTEM)
    with pytest.raises(OrderPaid):
        world.payment_desk.accept(payment.payment_id, OPERATOR)
    with pytest.raises(OrderPaid):
        world.payment_desk.assign(payment.payment_id, placed.order.order_id, OPERATOR, accept_amount=True)
    assert after(world, payment) == payment
    world.payment_desk.refund(payment.payment_id, OPERATOR)
    check_promises(world)


def test_an_assigned_payment_is_an_attempt_more_that_goes_back_by_the_number_its_provider_knows(
    world: World, bank: Bank
) -> None:
    world.stock_up(1)
    late = world.order(provider=PROVIDER)
    world.ahead_ms += AFTER_THE_LEASES_MS
    faster = world.order(provider=PROVIDER)
    world.settlement.settle(bank.paid(faster.attempt, "faster"), SYSTEM)
    payment = unknown(world, bank)
    world.payment_desk.assign(payment.payment_id, late.order.order_id, OPERATOR, accept_amount=False)
    order = world.orders.of_operator(late.order.order_id)
    first, assigned = order.attempts
    assert (first, assigned.payment_id, assigned.known_as) == (late.attempt, payment.payment_id, payment.attempt_id)
    assert (assigned.attempt_id, assigned.reference) == (late.attempt.attempt_id[:-1] + "2", "stray")
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert (bank.wanted.attempt.attempt_id, bank.wanted.attempt.reference) == (payment.attempt_id, "stray")
    assert list(bank.given_back.values()) == [PRICE]
    check_promises(world)


def test_an_assigned_payment_delivers_and_is_known_when_it_comes_again(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed, payment = world.order(provider=PROVIDER), unknown(world, bank)
    assigned = world.payment_desk.assign(payment.payment_id, placed.order.order_id, OPERATOR, accept_amount=False)
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.DELIVERED
    assert unknown(world, bank) == assigned
    again = world.payment_desk.assign(payment.payment_id, placed.order.order_id, OPERATOR, accept_amount=False)
    assert again == assigned
    other = world.order(provider=PROVIDER)
    with pytest.raises(AlreadyDecided):
        world.payment_desk.assign(payment.payment_id, other.order.order_id, OPERATOR, accept_amount=False)
    assert world.orders.of_operator(other.order.order_id) == other.order
    check_promises(world)


def test_what_cannot_pay_an_order_is_refused_and_changes_nothing(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed = world.order(provider=PROVIDER)
    order_id = placed.order.order_id
    less, dollars = unknown(world, bank, TOO_LITTLE, "less"), unknown(world, bank, Money(990, "USD"), "dollars")
    unpaid = on_desk(world, replace(bank.paid(placed.attempt, "unpaid"), paid=False))
    desk = world.payment_desk
    refused: list[tuple[type[KeyrailError], Callable[[], object]]] = [
        (OtherSum, lambda: desk.assign(less.payment_id, order_id, OPERATOR, accept_amount=False)),
        (OtherCurrency, lambda: desk.assign(dollars.payment_id, order_id, OPERATOR, accept_amount=True)),
        (NoMoneyInIt, lambda: desk.assign(unpaid.payment_id, order_id, OPERATOR, accept_amount=True)),
        (OrderNotFound, lambda: desk.assign(less.payment_id, "ord_" + "0" * 26, OPERATOR, accept_amount=True)),
        (NotAcceptable, lambda: desk.accept(less.payment_id, OPERATOR)),
        (NotAcceptable, lambda: desk.accept(unpaid.payment_id, OPERATOR)),
        (PaymentNotFound, lambda: desk.accept(order_id, OPERATOR)),
    ]
    for error, decide in refused:
        with pytest.raises(error):
            decide()
    assert [after(world, payment) for payment in (less, dollars, unpaid)] == [less, dollars, unpaid]
    assert world.orders.of_operator(order_id) == placed.order
    desk.assign(less.payment_id, order_id, OPERATOR, accept_amount=True)
    check_promises(world)


@pytest.mark.parametrize("over_the_limit", [False, True])
def test_a_payment_that_was_sent_back_pays_nothing_though_it_is_told_of_in_the_right_words_then(
    world: World, bank: Bank, *, over_the_limit: bool
) -> None:
    world.stock_up(1)
    placed = world.order(provider=PROVIDER)
    right = bank.paid(placed.attempt, "T-1")
    wrong = on_desk(world, replace(right, amount=TOO_LITTLE))
    if over_the_limit:
        world.refund_limits = RefundLimits({})
    world.payment_desk.refund(wrong.payment_id, OPERATOR)
    if over_the_limit:
        world.payment_desk.approve_refund(wrong.payment_id, BOB)
    assert world.settlement.settle(right, SYSTEM).outcome is Outcome.UNMATCHED
    again = world.desk.payment(model.payment_id(right))
    assert (again.status, again.reason) == (DeskStatus.WAITING, Mismatch.DOUBLE_PAYMENT)
    with pytest.raises(PaysAnOrder):
        world.payment_desk.refund(again.payment_id, OPERATOR)
    assert world.payment_desk.dismiss(again.payment_id, OPERATOR).status is DeskStatus.DISMISSED
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.PENDING_PAYMENT
    assert world.settlement.settle(bank.paid(placed.attempt, "T-2"), SYSTEM).outcome is Outcome.APPLIED


def test_a_payment_that_was_assigned_to_another_order_does_not_pay_its_own_as_well(world: World, bank: Bank) -> None:
    """Its provider told of another sum first, and tells of it in the right words then."""
    world.stock_up(2)
    placed, other = world.order(provider=PROVIDER), world.order(provider=PROVIDER)
    right = bank.paid(placed.attempt, "T-1")
    wrong = on_desk(world, replace(right, amount=TOO_LITTLE))
    world.payment_desk.assign(wrong.payment_id, other.order.order_id, OPERATOR, accept_amount=True)
    assert world.settlement.settle(right, SYSTEM).outcome is Outcome.UNMATCHED
    assert world.orders.of_operator(placed.order.order_id).paid_attempt() is None
    again = world.desk.payment(model.payment_id(right))
    with pytest.raises(PaysAnOrder) as refused:
        world.payment_desk.refund(again.payment_id, OPERATOR)
    assert refused.value.facts == {"order_id": other.order.order_id}
    assert world.payment_desk.dismiss(again.payment_id, OPERATOR).status is DeskStatus.DISMISSED
    assert len(world.sold()) == 1


def test_a_payment_that_paid_its_order_after_all_is_not_assigned_to_another(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed, other = world.order(provider=PROVIDER), world.order(provider=PROVIDER)
    right = bank.paid(placed.attempt, "T-1")
    payment = on_desk(world, replace(right, amount=TOO_LITTLE))
    world.settlement.settle(right, SYSTEM)
    with pytest.raises(PaysAnOrder):
        world.payment_desk.assign(payment.payment_id, other.order.order_id, OPERATOR, accept_amount=True)


def test_a_payment_that_was_assigned_and_is_told_of_in_other_words_is_not_given_back(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed, other = world.order(provider=PROVIDER), world.order(provider=PROVIDER)
    payment, again = unknown(world, bank), unknown(world, bank, TOO_LITTLE)
    world.payment_desk.assign(payment.payment_id, placed.order.order_id, OPERATOR, accept_amount=False)
    with pytest.raises(PaysAnOrder) as refused:
        world.payment_desk.refund(again.payment_id, OPERATOR)
    assert refused.value.facts == {"order_id": placed.order.order_id}
    with pytest.raises(PaysAnOrder):
        world.payment_desk.assign(again.payment_id, other.order.order_id, OPERATOR, accept_amount=True)
    assert world.payment_desk.dismiss(again.payment_id, OPERATOR).status is DeskStatus.DISMISSED


def test_another_payment_with_a_number_that_its_provider_repeats_goes_back(world: World, bank: Bank) -> None:
    world.stock_up(2)
    first, second = world.order(provider=PROVIDER), world.order(provider=PROVIDER)
    world.settlement.settle(bank.paid(first.attempt, "again"), SYSTEM)
    payment = on_desk(world, replace(bank.paid(second.attempt, "again"), amount=TOO_LITTLE))
    with pytest.raises(MoneyInIt):
        world.payment_desk.dismiss(payment.payment_id, OPERATOR)
    assert world.payment_desk.refund(payment.payment_id, OPERATOR).status is DeskStatus.REFUNDING


@pytest.mark.parametrize("turn", range(3))
def test_whoever_is_faster_the_money_goes_one_way(world: World, bank: Bank, turn: int) -> None:
    """Two who accept, one who assigns to another order, one who refunds, and the right payment of the order."""
    world.stock_up(2)
    placed, other = world.order(provider=PROVIDER), world.order(provider=PROVIDER)
    payment = on_desk(world, replace(bank.paid(placed.attempt, "odd"), amount=TOO_LITTLE))
    named = payment.payment_id
    crowd: list[Callable[[], object]] = [
        lambda: process(world, bank).payment_desk.accept(named, OPERATOR),
        lambda: process(world, bank).payment_desk.accept(named, BOB),
        lambda: process(world, bank).payment_desk.assign(named, other.order.order_id, BOB, accept_amount=True),
        lambda: process(world, bank).payment_desk.refund(named, BOB),
        lambda: process(world, bank).settlement.settle(bank.paid(placed.attempt, "right"), SYSTEM),
    ]
    results = at_once(crowd[turn:] + crowd[:turn])
    won = [result for result in results if isinstance(result, UnmatchedPayment)]
    assert len({payment.status for payment in won}) == len({p.decision and p.decision.by for p in won}) == 1
    assert set(refusals(results)) <= {"payment_already_decided", "order_already_paid", PaysAnOrder.code}
    for owner_id in (named, placed.order.order_id, other.order.order_id):
        process(world, bank).refunds.settle(owner_id, SYSTEM)
    check_promises(world)
    status = after(world, payment).status
    expected = [TOO_LITTLE] if status is DeskStatus.REFUNDED else []
    expected += [PRICE] if status is DeskStatus.ACCEPTED else []
    assert list(bank.given_back.values()) == expected
