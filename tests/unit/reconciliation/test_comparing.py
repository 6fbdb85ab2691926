"""A statement held against what we know: each way in which a movement may be found, and in which it may differ."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.payments.model.statements import LineState, StatementKind
from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import DifferenceKind, missing_with_them, named_in
from keyrail.reconciliation.model.days import SKEW_MS
from keyrail.reconciliation.model.movements import Booking, Known, Line, Movement
from keyrail.reconciliation.model.runs import fees_of
from tests.statements import NOON_MS, WINDOW, Day, payment, refund

K = DifferenceKind


def found_in(day: Day) -> list[tuple[DifferenceKind, str | None, str | None]]:
    """Kind and number with the provider's reference, of lines; kind and name, of entries that are in no statement."""
    result = day.compared()
    missing = missing_with_them(result.left, day.our_side())
    return [
        *((each.kind, each.line.number, each.line.reference) for each in result.found if each.line),
        *((each.kind, each.ours.name, None) for each in missing if each.ours),
    ]


def kinds(day: Day) -> list[DifferenceKind]:
    return [kind for kind, _, _ in found_in(day)]


@pytest.mark.parametrize("known", Known)
@pytest.mark.parametrize("said", LineState)
@pytest.mark.parametrize("made", [payment, refund])
def test_a_line_and_what_we_know_agree_or_differ_in_status(made: object, said: LineState, known: Known) -> None:
    line, ours = payment(0) if made is payment else refund(0)
    day = Day()
    day.add(replace(line, state=said), replace(ours, known=known), NOON_MS if known is Known.DONE else None)
    agreed = {
        (LineState.DONE, Known.DONE),
        (LineState.UNDER_WAY, Known.DONE),
        (LineState.UNDER_WAY, Known.OPEN),
        (LineState.FAILED, Known.FAILED),
    }
    wanted = [] if (said, known) in agreed else [K.STATUS_DIFFERS]
    if made is payment and said is LineState.FAILED:
        # Somebody tried in vain, which is no movement: what is in our books has to stand in some other line.
        wanted = [K.MISSING_WITH_THEM] if known is Known.DONE else []
    assert kinds(day) == wanted


@pytest.mark.parametrize("amount", [Money(1989, "CNY"), Money(1991, "CNY"), Money(1990, "USD")])
def test_another_sum_or_currency_differs_in_amount(amount: Money) -> None:
    line, ours = payment(0)
    day = Day()
    day.add(replace(line, amount=amount), ours, booked_at_ms=None)
    assert kinds(day) == [K.AMOUNT_DIFFERS]


def test_a_sum_that_was_booked_otherwise_differs_in_amount() -> None:
    day = Day(1)
    day.bookings[day.movements[0].name] = Booking(Money(1, "CNY"), NOON_MS)
    assert kinds(day) == [K.AMOUNT_DIFFERS]


def test_a_line_of_nothing_that_we_know_is_missing_with_us() -> None:
    line, _ = payment(0)
    day = Day()
    day.add(line, None)
    assert found_in(day) == [(K.MISSING_WITH_US, line.number, line.reference)]


def test_a_payment_that_is_not_in_the_books_is_missing_with_us() -> None:
    day = Day()
    day.add(*payment(0), booked_at_ms=None)
    assert kinds(day) == [K.MISSING_WITH_US]


def test_a_payment_booked_on_a_day_whose_books_were_not_read_is_matched() -> None:
    line, ours = payment(0, WINDOW.end_ms + 1)
    day = Day()
    day.add(line, ours, booked_at_ms=None)
    assert kinds(day) == []


def test_what_was_for_nothing_is_in_no_books() -> None:
    line, ours = payment(0)
    day = Day()
    day.add(replace(line, amount=Money(0, "CNY")), replace(ours, amount=Money(0, "CNY")), booked_at_ms=None)
    assert kinds(day) == []


def test_a_line_without_our_number_is_found_by_the_providers() -> None:
    for line, ours in (payment(0), refund(0)):
        day = Day()
        day.add(replace(line, number=None), ours)
        assert kinds(day) == []


