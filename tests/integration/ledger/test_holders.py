"""The account of one holder, by day, and all holders of a kind: what a partner, a customer and a supplier is told."""

from dataclasses import replace

import pytest

from keyrail.ledger import service
from keyrail.ledger.model import Account, AccountDay, AccountKind, HolderBalance, JournalEntry, credit, debit
from keyrail.platform.money import Money
from tests.bookkeeping import DAY, DAY_MS, NOON_MS, PARTNER, check_books, entry, purchase, sale, top_up
from tests.world import World

OTHER = replace(PARTNER, holder="prt_2")
NEXT_DAY = "2026-01-02"


def on(day: int, some: JournalEntry, ms: int = 0) -> JournalEntry:
    return replace(some, at_ms=NOON_MS + day * DAY_MS + ms)


def of_day(opening: int, debits: int, credits_: int, account: Account = PARTNER) -> AccountDay:
    return AccountDay(account=account.name, opening_minor=opening, debits_minor=debits, credits_minor=credits_)


def lived(world: World) -> list[JournalEntry]:
    """A partner's three days, which came in another order, beside those of others."""
    books = world.books
    entries = [on(-1, top_up(1, 500)), on(0, top_up(2, 100)), on(0, purchase(3, 130), 5), on(1, purchase(4, 20))]
    books.post([entries[1], on(0, top_up(9, 7, OTHER)), on(0, sale(8))])
    books.post([entries[0]])
    for spending in (entries[3], entries[2]):
        assert books.spend(spending)
    check_books(world)
    return entries


def test_a_holders_day_has_what_it_began_and_ended_with_and_its_own_entries_alone(world: World) -> None:
    entries = lived(world)
    books = world.books
    statement = books.statement(PARTNER.name, DAY)
    assert (list(statement.entries), statement.behind) == (entries[1:3], None)
    assert statement.account == of_day(-500, 130, 100)
    assert books.statement(PARTNER.name, NEXT_DAY).account == of_day(-470, 20, 0)
    assert books.statement(PARTNER.name, "2026-02-01").account.closing_minor == -books.balance(PARTNER.name) == -450
    assert books.statement(replace(PARTNER, currency="USD").name, DAY).account.closing_minor == 0


def test_the_first_and_the_last_moment_of_a_day_are_on_it(world: World) -> None:
    midnight, last = on(0, top_up(1, 10), -DAY_MS // 2), on(0, top_up(2, 10), DAY_MS // 2 - 1)
    world.books.post([midnight, last, on(0, top_up(3, 10), DAY_MS // 2)])
    statement = world.books.statement(PARTNER.name, DAY)
    assert list(statement.entries) == [midnight, last]
    assert statement.account == of_day(0, 0, 20)


def test_a_holders_long_day_comes_in_pages_with_every_entry_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_LINES", 3)
    mine = [on(0, top_up(number, 10), number // 2) for number in range(10)]
    world.books.post(mine)
    found: list[JournalEntry] = []
    page = world.books.statement(PARTNER.name, DAY)
    while page.behind:
        found, page = [*found, *page.entries], world.books.statement(PARTNER.name, DAY, page.behind)
    assert sorted([*found, *page.entries], key=lambda each: each.place) == sorted(mine, key=lambda each: each.place)


def test_behind_a_place_of_another_day_and_before_there_were_any_is_nothing(world: World) -> None:
    books = world.books
    books.post([on(0, top_up(1, 10))])
    for day, behind in (("1900-01-01", None), (DAY, "zzz"), (DAY, f"{NOON_MS + 9 * DAY_MS:013d}#jnl_x")):
        page = books.statement(PARTNER.name, day, behind)
        assert (list(page.entries), page.behind) == ([], None)


def test_all_holders_of_a_kind_are_listed_page_by_page_with_what_they_have(world: World) -> None:
    books = world.books
    payable = Account(AccountKind.SUPPLIER_PAYABLE, "CNY", "Acme Ltd.")
    bought = entry(
        80, debit(Account(AccountKind.COST_OF_GOODS, "CNY"), Money(9, "CNY")), credit(payable, Money(9, "CNY"))
    )
    books.post([*(top_up(n, n, replace(PARTNER, holder=f"prt_{n}")) for n in range(1, 6)), bought])
    assert books.spend(purchase(90, 3, replace(PARTNER, holder="prt_3")))
    first, behind = books.balances(AccountKind.PARTNER_BALANCE, 3)
    second, end = books.balances(AccountKind.PARTNER_BALANCE, 3, behind)
    found = [(each.holder, each.currency, each.balance_minor) for each in (*first, *second)]
    assert found == [(f"prt_{n}", "CNY", 0 if n == 3 else n) for n in range(1, 6)]
    assert (len(first), end) == (3, None)
    (supplier,), _ = books.balances(AccountKind.SUPPLIER_PAYABLE, 3)
    assert supplier == HolderBalance(account=payable.name, balance_minor=9)
    assert supplier.holder == "Acme Ltd."
    assert books.balances(AccountKind.CUSTOMER_CREDIT, 3) == ([], None)
    check_books(world)
