"""Who owes whom: accounts, journal entries that sum to zero, and what follows from them. Pure.

Double entry in minor units. What is paid to us stands at a provider (`clearing`) until it pays out; a sale is credited
gross, what is given back is debited to `refunds`, what a provider keeps to `fees`. Money that nobody can place is
credited to `suspense` until an operator places it. What a provider pays out, and what we pay, goes over our `bank`.
Keys are a `cost_of_goods` from the day on which we have them. What customers and partners paid in beforehand, and what
suppliers are owed, is kept by holder, and the books have the sum of all holders.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from keyrail.platform.clock import utc_date
from keyrail.platform.errors import Conflict, FieldError, Invalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import MINOR_DIGITS, CurrencyMismatch, Money

MAX_POSTINGS = 10  # of one entry
MAX_HOLDER_LENGTH = 120
_BETWEEN = ":"
_IN_BOOKS = re.compile(r"[^\s\[\]]+")  # a page of the books has it in the name of an attribute


class AccountKind(StrEnum):
    CLEARING = "clearing"
    SALES = "sales"
    FEES = "fees"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    CUSTOMER_CREDIT = "customer_credit"
    PARTNER_BALANCE = "partner_balance"
    SUPPLIER_PAYABLE = "supplier_payable"
    SUSPENSE = "suspense"
    BANK = "bank"
    COST_OF_GOODS = "cost_of_goods"
    GOODWILL = "goodwill"


PREPAID = frozenset({AccountKind.CUSTOMER_CREDIT, AccountKind.PARTNER_BALANCE})
"""Their holders paid beforehand: nobody spends more than that (promise I6)."""
BY_HOLDER = PREPAID | {AccountKind.SUPPLIER_PAYABLE}
"""Each holder has a balance beside the books, which have the sum of them: there may be any number of holders."""
HELD = BY_HOLDER | {AccountKind.CLEARING}


class Side(StrEnum):
    DEBIT = "debit"
    CREDIT = "credit"


class Unbalanced(ValueError):
    """The debits of an entry are not its credits."""


class UnknownLedgerAccount(Invalid):
    code = "unknown_ledger_account"
    title = "This is not the name of an account of the books."
    title_zh = "账户名称无效。"

    def __init__(self) -> None:
        super().__init__(FieldError("account", "unknown"))


class InsufficientBalance(Conflict):
    code = "insufficient_balance"
    title = "The prepaid balance does not cover this."
    title_zh = "预付余额不足。"


@dataclass(frozen=True)
class Account:
    """An account in one currency. `holder` is whose it is: `stripe/main` of a clearing account, a partner's id."""

    kind: AccountKind
    currency: str
    holder: str | None = None

    def __post_init__(self) -> None:
        if self.currency not in MINOR_DIGITS:
            raise ValueError("unknown currency")
        if (self.holder is not None) != (self.kind in HELD):
            raise ValueError("a holder is named where there are several, and nowhere else")
        if self.holder is not None and not _is_holder(self.kind, self.holder):
            raise ValueError("not the name of a holder")

    @property
    def name(self) -> str:
        """`clearing:stripe/main:CNY`, `sales:CNY`."""
        return _BETWEEN.join(part for part in (self.kind, self.holder, self.currency) if part)

    @property
    def in_books(self) -> str:
        """Under which name its postings are summed up in the books."""
        return _BETWEEN.join((self.kind, self.currency)) if self.kind in BY_HOLDER else self.name


def _is_holder(kind: AccountKind, name: str) -> bool:
    if kind not in BY_HOLDER and _IN_BOOKS.fullmatch(name) is None:
        return False
    return 0 < len(name) <= MAX_HOLDER_LENGTH


def currency_of(name: str) -> str:
    return name.rpartition(_BETWEEN)[2]


def clearing(provider: str, account: str, currency: str) -> Account:
    """What stands at a provider in one of our accounts there."""
    return Account(AccountKind.CLEARING, currency, f"{provider}/{account}")


