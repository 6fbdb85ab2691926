"""The books: what happened is posted once, and read as a trial balance and as an account's statement."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from keyrail.ledger.model import (
    AccountDay,
    AccountKind,
    HolderBalance,
    InsufficientBalance,
    JournalEntry,
    Statement,
    TrialBalance,
    account_day,
    check_in_books,
    is_holders,
    spends,
)
from keyrail.ledger.store import AccountStore, entry_of, lots
from keyrail.platform import logs
from keyrail.platform.clock import epoch_ms
from keyrail.platform.contention import let_others_go
from keyrail.platform.documents import Attributes
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, Write, transact
from keyrail.platform.errors import IdempotencyConflict
from keyrail.platform.logs import Entry

MAX_TRIES = 10
WAIT_S = 0.02  # doubled each time
MAX_WAIT_S = 0.5
DAY_MS = 24 * 60 * 60 * 1000
MAX_PAGE_LINES = 1000  # of each partition of a day's journal, where the whole of it is read
MAX_LINES = 100  # of each partition of a day's journal, for one page of a statement


@dataclass(frozen=True)
class Books:
    store: AccountStore

    def post(self, entries: Iterable[JournalEntry]) -> None:
        """Each once, however often and with whatever others it comes; each together with what it adds to the books.

        For what takes from a prepaid balance there is `spend`. Raises StoreUnavailable; then some may be in.
        """
        wanted = list(entries)
        if any(spends(entry) for entry in wanted):
            raise ValueError("what was paid in beforehand is spent one by one")
        for lot in lots(wanted):
            self._post(lot)

    def _post(self, lot: Sequence[JournalEntry]) -> None:
        for number in range(MAX_TRIES):
            try:
                return transact(self.store.client, self.store.posting(lot))
            except TransactionFailed as refused:
                standing = {at: item for at, item in refused.failed.items() if at < len(lot)}
            for at, item in standing.items():
                if not _is_same(lot[at], item):
                    logs.warn(Entry.ENTRY_DIFFERS, entry_id=lot[at].entry_id, source=lot[at].source)
            lot = [entry for at, entry in enumerate(lot) if at not in standing]
            if not lot:
                return None
            if not standing:
                _wait(number)
        raise StoreUnavailable

    def spending(self, entry: JournalEntry) -> list[Write]:
        """The writes of an entry for a transaction of somebody else's, which they refuse if a balance does not cover
        it, and if the entry, which is the first of them, is in already.
        """
        return self.store.posting([entry])

    def spend(self, entry: JournalEntry) -> bool:
        """False if it is in already. Raises InsufficientBalance, StoreUnavailable; IdempotencyConflict if something
        else was posted under its name.
        """
        for number in range(MAX_TRIES):
            try:
                transact(self.store.client, self.spending(entry))
            except TransactionFailed as refused:
                if 0 in refused.failed:
                    if not _is_same(entry, refused.failed[0]):
                        raise IdempotencyConflict from None
                    return False
                if refused.failed:
                    raise InsufficientBalance from None
                _wait(number)
            else:
                return True
        raise StoreUnavailable

    def balance(self, account: str) -> int:
        """What the holder of the account has, in minor units of its currency."""
        return self.store.balance(account)

    def trial_balance(self, day: str) -> TrialBalance:
        """As of the end of the UTC day (an ISO date). Raises StoreUnavailable."""
        before, on_day = self.store.turnovers(day)
        names = sorted({*before, *on_day})
        return TrialBalance(day=day, accounts=tuple(account_day(name, before, on_day) for name in names))

    def balances(
        self, kind: AccountKind, limit: int, behind: str | None = None
    ) -> tuple[list[HolderBalance], str | None]:
        """A page of all holders of that kind by the name of their accounts, and the name that the next page follows."""
        return self.store.balances(kind, limit, behind)

    def has(self, account: str, day: str) -> bool:
        """Whether anything was posted to the account, by its name in the books, until the end of the UTC day."""
        return any(account in moved for moved in self.store.turnovers(day))

    def journal(self, day: str, since_ms: int = 0) -> Iterator[JournalEntry]:
        """The entries of the UTC day from that time on, oldest first, read page by page. Raises StoreUnavailable."""
        behind: str | None = f"{since_ms:013d}"  # as their places begin
        while True:
            entries, behind = self.store.journal(day, MAX_PAGE_LINES, behind)
            yield from entries
            if behind is None:
                return

    def statement(self, account: str, day: str, behind: str | None = None) -> Statement:
        """Of an account by its name in the books, or of one holder's. Raises UnknownLedgerAccount, StoreUnavailable."""
        if is_holders(account):
            return self._statement_of_holder(account, day, behind)
        check_in_books(account)
        entries, further = self.store.journal(day, MAX_LINES, behind)
        before, on_day = self.store.turnovers(day)
        return Statement(
            day=day,
            account=account_day(account, before, on_day),
            entries=tuple(entry for entry in entries if entry.touches(account)),
            behind=further,
        )

    def _statement_of_holder(self, account: str, day: str, behind: str | None) -> Statement:
        since_ms = epoch_ms(datetime.fromisoformat(day).replace(tzinfo=UTC))
        entries, further = self.store.holder_journal(account, since_ms, since_ms + DAY_MS, MAX_LINES, behind)
        before, on_day = self.store.holder_turnovers(account, day)
        of_day = AccountDay(
            account=account,
            opening_minor=before.balance_minor,
            debits_minor=on_day.debits_minor,
            credits_minor=on_day.credits_minor,
        )
        return Statement(day=day, account=of_day, entries=tuple(entries), behind=further)


def _is_same(entry: JournalEntry, standing: Attributes | None) -> bool:
    return standing is not None and entry_of(standing) == entry


def _wait(number: int) -> None:
    """Somebody else adds to the same page or balance at this moment."""
    let_others_go(number, WAIT_S, MAX_WAIT_S)
