"""What a person may have given back of an order, what of it, and what it then is."""

from dataclasses import replace

import pytest

from keyrail.ordering.model.disputes import hear as hear_of_dispute
from keyrail.ordering.model.orders import (
    MAX_REFUND_REQUESTS,
    NotRefundable,
    Order,
    OrderStatus,
    RefundWaits,
    TooManyRefunds,
    UnitStatus,
)
from keyrail.ordering.model.owed import left_to_refund, may_go_back
from keyrail.ordering.model.refund_requests import (
    WantedRefund,
    approve,
    given_alone,
    refundable_units,
    reject,
    requested,
    take_back,
    wait_for_approval,
)
from keyrail.ordering.model.refunds import ask, give_back, hear
from keyrail.ordering.model.steps import deliver
from keyrail.payments.model.confirmations import DisputeNotice, DisputeState
from keyrail.payments.model.refunds import Refund, RefundAnswer, RefundRequest, RefundState, RefundStatus
from keyrail.platform.changes import Origin
from keyrail.platform.money import Money
from tests.unit.ordering.test_orders_model import ATTEMPT, FIRST, KEYS, PAID, SECOND, SYSTEM

ALICE = Origin("operator:alice", "192.0.2.1")
BOB = Origin("operator:bob", "192.0.2.2")
WHOLE = deliver(PAID, KEYS, SYSTEM, 1_600)
REQUEST = RefundRequest(by=ALICE.by, at_ms=1_700, why="why", fingerprint="f")


def refund(order: Order, *units: str, named: str = "ref_1") -> Refund:
    return requested(order, named, refundable_units(order, units or None), REQUEST)


def test_units_that_are_given_back_keep_the_names_of_their_keys_and_owe_their_price_at_once() -> None:
    order = take_back(WHOLE, refund(WHOLE, FIRST), ALICE, 1_700)
    assert [(u.status, u.key_ids) for u in order.units] == [
        (UnitStatus.FAILED, KEYS[FIRST]),
        (UnitStatus.DELIVERED, KEYS[SECOND]),
    ]
    assert (order.status, order.refunds[0].status, order.refunds[0].amount) == (
        OrderStatus.PARTIALLY_DELIVERED,
        RefundStatus.DUE,
        WHOLE.units[0].amount,
    )
    with pytest.raises(ValueError, match="goods xor money"):
        take_back(order, refund(WHOLE, FIRST), ALICE, 1_800)
    with pytest.raises(NotRefundable):
        refundable_units(order, (FIRST,))


def test_never_more_goes_back_than_came_in_by_that_payment() -> None:
    assert left_to_refund(WHOLE) == WHOLE.total.amount_minor
    less = replace(WHOLE, attempts=(replace(WHOLE.attempts[0], amount=Money(250, "CNY")), *WHOLE.attempts[1:]))
    first = take_back(less, refund(less, FIRST), ALICE, 1_700)
    second = take_back(first, refund(first, SECOND, named="ref_2"), ALICE, 1_700)
    assert sum(each.amount.amount_minor for each in second.refunds) == 250
    assert left_to_refund(second) == 0


def test_a_second_payment_that_goes_back_takes_nothing_from_what_can_be_refunded() -> None:
    twice = give_back(WHOLE, ATTEMPT, "another", SYSTEM, 1_700)
    assert left_to_refund(twice) == WHOLE.total.amount_minor
    assert given_alone(twice, ALICE.by) == 0


def test_what_waits_moves_nothing_counts_as_nothing_and_cannot_be_asked_for_twice() -> None:
    wanted = refund(WHOLE, FIRST)
    waiting = wait_for_approval(WHOLE, wanted, ALICE, 1_700)
    assert (waiting.units, waiting.status) == (WHOLE.units, WHOLE.status)
    assert (left_to_refund(waiting), given_alone(waiting, ALICE.by)) == (WHOLE.total.amount_minor, 0)
    with pytest.raises(RefundWaits):
        refundable_units(waiting, (FIRST,))
    assert [unit.unit_id for unit in refundable_units(waiting, (SECOND,))] == [SECOND]
    rejected = reject(waiting, wanted, BOB, 1_800)
    assert (rejected.units, rejected.refunds[0].status) == (WHOLE.units, RefundStatus.REJECTED)
    assert refundable_units(rejected, None) == WHOLE.units


