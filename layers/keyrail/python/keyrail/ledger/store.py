"""The `accounts` table: journal entries, the pages on which they are summed up, and what holders have.

An entry stands in one of the partitions of its day's journal. What was debited and credited to each account of a day
and a currency is summed up on pages, which are parallel: an entry is added to any one of them. Each page is balanced by
itself, so that whoever reads all of them, at whatever moments, never sees books that are not.

A holder's account has its balance, a page for each day on which it moved, and an index of its entries.
"""

from collections.abc import Iterable, Mapping, Sequence
from random import SystemRandom
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.operand import Path
from pynamodb.models import Model

from keyrail.ledger.model import (
    AccountKind,
    HolderBalance,
    JournalEntry,
    Side,
    Turnover,
    balance_changes,
    holder_days,
    is_prepaid,
    together,
    turnovers,
)
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import MAX_TRANSACTION_WRITES, IntegerAttribute, Page, Table, Write, read_together
from keyrail.platform.ids import shard_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

JOURNAL_SHARDS = 8
"""An entry is two write units, and a partition takes a thousand a second."""
PAGES = 4
"""As many transactions may add to the books at once without meeting each other's item."""
BY_HOLDER = "by_holder"
_DAY = "day#"
_BETWEEN = "#"
_BEHIND_BETWEEN = "$"  # the character after it


class AccountItem(Model):
    account_id = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    holder = UnicodeAttribute()
    holder_order = UnicodeAttribute()
    balance_minor = IntegerAttribute()
    debits_minor = IntegerAttribute()
    credits_minor = IntegerAttribute()
    source = UnicodeAttribute()


class AccountStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self.client = client
        self._table = Table(client, table_name)

    def posting(self, entries: Sequence[JournalEntry]) -> list[Write]:
        """Of different entries: each in its place on condition that it is not there, in their order; then what they
        add to the pages, and to what holders have.
        """
        return [
            *(self._put(entry) for entry in entries),
            *(self._on_page(key, some) for key, some in _by_page(entries).items()),
            *self._balances(entries),
            *(self._on_holder_day(*place, moved) for place, moved in sorted(holder_days(entries).items())),
        ]

    def _put(self, entry: JournalEntry) -> Write:
        place = {"account_id": _journal_of(entry), "sk": entry.place}
        found_by = {"holder": entry.holder, "holder_order": entry.place} if entry.holder else {}
        return self._table.put(entry, AccountItem.account_id.does_not_exist(), **place, **found_by)

    def _on_holder_day(self, name: str, day: str, moved: Turnover) -> Write:
        actions = [
            AccountItem.debits_minor.add(moved.debits_minor),
            AccountItem.credits_minor.add(moved.credits_minor),
        ]
        return self._table.update(_day_of(name, day), actions, AccountItem.source.does_not_exist())

    def _on_page(self, page: str, entries: Sequence[JournalEntry]) -> Write:
        """Chance chooses among the parallel pages, anew each time: whoever met somebody there looks for another."""
        currency = page.partition(_BETWEEN)[2]
        actions = [
            Path([f"{side}:{name}"]).add({"N": str(minor)})
            for name, moved in sorted(turnovers(entries).items())
            if name.endswith(f":{currency}")
            for side, minor in ((Side.DEBIT, moved.debits_minor), (Side.CREDIT, moved.credits_minor))
            if minor
        ]
        key = {"account_id": _book(SystemRandom().randrange(PAGES)), "sk": page}
        return self._table.update(key, actions, AccountItem.source.does_not_exist())

    def _balances(self, entries: Sequence[JournalEntry]) -> list[Write]:
        return [self._on_balance(name, change) for name, change in sorted(balance_changes(entries).items())]

    def _on_balance(self, name: str, change: int) -> Write:
        """What was paid in beforehand covers what is taken from it, or nothing happens (promise I6)."""
        takes = change < 0 and is_prepaid(name)
        condition = AccountItem.balance_minor >= -change if takes else AccountItem.source.does_not_exist()
        # The same each time, so that the index is written once.
        found_by = [AccountItem.holder.set(name.partition(":")[0]), AccountItem.holder_order.set(name)]
        return self._table.update(_balance(name), [AccountItem.balance_minor.add(change), *found_by], condition)

    def balance(self, account: str) -> int:
        """What the holder of the account has, in minor units."""
        found = self._table.get(**_balance(account))
        return int(found["balance_minor"]["N"]) if found else 0

    def balances(self, kind: AccountKind, limit: int, behind: str | None) -> tuple[list[HolderBalance], str | None]:
        """Of the holders of that kind whose accounts follow `behind`, by name; and the name that the next page follows.

        A holder is found a moment after the first entry.
        """
        condition = AccountItem.holder == kind
        if behind is not None:
            condition &= AccountItem.holder_order > behind
        page = self._table.query(condition, index=BY_HOLDER, limit=limit)
        found = [
            HolderBalance(account=item["account_id"]["S"], balance_minor=int(item["balance_minor"]["N"]))
            for item in self._behind_index(page)
        ]
        return found, page.last_key["holder_order"]["S"] if page.last_key else None

    def holder_turnovers(self, name: str, day: str) -> tuple[Turnover, Turnover]:
        """Of a holder's account: before the UTC day, and on it."""
        here = (AccountItem.account_id == name) & AccountItem.sk.between(_DAY, f"{_DAY}{day}")
        before, on_day = Turnover(), Turnover()
        for item in self._table.query_all(here, consistent=True):
            moved = Turnover(int(item["debits_minor"]["N"]), int(item["credits_minor"]["N"]))
            if item["sk"]["S"] == f"{_DAY}{day}":
                on_day = moved
            else:
                before += moved
        return before, on_day

    def holder_journal(
        self, name: str, since_ms: int, until_ms: int, limit: int, behind: str | None
    ) -> tuple[list[JournalEntry], str | None]:
        """Entries of a holder's account from `since_ms` to before `until_ms`, as `journal`; they are found a moment
        after they are booked. None behind a place of another day, nor before there were any.
        """
        first, last = f"{since_ms:013d}" if behind is None else f"{behind}{_BEHIND_BETWEEN}", f"{until_ms:013d}"
        if first > last:
            return [], None
        here = (AccountItem.holder == name) & AccountItem.holder_order.between(first, last)
        page = self._table.query(here, index=BY_HOLDER, limit=limit)
        entries = [entry_of(item) for item in self._behind_index(page)]
        return entries, page.last_key["holder_order"]["S"] if page.last_key else None

    def _behind_index(self, page: Page) -> list[Attributes]:
        reads = [self._table.read(account_id=item["account_id"]["S"], sk=item["sk"]["S"]) for item in page.items]
        return [item for item in read_together(self.client, reads) if item is not None]

    def turnovers(self, day: str) -> tuple[dict[str, Turnover], dict[str, Turnover]]:
        """Of all accounts: before the UTC day, and on it."""
        before: list[dict[str, Turnover]] = []
        on_day: list[dict[str, Turnover]] = []
        until = AccountItem.sk < f"{day}{_BEHIND_BETWEEN}"
        for number in range(PAGES):
            for item in self._table.query_all((AccountItem.account_id == _book(number)) & until, consistent=True):
                (on_day if item["sk"]["S"].startswith(day) else before).append(_page(item))
        return together(before), together(on_day)

    def journal(self, day: str, limit: int, behind: str | None) -> tuple[list[JournalEntry], str | None]:
        """Entries of the UTC day, oldest first, from behind that place on; and behind which place the next are.

        At most `limit` of each of its partitions.
        """
        pages = [self._some(f"journal#{day}#{shard}", limit, behind) for shard in range(JOURNAL_SHARDS)]
        # What lies behind the nearest end of a page may have neighbours that were not read.
        ends = [page.last_key["sk"]["S"] for page in pages if page.last_key]
        horizon = min(ends, default=None)
        items = [item for page in pages for item in page.items if horizon is None or item["sk"]["S"] <= horizon]
        return [entry_of(item) for item in sorted(items, key=lambda item: str(item["sk"]["S"]))], horizon

    def _some(self, partition: str, limit: int, behind: str | None) -> Page:
        here = AccountItem.account_id == partition
        return self._table.query(
            here if behind is None else here & (AccountItem.sk > behind), limit=limit, consistent=True
        )


