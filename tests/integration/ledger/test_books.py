"""The books on a real engine: each entry once, whoever posts it, how often and at once with whom."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from keyrail.ledger import service
from keyrail.ledger.model import (
    Account,
    AccountDay,
    AccountKind,
    InsufficientBalance,
    JournalEntry,
    Turnover,
    UnknownLedgerAccount,
    credit,
    debit,
)
from keyrail.ledger.store import PAGES
from keyrail.platform.dynamo import TransactionFailed, transact
from keyrail.platform.errors import IdempotencyConflict, Unavailable
from keyrail.platform.money import Money
from tests.bookkeeping import (
    DAY,
    DAY_MS,
    EPAY,
    NOON_MS,
    PARTNER,
    STRIPE,
    check_books,
    entry,
    purchase,
    sale,
    top_up,
)
from tests.engines import Engine
from tests.faults.breaking import Killed, Way, Wire
from tests.racing import at_once, refusals
from tests.world import World

CLEARING, SALES, BALANCES = "clearing:stripe/main:CNY", "sales:CNY", "partner_balance:CNY"


def of_day(account: str, opening: int, debits: int, credits_: int) -> AccountDay:
    return AccountDay(account=account, opening_minor=opening, debits_minor=debits, credits_minor=credits_)


def units_of(world: World, *actions: Callable[[], object]) -> list[float]:
    """Write units of each, as the engine counts them."""
    client, spent = world.dynamodb, []
    counted: list[float] = []

    def count(parsed: dict[str, list[dict[str, float]]], **_: object) -> None:
        counted.extend(each["CapacityUnits"] for each in parsed.get("ConsumedCapacity", []))

    def ask(params: dict[str, object], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    events = client.meta.events
    events.register("provide-client-params.dynamodb.TransactWriteItems", ask)
    events.register("after-call.dynamodb.TransactWriteItems", count)
    try:
        for action in actions:
            counted.clear()
            action()
            spent.append(sum(counted))
    finally:
        events.unregister("provide-client-params.dynamodb.TransactWriteItems", ask)
        events.unregister("after-call.dynamodb.TransactWriteItems", count)
    return spent


# posted once


def test_a_hundred_copies_of_one_entry_at_once_are_one(world: World) -> None:
    books = world.books
    assert refusals(at_once([partial(books.post, [sale(1)])] * 100)) == []
    check_books(world)
    assert books.trial_balance(DAY).accounts == (of_day(CLEARING, 0, 990, 0), of_day(SALES, 0, 0, 990))


def test_different_entries_at_once_are_all_in_and_none_twice(world: World) -> None:
    """Each of them comes from three hands, alone and in company."""
    books = world.books
    some = [sale(number, number, account=(STRIPE, EPAY)[number % 2]) for number in range(1, 41)]
    alone = [partial(books.post, [each]) for each in some]
    in_company = [partial(books.post, some[start : start + 13]) for start in range(0, 40, 9)]
    assert refusals(at_once([*alone, *in_company, *alone])) == []
    check_books(world)
    totals = books.trial_balance(DAY).totals
    assert totals == {"CNY": Turnover(sum(range(1, 41)), sum(range(1, 41)))}


def test_those_of_a_lot_that_are_in_already_do_not_keep_out_the_others(world: World) -> None:
    books = world.books
    some = [sale(number) for number in range(130)]
    books.post([*some[:3], *some[50:60], *some[120:]])
    books.post(some)
    books.post(list(reversed(some)))
    check_books(world)
    assert books.trial_balance(DAY).totals["CNY"].debits_minor == 130 * 990


@pytest.mark.parametrize("way", Way)
def test_what_breaks_off_anywhere_and_comes_again_is_in_once(world: World, way: Way) -> None:
    some = [sale(number) for number in range(120)]
    for at in range(2):
        process, wire = world.another_process(), Wire(at, way)
        with suppress(Unavailable, Killed), wire.carrying(process.dynamodb):
            process.books.post([replace(each, version=10 + at) for each in some])
        assert wire.broken
        world.books.post([replace(each, version=10 + at) for each in some])
        check_books(world)
        assert world.books.trial_balance(DAY).totals["CNY"].debits_minor == (at + 1) * 120 * 990


def test_what_stands_under_an_entrys_name_stays_and_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    books = world.books
    books.post([sale(1, 990)])
    books.post([sale(1, 5), sale(2, 10)])
    check_books(world)
    assert books.trial_balance(DAY).totals["CNY"].debits_minor == 1_000
    assert "K5005" in [getattr(record, "code", None) for record in caplog.records]


def test_an_entry_is_added_to_any_of_the_parallel_pages(world: World) -> None:
    books = world.books
    for number in range(40):
        books.post([sale(number)])
    pages = {item["account_id"]["S"] for item in world.scan("accounts") if item["account_id"]["S"].startswith("books#")}
    assert len(pages) == PAGES
    check_books(world)


def test_an_entry_of_two_currencies_is_on_a_page_of_each(world: World) -> None:
    both = (*sale(1, 990).postings, *sale(1, 140, "USD").postings)
    world.books.post([entry(1, *both, what="exchange"), sale(2, 10)])
    check_books(world)
    totals = world.books.trial_balance(DAY).totals
    assert totals == {"CNY": Turnover(1_000, 1_000), "USD": Turnover(140, 140)}


def test_an_entry_alone_is_four_write_units_and_in_company_two(world: World) -> None:
    books = world.books
    one, ten, full, two_accounts = units_of(
        world,
        partial(books.post, [sale(1)]),
        partial(books.post, [sale(number) for number in range(10, 20)]),
        partial(books.post, [sale(number) for number in range(100, 199)]),
        partial(books.post, [sale(2), sale(3, account=EPAY)]),
    )
    assert (one, ten, full, two_accounts) == (4, 22, 200, 6)


def test_a_prepaid_purchase_is_nine_write_units(world: World) -> None:
    books = world.books
    books.post([top_up(1, 100)])
    assert units_of(world, partial(books.spend, purchase(2, 10))) == [9]


# read


def test_a_trial_balance_carries_what_was_before_and_leaves_out_what_came_after(world: World) -> None:
    books = world.books
    later = NOON_MS + DAY_MS
    refund = entry(
        9,
        debit(Account(AccountKind.REFUNDS, "CNY"), Money(40, "CNY")),
        credit(sale(1).postings[0].account, Money(40, "CNY")),
        what="refund",
        at_ms=later,
    )
    books.post([sale(1, 100), sale(2, 7, "USD"), refund, sale(3, 60, at_ms=later), sale(4, at_ms=later + DAY_MS)])
    assert books.trial_balance("2025-12-31").accounts == ()
    first, second = books.trial_balance(DAY), books.trial_balance("2026-01-02")
    assert first.balanced
    assert first.accounts == (
        of_day(CLEARING, 0, 100, 0),
        of_day("clearing:stripe/main:USD", 0, 7, 0),
        of_day(SALES, 0, 0, 100),
        of_day("sales:USD", 0, 0, 7),
    )
    assert second.balanced
    assert second.accounts == (
        of_day(CLEARING, 100, 60, 40),
        of_day("clearing:stripe/main:USD", 7, 0, 0),
        of_day("refunds:CNY", 0, 40, 0),
        of_day(SALES, -100, 0, 60),
        of_day("sales:USD", -7, 0, 0),
    )
    assert [each.closing_minor for each in second.accounts] == [120, 7, 40, -160, -7]


def test_an_accounts_statement_has_the_entries_of_its_day_in_their_order(world: World) -> None:
    books = world.books
    mine = [sale(number, number, at_ms=NOON_MS + number) for number in range(1, 30)]
    books.post([*mine, *(sale(n, 1, account=EPAY) for n in range(50, 60)), sale(99, at_ms=NOON_MS - DAY_MS)])
    statement = books.statement(CLEARING, DAY)
    assert list(statement.entries) == mine
    assert statement.behind is None
    assert statement.account == of_day(CLEARING, 990, sum(range(1, 30)), 0)
    assert statement.account.closing_minor == 990 + sum(range(1, 30))


def test_a_long_statement_comes_in_pages_with_every_entry_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_LINES", 3)
    books = world.books
    mine = [sale(number, at_ms=NOON_MS + number) for number in range(60)]
    books.post(mine)
    found: list[JournalEntry] = []
    behind, pages = None, 0
    while pages == 0 or behind is not None:
        page = books.statement(SALES, DAY, behind)
        found, behind, pages = [*found, *page.entries], page.behind, pages + 1
    assert found == mine
    assert pages > 2


def test_an_account_that_never_moved_has_a_statement_and_what_is_none_has_not(world: World) -> None:
    assert world.books.statement("suspense:CNY", DAY).account == of_day("suspense:CNY", 0, 0, 0)
    assert world.books.statement(PARTNER.name, DAY).account == of_day(PARTNER.name, 0, 0, 0)
    for name in ("suspense", "partner_balance:prt_1:XXX", "sales:XXX", "sales:prt_1:CNY"):
        with pytest.raises(UnknownLedgerAccount):
            world.books.statement(name, DAY)


# prepaid


def test_nobody_spends_more_than_they_paid_in_however_many_ask_at_once(world: World) -> None:
    books = world.books
    books.post([top_up(1, 300)])
    refused = refusals(at_once([partial(books.spend, purchase(number, 10)) for number in range(100, 164)]))
    assert refused == [InsufficientBalance.code] * 34
    assert books.balance(PARTNER.name) == 0
    check_books(world)
    closings = {each.account: each.closing_minor for each in books.trial_balance(DAY).accounts}
    assert closings == {CLEARING: 300, BALANCES: 0, SALES: -300}


def test_a_hundred_copies_of_one_spending_take_its_amount_once(world: World) -> None:
    books = world.books
    books.post([top_up(1, 15)])
    results = at_once([partial(books.spend, purchase(2, 10))] * 100)
    assert (results.count(True), results.count(False)) == (1, 99)
    assert books.balance(PARTNER.name) == 5
    check_books(world)


def test_who_never_paid_in_and_who_lacks_a_fen_spend_nothing(world: World) -> None:
    books = world.books
    with pytest.raises(InsufficientBalance):
        books.spend(purchase(1, 1))
    books.post([top_up(2, 10)])
    with pytest.raises(InsufficientBalance):
        books.spend(purchase(3, 11))
    assert books.spend(purchase(4, 10))
    assert not books.spend(purchase(4, 10))
    assert books.balance(PARTNER.name) == 0
    check_books(world)


def test_what_one_holder_paid_in_is_neither_anothers_nor_of_another_currency(world: World) -> None:
    books = world.books
    books.post([top_up(1, 100)])
    for holder in (replace(PARTNER, holder="prt_2"), replace(PARTNER, currency="USD")):
        with pytest.raises(InsufficientBalance):
            books.spend(purchase(2, 1, holder))
    assert books.balance(PARTNER.name) == 100


def test_a_name_that_was_spent_under_is_not_spent_under_for_another_amount(world: World) -> None:
    books = world.books
    books.post([top_up(1, 100)])
    assert books.spend(purchase(2, 10))
    with pytest.raises(IdempotencyConflict):
        books.spend(purchase(2, 11))
    assert books.balance(PARTNER.name) == 90


def test_what_was_paid_in_is_not_spent_by_posting(world: World) -> None:
    books = world.books
    books.post([top_up(1, 100)])
    with pytest.raises(ValueError, match="one by one"):
        books.post([sale(2), purchase(3, 10)])
    assert books.trial_balance(DAY).totals["CNY"].debits_minor == 100


def test_a_spending_goes_through_in_somebody_elses_transaction_or_not_at_all(world: World) -> None:
    books = world.books
    books.post([top_up(1, 10)])
    transact(world.dynamodb, books.spending(purchase(2, 10)))
    with pytest.raises(TransactionFailed):
        transact(world.dynamodb, books.spending(purchase(3, 10)))
    with pytest.raises(TransactionFailed) as again:
        transact(world.dynamodb, books.spending(purchase(2, 10)))
    assert 0 in again.value.failed
    assert books.balance(PARTNER.name) == 0
    check_books(world)


@pytest.mark.parametrize("way", Way)
def test_a_spending_that_breaks_off_and_comes_again_is_taken_once(engine: Engine, way: Way) -> None:
    world = engine.world()
    world.books.post([top_up(1, 25)])
    process, wire = world.another_process(), Wire(0, way)
    with suppress(Unavailable, Killed), wire.carrying(process.dynamodb):
        process.books.spend(purchase(2, 10))
    assert wire.broken
    world.books.spend(purchase(2, 10))
    assert world.books.balance(PARTNER.name) == 15
    check_books(world)
