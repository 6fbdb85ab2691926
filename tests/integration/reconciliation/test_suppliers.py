"""Suppliers' days compared on the engine: units and purchases of keys, what is booked of them, and their statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from keyrail.catalog.model import SkuKind
from keyrail.inventory.model.books import entries_between as batch_entries
from keyrail.ledger.model import Account, AccountKind, JournalEntry, credit, debit
from keyrail.ordering.model.orders import UnitStatus
from keyrail.ordering.model.work import Verdict
from keyrail.ordering.model.working import Saying
from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import DifferenceKind
from keyrail.reconciliation.model.differences import calls_for_question
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.movements import Known
from keyrail.reconciliation.model.runs import PATIENCE_MS, RunStatus, run_id
from keyrail.reconciliation.service import counterparts
from keyrail.reconciliation.service.comparing import Outcome
from keyrail.suppliers.model.attempts import SupplyState
from keyrail.suppliers.model.purchases import PurchaseStatus
from keyrail.suppliers.model.statements import SupplierLine, SupplierStatementUnreadable
from tests.card_house import HOUSE
from tests.card_house import Plan as Keys
from tests.recharging import buy, keys_of, sell, supplied, unit_of
from tests.reconciling import DAY_MS, HOUR_MS
from tests.supplied_days import HOLDER, Street, attempted, back, street_at_noon, taken
from tests.supplier import COST, Plan, Wholesaler
from tests.world import OPERATOR, SYSTEM, World

K = DifferenceKind


@pytest.fixture
def street(world: World) -> Street:
    return street_at_noon(world)


def test_a_day_on_which_all_agrees_has_no_difference(street: Street) -> None:
    """Units that were done, tried in vain and not asked for at all, and keys that were bought."""
    for plan in (each for each in Plan if each not in {Plan.CRASHES, Plan.STUCK, Plan.UNHEARD}):
        street.unit(plan)
    done = street.house.credited
    for reference in street.house.accepted:
        street.said(taken(reference), *([] if reference in done else [back(reference)]))
    bought = street.purchase()
    street.said(taken(bought.reference, Money(40_00, "CNY")))
    refused = street.purchase(Keys.REFUSED).reference
    street.said(taken(refused), back(refused))
    assert street.reconcile() == []
    run = street.run()
    assert (run.status, run.holder, run.fees) == (RunStatus.RECONCILED, HOLDER, ())
    assert (run.tally.entries, run.tally.fees_unread, run.tally.under_way) == (len(done) + 1, 0, 0)
    assert run.tally.matched > run.tally.entries > 3


def test_what_they_took_for_what_we_gave_up_or_never_asked_for_is_found(street: Street) -> None:
    order, failed = street.unit(Plan.REFUSED)
    theirs = "7" * 26 + "0101"
    street.said(taken(attempted(failed)), taken(theirs), taken("another shop's"))
    found = {each.number: each for each in street.reconcile()}
    given_up = found[attempted(failed)]
    assert (given_up.kind, given_up.order_id) == (K.STATUS_DIFFERS, order.order_id)
    assert given_up.ours is not None
    assert (given_up.ours.known, given_up.ours.amount, given_up.provider) == (Known.FAILED, None, None)
    assert calls_for_question(given_up) is None
    assert {found[each].kind for each in (theirs, "another shop's")} == {K.MISSING_WITH_US}
    assert (found[theirs].order_id, found["another shop's"].order_id) == (f"ord_{'7' * 26}", None)


def test_what_we_hold_done_and_they_do_not_list_is_found(street: Street) -> None:
    unit, bought = street.unit()[1], street.purchase()
    street.said()
    found = {each.number: each for each in street.reconcile()}
    assert {each.kind for each in found.values()} == {K.MISSING_WITH_THEM}
    assert found.keys() == {attempted(unit), bought.reference}
    booked = found[bought.reference].ours
    assert booked is not None
    assert booked.booked == Money(40_00, "CNY")


@pytest.mark.parametrize("of_keys", [True, False])
def test_another_sum_two_lines_and_what_was_given_back_of_what_we_hold_done_are_found(
    street: Street, of_keys: bool
) -> None:
    cost = Money(40_00, "CNY") if of_keys else COST
    references = [street.purchase().reference if of_keys else attempted(street.unit()[1]) for _ in range(3)]
    street.said(taken(references[0], cost + Money(1, "CNY")))
    street.said(*[taken(references[1], cost)] * 2)
    street.said(taken(references[2], cost), back(references[2], cost))
    found = {each.number: each.kind for each in street.reconcile()}
    assert found == dict(zip(references, (K.AMOUNT_DIFFERS, K.TWICE_WITH_THEM, K.STATUS_DIFFERS), strict=True))


@pytest.mark.parametrize("of_keys", [True, False])
def test_what_is_done_with_them_and_open_with_us_is_asked_about_and_gone_once_it_is_known(
    street: Street, of_keys: bool
) -> None:
    if of_keys:
        purchase = street.purchase(Keys.SLOW)
        assert purchase.status is PurchaseStatus.PROCESSING
        reference, cost = purchase.reference, Money(40_00, "CNY")
    else:
        street.house.settlement_ms = 3 * DAY_MS
        reference, cost = attempted(street.unit(Plan.LOST, once=True)[1]), COST
    street.said(taken(reference, cost))
    (found,) = street.reconcile()
    assert (found.kind, calls_for_question(found)) == (K.STATUS_DIFFERS, reference)
    if of_keys:
        assert street.buying.go_on(purchase).status is PurchaseStatus.STOCKED
    else:
        order_id = str(found.order_id)
        unit = street.world.orders.of_operator(order_id).units[0]
        street.world.recharging.place(order_id, unit.unit_id, SYSTEM)  # as a workflow that is started for it does
        assert street.world.orders.of_operator(order_id).units[0].status is UnitStatus.DELIVERED
    street.post()
    street.world.ahead_ms += 2 * HOUR_MS
    assert street.again() == []


def test_what_they_are_at_work_on_is_looked_at_again_until_they_are_through(street: Street) -> None:
    street.house.silent = True
    _, unit = street.unit(Plan.LOST_REFUSED)
    reference = attempted(unit)
    street.said(taken(reference, is_over=False))
    assert street.reconcile() == []
    assert street.run().tally.under_way == 1
    street.house.statements[street.day] = [taken(reference)]
    street.said(day=street.day + timedelta(days=1))
    street.next_morning()
    street.world.reconciliation_desk.request_day([HOLDER], SYSTEM)
    assert street.run().status is RunStatus.REQUESTED
    street.world.comparing.run(street.run().run_id, SYSTEM)
    assert [each.kind for each in street.open()] == [K.STATUS_DIFFERS]


def test_what_was_taken_in_vain_before_midnight_may_come_back_after_it(street: Street) -> None:
    reference = attempted(street.unit(Plan.SLOW_THEN_FAILED)[1])
    street.said(taken(reference))
    assert [each.kind for each in street.reconcile()] == [K.STATUS_DIFFERS]
    street.said(back(reference), day=street.day + timedelta(days=1))
    assert street.again() == []
    street.house.statements[street.day + timedelta(days=1)] = [back(reference, Money(1, "CNY"))]
    assert [each.kind for each in street.again()] == [K.STATUS_DIFFERS]


def test_what_we_heard_a_day_later_is_matched_on_both_days(street: Street) -> None:
    before = street.day - timedelta(days=1)
    street.said(taken(attempted(street.unit()[1])), day=before)
    street.said()
    assert street.reconcile() == []
    assert street.run().tally.elsewhere == 1


def test_what_a_person_says_was_done_is_in_no_book_until_the_statement_shows_what_it_cost(street: Street) -> None:
    street.house.silent = True
    order, unit = street.unit(Plan.LOST)
    assert unit.work is not None
    job, desk = unit.work.job, street.world.work_desk
    desk.claim(order.order_id, unit.unit_id, job, OPERATOR)
    saying = Saying(job=job, verdict=Verdict.DONE, text="the buyer has it")
    desk.say(order.order_id, unit.unit_id, saying, OPERATOR, anybodys=False)
    street.said(taken(job))
    (found,) = street.reconcile()
    assert found.kind is K.MISSING_WITH_US
    assert found.ours is not None
    assert (found.ours.known, found.ours.amount, found.ours.booked) == (Known.DONE, None, None)
    street.house.statements[street.day] = []
    assert street.again() == []


def test_keys_that_were_bought_for_a_unit_are_found_by_its_reference_in_their_batch(street: Street) -> None:
    placed = buy(street.world, sell(street.world, keys_of(HOUSE), kind=SkuKind.KEY), quantity=2, account=False)
    supplied(street.world, placed)
    reference = attempted(unit_of(street.world, placed))
    street.said(taken(reference, COST.times(2)))
    assert street.reconcile() == []
    assert street.run().tally.entries == 1
    street.house.statements[street.day] = [taken(reference)]
    (found,) = street.again()
    assert (found.kind, found.ours and found.ours.booked) == (K.AMOUNT_DIFFERS, COST.times(2))
    street.house.statements[street.day] = []
    (found,) = street.again()
    assert (found.kind, found.order_id) == (K.MISSING_WITH_THEM, placed.order.order_id)


def test_keys_that_came_in_though_a_person_said_that_none_would_are_owed_for(street: Street) -> None:
    street.house.plans, street.house.silent = [Plan.LOST], True
    placed = buy(street.world, sell(street.world, keys_of(HOUSE), kind=SkuKind.KEY), account=False)
    supplied(street.world, placed)
    order_id, unit = placed.order.order_id, unit_of(street.world, placed)
    assert unit.work is not None
    job, desk = unit.work.job, street.world.work_desk
    desk.claim(order_id, unit.unit_id, job, OPERATOR)
    desk.say(
        order_id, unit.unit_id, Saying(job=job, verdict=Verdict.FAILED, text="so they say"), OPERATOR, anybodys=False
    )
    street.house.silent = False
    supplied(street.world, placed)
    assert unit_of(street.world, placed).attempts[0].state is SupplyState.FAILED  # type: ignore[index]  # it has one
    street.said(taken(job))
    assert street.reconcile() == []
    street.house.statements[street.day] = []
    assert [each.kind for each in street.again()] == [K.MISSING_WITH_THEM]


def test_vouchers_files_of_keys_and_keys_of_others_are_in_no_statement(street: Street) -> None:
    world = street.world
    world.stock_up(1)
    world.import_codes(["AAAA-1111-2222", "AAAA-1111-3333"], source=HOUSE, unit_cost=Money(100, "CNY"))
    owed, bank = Account(AccountKind.SUPPLIER_PAYABLE, "CNY", HOUSE), Account(AccountKind.BANK, "CNY")
    street.entries.append(
        JournalEntry(
            source="voucher:vch_1",
            version=1,
            what="supplier_paid",
            number="vch_1",
            at_ms=world.now_ms(),
            postings=(debit(owed, COST), credit(bank, COST)),
        )
    )
    street.said()
    assert street.reconcile() == []
    assert street.run().tally.entries == 0


def test_bad_keys_that_were_charged_back_may_be_given_back_and_nothing_else(street: Street) -> None:
    bought = street.purchase()
    batch = street.world.keys.get_batch(str(bought.batch_id))
    charged = replace(batch, charged_back=2, version=batch.version + 1, changed_at_ms=street.world.now_ms())
    street.entries += batch_entries(batch, charged)
    street.said(taken(bought.reference, Money(40_00, "CNY")))
    street.said(back(bought.reference, Money(16_00, "CNY")))
    assert street.reconcile() == []
    street.said(back(bought.reference, Money(8_00, "CNY")))
    assert [each.kind for each in street.again()] == [K.STATUS_DIFFERS]


def test_a_cost_that_its_pieces_do_not_divide_is_no_difference(street: Street) -> None:
    for minor in (39_98, 39_99):
        cost = Money(minor, "CNY")
        street.said(taken(street.purchase(takes=cost).reference, cost))
    assert street.reconcile() == []


def test_keys_of_which_fewer_came_than_they_took_money_for_differ_in_amount(street: Street) -> None:
    street.buying.house.odd = lambda cards: cards[:3]
    bought = street.purchase()
    assert bought.status is PurchaseStatus.DIFFERS
    street.said(taken(bought.reference, Money(40_00, "CNY")))
    (found,) = street.reconcile()
    assert found.kind is K.AMOUNT_DIFFERS


def test_keys_of_which_none_was_taken_in_are_in_no_book(street: Street) -> None:
    first = street.purchase()
    known = street.buying.house.sold[first.reference]
    street.buying.house.odd = lambda _: known
    second = street.purchase()
    assert (second.status, second.accepted) == (PurchaseStatus.DIFFERS, 0)
    street.said(*(taken(each.reference, Money(40_00, "CNY")) for each in (first, second)))
    assert [(each.kind, each.number) for each in street.reconcile()] == [(K.MISSING_WITH_US, second.reference)]


def test_the_attempt_or_purchase_of_another_supplier_is_none_of_theirs(street: Street) -> None:
    reference = attempted(street.unit()[1])
    other = Holder("other")
    street.world.wholesalers["other"] = Wholesaler(statements={street.day: [taken(reference)]})
    street.post()
    street.next_morning()
    desk = street.world.reconciliation_desk
    desk.request_day([other], SYSTEM)
    name = run_id(other, street.day.isoformat())
    street.world.comparing.run(name, SYSTEM)
    (found,) = desk.all_differences(name)
    assert (found.kind, found.ours) == (K.MISSING_WITH_US, None)


def missing(_: Street) -> None:
    """There is none."""


def unreadable(street: Street) -> None:
    def statement(day: date) -> list[SupplierLine]:
        raise SupplierStatementUnreadable

    street.house.statement = statement  # type: ignore[method-assign, assignment]


def gone(street: Street) -> None:
    street.world.wholesalers.clear()


@pytest.mark.parametrize(
    ("trouble", "at_first", "status", "code"),
    [
        (missing, Outcome.AGAIN, RunStatus.GIVEN_UP, "supplier_statement_missing"),
        (unreadable, Outcome.AGAIN, RunStatus.GIVEN_UP, "supplier_statement_unreadable"),
        (gone, Outcome.ENDED, RunStatus.GIVEN_UP, "unknown_supplier"),
    ],
)
def test_a_day_without_a_statement_that_can_be_read_is_waited_for_and_given_up(
    street: Street, trouble: Callable[[Street], None], at_first: Outcome, status: RunStatus, code: str | None
) -> None:
    street.unit()
    street.post()
    street.next_morning()
    street.world.reconciliation_desk.request_day([HOLDER], SYSTEM)
    trouble(street)
    assert street.world.comparing.run(street.run().run_id, SYSTEM) is at_first
    street.world.ahead_ms += PATIENCE_MS
    assert street.world.comparing.run(street.run().run_id, SYSTEM) is Outcome.ENDED
    assert (street.run().status, street.run().trouble) == (status, code)


def test_of_a_quiet_day_there_need_be_no_statement(street: Street) -> None:
    street.next_morning()
    street.world.reconciliation_desk.request_day([HOLDER], SYSTEM)
    street.world.ahead_ms += PATIENCE_MS
    street.world.comparing.run(street.run().run_id, SYSTEM)
    assert street.run().status is RunStatus.NOTHING_MOVED


def test_a_statement_that_is_too_long_is_given_up(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted as it comes: what was taken and given back is no line any more."""
    monkeypatch.setattr(counterparts, "MAX_LINES", 3)
    street.said(*(each(str(number)) for number in range(2) for each in (taken, back)))
    assert street.reconcile() == []
    assert (street.run().status, street.run().trouble) == (RunStatus.GIVEN_UP, "statement_too_long")
