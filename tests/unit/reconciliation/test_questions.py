"""What a supplier that makes no statement says of our orders, one by one, held against what we know."""

from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest

from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import DifferenceKind, OurSide, compare
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.movements import Booking, Known, Movement
from keyrail.reconciliation.model.questions import (
    KEPT_S,
    PORTION_LENGTH,
    Portion,
    Question,
    line_of,
    portions_of,
    whole,
)
from keyrail.reconciliation.model.runs import Run, RunStatus, Tally, ask_again, finish, is_asked_later, new_run
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from tests.reconciling import noon_ms
from tests.supplies import COST, DAY, NOON_MS, WINDOW, name, ours
from tests.world import SYSTEM

K = DifferenceKind
MORE = Money(951, "CNY")
DONE = Success(said="3", their_reference="D1", cost=COST)
SAID: dict[str, Outcome] = {
    "done": DONE,
    "done at no cost that they tell": Success(said="1", their_reference="D1"),
    "at work": Processing(said="2", their_reference="D1"),
    "given back": DefiniteFailure(said="5", refusal=Refusal.REFUSED, their_reference="D1"),
    "not known": Unknown(said="no_such_order"),
}
AGREED = {
    "done": {Known.DONE},
    "done at no cost that they tell": {Known.DONE},
    "at work": {Known.DONE, Known.OPEN},
    "given back": {Known.FAILED},
    "not known": set(Known),
}


def question(number: int = 0) -> Question:
    return Question(reference=name(number), quantity=1)


def found(outcome: Outcome, movement: Movement, booked: Money | None = COST) -> list[DifferenceKind]:
    line = line_of(1, question(), outcome, NOON_MS)
    bookings = {movement.name: Booking(booked, NOON_MS)} if booked and movement.known is Known.DONE else {}
    side = OurSide((movement,), bookings, WINDOW.begin_ms, WINDOW.end_ms)
    return [each.kind for each in compare(WINDOW, [line] if line else [], side).found]


@pytest.mark.parametrize("known", Known)
@pytest.mark.parametrize("said", SAID)
def test_what_they_say_of_an_order_and_what_we_know_agree_or_differ(said: str, known: Known) -> None:
    differs = [] if known in AGREED[said] else [K.STATUS_DIFFERS]
    assert found(SAID[said], ours(0, known)) == differs


def test_a_sum_that_they_tell_is_held_against_ours_and_one_that_they_do_not_tell_is_not() -> None:
    more = replace(DONE, cost=MORE)
    assert found(more, ours(0)) == [K.AMOUNT_DIFFERS]
    assert found(more, ours(0), booked=MORE) == [K.AMOUNT_DIFFERS]
    assert found(more, ours(0, amount=None), booked=None) == [K.MISSING_WITH_US]
    assert found(replace(DONE, cost=None), ours(0, amount=None), booked=None) == []


@pytest.mark.parametrize("said", ["done at no cost that they tell", "at work"])
def test_what_we_hold_done_at_a_sum_is_in_our_books_whether_they_tell_it_or_not(said: str) -> None:
    assert found(SAID[said], ours(0), booked=MORE) == [K.AMOUNT_DIFFERS]
    lost = found(SAID[said], ours(0), booked=None)
    assert lost == ([] if said == "at work" else [K.MISSING_WITH_US])


def test_what_was_charged_back_whole_may_be_given_back_and_a_part_of_it_is_not_the_whole() -> None:
    half = Money(COST.amount_minor // 2, "CNY")
    assert found(SAID["given back"], replace(ours(0), credited=(half, half))) == []
    assert found(SAID["given back"], replace(ours(0), credited=(half,))) == [K.STATUS_DIFFERS]
    dollars = (Money(half.amount_minor, "USD"), half)
    assert found(SAID["given back"], replace(ours(0), credited=dollars)) == [K.STATUS_DIFFERS]


def test_a_line_is_known_by_our_reference_and_by_the_number_of_theirs_that_we_know() -> None:
    asked = replace(question(), their_reference="D1")
    unsaid = line_of(7, asked, Success(said="1"), NOON_MS)
    assert unsaid is not None
    assert (unsaid.line, unsaid.number, unsaid.reference, unsaid.amount) == (7, name(0), "D1", None)


def test_a_days_orders_come_in_portions_each_once_and_the_same_each_time() -> None:
    asked = [question(number) for number in range(PORTION_LENGTH + 1)]
    portions = list(portions_of([*asked, *asked[:9]], NOON_MS))
    assert [len(each.questions) for each in portions] == [PORTION_LENGTH, 1]
    assert {each for portion in portions for each in portion.questions} == set(asked)
    assert list(portions_of(reversed(asked), NOON_MS)) == portions
    assert {each.expires_at for each in portions} == {NOON_MS // 1000 + KEPT_S}
    (empty,) = portions_of([], NOON_MS)
    assert (empty.questions, empty.is_last) == ((), True)


def test_portions_are_all_of_a_day_only_to_the_last_of_them() -> None:
    listed = list(portions_of([question(number) for number in range(2 * PORTION_LENGTH + 1)], NOON_MS))
    left_over = Portion(number=4, is_last=False, questions=(), expires_at=0)
    assert whole([*listed, left_over]) == listed
    assert whole(listed[:2]) == whole(listed[1:]) == whole([]) == []


def compared(day: date, *, order_by_order: bool = True) -> Run:
    run = new_run(Holder("house"), DAY, RunStatus.REQUESTED, SYSTEM, 0)
    return finish(run, Tally(), (), SYSTEM, noon_ms(day, UTC), order_by_order=order_by_order)


@pytest.mark.parametrize(
    ("compared_after", "today_after", "due"),
    [
        (1, 6, False),
        (1, 7, True),
        (1, 9, True),
        (7, 7, False),
        (4, 8, True),
        (8, 26, False),
        (8, 27, True),
        (27, 30, False),
    ],
)
def test_it_is_asked_again_once_it_has_come_to_an_age(compared_after: int, today_after: int, due: bool) -> None:
    run = compared(DAY + timedelta(days=compared_after))
    assert is_asked_later(run, DAY + timedelta(days=today_after)) is due


def test_a_day_with_a_statement_and_one_that_waits_are_not_asked_about_again() -> None:
    run, later = compared(DAY), DAY + timedelta(days=7)
    assert is_asked_later(run, later)
    assert not is_asked_later(compared(DAY, order_by_order=False), later)
    assert not is_asked_later(ask_again(run, SYSTEM, NOON_MS), later)
