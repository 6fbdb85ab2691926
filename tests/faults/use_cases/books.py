"""Entries that are posted, together and again in parts, and a prepaid balance that is spent."""

import secrets

from keyrail.ledger.model import Account, AccountKind, turnovers
from tests.bookkeeping import books_of, check_books, purchase, sale, top_up
from tests.faults.use_cases.case import Case, expect
from tests.world import World


def _fresh() -> int:
    return secrets.randbelow(10**20)


def entries_that_come_together(world: World) -> Case:
    first = _fresh()
    some = [sale(first + number) for number in range(120)]
    before = books_of(world).trial_balance(some[0].day).totals.get("CNY")

    def check(process: World) -> None:
        check_books(process)
        after = books_of(process).trial_balance(some[0].day).totals["CNY"]
        more = sum(moved.debits_minor for moved in turnovers(some).values())
        expect(after.debits_minor == (before.debits_minor if before else 0) + more, "booked twice, or not at all")

    def in_parts(process: World) -> None:
        for part in (some[:70], some[70:]):
            books_of(process).post(part)

    return Case(lambda process: books_of(process).post(some), check, [], [], repeat=in_parts)


def prepaid_balance_that_is_spent(world: World) -> Case:
    holder = Account(AccountKind.PARTNER_BALANCE, "CNY", f"prt_{_fresh()}")
    books_of(world).post([top_up(_fresh(), 100, holder)])
    bought = purchase(_fresh(), 60, holder)

    def check(process: World) -> None:
        check_books(process)
        expect(books_of(process).balance(holder.name) == 40, "spent twice, or not at all")

    return Case(lambda process: books_of(process).spend(bought), check, [], [])


USE_CASES = (entries_that_come_together, prepaid_balance_that_is_spent)
MAIN_USE_CASES = (prepaid_balance_that_is_spent,)
