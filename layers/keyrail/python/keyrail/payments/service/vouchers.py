"""Vouchers into the books: each once under the number that finance gave it, with its entry in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass

from keyrail.ledger.model import Account, AccountKind, InsufficientBalance
from keyrail.ledger.service import Books
from keyrail.payments.model.vouchers import (
    AlreadyReversed,
    NewVoucher,
    Voucher,
    VoucherNotFound,
    agreed,
    held_by,
    new_voucher,
    reversal,
    waiting,
)
from keyrail.payments.service.refund_limits import GivenToday
from keyrail.payments.store import VoucherStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, transact
from keyrail.platform.errors import FieldError, IdempotencyConflict, Invalid

MAX_TRIES = 10


@dataclass(frozen=True)
class Vouchers:
    """`is_source` says whether keys ever came from a source of that name, or it is a supplier of ours. What a person
    gives in balances alone counts with what they give back in refunds.
    """

    store: VoucherStore
    books: Books
    is_source: Callable[[str], bool]
    given_today: GivenToday
    now_ms: NowMs

    def post(self, wanted: NewVoucher, origin: Origin) -> Voucher:
        """The same one again for the same request, whenever and from whomever it comes. One that waits for a second
        person is posted by whoever else sends it.

        Raises Invalid, IdempotencyConflict, InsufficientBalance, StoreUnavailable.
        """
        voucher = new_voucher(wanted, origin, self.now_ms())
        if standing := self.store.find(voucher.voucher_no):
            return self._again(standing, voucher)
        self._check(held_by(wanted))
        return self._post(voucher)

    def reverse(self, voucher_no: str, of: str, origin: Origin) -> Voucher:
        """Take back what the voucher `of` has posted, by another one of that number; once.

        Raises VoucherNotFound, NotReversible, AlreadyReversed, InsufficientBalance where what was paid in is spent,
        IdempotencyConflict, StoreUnavailable.
        """
        voucher = reversal(self._standing(of), voucher_no, origin, self.now_ms())
        if standing := self.store.find(voucher_no):
            return self._again(standing, voucher)
        return self._post(voucher)

    def _standing(self, voucher_no: str) -> Voucher:
        standing = self.store.find(voucher_no)
        if standing is None:
            raise VoucherNotFound
        return standing

    def of_day(self, day: str, limit: int, behind: str | None = None) -> tuple[list[Voucher], str | None]:
        """Of the UTC day, oldest first, and behind which place the next ones are."""
        return self.store.of_day(day, limit, behind)

    def _check(self, account: Account) -> None:
        """A wrong letter must not open an account of its own. Raises Invalid."""
        known = True
        if account.kind is AccountKind.SUPPLIER_PAYABLE:
            known = self.is_source(str(account.holder))
        elif account.kind is AccountKind.CLEARING:
            known = self.books.has(account.in_books, utc_date(self.now_ms()))
        if not known:
            raise Invalid(FieldError("holder", "unknown"))

    def _again(self, standing: Voucher, voucher: Voucher) -> Voucher:
        """Raises IdempotencyConflict if it is another one."""
        if not standing.says_as(voucher):
            raise IdempotencyConflict
        if standing.waits and standing.asked_by != voucher.changed_by:
            return self._post(agreed(standing, voucher))
        return standing

    def _post(self, voucher: Voucher) -> Voucher:
        """What it takes from a prepaid balance is decided by the same write, and so is what a person gives alone."""
        alone = voucher.gives_balance and voucher.asked_by is None
        over = alone and self.given_today.limits.needs_second_person(voucher.amount, 0)
        for number in range(MAX_TRIES):
            wanted = waiting(voucher) if over else voucher
            own = self.store.writes(wanted)
            booked = [] if over else self.books.spending(wanted.entry())
            counted = (
                [self.given_today.counting(voucher.amount, _by(voucher), self.now_ms())] if alone and not over else []
            )
            try:
                transact(self.store.client, [*own, *booked, *counted])
            except TransactionFailed as refused:
                if 0 in refused.failed:
                    return self._again(self._standing(voucher.voucher_no), voucher)
                if 1 in refused.failed and len(own) > 1:
                    raise AlreadyReversed from None
                over = over or (alone and len(own) + len(booked) in refused.failed)
                if refused.failed and not over:
                    raise InsufficientBalance from None
                let_others_go(number)
            else:
                return wanted
        raise StoreUnavailable


def _by(voucher: Voucher) -> Origin:
    return Origin(voucher.changed_by, voucher.changed_from, voucher.changed_reason)