def entry_of(attributes: Attributes) -> JournalEntry:
    return from_attributes(JournalEntry, attributes)


def lots(entries: Iterable[JournalEntry]) -> list[list[JournalEntry]]:
    """Cut so that each fits into a transaction with its pages and balances; an entry that comes twice is in it once."""
    found: list[list[JournalEntry]] = []
    beside: set[object] = set()
    for entry in {entry.entry_id: entry for entry in entries}.values():
        own: set[object] = {*_by_page([entry]), *balance_changes([entry]), *holder_days([entry])}
        if not found or len(found[-1]) + 1 + len(beside | own) > MAX_TRANSACTION_WRITES:
            found.append([])
            beside = set()
        found[-1].append(entry)
        beside |= own
    return found


def _by_page(entries: Iterable[JournalEntry]) -> dict[str, list[JournalEntry]]:
    """By day and currency, as their pages are called."""
    found: dict[str, list[JournalEntry]] = {}
    for entry in entries:
        for currency in sorted({posting.amount.currency for posting in entry.postings}):
            found.setdefault(f"{entry.day}{_BETWEEN}{currency}", []).append(entry)
    return found


def _page(item: Mapping[str, Attributes]) -> dict[str, Turnover]:
    found: list[dict[str, Turnover]] = []
    for attribute, value in item.items():
        side, _, name = attribute.partition(":")
        if name and side == Side.DEBIT:
            found.append({name: Turnover(debits_minor=int(value["N"]))})
        elif name and side == Side.CREDIT:
            found.append({name: Turnover(credits_minor=int(value["N"]))})
    return together(found)


def _journal_of(entry: JournalEntry) -> str:
    return f"journal#{entry.day}#{shard_of(entry.entry_id, JOURNAL_SHARDS)}"


def _book(number: int) -> str:
    return f"books#{number}"


def _day_of(account: str, day: str) -> dict[str, str]:
    return {"account_id": account, "sk": f"{_DAY}{day}"}


def _balance(account: str) -> dict[str, str]:
    return {"account_id": account, "sk": "balance"}
