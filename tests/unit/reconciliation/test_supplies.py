"""A supplier's statement held against what we know: what it took, what it gave back, and for what."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.payments.model.statements import LineState
from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import DifferenceKind, came_back, missing_with_them, named_in
from keyrail.reconciliation.model.movements import Booking, Known
from keyrail.reconciliation.model.supplies import netted
from keyrail.suppliers.model.statements import Moved, SupplierLine
from tests.supplies import COST, NOON_MS, Day, back, line, name, ours

K = DifferenceKind
LESS = Money(500, "CNY")
STATES = {"done": line(0), "at_work": line(0, status="processing", is_over=False), "returned": back(0)}


def kinds(day: Day) -> list[DifferenceKind]:
    result = day.compared()
    return [each.kind for each in (*result.found, *missing_with_them(result.left, day.our_side()))]


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ([line(0)], [("S-0", LineState.DONE)]),
        ([STATES["at_work"]], [("S-0", LineState.UNDER_WAY)]),
        ([line(0), back(0)], [("S-0", LineState.FAILED)]),
        ([back(0), line(0)], [("S-0", LineState.FAILED)]),
        ([back(0)], [("S-0", LineState.FAILED)]),
        ([line(0, theirs="a"), line(0, theirs="b"), back(0, theirs="a")], [("b", LineState.DONE)]),
        ([line(0, theirs="a"), line(0, theirs="b"), back(0, theirs="b")], [("a", LineState.DONE)]),
        ([line(0), back(0, LESS)], [("S-0", LineState.DONE), ("S-0", LineState.FAILED)]),
        ([line(0), back(0), back(0)], [("S-0", LineState.FAILED)]),
        ([line(0), back(0, Money(950, "USD"))], [("S-0", LineState.DONE), ("S-0", LineState.FAILED)]),
        ([line(0), line(0)], [("S-0", LineState.DONE)] * 2),
    ],
)
def test_what_came_back_on_the_day_was_not_taken(lines: list[SupplierLine], left: list[tuple[str, LineState]]) -> None:
    assert [(each.reference, each.state) for each in netted(lines)] == left


@given(st.lists(st.tuples(st.sampled_from(Moved), st.integers(1, 3), st.sampled_from("ab")), max_size=12))
def test_netting_keeps_the_sum_and_leaves_nothing_that_could_be_paired(
    moved: list[tuple[Moved, int, str]],
) -> None:
    lines = [line(0, each, Money(minor, "CNY"), theirs=theirs) for each, minor, theirs in moved]
    left = netted(lines)
    sums = [(each.state, each.amount.amount_minor) for each in left if each.amount]
    kept = Counter(minor for state, minor in sums if state is LineState.DONE)
    back = Counter(minor for state, minor in sums if state is LineState.FAILED)
    signed = sum(-minor if each is Moved.RETURNED else minor for each, minor, _ in moved)
    in_vain = not kept and not signed and back.total() == 1
    assert kept.total() + back.total() <= len(lines)
    assert not kept & back
    assert in_vain or sum(minor * count for minor, count in kept.items()) - signed == sum(
        minor * count for minor, count in back.items()
    )


@pytest.mark.parametrize("known", [*Known, None])
@pytest.mark.parametrize("said", STATES)
def test_what_they_say_and_what_we_know_agree_or_differ(said: str, known: Known | None) -> None:
    day = Day().add([STATES[said]], ours(0, known) if known else None)
    agreed = {
        ("done", Known.DONE),
        ("at_work", Known.DONE),
        ("at_work", Known.OPEN),
        ("returned", Known.FAILED),
        ("returned", None),  # whatever it was for, nothing of ours is gone
    }
    differs = K.STATUS_DIFFERS if known else K.MISSING_WITH_US
    assert kinds(day) == ([] if (said, known) in agreed else [differs])
    assert day.compared().under_way == ((said, known) in {("at_work", Known.DONE), ("at_work", Known.OPEN)})


@pytest.mark.parametrize("known", [Known.FAILED, None])
def test_what_they_took_and_gave_back_on_one_day_for_a_failure_is_no_difference(known: Known | None) -> None:
    assert kinds(Day().add([line(0, status="failed"), back(0)], ours(0, known) if known else None)) == []


@pytest.mark.parametrize("known", [Known.DONE, Known.OPEN])
def test_what_they_took_and_gave_back_is_not_what_we_hold_done_or_open(known: Known) -> None:
    assert kinds(Day().add([line(0, status="failed"), back(0)], ours(0, known))) == [K.STATUS_DIFFERS]


def test_a_part_that_they_gave_back_of_what_we_delivered_is_a_difference_of_its_own() -> None:
    day = Day().add([line(0), back(0, LESS), back(0, LESS)], ours(0))
    assert kinds(day) == [K.STATUS_DIFFERS] * 2
    assert len({each.again for each in day.compared().found}) == 2
    open_yet = Day().add([line(0), back(0, LESS)], ours(0, Known.OPEN))
    assert [each.again for each in open_yet.compared().found] == [0, 1]


def test_what_they_gave_back_for_bad_keys_that_were_charged_back_is_no_difference_once() -> None:
    movement = replace(ours(0), credited=(LESS,))
    day = Day().add([line(0), back(0, LESS)], movement)
    assert kinds(day) == []
    assert kinds(day.add([back(0, LESS)], None)) == [K.STATUS_DIFFERS]
    alone = Day().add([back(0, LESS)], movement)
    assert kinds(alone) == []


@pytest.mark.parametrize("amount", [Money(949, "CNY"), Money(951, "CNY"), Money(950, "USD")])
def test_another_sum_or_currency_differs_in_amount(amount: Money) -> None:
    assert kinds(Day().add([line(0, amount=amount)], ours(0), booked=None)) == [K.AMOUNT_DIFFERS]
    assert kinds(Day().add([line(0)], ours(0), booked=amount)) == [K.AMOUNT_DIFFERS]
    unsaid = replace(ours(0), amount=None)
    assert kinds(Day().add([line(0)], unsaid, booked=amount)) == [K.AMOUNT_DIFFERS]


@pytest.mark.parametrize(("booked_minor", "differs"), [(948, True), (949, False), (951, False), (952, True)])
def test_keys_are_booked_at_a_share_that_need_not_add_up(booked_minor: int, differs: bool) -> None:
    day = Day().add([line(0)], replace(ours(0), rounding_minor=1), booked=Money(booked_minor, "CNY"))
    assert kinds(day) == ([K.AMOUNT_DIFFERS] if differs else [])
    said_otherwise = Day().add([line(0, amount=Money(951, "CNY"))], replace(ours(0), rounding_minor=1))
    assert kinds(said_otherwise) == [K.AMOUNT_DIFFERS]


def test_what_they_took_for_what_is_in_no_book_is_missing_with_us() -> None:
    """A unit of which a person said that it was done: nobody told us of a cost, so that nobody booked one."""
    day = Day().add([line(0)], ours(0, amount=None))
    assert kinds(day) == [K.MISSING_WITH_US]
    assert kinds(Day().add([], ours(0, amount=None))) == []
    for_nothing = line(0, amount=Money(0, "CNY"))
    assert kinds(Day().add([for_nothing], ours(0, amount=None))) == []


def test_a_line_without_our_reference_is_found_by_theirs() -> None:
    unnamed = replace(line(0), reference=None)
    assert kinds(Day().add([unnamed], ours(0))) == []
    assert kinds(Day().add([unnamed], None)) == [K.MISSING_WITH_US]


def test_what_they_took_in_vain_is_matched_once_a_later_day_gives_it_back() -> None:
    day = Day().add([line(0), line(0, theirs="again")], ours(0, Known.FAILED)).add([line(1)], ours(1, Known.OPEN))
    result = day.compared()
    wanted = [K.STATUS_DIFFERS, K.TWICE_WITH_THEM, K.STATUS_DIFFERS]
    assert [each.kind for each in result.found] == wanted
    came_back(result, netted([back(0, LESS), back(1), line(0)]))
    assert [each.kind for each in result.found] == wanted
    came_back(result, netted([back(0)]))
    assert [each.kind for each in result.found] == wanted[1:]
    came_back(result, netted([back(0)]))
    assert [each.kind for each in result.found] == wanted[2:]
    assert result.matched == 2


def test_what_stands_in_the_statement_of_another_day_is_found_there_by_our_reference() -> None:
    done, failed = ours(0), ours(0, Known.FAILED)
    assert named_in(netted([line(0), line(1)]), [done]) == {done.name}
    assert named_in(netted([line(0), back(0)]), [failed]) == set()
    assert named_in(netted([line(1)]), [done]) == set()


def test_of_ten_thousand_orders_all_25_differences_of_all_five_kinds_are_found_and_none_is_invented() -> None:
    assert_found(Day(10_000), [(kind, 400 * number + 79 * at) for at, kind in enumerate(K) for number in range(5)])


@given(st.lists(st.tuples(st.sampled_from(K), st.integers(0, 39)), max_size=25, unique_by=lambda planted: planted[1]))
def test_whatever_is_planted_is_found_and_nothing_else(planted: list[tuple[DifferenceKind, int]]) -> None:
    assert_found(Day(40), planted)


def assert_found(day: Day, planted: list[tuple[DifferenceKind, int]]) -> None:
    for kind, number in planted:
        day.plant(kind, number)
    result = day.compared()
    missing = missing_with_them(result.left, day.our_side())
    found = Counter((each.kind, (each.line or each.ours).number) for each in (*result.found, *missing))  # type: ignore[union-attr]  # one of the two
    assert found == Counter((kind, name(number)) for kind, number in planted)


def test_an_entry_that_is_in_no_statement_is_missing_with_them() -> None:
    day = Day().add([], ours(0))
    assert kinds(day) == [K.MISSING_WITH_THEM]
    day.bookings[ours(0).name] = Booking(COST, NOON_MS - 24 * 60 * 60 * 1000)
    assert kinds(day) == []
