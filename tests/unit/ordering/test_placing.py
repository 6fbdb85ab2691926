"""An order that is paid by another sum than it asked for owes back what was received, and never more."""

from dataclasses import replace

import pytest

from keyrail.ordering.model.orders import Channel, Order, OrderStatus, Unit, UnitStatus
from keyrail.ordering.model.placing import NotAcceptable, OrderPaid, OtherCurrency, OtherSum, accept, assign
from keyrail.ordering.model.refunds import ask, hear
from keyrail.ordering.model.steps import deliver, fail_unit
from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.model.desk import CAME_IN, NoMoneyInIt, UnmatchedPayment
from keyrail.payments.model.refunds import RefundAnswer, RefundState
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import KeyrailError
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

ALICE = Origin("operator:alice", "192.0.2.7", "ticket 4711")
NOW_MS = 1_767_225_600_000
ORDER_ID = derived_id("ord", "an order")
FIRST, SECOND = (attempt_id(ORDER_ID, number) for number in (1, 2))
UNITS = (300, 400, 500)


def yuan(minor: int) -> Money:
    return Money(minor, "CNY")


def unpaid(*minor: int) -> Order:
    units = tuple(
        Unit(unit_id=f"unt_{number}", sku_id="game-100", quantity=1, amount=yuan(each), key_ids=(f"key_{number}",))
        for number, each in enumerate(minor or UNITS)
    )
    price = yuan(sum(minor or UNITS))
    return Order(
        order_id=ORDER_ID,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=units,
        total=price,
        attempts=(PaymentAttempt(attempt_id=FIRST, provider="epay", account="main", amount=price),),
        request_hash=b"request",
        token_hash=b"token",
        created_at_ms=NOW_MS,
        expires_at_ms=NOW_MS,
        **stamp(ALICE, NOW_MS),
    )


def payment(amount: Money | None, reason: Mismatch = Mismatch.UNDER_PAID, names: str = FIRST) -> UnmatchedPayment:
    return UnmatchedPayment(
        payment_id=derived_id("upm", "a payment"),
        provider="epay",
        account="main",
        merchant="1001",
        attempt_id=names,
        order_id=ORDER_ID,
        reference="T-1",
        amount=amount,
        provider_status="TRADE_SUCCESS",
        reason=reason,
        received_at_ms=NOW_MS,
        **stamp(ALICE, NOW_MS),
    )


def failed(order: Order, *numbers: int) -> Order:
    for number in numbers:
        order = fail_unit(order, f"unt_{number}", "sold_out", ALICE, NOW_MS)
    return order


def back(order: Order) -> Order:
    for refund in order.refunds:
        asked = ask(order, refund.refund_id, ALICE, NOW_MS)
        answer = RefundAnswer(refund_id=refund.refund_id, state=RefundState.SUCCEEDED, status="said")
        order = hear(asked, answer, ALICE, NOW_MS)
    return order


@pytest.mark.parametrize(
    ("received", "gone", "owed"),
    [
        (1_000, (0, 1, 2), [300, 400, 300]),
        (600, (2, 1, 0), [500, 100]),
        (300, (0, 1, 2), [300]),
        (1, (0, 1, 2), [1]),
        (1_000, (1,), [400]),
        (600, (0, 2), [300, 300]),
        (1_500, (0, 1, 2), [300, 400, 800]),
        (1_500, (0, 1), [300, 400]),
        (1_500, (2, 0, 1), [500, 300, 700]),
    ],
)
def test_no_more_is_owed_back_than_was_received_and_all_of_it_where_nothing_is_delivered(
    received: int, gone: tuple[int, ...], owed: list[int]
) -> None:
    order = failed(accept(unpaid(), payment(yuan(received)), ALICE, NOW_MS), *gone)
    assert [refund.amount.amount_minor for refund in order.refunds] == owed
    kept = [unit for unit in order.units if unit.status is UnitStatus.RESERVED]
    if not kept:
        assert sum(owed) == received
        assert (order.status, back(order).status) == (OrderStatus.REFUNDING, OrderStatus.REFUNDED)


def test_a_unit_for_which_no_money_is_left_is_refunded_as_it_stands() -> None:
    order = back(failed(accept(unpaid(), payment(yuan(300)), ALICE, NOW_MS), 0))
    assert [unit.status for unit in order.units] == [UnitStatus.REFUNDED, UnitStatus.RESERVED, UnitStatus.RESERVED]
    order = failed(order, 1, 2)
    assert ({unit.status for unit in order.units}, order.status) == ({UnitStatus.REFUNDED}, OrderStatus.REFUNDED)
    assert len(order.refunds) == 1


