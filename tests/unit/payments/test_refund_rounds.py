"""A refund that was refused and is asked for again: another round of the same refund."""

from dataclasses import replace

import pytest

from keyrail.payments.model.refunds import (
    Refund,
    RefundAnswer,
    RefundState,
    RefundStatus,
    ask,
    ask_again,
    hear,
    number_of,
    refund_id_of,
)
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

NOW_MS = 1_790_000_000_000
REFUND_ID = derived_id("ref", "rounds")
FAILED = Refund(
    refund_id=REFUND_ID,
    attempt_id="pay_1",
    amount=Money(990, "CNY"),
    reason="sold_out",
    status=RefundStatus.FAILED,
    due_at_ms=NOW_MS,
)


def answer(state: RefundState, round_: int) -> RefundAnswer:
    return RefundAnswer(refund_id=REFUND_ID, state=state, status="said", round=round_)


def test_each_time_a_person_has_it_asked_for_again_is_a_round() -> None:
    due = ask_again(FAILED, NOW_MS + 1)
    assert (due.refund_id, due.round, due.status) == (REFUND_ID, 1, RefundStatus.DUE)
    assert ask_again(replace(due, status=RefundStatus.FAILED), NOW_MS + 2).round == 2


@pytest.mark.parametrize("state", [RefundState.FAILED, RefundState.PROCESSING, RefundState.UNKNOWN])
def test_what_was_said_of_the_round_before_does_not_end_this_one(state: RefundState) -> None:
    asked = ask(ask_again(FAILED, NOW_MS), NOW_MS + 1)
    assert hear(asked, answer(state, 0)) is asked
    assert hear(asked, answer(RefundState.FAILED, 1)).status is RefundStatus.FAILED
    done = hear(asked, answer(RefundState.SUCCEEDED, 1))
    assert hear(done, answer(state, 0)) is done


def test_money_that_went_in_the_round_before_is_back_all_the_same() -> None:
    asked = ask(ask_again(FAILED, NOW_MS), NOW_MS + 1)
    assert hear(asked, answer(RefundState.SUCCEEDED, 0)).status is RefundStatus.SUCCEEDED


def test_a_number_of_any_round_is_the_refunds() -> None:
    numbers = [number_of(REFUND_ID, round_) for round_ in (0, 1, 12)]
    assert numbers == [REFUND_ID, f"{REFUND_ID}-1", f"{REFUND_ID}-12"]
    assert {refund_id_of(number) for number in numbers} == {REFUND_ID}
    for other in ("", "20261123-1", "refund-1", "1-1"):
        assert refund_id_of(other) == other