def test_a_second_payment_of_one_attempt_is_not_the_first_twice() -> None:
    line, ours = payment(0)
    day = Day()
    day.add(replace(line, reference="another payment"), None)
    day.add(replace(line, line=2), ours)
    day.add(replace(line, line=3, reference="a third one"), None)
    missing = [(K.MISSING_WITH_US, line.number, reference) for reference in ("another payment", "a third one")]
    assert found_in(day) == missing


def test_two_payments_of_an_attempt_that_is_open_are_two_differences() -> None:
    line, ours = payment(0)
    day = Day()
    day.add(line, replace(ours, known=Known.OPEN, reference=None), booked_at_ms=None)
    day.add(replace(line, line=2, reference="another payment"), None)
    assert kinds(day) == [K.STATUS_DIFFERS, K.MISSING_WITH_US]


def test_a_second_payment_that_stands_on_the_desk_or_was_given_back_is_known() -> None:
    line, ours = payment(0)
    day = Day()
    day.add(line, ours)
    day.add(
        replace(line, line=2, reference="another payment"),
        replace(ours, name="desk:upm_1", reference="another payment"),
    )
    assert kinds(day) == []


def test_less_than_was_asked_for_is_known_once_it_stands_on_the_desk() -> None:
    line, ours = payment(0)
    less = Money(990, "CNY")
    day = Day()
    day.add(None, replace(ours, known=Known.OPEN, reference=None), booked_at_ms=None)
    day.add(replace(line, amount=less), replace(ours, name="desk:upm_1", amount=less))
    assert kinds(day) == []


@pytest.mark.parametrize("number", ["named", None])
def test_the_same_movement_in_two_lines_is_there_twice(number: str | None) -> None:
    line, ours = payment(0)
    day = Day()
    day.add(line, ours)
    day.add(replace(line, line=2, number=line.number if number else None), None)
    day.add(replace(line, line=3), None)
    result = day.compared()
    assert [each.kind for each in result.found] == [K.TWICE_WITH_THEM] * 2
    assert len({(each.line.number, each.again) for each in result.found if each.line}) == 2


def test_a_refund_that_they_gave_twice_under_one_number_is_there_twice() -> None:
    line, ours = refund(0)
    day = Day()
    day.add(line, ours)
    day.add(replace(line, line=2, reference="another refund"), None)
    assert kinds(day) == [K.TWICE_WITH_THEM]


def test_a_payment_that_failed_by_one_card_and_was_made_by_the_next_is_one_payment() -> None:
    line, ours = payment(0)
    for first, second in ((LineState.FAILED, LineState.DONE), (LineState.DONE, LineState.FAILED)):
        day = Day()
        day.add(replace(line, state=first), ours)
        day.add(replace(line, line=2, state=second), None)
        assert kinds(day) == []


def test_a_payment_that_failed_and_that_we_do_not_know_is_no_difference() -> None:
    day = Day()
    day.add(replace(payment(0)[0], state=LineState.FAILED), None)
    assert kinds(day) == []


def test_a_refund_that_was_refused_and_asked_for_again_stands_there_for_each_time() -> None:
    line, ours = refund(0)
    day = Day()
    day.add(replace(line, state=LineState.FAILED, reference="refused"), replace(ours, refused=True))
    day.add(replace(line, line=2), None)
    assert kinds(day) == []
    day.add(replace(line, line=3), None)
    assert kinds(day) == [K.TWICE_WITH_THEM]


def test_a_refund_without_our_number_takes_no_refund_that_another_line_names() -> None:
    line, ours = refund(0)
    unnamed = replace(line, number=None)
    day = Day()
    day.add(unnamed, ours)
    day.add(replace(line, line=2), None)
    assert found_in(day) == [(K.MISSING_WITH_US, None, line.reference)]


