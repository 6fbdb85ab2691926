"""What an operator may decide about a payment on the desk, and that it is decided once."""

import pytest

from keyrail.payments.model import desk
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.model.desk import (
    AlreadyDecided,
    DeskStatus,
    MoneyInIt,
    NoMoneyInIt,
    UnmatchedPayment,
    dismiss,
    refunded_by,
    send_back,
)
from keyrail.payments.model.refunds import BY_HAND, OwnRequest, RefundAnswer, RefundNotFound, RefundState, RefundStatus
from keyrail.payments.model.refunds import AlreadyDecided as RefundDecided
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

ALICE, BOB = (Origin(f"operator:{name}", "192.0.2.7", "ticket 4711") for name in ("alice", "bob"))
NOW_MS = 1_767_225_600_000
PAID = Money(500, "CNY")
NOTHING_CAME = {reason for reason in Mismatch if reason not in desk.CAME_IN}


def unmatched(reason: Mismatch = Mismatch.UNDER_PAID, amount: Money | None = PAID) -> UnmatchedPayment:
    return UnmatchedPayment(
        payment_id=derived_id("upm", reason),
        provider="epay",
        account="main",
        merchant="1001",
        attempt_id="what the provider calls it",
        reference="T-1",
        amount=amount,
        provider_status="TRADE_SUCCESS",
        reason=reason,
        received_at_ms=NOW_MS,
        **stamp(Origin("provider:epay/main", "203.0.113.9"), NOW_MS),
    )


def answered(payment: UnmatchedPayment, state: RefundState) -> UnmatchedPayment:
    answer = RefundAnswer(refund_id=desk.refund_id(payment.payment_id), state=state, status=f"said {state}")
    return desk.hear(payment, answer, ALICE, NOW_MS)


def asked(payment: UnmatchedPayment) -> UnmatchedPayment:
    return desk.ask(payment, desk.refund_id(payment.payment_id), ALICE, NOW_MS)


@pytest.mark.parametrize("reason", sorted(desk.CAME_IN))
def test_a_payment_with_money_in_it_goes_back_whole_as_its_provider_knows_it(reason: Mismatch) -> None:
    there = unmatched(reason)
    due = send_back(there, ALICE, NOW_MS + 5)
    assert due.refund is not None
    assert due.decision is not None
    assert (due.status, due.refund.status, due.refund.amount) == (DeskStatus.REFUNDING, RefundStatus.DUE, PAID)
    assert (due.decision.by, due.decision.at_ms, due.decision.reason) == ("operator:alice", NOW_MS + 5, "ticket 4711")
    assert (due.version, due.changed_by, due.changed_reason) == (2, "operator:alice", "ticket 4711")
    payment = desk.at_provider(due)
    assert (payment.attempt_id, payment.reference, payment.amount) == ("what the provider calls it", "T-1", PAID)


@pytest.mark.parametrize("reason", sorted(NOTHING_CAME))
def test_what_is_not_money_for_us_is_taken_off_the_desk_and_cannot_be_given_back(reason: Mismatch) -> None:
    with pytest.raises(NoMoneyInIt):
        send_back(unmatched(reason), ALICE, NOW_MS)
    off = dismiss(unmatched(reason), ALICE, NOW_MS)
    assert (off.status, off.refund) == (DeskStatus.DISMISSED, None)


@pytest.mark.parametrize("amount", [None, Money(0, "CNY")])
def test_of_what_nobody_can_say_how_much_it_is_nothing_is_given_back(amount: Money | None) -> None:
    there = unmatched(Mismatch.WRONG_CURRENCY, amount)
    with pytest.raises(NoMoneyInIt):
        send_back(there, ALICE, NOW_MS)
    assert dismiss(there, ALICE, NOW_MS).status is DeskStatus.DISMISSED


@pytest.mark.parametrize("reason", sorted(desk.CAME_IN))
def test_money_is_not_dismissed_unless_it_is_booked_elsewhere(reason: Mismatch) -> None:
    with pytest.raises(MoneyInIt):
        dismiss(unmatched(reason), ALICE, NOW_MS)
    assert dismiss(unmatched(reason), ALICE, NOW_MS, is_booked=True).status is DeskStatus.DISMISSED


