"""What an account is called, what an entry may be, and what follows from entries."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.ledger.model import (
    MAX_POSTINGS,
    Account,
    AccountDay,
    AccountKind,
    Posting,
    TrialBalance,
    Turnover,
    Unbalanced,
    UnknownLedgerAccount,
    balance_changes,
    check_in_books,
    clearing,
    credit,
    debit,
    holder_days,
    is_holders,
    spends,
    together,
    turnovers,
)
from keyrail.ledger.store import lots
from keyrail.platform.documents import from_attributes, to_attributes
from keyrail.platform.money import CurrencyMismatch, Money
from tests.bookkeeping import DAY, DAY_MS, EPAY, NOON_MS, PARTNER, STRIPE, entry, purchase, sale, top_up
from tests.item_size import UNIT_BYTES, item_bytes

SALES = Account(AccountKind.SALES, "CNY")
CLEARING = clearing(*STRIPE, "CNY")


def test_the_currency_is_part_of_an_accounts_name() -> None:
    assert CLEARING.name == "clearing:stripe/main:CNY"
    assert SALES.name == "sales:CNY"
    assert PARTNER.name == "partner_balance:prt_1:CNY"
    assert clearing(*STRIPE, "USD").name != CLEARING.name


def test_the_books_have_each_provider_account_and_the_sum_of_all_partners() -> None:
    assert CLEARING.in_books == CLEARING.name
    assert PARTNER.in_books == "partner_balance:CNY"


@pytest.mark.parametrize(
    ("kind", "currency", "holder"),
    [
        (AccountKind.SALES, "XXX", None),
        (AccountKind.SALES, "CNY", "stripe/main"),
        (AccountKind.CLEARING, "CNY", None),
        (AccountKind.CLEARING, "CNY", ""),
        (AccountKind.PARTNER_BALANCE, "CNY", None),
        (AccountKind.CLEARING, "CNY", "stripe/a b"),
        (AccountKind.CLEARING, "CNY", "stripe/a[0]"),
        (AccountKind.CLEARING, "CNY", "x" * 121),
    ],
)
def test_what_no_account_can_be_is_refused(kind: AccountKind, currency: str, holder: str | None) -> None:
    with pytest.raises(ValueError, match=r"currency|holder"):
        Account(kind, currency, holder)


@pytest.mark.parametrize("name", ["clearing:stripe/main:CNY", "sales:CNY", "partner_balance:USD", "suspense:JPY"])
def test_a_name_of_the_books_is_known(name: str) -> None:
    check_in_books(name)


@pytest.mark.parametrize(
    "name",
    ["", "sales", "sales:XXX", "sales:main:CNY", "clearing:CNY", "partner_balance:prt_1:CNY", "cash:CNY", "sales:CNY:"],
)
def test_another_name_is_not(name: str) -> None:
    with pytest.raises(UnknownLedgerAccount):
        check_in_books(name)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("partner_balance:prt_1:CNY", True),
        ("supplier_payable:Acme: Ltd. [x]:CNY", True),
        ("partner_balance:CNY", False),
        ("partner_balance::CNY", False),
        ("partner_balance:prt_1:XXX", False),
        ("clearing:stripe/main:CNY", False),
        ("sales:CNY", False),
        ("cash:prt_1:CNY", False),
        ("", False),
    ],
)
def test_the_account_of_a_holder_is_known_by_its_name(name: str, known: bool) -> None:
    assert is_holders(name) is known


def test_an_entry_is_about_one_holder_at_most() -> None:
    other = replace(PARTNER, holder="prt_2")
    assert (top_up(1, 5).holder, sale(1).holder) == (PARTNER.name, None)
    with pytest.raises(ValueError, match="one holder"):
        entry(1, debit(PARTNER, Money(1, "CNY")), credit(other, Money(1, "CNY")))


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (debit(CLEARING, Money(1, "CNY")),),
        (debit(CLEARING, Money(990, "CNY")), credit(SALES, Money(989, "CNY"))),
        (debit(CLEARING, Money(990, "CNY")), debit(SALES, Money(990, "CNY"))),
        (debit(CLEARING, Money(990, "CNY")), credit(Account(AccountKind.SALES, "USD"), Money(990, "USD"))),
        (debit(CLEARING, Money(1, "CNY")),) * MAX_POSTINGS + (credit(SALES, Money(MAX_POSTINGS, "CNY")),),
    ],
)
def test_an_entry_that_does_not_sum_to_zero_in_each_currency_cannot_be_made(postings: tuple[Posting, ...]) -> None:
    with pytest.raises(Unbalanced):
        entry(1, *postings)


def test_an_entry_may_have_several_currencies_if_each_sums_to_zero() -> None:
    dollars = Money(140, "USD")
    both = (
        *sale(1).postings,
        debit(clearing(*STRIPE, "USD"), dollars),
        credit(replace(SALES, currency="USD"), dollars),
    )
    moved = turnovers([entry(1, *both)])
    assert {name: moved[name].balance_minor for name in moved} == {
        "clearing:stripe/main:CNY": 990,
        "sales:CNY": -990,
        "clearing:stripe/main:USD": 140,
        "sales:USD": -140,
    }


def test_a_posting_is_of_its_accounts_currency_and_of_something() -> None:
    with pytest.raises(CurrencyMismatch):
        debit(CLEARING, Money(1, "USD"))
    with pytest.raises(ValueError, match="nothing"):
        debit(CLEARING, Money(0, "CNY"))


def test_an_entry_is_named_by_the_change_that_caused_it_and_what_it_was() -> None:
    one = sale(1)
    assert sale(1).entry_id == one.entry_id
    assert replace(one, at_ms=one.at_ms + 1).entry_id == one.entry_id
    others = [
        sale(2),
        replace(one, version=3),
        replace(one, what="refund"),
        replace(one, source="payment:upm_1"),
        replace(one, number="pay_2"),
    ]
    assert len({each.entry_id for each in (one, *others)}) == 6


def test_an_entry_is_booked_on_its_day_in_utc() -> None:
    assert sale(1, at_ms=NOON_MS + DAY_MS // 2 - 1).day == DAY
    assert sale(1, at_ms=NOON_MS + DAY_MS // 2).day == "2026-01-02"


def test_an_entry_is_stored_whole_and_within_one_write_unit() -> None:
    one = sale(1, minor=10**12, account=("provider-of-a-long-name", "account-of-a-long-name"))
    attributes = to_attributes(one)
    assert from_attributes(type(one), attributes) == one
    place = {"account_id": {"S": "journal#2026-01-01#7"}, "sk": {"S": one.place}}
    assert item_bytes(attributes | place) <= UNIT_BYTES * 3 // 4


def test_a_stored_entry_that_somebody_made_unbalanced_is_not_read() -> None:
    attributes = to_attributes(sale(1))
    attributes["postings"]["L"][0]["M"]["amount"]["M"]["amount_minor"] = {"N": "1"}
    with pytest.raises(ValueError, match="debits"):
        from_attributes(type(sale(1)), attributes)


def test_what_is_credited_is_the_holders_and_what_is_debited_was_theirs() -> None:
    assert balance_changes([top_up(1, 500), purchase(2, 120), sale(3)]) == {PARTNER.name: 380}
    assert balance_changes([top_up(1, 500), purchase(2, 500)]) == {}
    assert [spends(each) for each in (top_up(1, 500), purchase(2, 120), sale(3))] == [False, True, False]


def test_a_supplier_is_owed_without_having_paid_beforehand() -> None:
    payable = Account(AccountKind.SUPPLIER_PAYABLE, "CNY", "acme")
    paid = entry(1, debit(payable, Money(5, "CNY")), credit(SALES, Money(5, "CNY")))
    assert balance_changes([paid]) == {payable.name: -5}
    assert not spends(paid)


def test_turnovers_add_up() -> None:
    moved = together([turnovers([sale(1), sale(2, 10)]), turnovers([sale(3, 1, account=EPAY)])])
    assert moved == {
        "clearing:stripe/main:CNY": Turnover(1_000, 0),
        "clearing:epay/second:CNY": Turnover(1, 0),
        "sales:CNY": Turnover(0, 1_001),
    }


def day_of(account: str, opening: int, debits: int, credits_: int) -> AccountDay:
    return AccountDay(account=account, opening_minor=opening, debits_minor=debits, credits_minor=credits_)


@pytest.mark.parametrize(
    ("accounts", "balanced"),
    [
        ((), True),
        ((day_of("clearing:a/b:CNY", 5, 3, 0), day_of("sales:CNY", -5, 0, 3)), True),
        ((day_of("clearing:a/b:CNY", 5, 3, 0), day_of("sales:CNY", -5, 0, 2)), False),
        ((day_of("clearing:a/b:CNY", 5, 3, 0), day_of("sales:USD", -5, 0, 3)), False),
        ((day_of("clearing:a/b:CNY", 4, 3, 0), day_of("sales:CNY", -5, 0, 3)), False),
    ],
)
def test_a_trial_balance_is_balanced_in_each_currency(accounts: tuple[AccountDay, ...], balanced: bool) -> None:
    assert TrialBalance(day=DAY, accounts=accounts).balanced is balanced


def test_a_lot_fits_into_a_transaction_whatever_it_touches() -> None:
    def writes(lot: list[Any]) -> int:
        pages = {(each.day, posting.amount.currency) for each in lot for posting in each.postings}
        return len(lot) + len(pages) + len(balance_changes(lot)) + len(holder_days(lot))

    one_page = lots(sale(number) for number in range(250))
    assert [len(lot) for lot in one_page] == [99, 99, 52]
    many = [sale(number, currency=("CNY", "USD")[number % 2], at_ms=NOON_MS + number * DAY_MS) for number in range(120)]
    holders = [
        top_up(number, 5, Account(AccountKind.PARTNER_BALANCE, "CNY", f"p{number}")) for number in range(500, 640)
    ]
    cut = lots([*many, *holders])
    assert [each for lot in cut for each in lot] == [*many, *holders]
    assert all(writes(lot) <= 100 for lot in cut)
    assert [len(lot) for lot in lots([sale(1), sale(2), sale(1)])] == [2]
