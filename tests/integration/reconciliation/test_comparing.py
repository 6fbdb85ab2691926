"""Days compared on a real engine: orders, books, the desk and a provider's statements."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, timedelta, timezone
from functools import partial

import pytest

from keyrail.ledger.model import Account, AccountKind, clearing, credit, debit
from keyrail.ordering.model.books import entries_between
from keyrail.ordering.model.placing import assign
from keyrail.ordering.model.refunds import give_back, give_by_hand
from keyrail.payments.books import entries_between as desk_entries
from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.payments.model.desk import UnmatchedPayment, dismiss, send_back
from keyrail.payments.model.refunds import RefundStatus
from keyrail.payments.model.statements import LineState, StatementLine
from keyrail.payments.providers.epay import Epay
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import stamp
from keyrail.platform.clock import system_now_ms
from keyrail.platform.dynamo import transact
from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import DifferenceKind, Found
from keyrail.reconciliation.model.days import SKEW_MS, window
from keyrail.reconciliation.model.differences import (
    Difference,
    DifferenceChanged,
    DifferenceStatus,
    calls_for_inquiry,
    difference_of,
)
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.movements import Known
from keyrail.reconciliation.model.runs import MAX_LISTED, PATIENCE_MS, FeeOfDay, RunMoved, RunStatus, take_up
from keyrail.reconciliation.service import comparing as service
from keyrail.reconciliation.service import counterparts
from keyrail.reconciliation.service.comparing import Outcome, Told
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.racing import at_once
from tests.reconciling import (
    DAY_MS,
    FEE,
    HOLDER,
    HOUR_MS,
    Books,
    all_given_back,
    at_bank,
    days_ago,
    lines_of,
    noon_ms,
    paid,
)
from tests.reconciling import unpaid as order_of
from tests.world import OPERATOR, PRICE, SYSTEM, World

K = DifferenceKind
UNITS = 80  # each a refund of its own, so that there are 10,044 movements of 124 orders
BEIJING = timezone(timedelta(hours=8))


@pytest.fixture
def books(world: World) -> Books:
    bank = Bank()
    at_bank(world, bank)
    return Books(world, bank)


@pytest.fixture
def day(world: World) -> date:
    return days_ago(world, 1)


def sold(books: Books, day: date, *, booked_ms: int | None = None, told: date | None = None) -> list[StatementLine]:
    """A paid order, booked at noon, that the bank has in its statement of the same day."""
    order = books.put(paid(order_of(noon_ms(day, UTC)), noon_ms(day, UTC) if booked_ms is None else booked_ms))
    lines = lines_of(order, noon_ms(day, UTC))
    books.said(told or day, *lines)
    return lines


def test_of_ten_thousand_rows_all_25_differences_are_found_and_none_is_invented(books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    lines: list[StatementLine] = []
    for _ in range(124):
        lines += lines_of(books.put(all_given_back(paid(order_of(at_ms, UNITS), at_ms), at_ms)), at_ms)
    wanted: list[tuple[DifferenceKind, str | None]] = []
    for number in range(5):
        forgotten = order_of(at_ms)
        lines += lines_of(forgotten, at_ms)
        wanted.append((K.MISSING_WITH_US, forgotten.attempts[0].attempt_id))
        lost = books.put(paid(order_of(at_ms), at_ms))
        wanted.append((K.MISSING_WITH_THEM, lost.attempts[0].attempt_id))
        unheard = books.put(order_of(at_ms))
        lines += lines_of(unheard, at_ms)
        wanted.append((K.STATUS_DIFFERS, unheard.attempts[0].attempt_id))
        more, twice = number * 1_000 + 17, number * 1_000 + 501
        lines[more] = replace(lines[more], amount=lines[more].amount + Money(1, "CNY"))
        wanted += [(K.AMOUNT_DIFFERS, lines[more].number), (K.TWICE_WITH_THEM, lines[twice].number)]
        lines.append(lines[twice])
    books.post()
    assert len(lines) >= 10_000
    books.said(day, *lines)
    found = books.reconcile(day)
    assert Counter((each.kind, each.number) for each in found) == Counter(wanted)
    tally = books.run(day).tally
    assert (tally.lines, tally.matched, tally.differences) == (len(lines), len(lines) - 20, 25)
    assert books.bank.statements_read == [day, *(day - timedelta(days=number) for number in (1, 2, 3))]


def test_a_day_on_which_all_agrees_has_no_difference_and_asks_for_no_other_statement(books: Books, day: date) -> None:
    sold(books, day)
    books.post()
    assert books.reconcile(day) == []
    run = books.run(day)
    assert (run.status, run.tally.lines, run.tally.matched, run.tally.entries) == (RunStatus.RECONCILED, 1, 1, 1)
    assert run.fees == (FeeOfDay(currency="CNY", kept_minor=FEE.amount_minor),)
    assert books.bank.statements_read == [day]


def test_what_we_heard_a_day_later_is_matched_on_both_days(books: Books, day: date) -> None:
    """A payment whose callback was lost, and that was found by asking."""
    before = day - timedelta(days=1)
    sold(books, before, booked_ms=noon_ms(day, UTC))
    books.said(day)
    books.post()
    assert books.reconcile(before) == []
    assert books.reconcile(day) == []
    assert books.run(day).tally.elsewhere == 1
    assert books.bank.statements_read == [before, day, before]


def test_a_refund_that_a_bank_took_a_week_to_make_is_found_where_it_was_asked_for(books: Books, day: date) -> None:
    asked = day - timedelta(days=6)
    order = all_given_back(paid(order_of(noon_ms(asked, UTC)), noon_ms(asked, UTC)), noon_ms(asked, UTC))
    heard = replace(order, **stamp(SYSTEM, noon_ms(day, UTC), order.version + 1))
    books.put(heard, in_books=False)
    books.entries += [each for each in entries_between(None, heard) if each.what == "refund"]
    books.said(asked, *lines_of(order, noon_ms(asked, UTC)))
    books.said(day)
    books.post()
    assert books.reconcile(day) == []
    assert asked in books.bank.statements_read


def test_a_payment_by_a_slow_method_is_found_on_the_day_on_which_it_was_begun(books: Books, day: date) -> None:
    begun = day - timedelta(days=5)
    order = books.put(paid(order_of(noon_ms(begun, UTC)), noon_ms(day, UTC)))
    books.said(begun, replace(lines_of(order, noon_ms(begun, UTC))[0], state=LineState.UNDER_WAY))
    books.said(day)
    books.post()
    assert books.reconcile(day) == []
    assert books.run(day).tally.elsewhere == 1


def test_a_day_is_one_of_the_providers(books: Books, day: date) -> None:
    """In Beijing it begins eight hours before the UTC day whose name it has."""
    books.bank.statement_zone = BEIJING
    begin_ms = noon_ms(day, BEIJING) - 12 * HOUR_MS
    for booked_ms in (begin_ms + HOUR_MS, begin_ms + DAY_MS - HOUR_MS):
        sold(books, day, booked_ms=booked_ms)
    sold(books, day, booked_ms=begin_ms + DAY_MS + HOUR_MS, told=day + timedelta(days=1))
    sold(books, day, booked_ms=begin_ms - HOUR_MS, told=day - timedelta(days=1))
    books.post()
    assert books.reconcile(day) == []
    run = books.run(day)
    assert (run.tally.lines, run.tally.entries) == (2, 2)


def test_minutes_at_midnight_are_no_difference_on_either_side(books: Books, day: date) -> None:
    before, midnight_ms = day - timedelta(days=1), noon_ms(day, UTC) - 12 * HOUR_MS
    sold(books, before, booked_ms=midnight_ms + SKEW_MS // 2)
    sold(books, day, booked_ms=midnight_ms - SKEW_MS // 2)
    books.post()
    assert books.reconcile(before) == []
    assert books.reconcile(day) == []


def on_desk(books: Books, said: Confirmation, reason: Mismatch, at_ms: int) -> UnmatchedPayment:
    """As it came at that time, with what the stream made of it in the books."""
    now_ms = books.world.ahead_ms
    books.world.ahead_ms = at_ms - system_now_ms()
    books.world.desk.put(said, reason, SYSTEM)
    books.world.ahead_ms = now_ms
    payment = next(each for each in books.world.desk.waiting(10) if each.reference == said.reference)
    books.entries += desk_entries(None, payment)
    return payment


@pytest.mark.parametrize("heard_days_later", [0, 1])
def test_what_stands_on_the_desk_is_known(books: Books, day: date, heard_days_later: int) -> None:
    day -= timedelta(days=heard_days_later)
    order = books.put(order_of(noon_ms(day, UTC)))
    less = replace(books.bank.paid(order.attempts[0], "T-less"), amount=Money(1, "CNY"))
    unknown = replace(less, attempt_id="", reference="T-unknown", amount=PRICE)
    for said, reason in ((less, Mismatch.UNDER_PAID), (unknown, Mismatch.UNKNOWN_ATTEMPT)):
        on_desk(books, said, reason, noon_ms(day, UTC) + heard_days_later * DAY_MS)
    (line,) = lines_of(order, noon_ms(day, UTC))
    books.said(
        day,
        replace(line, reference="T-less", amount=Money(1, "CNY")),
        replace(line, line=2, number=None, reference="T-unknown", amount=PRICE),
    )
    books.post()
    assert books.reconcile(day) == []
    assert books.run(day).tally.matched == 2


def test_what_came_onto_the_desk_and_not_into_the_books_is_missing_with_us(books: Books, day: date) -> None:
    (line,) = lines_of(order_of(noon_ms(day, UTC)), noon_ms(day, UTC))
    stray = replace(books.bank.paid(order_of(noon_ms(day, UTC)).attempts[0], line.reference), attempt_id="")
    on_desk(books, stray, Mismatch.UNKNOWN_ATTEMPT, noon_ms(day, UTC))
    books.entries.clear()
    books.said(day, replace(line, number=None))
    (difference,) = books.reconcile(day)
    assert difference.kind is K.MISSING_WITH_US
    assert difference.ours is not None
    assert difference.ours.name.startswith("desk:upm_")


def test_a_payment_that_was_assigned_to_another_order_is_the_desks_and_its_refund_the_orders(
    books: Books, day: date
) -> None:
    at_ms = noon_ms(day, UTC)
    named, other = books.put(order_of(at_ms)), order_of(at_ms)
    (line,) = lines_of(named, at_ms)
    payment = on_desk(books, books.bank.paid(named.attempts[0], line.reference), Mismatch.DOUBLE_PAYMENT, at_ms)
    order = assign(other, payment, OPERATOR, at_ms, accept_amount=True)
    back = all_given_back(order, at_ms)
    books.put(back)
    refund = replace(lines_of(replace(back, attempts=named.attempts), at_ms)[1], payment_reference=line.reference)
    books.said(day, line, refund)
    books.post()
    assert books.reconcile(day) == []
    assert books.run(day).tally.entries == 2


def test_a_payment_that_is_off_the_desk_since_it_paid_its_order_is_missed_in_no_statement(
    books: Books, day: date
) -> None:
    at_ms = noon_ms(day, UTC)
    order = books.put(paid(order_of(at_ms), at_ms))
    (line,) = lines_of(order, at_ms)
    less = replace(books.bank.paid(order.attempts[0], line.reference), amount=Money(1, "CNY"))
    payment = on_desk(books, less, Mismatch.UNDER_PAID, at_ms)
    off = dismiss(payment, OPERATOR, payment.changed_at_ms + 1, is_booked=True)
    transact(books.world.dynamodb, [books.world.desk.replacement(payment, off)])
    books.entries += desk_entries(payment, off)
    books.said(day, line)
    books.post()
    assert books.reconcile(day) == []


def test_a_payment_on_the_desk_that_goes_back_is_known_by_the_number_of_its_refund(books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    stray = replace(books.bank.paid(order_of(at_ms).attempts[0], "T-stray"), attempt_id="not one of ours")
    payment = on_desk(books, stray, Mismatch.UNKNOWN_ATTEMPT, at_ms)
    owed = send_back(payment, OPERATOR, at_ms)
    assert owed.refund is not None
    transact(books.world.dynamodb, [books.world.desk.replacement(payment, owed)])
    (line, refund) = lines_of(all_given_back(paid(order_of(at_ms), at_ms), at_ms), at_ms)
    books.said(
        day,
        replace(line, number="not one of ours", reference="T-stray"),
        replace(refund, number=owed.refund.refund_id, state=LineState.UNDER_WAY, payment_number="not one of ours"),
    )
    books.post()
    assert books.reconcile(day) == []
    assert books.run(day).tally.matched == 2


def test_a_second_payment_that_is_given_back_is_known_and_so_is_its_refund(books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    once = paid(order_of(at_ms), at_ms)
    attempt = once.attempts[0]
    twice = give_back(once, attempt.attempt_id, "T-second", SYSTEM, at_ms)
    books.put(twice)
    (first,) = lines_of(once, at_ms)
    refund = lines_of(twice, at_ms)[1]
    books.said(day, first, replace(first, line=2, reference="T-second"), replace(refund, state=LineState.UNDER_WAY))
    books.post()
    assert books.reconcile(day) == []
    assert books.run(day).tally.entries == 2


def test_money_that_somebody_gave_back_by_hand_is_in_no_statement(books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    order = all_given_back(paid(order_of(at_ms), at_ms), at_ms)
    name = order.refunds[0].refund_id
    failed = replace(order, refunds=(replace(order.refunds[0], status=RefundStatus.FAILED),))
    by_hand = give_by_hand(failed, name, "transfer 7", OPERATOR, at_ms)
    books.put(by_hand)
    books.said(day, lines_of(order, at_ms)[0])
    books.post()
    assert books.reconcile(day) == []


def test_what_a_bank_has_taken_back_is_in_no_statement(books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    order = books.put(paid(order_of(at_ms), at_ms))
    loss, there = Account(AccountKind.DISPUTES, PRICE.currency), clearing(PROVIDER, ACCOUNT, PRICE.currency)
    lost = (debit(loss, PRICE), credit(there, PRICE))
    books.entries.append(replace(books.entries[0], what="dispute_lost", number="ref_1", postings=lost))
    books.said(day, *lines_of(order, at_ms))
    books.post()
    assert books.reconcile(day) == []


def test_a_refund_that_fell_back_a_week_later_is_no_difference_where_an_old_day_is_compared_anew(
    books: Books, day: date
) -> None:
    asked = day - timedelta(days=8)
    at_ms = noon_ms(asked, UTC)
    gone = all_given_back(paid(order_of(at_ms), at_ms), at_ms)
    (refund,) = gone.refunds
    back = replace(gone, refunds=(replace(refund, status=RefundStatus.FAILED),))
    back = replace(back, **stamp(SYSTEM, noon_ms(day, UTC), gone.version + 1))
    books.put(back, in_books=False)
    books.entries += [*entries_between(None, gone), *entries_between(gone, back)]
    assert [each.what for each in books.entries] == ["sale", "refund", "refund_returned"]
    payment, given = lines_of(gone, at_ms)
    books.said(asked, payment, replace(given, state=LineState.FAILED))
    books.post()
    assert books.reconcile(asked) == []


def test_a_payment_that_nobody_heard_of_is_a_difference_that_has_the_provider_asked(books: Books, day: date) -> None:
    order = books.put(order_of(noon_ms(day, UTC)))
    books.said(day, *lines_of(order, noon_ms(day, UTC)))
    (difference,) = books.reconcile(day)
    assert (difference.kind, difference.order_id) == (K.STATUS_DIFFERS, order.order_id)
    assert calls_for_inquiry(difference)
    heard = paid(order, books.world.now_ms())
    assert books.world.orders.replace(order, heard)
    books.entries += entries_between(order, heard)
    books.post()
    # The next morning looks at the days that still have something open.
    books.world.ahead_ms += DAY_MS
    assert books.world.reconciliation_desk.request_day([HOLDER], SYSTEM) == 2
    books.world.comparing.run(difference.run_id, SYSTEM)
    assert [each.status for each in books.all(day)] == [DifferenceStatus.GONE]


def test_a_day_of_which_all_is_resolved_is_not_compared_again_by_the_clock(books: Books, day: date) -> None:
    books.said(day, *lines_of(order_of(noon_ms(day, UTC)), noon_ms(day, UTC)))
    (found,) = books.reconcile(day)
    books.world.reconciliation_desk.resolve(found.run_id, found.difference_id, found.version, OPERATOR)
    books.world.ahead_ms += DAY_MS
    assert books.world.reconciliation_desk.request_day([HOLDER], SYSTEM) == 1
    assert books.run(day).status is RunStatus.RECONCILED


def test_a_line_without_our_number_finds_its_order_by_the_providers(books: Books, day: date) -> None:
    (line,) = sold(books, day)
    books.bank.statements[day] = [replace(line, number=None)]
    books.post()
    assert books.reconcile(day) == []


def test_a_payment_that_never_came_into_the_books_is_missing_with_us(books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    order = books.put(paid(order_of(at_ms), at_ms), in_books=False)
    books.said(day, *lines_of(order, at_ms))
    (difference,) = books.reconcile(day)
    assert (difference.kind, difference.number) == (K.MISSING_WITH_US, order.attempts[0].attempt_id)
    assert difference.ours is not None
    assert (difference.ours.known, difference.ours.booked) == (Known.DONE, None)


def test_what_was_paid_this_very_hour_may_not_be_in_the_books_yet(books: Books, day: date) -> None:
    order = books.put(paid(order_of(noon_ms(day, UTC)), books.world.now_ms()), in_books=False)
    books.said(day, *lines_of(order, noon_ms(day, UTC)))
    assert books.reconcile(day) == []


def test_a_rerun_closes_what_is_gone_keeps_what_is_resolved_and_finds_what_is_back(books: Books, day: date) -> None:
    sold(books, day)
    books.post()
    agreed = list(books.bank.statements[day])
    at_ms = noon_ms(day, UTC)
    forgotten, other = (lines_of(order_of(at_ms), at_ms)[0] for _ in range(2))
    books.bank.statements[day] = [*agreed, forgotten, other]
    found = {each.number: each for each in books.reconcile(day)}
    desk, gone, kept = books.world.reconciliation_desk, found[forgotten.number], found[other.number]
    resolved = desk.resolve(kept.run_id, kept.difference_id, kept.version, OPERATOR)
    assert (resolved.status, resolved.resolution) == (DifferenceStatus.RESOLVED, OPERATOR.reason)

    books.bank.statements[day] = [*agreed, other]
    assert books.reconcile(day) == []
    by_id = {each.difference_id: each for each in books.all(day)}
    assert by_id[gone.difference_id].status is DifferenceStatus.GONE
    assert by_id[kept.difference_id] == resolved

    books.bank.statements[day] = [*agreed, forgotten, other]
    (back,) = books.reconcile(day)
    before = books.all(day)
    assert books.reconcile(day) == [back]
    assert books.all(day) == before  # nothing was written that says the same
    assert (back.difference_id, back.version) == (gone.difference_id, 3)


def test_a_reason_that_was_given_for_one_amount_is_none_for_another(books: Books, day: date) -> None:
    (line,) = sold(books, day, told=day - timedelta(days=1))
    books.post()
    books.said(day, replace(line, amount=line.amount + Money(1, "CNY")))
    (found,) = books.reconcile(day)
    books.world.reconciliation_desk.resolve(found.run_id, found.difference_id, found.version, OPERATOR)
    assert books.reconcile(day) == []
    books.bank.statements[day] = [replace(line, amount=Money(500_000, "CNY"))]
    (again,) = books.reconcile(day)
    assert (again.difference_id, again.resolution) == (found.difference_id, None)
    assert again.theirs is not None
    assert again.theirs.amount == Money(500_000, "CNY")


def test_a_reason_that_was_given_for_one_status_is_none_for_another(books: Books, day: date) -> None:
    """Some statements tell how a refund stands by now: one that was resolved as under way may be made after all."""
    at_ms = noon_ms(day, UTC)
    back = all_given_back(paid(order_of(at_ms), at_ms), at_ms)
    refused = books.put(replace(back, refunds=(replace(back.refunds[0], status=RefundStatus.FAILED),)))
    payment, given = lines_of(back, at_ms)
    books.post()
    desk = books.world.reconciliation_desk

    def again(state: LineState) -> list[DifferenceStatus]:
        books.bank.statements[day] = [payment, replace(given, state=state)]
        books.reconcile(day)
        (each,) = books.all(day)
        if each.status is DifferenceStatus.OPEN:
            desk.resolve(each.run_id, each.difference_id, each.version, OPERATOR)
        return [each.status]

    assert again(LineState.UNDER_WAY) == [DifferenceStatus.OPEN]
    assert again(LineState.UNDER_WAY) == [DifferenceStatus.RESOLVED]
    assert again(LineState.DONE) == [DifferenceStatus.OPEN]
    assert again(LineState.DONE) == [DifferenceStatus.RESOLVED]
    unheard = replace(refused, refunds=(replace(refused.refunds[0], status=RefundStatus.UNKNOWN),))
    assert books.world.orders.replace(refused, replace(unheard, **stamp(SYSTEM, at_ms, refused.version + 1)))
    assert again(LineState.DONE) == [DifferenceStatus.OPEN]


def test_a_statement_that_breaks_off_is_none(books: Books, day: date) -> None:
    books.said(day, *lines_of(order_of(noon_ms(day, UTC)), noon_ms(day, UTC)))
    books.bank.breaks_off = True
    name = books.request(day)
    asked = books.run(day)
    assert books.world.comparing.run(name, SYSTEM) is Outcome.AGAIN
    assert (books.run(day), books.all(day)) == (asked, [])
    books.bank.breaks_off = False
    assert books.world.comparing.run(name, SYSTEM) is Outcome.ENDED
    assert len(books.open(day)) == 1


def test_a_statement_of_a_day_before_that_cannot_be_read_leaves_nothing_decided(books: Books, day: date) -> None:
    sold(books, day, told=day - timedelta(days=1))
    books.said(day)
    books.post()
    books.bank.breaks_off = True
    name = books.request(day)
    assert books.world.comparing.run(name, SYSTEM) is Outcome.AGAIN
    assert books.all(day) == []


@pytest.mark.parametrize(
    ("told_days_ago", "status", "trouble"),
    [
        (30, RunStatus.GIVEN_UP, "statement_missing"),
        (2, RunStatus.NOTHING_MOVED, None),
        (None, RunStatus.NOTHING_MOVED, None),
    ],
)
def test_a_statement_that_does_not_come_is_waited_for_and_then_given_up(
    books: Books, day: date, told_days_ago: int | None, status: RunStatus, trouble: str | None
) -> None:
    """Some providers make none of a day on which nothing moved, though we may have heard on it of the day before."""
    if told_days_ago is not None:
        sold(books, day, told=day - timedelta(days=told_days_ago))
        books.post()
    name = books.request(day)
    assert books.world.comparing.run(name, SYSTEM) is Outcome.AGAIN
    assert books.run(day).status is RunStatus.REQUESTED
    requested_at_ms = books.run(day).requested_at_ms
    books.world.ahead_ms += PATIENCE_MS - (books.world.now_ms() - requested_at_ms)
    assert books.world.comparing.run(name, SYSTEM) is Outcome.ENDED
    assert (books.run(day).status, books.run(day).trouble) == (status, trouble)


def test_a_provider_that_hands_out_no_statement_is_given_up_though_the_books_have_nothing(
    books: Books, day: date
) -> None:
    books.said(day)
    books.bank.breaks_off = True
    name = books.request(day)
    books.world.ahead_ms += PATIENCE_MS
    assert books.world.comparing.run(name, SYSTEM) is Outcome.ENDED
    assert (books.run(day).status, books.run(day).trouble) == (RunStatus.GIVEN_UP, "payment_provider_unavailable")


def test_a_run_that_waits_for_nobody_is_asked_for_anew(books: Books, day: date) -> None:
    """Its message is lost for good: somebody emptied the dead letters."""
    name = books.request(day)
    desk = books.world.reconciliation_desk
    assert desk.request(HOLDER, day, OPERATOR).version == 1
    books.world.ahead_ms += PATIENCE_MS
    assert desk.request(HOLDER, day, OPERATOR).version == 2
    assert desk.request(HOLDER, day, OPERATOR).version == 2
    assert desk.run(name).status is RunStatus.REQUESTED


def test_an_account_that_is_gone_is_given_up(books: Books, day: date) -> None:
    name = books.request(day)
    books.world.comparing.counterparts.accounts.accounts.clear()  # type: ignore[attr-defined]  # a dict, as the test made it
    assert books.world.comparing.run(name, SYSTEM) is Outcome.ENDED
    assert (books.run(day).status, books.run(day).trouble) == (RunStatus.GIVEN_UP, "unknown_payment_account")


def test_a_provider_without_statements_is_said_to_have_none(world: World) -> None:
    epay = Epay(account="main", pid="1001", key="k" * 32, gateway_url="https://pay.example")
    world.accounts = PaymentAccounts({("epay", "main"): epay}, {("epay", "main"): ()})
    assert world.reconciliation_desk.request_day([Holder("main", "epay")], SYSTEM) == 1
    (run,), _ = world.reconciliation_desk.of_month(days_ago(world, 1).isoformat()[:7], 10, None)
    assert world.comparing.run(run.run_id, SYSTEM) is Outcome.ENDED
    assert world.reconciliation_desk.run(run.run_id).status is RunStatus.STATEMENT_NOT_OFFERED


def test_a_statement_that_is_too_long_is_given_up(books: Books, day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterparts, "MAX_LINES", 1)
    sold(books, day)
    sold(books, day)
    assert books.reconcile(day) == []
    assert (books.run(day).status, books.run(day).trouble) == (RunStatus.GIVEN_UP, "statement_too_long")


def test_of_too_many_differences_the_first_are_listed_and_all_are_counted(
    books: Books, day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_LISTED", 120)
    at_ms = noon_ms(day, UTC)
    books.said(day, *(lines_of(order_of(at_ms), at_ms)[0] for _ in range(130)))
    assert len(books.reconcile(day)) == 120
    assert books.run(day).tally.missing_with_us == 130
    assert MAX_LISTED > 1_000


def test_of_too_many_differences_none_is_gone_that_was_found_again_further_down(
    books: Books, day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_LISTED", 2)
    at_ms = noon_ms(day, UTC)
    books.said(day, *(lines_of(order_of(at_ms), at_ms)[0] for _ in range(3)))
    before = {each.number for each in books.reconcile(day)}
    last = books.bank.statements[day].pop()
    books.bank.statements[day].insert(0, last)
    assert {each.number for each in books.reconcile(day)} == {*before, last.number}
    books.bank.statements[day] = []
    assert {each.status for each in [*books.reconcile(day), *books.all(day)]} == {DifferenceStatus.GONE}


def test_runs_of_one_day_at_once_find_each_difference_once(books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    books.said(day, *(lines_of(order_of(at_ms), at_ms)[0] for _ in range(150)))
    name = books.request(day)
    workers = [at_bank(books.world.another_process(), books.bank) for _ in range(6)]
    outcomes = at_once([partial(worker.comparing.run, name, SYSTEM) for worker in workers])
    assert {type(each) for each in outcomes} <= {Outcome, RunMoved}
    while books.run(day).status is not RunStatus.RECONCILED:
        books.world.comparing.run(name, SYSTEM)
    assert len(books.open(day)) == len(books.all(day)) == 150
    assert {each.version for each in books.all(day)} == {1}


def test_what_is_resolved_while_the_day_is_compared_anew_stays_resolved_unless_it_changed_first(
    books: Books, day: date
) -> None:
    at_ms = noon_ms(day, UTC)
    books.said(day, *(lines_of(order_of(at_ms), at_ms)[0] for _ in range(5)))
    found = books.reconcile(day)
    name = books.request(day)
    # Each is to be written anew, in another word.
    books.bank.statements[day] = [replace(each, status="OK") for each in books.bank.statements[day]]
    workers = [at_bank(books.world.another_process(), books.bank) for _ in range(6)]
    resolving: list[Callable[[], object]] = [
        partial(worker.reconciliation_desk.resolve, name, each.difference_id, each.version, OPERATOR)
        for worker, each in zip(workers, found, strict=False)
    ]
    resolving.append(partial(workers[5].comparing.run, name, SYSTEM))
    results = at_once(resolving)[:-1]
    assert {type(each) for each in results} <= {Difference, DifferenceChanged}
    refused = {
        each.difference_id for each, result in zip(found, results, strict=True) if type(result) is not Difference
    }
    assert refused == {each.difference_id for each in books.all(day) if each.status is DifferenceStatus.OPEN}
    assert books.run(day).status is RunStatus.RECONCILED


def test_what_was_read_before_somebody_resolved_it_is_not_written_over_it(books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    books.said(day, *(lines_of(order_of(at_ms), at_ms)[0] for _ in range(2)))
    read = books.reconcile(day)
    resolved = books.world.reconciliation_desk.resolve(read[0].run_id, read[0].difference_id, read[0].version, OPERATOR)
    store, changes = books.world.comparing.store, [(each, replace(each, version=each.version + 1)) for each in read]
    assert not store.record(books.run(day), changes)
    assert not store.resolve(*changes[0])
    assert books.all(day) == [resolved, read[1]]


def test_a_run_that_was_overtaken_writes_nothing(books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    books.said(day, lines_of(order_of(at_ms), at_ms)[0])
    name = books.request(day)
    slow = at_bank(books.world.another_process(), books.bank)
    asked = books.run(day)
    them = slow.comparing.counterparts.of(HOLDER)
    found = slow.comparing._compare(them, UTC, window(day, UTC), Told(books.bank.statements[day]))
    books.bank.statements[day] = []
    assert books.world.comparing.run(name, SYSTEM) is Outcome.ENDED
    with pytest.raises(RunMoved):
        slow.comparing._keep(asked, found, Told([]), SYSTEM)
    assert books.all(day) == []


def test_a_run_that_is_overtaken_while_it_writes_its_differences_writes_no_more_of_them(
    books: Books, day: date
) -> None:
    at_ms = noon_ms(day, UTC)
    (line,) = lines_of(order_of(at_ms), at_ms)
    name = books.request(day)
    asked, slow = books.run(day), books.world.another_process().comparing
    mine = take_up(asked, SYSTEM, books.world.now_ms())
    assert slow.store.replace(asked, mine)
    late = difference_of(mine, Found(kind=K.MISSING_WITH_US, line=line), SYSTEM, books.world.now_ms())
    books.said(day)
    assert books.world.comparing.run(name, SYSTEM) is Outcome.ENDED
    with pytest.raises(RunMoved):
        slow._record(mine, {late.difference_id: late}, {late.difference_id}, SYSTEM)
    assert books.all(day) == []