@pytest.mark.parametrize(
    ("at_ms", "judged"),
    [
        (WINDOW.begin_ms - SKEW_MS - 1, False),
        (WINDOW.begin_ms - SKEW_MS, True),
        (WINDOW.end_ms - SKEW_MS - 1, True),
        (WINDOW.end_ms - SKEW_MS, False),
    ],
)
def test_an_entry_of_the_last_minutes_is_judged_with_the_next_day(at_ms: int, judged: bool) -> None:
    day = Day()
    day.add(None, payment(0)[1], booked_at_ms=at_ms)
    assert kinds(day) == ([K.MISSING_WITH_THEM] if judged else [])


def test_what_somebody_gave_by_hand_is_in_no_statement() -> None:
    line, ours = refund(0)
    by_hand = replace(ours, known=Known.FAILED, by_hand=True)
    day = Day()
    day.add(None, by_hand)
    assert kinds(day) == []
    day.add(line, None)
    assert kinds(day) == [K.STATUS_DIFFERS]


def test_a_payment_of_a_day_before_is_found_there_by_its_reference_and_not_by_its_attempt_alone() -> None:
    line, ours = payment(0)
    other = replace(ours, name="surplus:ref_1", reference="another payment")
    assert named_in([line], [ours, other]) == {ours.name}
    unnamed = replace(line, number=None)
    assert named_in([unnamed], [ours, other]) == {ours.name}


def test_a_refund_of_a_day_before_is_found_there_by_our_number() -> None:
    line, ours = refund(0)
    assert named_in([line, payment(0)[0]], [replace(ours, reference=None)]) == {ours.name}


@pytest.mark.parametrize(
    ("made", "refused", "void"), [(payment, False, True), (refund, True, True), (refund, False, False)]
)
def test_what_came_to_nothing_on_a_day_before_is_not_what_was_done_since(
    made: object, refused: bool, void: bool
) -> None:
    """A refund that was refused and asked for again; one that we take for done is a difference of that day already."""
    line, ours = payment(0) if made is payment else refund(0)
    ours = replace(ours, refused=refused)
    failed = replace(line, state=LineState.FAILED)
    assert named_in([failed], [ours]) == (set() if void else {ours.name})
    assert named_in([failed, line], [ours]) == {ours.name}


def test_a_refund_is_not_taken_for_the_payment_that_has_its_number() -> None:
    line, ours = payment(0)
    day = Day()
    day.add(replace(line, kind=StatementKind.REFUND), ours)
    assert kinds(day) == [K.MISSING_WITH_US, K.MISSING_WITH_THEM]


def test_fees_are_summed_by_currency_less_what_is_given_back() -> None:
    paid, back = payment(0)[0], refund(1)[0]
    lines = [paid, replace(paid, fee=Money(30, "USD")), back, back, replace(paid, fee=None)]
    assert [(fee.currency, fee.kept_minor) for fee in fees_of(lines)] == [("CNY", -12), ("USD", 30)]
    assert fees_of([paid, back]) == ()


Planted = list[tuple[DifferenceKind, int]]


@given(st.lists(st.tuples(st.sampled_from(DifferenceKind), st.integers(0, 39)), max_size=25, unique_by=lambda p: p[1]))
def test_whatever_is_planted_is_found_and_nothing_else(planted: Planted) -> None:
    assert_found(Day(40), planted)


def test_of_ten_thousand_rows_all_25_differences_of_all_five_kinds_are_found_and_none_is_invented() -> None:
    planted = [(kind, 400 * number + 79 * at) for at, kind in enumerate(K) for number in range(5)]
    assert_found(Day(10_000), planted)


def assert_found(day: Day, planted: Planted) -> None:
    for kind, at in planted:
        day.plant(kind, at)
    result = day.compared()
    missing = missing_with_them(result.left, day.our_side())
    found = [(each.kind, _name(each.line, each.ours)) for each in (*result.found, *missing)]
    wanted = [(kind, _name_of(day, at, kind)) for kind, at in planted]
    assert Counter(found) == Counter(wanted)
    assert result.matched == len(day.said) - len(result.found)


def _name(line: Line | None, ours: Movement | None) -> str | None:
    either = line or ours
    return either.number if either else None


def _name_of(day: Day, at: int, kind: DifferenceKind) -> str | None:
    return day.movements[at].number if kind is K.MISSING_WITH_THEM else day.lines[at].number
