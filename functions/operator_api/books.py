"""The books: a trial balance, an account's statement of a day, and what holders have with us."""

from functools import cache

from functions.operator_api.access import MONEY, NotInGroup, allow
from functions.operator_api.app import api, settings
from functions.operator_api.schemas.books import (
    BalancesOut,
    BalancesQuery,
    StatementOut,
    StatementQuery,
    TrialBalanceOut,
    TrialBalanceQuery,
)
from keyrail.ledger.model import AccountKind, UnknownLedgerAccount
from keyrail.ledger.service import Books
from keyrail.ledger.store import AccountStore
from keyrail.platform.aws import client
from keyrail.platform.cursor import decode_cursor
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call


@cache
def books() -> Books:
    return Books(AccountStore(client("dynamodb"), settings().accounts_table))


@api.operation(
    "GET",
    "/ops/v1/books/trial-balance",
    summary="Every account of the books as of the end of a day, a moment behind the sales",
    query=TrialBalanceQuery,
    answer=TrialBalanceOut,
    raises=(Invalid, NotInGroup),
)
def get_trial_balance(call: Call) -> TrialBalanceOut:
    allow(call, MONEY)
    wanted: TrialBalanceQuery = call.query
    return TrialBalanceOut.of(books().trial_balance(wanted.day.isoformat()))


@api.operation(
    "GET",
    "/ops/v1/books/statement",
    summary="An account's day: what it began and ended with, and the entries in between, oldest first",
    query=StatementQuery,
    answer=StatementOut,
    raises=(Invalid, UnknownLedgerAccount, NotInGroup),
)
def get_statement(call: Call) -> StatementOut:
    allow(call, MONEY)
    wanted: StatementQuery = call.query
    return StatementOut.of(books().statement(wanted.account, wanted.day.isoformat(), decode_cursor(wanted.cursor)))


@api.operation(
    "GET",
    "/ops/v1/books/balances",
    summary="What each partner and customer has with us, or each supplier is owed, by name",
    query=BalancesQuery,
    answer=BalancesOut,
    raises=(Invalid, NotInGroup),
)
def list_balances(call: Call) -> BalancesOut:
    allow(call, MONEY)
    wanted: BalancesQuery = call.query
    return BalancesOut.of(*books().balances(AccountKind(wanted.kind), wanted.limit, decode_cursor(wanted.cursor)))
