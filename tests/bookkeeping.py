"""Entries for the books, and what must be true of the books whatever was posted."""

from keyrail.ledger.model import (
    Account,
    AccountKind,
    JournalEntry,
    Posting,
    Turnover,
    balance_changes,
    clearing,
    credit,
    debit,
    holder_days,
    is_prepaid,
)
from keyrail.payments.service.vouchers import Vouchers
from keyrail.payments.store import VoucherStore
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.money import Money
from tests.world import World

DAY = "2026-01-01"
NOON_MS = 1_767_268_800_000
DAY_MS = 24 * 60 * 60 * 1000
STRIPE, EPAY = ("stripe", "main"), ("epay", "second")
PARTNER = Account(AccountKind.PARTNER_BALANCE, "CNY", "prt_1")


def vouchers_of(world: World) -> Vouchers:
    store = VoucherStore(world.dynamodb, world.names["payments"])
    return Vouchers(store, world.books, lambda name: name.startswith("Acme"), world.given_today, world.now_ms)


def entry(number: int, *postings: Posting, what: str = "sale", at_ms: int = NOON_MS) -> JournalEntry:
    name = f"{number:026d}"
    return JournalEntry(
        source=f"order:ord_{name}", version=2, what=what, number=f"pay_{name}01", at_ms=at_ms, postings=postings
    )


def sale(
    number: int, minor: int = 990, currency: str = "CNY", account: tuple[str, str] = STRIPE, at_ms: int = NOON_MS
) -> JournalEntry:
    amount = Money(minor, currency)
    income = Account(AccountKind.SALES, currency)
    return entry(number, debit(clearing(*account, currency), amount), credit(income, amount), at_ms=at_ms)


def top_up(number: int, minor: int, holder: Account = PARTNER) -> JournalEntry:
    amount = Money(minor, holder.currency)
    return entry(number, debit(clearing(*STRIPE, holder.currency), amount), credit(holder, amount), what="top_up")


def purchase(number: int, minor: int, holder: Account = PARTNER) -> JournalEntry:
    amount = Money(minor, holder.currency)
    income = Account(AccountKind.SALES, holder.currency)
    return entry(number, debit(holder, amount), credit(income, amount), what="prepaid_sale")


def check_books(world: World) -> None:
    """Every page is balanced by itself, and all together say what the journal says; so do the holders' balances."""
    items = world.scan("accounts")
    entries = [from_attributes(JournalEntry, item) for item in items if "postings" in item]
    assert len({entry.entry_id for entry in entries}) == len(entries), "an entry is booked twice"
    _check_pages(items, entries)
    _check_holders(items, entries)


def _check_pages(items: list[Attributes], entries: list[JournalEntry]) -> None:
    posted: dict[str, int] = {}
    for entry in entries:
        for posting in entry.postings:
            name = f"{entry.day} {posting.side}:{posting.account.in_books}"
            posted[name] = posted.get(name, 0) + posting.amount.amount_minor
    summed: dict[str, int] = {}
    for item in items:
        if not item["account_id"]["S"].startswith("books#"):
            continue
        day, _, currency = item["sk"]["S"].partition("#")
        moved = {name: int(value["N"]) for name, value in item.items() if name.startswith(("debit:", "credit:"))}
        assert all(name.endswith(f":{currency}") for name in moved), "a page has another currency's account"
        debits = sum(minor for name, minor in moved.items() if name.startswith("debit:"))
        assert debits * 2 == sum(moved.values()), "a page is not balanced"
        for name, minor in moved.items():
            summed[f"{day} {name}"] = summed.get(f"{day} {name}", 0) + minor
    assert summed == posted, "the pages do not say what the journal says"


def _check_holders(items: list[Attributes], entries: list[JournalEntry]) -> None:
    balances = {item["account_id"]["S"]: int(item["balance_minor"]["N"]) for item in items if "balance_minor" in item}
    moved = balance_changes(entries)
    assert {name: minor for name, minor in balances.items() if minor} == moved, "a balance is not what was booked"
    assert not [name for name, minor in balances.items() if minor < 0 and is_prepaid(name)], "spent below zero"
    days = {
        (item["account_id"]["S"], item["sk"]["S"].removeprefix("day#")): Turnover(
            int(item["debits_minor"]["N"]), int(item["credits_minor"]["N"])
        )
        for item in items
        if "debits_minor" in item
    }
    assert days == holder_days(entries), "a holder's days are not what was booked"