def is_holders(name: str) -> bool:
    """Whether it can be the account of one holder, whose sum alone the books have."""
    kind, _, rest = name.partition(_BETWEEN)
    holder, _, currency = rest.rpartition(_BETWEEN)
    try:
        return Account(AccountKind(kind), currency, holder or None).kind in BY_HOLDER
    except ValueError:
        return False


def check_in_books(name: str) -> None:
    """Raises UnknownLedgerAccount unless the books can have an account of this name."""
    kind, _, rest = name.partition(_BETWEEN)
    holder, _, currency = rest.rpartition(_BETWEEN)
    try:
        of = AccountKind(kind)
        if of in BY_HOLDER:
            known = not holder and currency in MINOR_DIGITS
        else:
            known = Account(of, currency, holder or None).name == name
    except ValueError:
        known = False
    if not known:
        raise UnknownLedgerAccount


@dataclass(frozen=True)
class Posting:
    account: Account
    side: Side
    amount: Money

    def __post_init__(self) -> None:
        if self.amount.currency != self.account.currency:
            raise CurrencyMismatch
        if self.amount.amount_minor == 0:
            raise ValueError("nothing is posted")

    @property
    def signed_minor(self) -> int:
        """Debits are positive."""
        return self.amount.amount_minor if self.side is Side.DEBIT else -self.amount.amount_minor


def debit(account: Account, amount: Money) -> Posting:
    return Posting(account, Side.DEBIT, amount)


def credit(account: Account, amount: Money) -> Posting:
    return Posting(account, Side.CREDIT, amount)


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """What one change of an item means in the books. Raises Unbalanced unless it sums to zero in each currency, and
    ValueError if it is about several holders.

    `source` is the item that changed (`order:ord_…`) and `version` the one that the change made; `what` happened to
    `number`, an attempt or a refund of ours. The four name the entry, so that a change is booked once.
    """

    source: str
    version: int
    what: str
    number: str
    at_ms: int
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if not 1 < len(self.postings) <= MAX_POSTINGS:
            raise Unbalanced("an entry has a few postings")
        sums: dict[str, int] = {}
        for posting in self.postings:
            sums[posting.amount.currency] = sums.get(posting.amount.currency, 0) + posting.signed_minor
        if any(sums.values()):
            raise Unbalanced("the debits of an entry are its credits, in each currency")
        if len(self._holders()) > 1:
            raise ValueError("an entry is about one holder's account at most")

    def _holders(self) -> set[str]:
        return {posting.account.name for posting in self.postings if posting.account.kind in BY_HOLDER}

    @property
    def holder(self) -> str | None:
        """The name of the account of the holder whose balance it changes."""
        return next(iter(self._holders()), None)

    @property
    def entry_id(self) -> str:
        return derived_id("jnl", self.source, str(self.version), self.what, self.number)

    @property
    def day(self) -> str:
        """The UTC date on which it is booked."""
        return utc_date(self.at_ms)

    @property
    def place(self) -> str:
        """Sorts by time, and is the same whenever the change comes."""
        return f"{self.at_ms:013d}#{self.entry_id}"

    def touches(self, name: str) -> bool:
        """Whether anything of it is summed up in the books under this name."""
        return any(posting.account.in_books == name for posting in self.postings)


def balance_changes(entries: Iterable[JournalEntry]) -> dict[str, int]:
    """What each holder has more (or less) after these, by the name of the account: what is credited is theirs."""
    changes: dict[str, int] = {}
    for posting in (posting for entry in entries for posting in entry.postings):
        if posting.account.kind in BY_HOLDER:
            name = posting.account.name
            changes[name] = changes.get(name, 0) - posting.signed_minor
    return {name: change for name, change in changes.items() if change}


def is_prepaid(name: str) -> bool:
    return name.partition(_BETWEEN)[0] in PREPAID


