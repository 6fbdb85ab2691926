"""The books. Amounts are in minor units; one number that may be either is positive where the debits prevail."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from keyrail.ledger.model import AccountKind, HolderBalance, JournalEntry, Side, Statement, TrialBalance
from keyrail.platform.clock import rfc3339
from keyrail.platform.cursor import encode_cursor
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money


@incoming
class TrialBalanceQuery:
    """`day` is a UTC date."""

    day: date


@incoming
class StatementQuery:
    """`account` by its name in the books: `clearing:stripe/main:CNY`, `sales:CNY`; or that of one holder:
    `partner_balance:prt_1:CNY`.
    """

    account: Annotated[str, Field(min_length=1, max_length=200)]
    day: date
    cursor: Annotated[str, Field(max_length=200)] | None = None


class HolderKind(StrEnum):
    """Accounts of which each holder has one of its own."""

    CUSTOMER_CREDIT = AccountKind.CUSTOMER_CREDIT.value
    PARTNER_BALANCE = AccountKind.PARTNER_BALANCE.value
    SUPPLIER_PAYABLE = AccountKind.SUPPLIER_PAYABLE.value


@incoming
class BalancesQuery:
    kind: HolderKind
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=1_000)] | None = None


@outgoing
class HolderBalanceOut:
    """`balance_minor` is what the holder has with us; of a supplier what it is owed, below zero if it owes us."""

    account: str
    holder: str
    currency: str
    balance_minor: int


@outgoing
class BalancesOut:
    balances: tuple[HolderBalanceOut, ...]
    cursor: str | None

    @classmethod
    def of(cls, found: Sequence[HolderBalance], behind: str | None) -> "BalancesOut":
        return cls(balances=tuple(view(HolderBalanceOut, each) for each in found), cursor=encode_cursor(behind))


@outgoing
class AccountDayOut:
    """`opening_minor` and `closing_minor` are positive where the debits prevail."""

    account: str
    currency: str
    opening_minor: int
    debits_minor: int
    credits_minor: int
    closing_minor: int


@outgoing
class CurrencyTotalOut:
    currency: str
    debits_minor: int
    credits_minor: int


@outgoing
class TrialBalanceOut:
    """`balanced`: in each currency the debits of the day are its credits, and the closings sum to zero."""

    day: str
    accounts: tuple[AccountDayOut, ...]
    totals: tuple[CurrencyTotalOut, ...]
    balanced: bool

    @classmethod
    def of(cls, balance: TrialBalance) -> "TrialBalanceOut":
        return view(
            cls,
            balance,
            accounts=tuple(view(AccountDayOut, each) for each in balance.accounts),
            totals=tuple(
                view(CurrencyTotalOut, total, currency=currency) for currency, total in sorted(balance.totals.items())
            ),
        )


@outgoing
class PostingOut:
    account: str
    side: Side
    amount: Money


@outgoing
class JournalEntryOut:
    """`source` is the item that changed (`order:ord_…`), `number` the attempt or refund that it was about."""

    entry_id: str
    at: str
    what: str
    source: str
    number: str
    postings: tuple[PostingOut, ...]

    @classmethod
    def of(cls, entry: JournalEntry) -> "JournalEntryOut":
        return view(
            cls,
            entry,
            at=rfc3339(entry.at_ms),
            postings=tuple(view(PostingOut, each, account=each.account.name) for each in entry.postings),
        )


@outgoing
class StatementOut:
    """A page may have few entries, or none, and not be the last: as long as there is a `cursor` there may be more."""

    day: str
    account: AccountDayOut
    entries: tuple[JournalEntryOut, ...]
    cursor: str | None

    @classmethod
    def of(cls, statement: Statement) -> "StatementOut":
        return view(
            cls,
            statement,
            account=view(AccountDayOut, statement.account),
            entries=tuple(JournalEntryOut.of(entry) for entry in statement.entries),
            cursor=encode_cursor(statement.behind),
        )
