"""Entries for the books, and what must be true of the books whatever was posted."""

from keyrail.ledger.model import Account, AccountKind, JournalEntry, Posting, clearing, credit, debit
from keyrail.ledger.service import Books
from keyrail.ledger.store import AccountStore
from keyrail.platform.money import Money
from tests.world import World

DAY = "2026-01-01"
NOON_MS = 1_767_268_800_000
DAY_MS = 24 * 60 * 60 * 1000
STRIPE, EPAY = ("stripe", "main"), ("epay", "second")
PARTNER = Account(AccountKind.PARTNER_BALANCE, "CNY", "prt_1")


def books_of(world: World) -> Books:
    return Books(AccountStore(world.dynamodb, world.names["accounts"]))


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
    """Every page is balanced by itself, and all of them together say what the journal says."""
    items = world.scan("accounts")
    posted: dict[str, int] = {}
    for item in items:
        for posting in item["postings"]["L"] if "postings" in item else ():
            said = posting["M"]
            account, amount = said["account"]["M"], said["amount"]["M"]
            holder = account.get("holder", {}).get("S", "")
            prefix = f"clearing:{holder}" if account["kind"]["S"] == "clearing" else account["kind"]["S"]
            day = item["account_id"]["S"].split("#")[1]
            name = f"{day} {said['side']['S']}:{prefix}:{account['currency']['S']}"
            posted[name] = posted.get(name, 0) + int(amount["amount_minor"]["N"])
            assert account["currency"] == amount["currency"]
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