def spends(entry: JournalEntry) -> bool:
    """Whether it takes from what somebody paid in beforehand."""
    return any(change < 0 and is_prepaid(name) for name, change in balance_changes([entry]).items())


@dataclass(frozen=True)
class Turnover:
    """What was debited and what was credited, in minor units."""

    debits_minor: int = 0
    credits_minor: int = 0

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            debits_minor=self.debits_minor + other.debits_minor,
            credits_minor=self.credits_minor + other.credits_minor,
        )

    @property
    def balance_minor(self) -> int:
        """Positive where the debits prevail."""
        return self.debits_minor - self.credits_minor


Turnovers = Mapping[str, Turnover]
"""By the name of the account in the books."""


def turnovers(entries: Iterable[JournalEntry]) -> dict[str, Turnover]:
    return together({each.account.in_books: _turnover(each)} for entry in entries for each in entry.postings)


def holder_days(entries: Iterable[JournalEntry]) -> dict[tuple[str, str], Turnover]:
    """What moved in the accounts of single holders, by their names and the UTC day."""
    found: dict[tuple[str, str], Turnover] = {}
    for entry in entries:
        for posting in entry.postings:
            if posting.account.kind in BY_HOLDER:
                place = (posting.account.name, entry.day)
                found[place] = found.get(place, Turnover()) + _turnover(posting)
    return found


def _turnover(posting: Posting) -> Turnover:
    minor = posting.amount.amount_minor
    return Turnover(debits_minor=minor) if posting.side is Side.DEBIT else Turnover(credits_minor=minor)


def together(some: Iterable[Turnovers]) -> dict[str, Turnover]:
    found: dict[str, Turnover] = {}
    for each in some:
        for name, more in each.items():
            found[name] = found.get(name, Turnover()) + more
    return found


@dataclass(frozen=True, kw_only=True)
class AccountDay:
    """An account's day in minor units of its currency; opening and closing are positive where the debits prevail."""

    account: str
    opening_minor: int
    debits_minor: int
    credits_minor: int

    @property
    def currency(self) -> str:
        return currency_of(self.account)

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.debits_minor - self.credits_minor


def account_day(name: str, before: Turnovers, on_day: Turnovers) -> AccountDay:
    moved = on_day.get(name, Turnover())
    return AccountDay(
        account=name,
        opening_minor=before.get(name, Turnover()).balance_minor,
        debits_minor=moved.debits_minor,
        credits_minor=moved.credits_minor,
    )


@dataclass(frozen=True, kw_only=True)
class HolderBalance:
    """What a holder has, or of a supplier what it is owed, in minor units. A supplier may owe us, below zero."""

    account: str
    balance_minor: int

    @property
    def holder(self) -> str:
        return self.account.partition(_BETWEEN)[2].rpartition(_BETWEEN)[0]

    @property
    def currency(self) -> str:
        return currency_of(self.account)


@dataclass(frozen=True, kw_only=True)
class TrialBalance:
    """Every account that ever moved until the end of the UTC `day`. In each currency the closings sum to zero."""

    day: str
    accounts: tuple[AccountDay, ...]

    @property
    def totals(self) -> dict[str, Turnover]:
        """By currency: what was debited and credited on the day, which is the same."""
        found: dict[str, Turnover] = {}
        for each in self.accounts:
            more = Turnover(each.debits_minor, each.credits_minor)
            found[each.currency] = found.get(each.currency, Turnover()) + more
        return found

    @property
    def balanced(self) -> bool:
        sums: dict[str, int] = {}
        for each in self.accounts:
            sums[each.currency] = sums.get(each.currency, 0) + each.closing_minor
        equal = all(total.debits_minor == total.credits_minor for total in self.totals.values())
        return equal and not any(sums.values())


@dataclass(frozen=True, kw_only=True)
class Statement:
    """An account's day with the entries that touch it, oldest first. A page may be short, or empty, and not the last:
    `behind` is where the next one begins.
    """

    day: str
    account: AccountDay
    entries: Sequence[JournalEntry]
    behind: str | None