def test_the_same_command_again_is_once_and_another_is_told_what_was_done() -> None:
    due = send_back(unmatched(), ALICE, NOW_MS)
    later = asked(due)
    assert send_back(due, ALICE, NOW_MS + 9) is due
    assert send_back(later, ALICE, NOW_MS + 9) is later
    for command, by in ((send_back, BOB), (dismiss, ALICE), (dismiss, BOB)):
        with pytest.raises(AlreadyDecided) as refused:
            command(answered(later, RefundState.SUCCEEDED), by, NOW_MS + 9)
        assert refused.value.facts == {"status": "refunded", "by": "operator:alice", "at": "2026-01-01T00:00:00.000Z"}


def test_a_payment_is_refunded_when_the_provider_says_so_and_refunding_again_if_it_comes_back() -> None:
    due = asked(send_back(unmatched(), ALICE, NOW_MS))
    slow = answered(due, RefundState.PROCESSING)
    back = answered(slow, RefundState.SUCCEEDED)
    assert [each.status for each in (due, slow, back)] == ["refunding", "refunding", "refunded"]
    assert answered(back, RefundState.PROCESSING) is back
    assert answered(back, RefundState.FAILED).status is DeskStatus.REFUNDING


def test_what_the_provider_refuses_is_asked_for_again_or_given_by_hand() -> None:
    refund_id = desk.refund_id(unmatched().payment_id)
    refused = answered(asked(send_back(unmatched(), ALICE, NOW_MS)), RefundState.FAILED)
    again = desk.ask_again(refused, refund_id, BOB, NOW_MS + 1)
    assert again.refund is not None
    assert (again.status, again.refund.status) == (DeskStatus.REFUNDING, RefundStatus.DUE)
    given = desk.give_by_hand(refused, refund_id, "T-77", BOB, NOW_MS)
    assert given.refund is not None
    assert (given.status, given.refund.said) == (DeskStatus.REFUNDED, BY_HAND)
    assert desk.give_by_hand(given, refund_id, "T-77", BOB, NOW_MS) is given


def test_a_refund_above_the_limit_waits_for_another_person() -> None:
    waiting = send_back(unmatched(), ALICE, NOW_MS, alone=False)
    assert waiting.refund is not None
    assert (waiting.status, waiting.refund.status) == ("awaiting_approval", "awaiting_approval")
    assert send_back(waiting, ALICE, NOW_MS) is waiting
    with pytest.raises(OwnRequest):
        desk.approve(waiting, ALICE, NOW_MS)
    with pytest.raises(AlreadyDecided):
        send_back(waiting, BOB, NOW_MS)
    due = desk.approve(waiting, BOB, NOW_MS + 9)
    assert due.refund is not None
    assert (due.status, due.refund.status, due.refund.due_at_ms) == ("refunding", "due", NOW_MS + 9)
    assert desk.approve(due, BOB, NOW_MS) is due
    for late in (desk.approve, desk.reject):
        with pytest.raises(RefundDecided):
            late(due, ALICE, NOW_MS)


def test_a_refund_that_is_turned_down_lets_the_payment_wait_for_any_decision() -> None:
    rejected = desk.reject(send_back(unmatched(), ALICE, NOW_MS, alone=False), BOB, NOW_MS)
    assert rejected.refund is not None
    assert (rejected.status, rejected.decision, rejected.refund.status) == ("waiting", None, "rejected")
    assert desk.reject(rejected, BOB, NOW_MS) is rejected
    with pytest.raises(RefundDecided):
        desk.approve(rejected, BOB, NOW_MS)
    placed = desk.place(rejected, DeskStatus.ACCEPTED, "ord_1", "pay_1", BOB, NOW_MS)
    assert (placed.status, placed.refund) == ("accepted", None)
    assert send_back(rejected, ALICE, NOW_MS).status is DeskStatus.REFUNDING


def test_a_refund_that_the_payment_does_not_have_is_not_found() -> None:
    for payment in (unmatched(), send_back(unmatched(), ALICE, NOW_MS)):
        with pytest.raises(RefundNotFound):
            desk.ask_again(payment, "ref_" + "0" * 26, ALICE, NOW_MS)


def test_a_payment_and_its_refund_lead_to_each_other() -> None:
    payment_id = derived_id("upm", "a payment")
    assert refunded_by(desk.refund_id(payment_id)) == payment_id
    for foreign in ("", "re_1", payment_id, desk.refund_id(payment_id) + "0"):
        assert refunded_by(foreign) is None