def test_what_was_paid_too_much_stays_where_something_was_delivered() -> None:
    order = accept(unpaid(300, 400), payment(yuan(1_500), Mismatch.OVER_PAID), ALICE, NOW_MS)
    order = failed(deliver(order, {"unt_0": ("key_0",)}, ALICE, NOW_MS), 1)
    assert [refund.amount for refund in order.refunds] == [yuan(400)]
    assert order.status is OrderStatus.PARTIALLY_DELIVERED


def test_an_accepted_payment_pays_the_attempt_that_it_names() -> None:
    order = accept(unpaid(), payment(yuan(1_000)), ALICE, NOW_MS + 1)
    (attempt,) = order.attempts
    assert (attempt.status, attempt.reference, attempt.received, attempt.known_as) == (
        "paid",
        "T-1",
        yuan(1_000),
        None,
    )
    assert (order.version, order.changed_by, order.status) == (2, "operator:alice", OrderStatus.PAID)


def test_an_assigned_payment_is_an_attempt_more_under_a_number_of_ours() -> None:
    order = assign(unpaid(), payment(yuan(1_200), names="till-7"), ALICE, NOW_MS, accept_amount=False)
    first, second = order.attempts
    assert first == unpaid().attempts[0]
    assert (second.attempt_id, second.known_as, second.received, second.amount) == (
        SECOND,
        "till-7",
        None,
        yuan(1_200),
    )


def test_a_payment_that_names_an_attempt_of_the_order_pays_that_one_however_it_is_placed() -> None:
    order = assign(unpaid(), payment(yuan(1_000)), ALICE, NOW_MS, accept_amount=True)
    assert order == accept(unpaid(), payment(yuan(1_000)), ALICE, NOW_MS)
    elsewhere = replace(payment(yuan(1_200), Mismatch.WRONG_ACCOUNT), account="second")
    first, second = assign(unpaid(), elsewhere, ALICE, NOW_MS, accept_amount=False).attempts
    assert (first.status, second.account, second.known_as) == ("open", "second", FIRST)


@pytest.mark.parametrize("reason", sorted(set(Mismatch) - {Mismatch.UNDER_PAID, Mismatch.OVER_PAID}))
def test_only_another_sum_for_an_attempt_of_the_order_is_accepted(reason: Mismatch) -> None:
    with pytest.raises(NotAcceptable):
        accept(unpaid(), payment(yuan(1_000), reason), ALICE, NOW_MS)
    with pytest.raises(NotAcceptable):
        accept(unpaid(), payment(yuan(1_000), names=SECOND), ALICE, NOW_MS)


@pytest.mark.parametrize("reason", sorted(Mismatch))
def test_what_brought_no_money_is_assigned_to_nothing(reason: Mismatch) -> None:
    for amount in (None, yuan(0), yuan(1_200)):
        there = payment(amount, reason, "till-7")
        if amount != yuan(1_200) or reason not in CAME_IN:
            with pytest.raises(NoMoneyInIt):
                assign(unpaid(), there, ALICE, NOW_MS, accept_amount=True)


def test_an_order_takes_one_payment_of_its_own_currency_and_of_another_sum_only_if_that_is_said() -> None:
    refused: list[tuple[type[KeyrailError], Order, Money]] = [
        (OrderPaid, accept(unpaid(), payment(yuan(1)), ALICE, NOW_MS), yuan(1_200)),
        (OtherCurrency, unpaid(), Money(1_200, "USD")),
        (OtherSum, unpaid(), yuan(1_199)),
        (OtherSum, unpaid(), yuan(1_201)),
    ]
    for error, order, amount in refused:
        with pytest.raises(error):
            assign(order, payment(amount, names="till-7"), ALICE, NOW_MS, accept_amount=False)


def test_a_payment_to_another_merchant_of_that_name_is_not_of_the_orders_own_attempt() -> None:
    order = unpaid()
    theirs = replace(order, attempts=(replace(order.attempts[0], merchant="another"),))
    with pytest.raises(NotAcceptable):
        accept(theirs, payment(yuan(500)), ALICE, NOW_MS)
    assigned = assign(theirs, payment(yuan(500)), ALICE, NOW_MS, accept_amount=True)
    assert [(each.attempt_id, each.merchant) for each in assigned.attempts] == [(FIRST, "another"), (SECOND, "1001")]
