"""Entries that are posted, together and again in parts, a prepaid balance that is spent, and vouchers."""

import secrets
from dataclasses import replace

from keyrail.ledger.model import Account, AccountKind, turnovers
from keyrail.payments.model.vouchers import NewVoucher, VoucherKind
from keyrail.platform.clock import utc_date
from tests.bookkeeping import check_books, purchase, sale, top_up, vouchers_of
from tests.faults.use_cases.case import Case, expect
from tests.world import OPERATOR, PRICE, World


def _fresh() -> int:
    return secrets.randbelow(10**20)


def entries_that_come_together(world: World) -> Case:
    first = _fresh()
    some = [sale(first + number) for number in range(120)]
    before = world.books.trial_balance(some[0].day).totals.get("CNY")

    def check(process: World) -> None:
        check_books(process)
        after = process.books.trial_balance(some[0].day).totals["CNY"]
        more = sum(moved.debits_minor for moved in turnovers(some).values())
        expect(after.debits_minor == (before.debits_minor if before else 0) + more, "booked twice, or not at all")

    def in_parts(process: World) -> None:
        for part in (some[:70], some[70:]):
            process.books.post(part)

    return Case(lambda process: process.books.post(some), check, [], [], repeat=in_parts)


def prepaid_balance_that_is_spent(world: World) -> Case:
    holder = Account(AccountKind.PARTNER_BALANCE, "CNY", f"prt_{_fresh()}")
    world.books.post([top_up(_fresh(), 100, holder)])
    bought = purchase(_fresh(), 60, holder)

    def check(process: World) -> None:
        check_books(process)
        expect(process.books.balance(holder.name) == 40, "spent twice, or not at all")

    return Case(lambda process: process.books.spend(bought), check, [], [])


def voucher_that_pays_out_and_is_reversed(world: World) -> Case:
    holder, number = f"cus_{_fresh()}", f"V-{_fresh()}"
    granted = NewVoucher(voucher_no=number, kind=VoucherKind.CREDIT_GRANTED, holder=holder, amount=PRICE)
    paid_out = replace(granted, voucher_no=f"{number}-2", kind=VoucherKind.CREDIT_PAID_OUT)
    vouchers_of(world).post(granted, OPERATOR)

    def act(process: World) -> None:
        vouchers_of(process).post(paid_out, OPERATOR)
        vouchers_of(process).reverse(f"{number}-3", paid_out.voucher_no, OPERATOR)

    def check(process: World) -> None:
        check_books(process)
        account = f"customer_credit:{holder}:{PRICE.currency}"
        expect(process.books.balance(account) == PRICE.amount_minor, "paid out, or reversed another time")
        day = process.books.statement(account, utc_date(process.now_ms())).account
        expect((day.debits_minor, day.credits_minor) == (PRICE.amount_minor, 2 * PRICE.amount_minor), "left out")

    return Case(act, check, [], [])


USE_CASES = (entries_that_come_together, prepaid_balance_that_is_spent, voucher_that_pays_out_and_is_reversed)