def test_what_two_people_agreed_on_is_no_longer_what_one_gave_alone() -> None:
    alone = take_back(WHOLE, refund(WHOLE, FIRST), ALICE, 1_700)
    assert given_alone(alone, ALICE.by) == WHOLE.units[0].amount.amount_minor
    assert given_alone(alone, BOB.by) == 0
    wanted = refund(alone, SECOND, named="ref_2")
    agreed = approve(wait_for_approval(alone, wanted, ALICE, 1_700), wanted, BOB, 1_800)
    assert given_alone(agreed, ALICE.by) == WHOLE.units[0].amount.amount_minor
    assert agreed.status is OrderStatus.REFUNDING


def test_an_approval_does_not_give_back_more_than_is_left_by_then() -> None:
    wanted = refund(WHOLE, FIRST)
    waiting = wait_for_approval(WHOLE, wanted, ALICE, 1_700)
    less = replace(waiting, attempts=(replace(waiting.attempts[0], amount=Money(1, "CNY")), *waiting.attempts[1:]))
    with pytest.raises(NotRefundable):
        approve(less, wanted, BOB, 1_800)


def test_of_what_is_owed_as_much_goes_back_as_the_bank_has_left() -> None:
    owing = take_back(
        take_back(WHOLE, refund(WHOLE, FIRST), ALICE, 1_700), refund(WHOLE, SECOND, named="ref_2"), ALICE, 1
    )
    first, second = owing.refunds
    notice = DisputeNotice(
        provider="bank",
        account="main",
        dispute_id="dp_1",
        reference="pi_1",
        attempt_id=None,
        amount=second.amount,
        status="lost",
        state=DisputeState.LOST,
    )
    left = hear_of_dispute(owing, notice, SYSTEM, 1_800)
    assert may_go_back(left, first)
    assert not may_go_back(ask(left, first.refund_id, SYSTEM, 1_900), second)


def test_all_units_are_refunded_once_all_of_their_money_is_back() -> None:
    order = take_back(WHOLE, refund(WHOLE), ALICE, 1_700)
    assert order.status is OrderStatus.REFUNDING
    asked = ask(order, "ref_1", SYSTEM, 1_800)
    back = hear(asked, RefundAnswer(refund_id="ref_1", state=RefundState.SUCCEEDED, status="ok"), SYSTEM, 1_900)
    assert (back.status, {unit.status for unit in back.units}) == (OrderStatus.REFUNDED, {UnitStatus.REFUNDED})


def test_what_was_not_paid_or_not_delivered_has_nothing_to_give_back() -> None:
    for order in (PAID, replace(PAID, status=OrderStatus.FULFILLING)):
        with pytest.raises(NotRefundable):
            refundable_units(order, None)
    free = replace(WHOLE, attempts=(replace(WHOLE.attempts[0], amount=Money(0, "CNY")),))
    with pytest.raises(NotRefundable):
        requested(free, "ref_1", free.units, REQUEST)


def test_an_order_takes_so_many_requests_and_no_more() -> None:
    order = WHOLE
    for number in range(MAX_REFUND_REQUESTS):
        wanted = refund(order, FIRST, named=f"ref_{number}")
        order = reject(wait_for_approval(order, wanted, ALICE, 1_700), wanted, BOB, 1_800)
    with pytest.raises(TooManyRefunds):
        refund(order, FIRST)


def test_another_wish_has_another_fingerprint_and_the_order_of_units_is_none() -> None:
    prints = {
        WantedRefund(unit_ids=units, even_if_used=used, why=why).fingerprint
        for units in (None, ("a",), ("a", "b"))
        for used in (True, False)
        for why in ("x", "y")
    }
    assert len(prints) == 12
    assert WantedRefund(unit_ids=("a", "b"), why="x").fingerprint in prints
    assert WantedRefund(unit_ids=("b", "a"), why="x").fingerprint in prints
