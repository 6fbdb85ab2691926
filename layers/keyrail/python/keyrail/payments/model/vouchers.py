"""Vouchers: what people do with money outside of the stream of orders, each of a kind that says what it means. Pure.

A voucher that is in the books is never changed nor taken out. One that is wrong is reversed by another one, which names
it. Above a limit, what gives somebody a prepaid balance waits until another person sends the same voucher.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from keyrail.ledger.model import HELD, PREPAID, Account, AccountKind, JournalEntry, Posting, credit, debit
from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.clock import utc_date
from keyrail.platform.errors import Conflict, FieldError, Invalid, NotFound
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

NUMBER = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""How the books of finance name a voucher, and us a partner or a customer: no name of a person, no address."""


class VoucherKind(StrEnum):
    PAYOUT = "payout"
    PROVIDER_FEE = "provider_fee"
    SUPPLIER_PAID = "supplier_paid"
    SUPPLIER_REPAID = "supplier_repaid"
    PARTNER_TOP_UP = "partner_top_up"
    PARTNER_WITHDRAWAL = "partner_withdrawal"
    CREDIT_GRANTED = "credit_granted"
    CREDIT_SPENT = "credit_spent"
    CREDIT_PAID_OUT = "credit_paid_out"


class VoucherStatus(StrEnum):
    AWAITING_SECOND_PERSON = "awaiting_second_person"
    POSTED = "posted"


_MEANS = {
    VoucherKind.PAYOUT: (AccountKind.BANK, AccountKind.CLEARING),
    VoucherKind.PROVIDER_FEE: (AccountKind.FEES, AccountKind.CLEARING),
    VoucherKind.SUPPLIER_PAID: (AccountKind.SUPPLIER_PAYABLE, AccountKind.BANK),
    VoucherKind.SUPPLIER_REPAID: (AccountKind.BANK, AccountKind.SUPPLIER_PAYABLE),
    VoucherKind.PARTNER_TOP_UP: (AccountKind.BANK, AccountKind.PARTNER_BALANCE),
    VoucherKind.PARTNER_WITHDRAWAL: (AccountKind.PARTNER_BALANCE, AccountKind.BANK),
    VoucherKind.CREDIT_GRANTED: (AccountKind.GOODWILL, AccountKind.CUSTOMER_CREDIT),
    VoucherKind.CREDIT_SPENT: (AccountKind.CUSTOMER_CREDIT, AccountKind.SALES),
    VoucherKind.CREDIT_PAID_OUT: (AccountKind.CUSTOMER_CREDIT, AccountKind.BANK),
}
"""What each debits and what it credits. One of the two is somebody's, who is its holder."""


class VoucherNotFound(NotFound):
    code = "voucher_not_found"
    title = "There is no such voucher."
    title_zh = "凭证不存在。"


class AlreadyReversed(Conflict):
    code = "voucher_already_reversed"
    title = "The voucher was reversed already, by another one."
    title_zh = "该凭证已被冲销。"


class NotReversible(Conflict):
    code = "voucher_not_reversible"
    title = "Only what is in the books is reversed, and a reversal is not: post the voucher anew."
    title_zh = "仅可冲销已入账的凭证；冲销凭证不能再次冲销，请重新录入。"


@dataclass(frozen=True, kw_only=True)
class NewVoucher:
    """`holder` is the provider's account (`stripe/main`), the source, the partner or the customer that it is about."""

    voucher_no: str
    kind: VoucherKind
    holder: str
    amount: Money


@dataclass(frozen=True, kw_only=True)
class Voucher(Versioned):
    """`voucher_no` is the caller's name for it. `reverses` is the number of the one whose postings it takes back.

    `asked_by` is who sent it first, where it takes two; it is in the books once it is `posted`.
    """

    voucher_id: str
    voucher_no: str
    kind: VoucherKind
    holder: str
    amount: Money
    reverses: str | None = None
    status: VoucherStatus = VoucherStatus.POSTED
    asked_by: str | None = None

    @property
    def waits(self) -> bool:
        return self.status is VoucherStatus.AWAITING_SECOND_PERSON

    @property
    def gives_balance(self) -> bool:
        """Whether somebody can spend more by it: what nobody may do alone without a limit."""
        debited, credited = _MEANS[self.kind]
        return (debited if self.reverses else credited) in PREPAID

    @property
    def day(self) -> str:
        """The UTC date on which it is booked: that of its recording."""
        return utc_date(self.changed_at_ms)

    def says_as(self, other: "Voucher") -> bool:
        """Whether both are the same request, whoever sent it and when. A second person has a reason of their own."""
        wanted = replace(other, **_of_its_sending(self))
        return wanted == self and (self.asked_by is not None or other.changed_reason == self.changed_reason)

    def entry(self) -> JournalEntry:
        return JournalEntry(
            source=f"voucher:{self.voucher_id}",
            version=self.version,
            what=f"{self.kind}_reversed" if self.reverses else self.kind,
            number=self.voucher_no,
            at_ms=self.changed_at_ms,
            postings=self._postings(),
        )

    def _postings(self) -> tuple[Posting, ...]:
        debited, credited = (account(kind, self.holder, self.amount.currency) for kind in _MEANS[self.kind])
        if self.reverses:
            debited, credited = credited, debited
        return debit(debited, self.amount), credit(credited, self.amount)


def _of_its_sending(voucher: Voucher) -> dict[str, Any]:
    state = {"status": voucher.status, "asked_by": voucher.asked_by, "version": voucher.version}
    origin = Origin(voucher.changed_by, voucher.changed_from, voucher.changed_reason)
    return {**stamp(origin, voucher.changed_at_ms), **state}


def account(kind: AccountKind, holder: str, currency: str) -> Account:
    """Raises ValueError for what is not the name of a holder."""
    return Account(kind, currency, holder if kind in HELD else None)


def held_by(wanted: NewVoucher) -> Account:
    """The account of its holder. Raises Invalid for an amount of nothing, and for what cannot be the holder's name."""
    if wanted.amount.amount_minor == 0:
        raise Invalid(FieldError("amount.amount_minor", "zero"))
    kind = next(each for each in _MEANS[wanted.kind] if each in HELD)
    named_by_us = kind in {AccountKind.PARTNER_BALANCE, AccountKind.CUSTOMER_CREDIT}
    if named_by_us and re.fullmatch(NUMBER, wanted.holder) is None:
        raise Invalid(FieldError("holder", "not_an_id"))
    try:
        return account(kind, wanted.holder, wanted.amount.currency)
    except ValueError:
        raise Invalid(FieldError("holder", "unknown")) from None


def voucher_id(voucher_no: str) -> str:
    return derived_id("vch", voucher_no)


def new_voucher(wanted: NewVoucher, origin: Origin, now_ms: int) -> Voucher:
    return Voucher(
        voucher_id=voucher_id(wanted.voucher_no),
        voucher_no=wanted.voucher_no,
        kind=wanted.kind,
        holder=wanted.holder,
        amount=wanted.amount,
        **stamp(origin, now_ms),
    )


def reversal(of: Voucher, voucher_no: str, origin: Origin, now_ms: int) -> Voucher:
    """Raises NotReversible."""
    if of.reverses is not None or of.waits:
        raise NotReversible
    return Voucher(
        voucher_id=voucher_id(voucher_no),
        voucher_no=voucher_no,
        kind=of.kind,
        holder=of.holder,
        amount=of.amount,
        reverses=of.voucher_no,
        **stamp(origin, now_ms),
    )


def waiting(voucher: Voucher) -> Voucher:
    """In no books until another person sends the same."""
    return replace(voucher, status=VoucherStatus.AWAITING_SECOND_PERSON, asked_by=voucher.changed_by)


def agreed(asked: Voucher, second: Voucher) -> Voucher:
    """The voucher that waits, posted by the word of the second person."""
    return replace(second, version=asked.version + 1, asked_by=asked.asked_by)


def voucher_events_between(_old: Voucher | None, new: Voucher | None) -> list[Event]:
    if new is None:
        return []
    data = {"voucher_no": new.voucher_no, "kind": new.kind, "holder": new.holder, "amount": new.amount.plain()}
    happened = "awaiting" if new.waits else "reversed" if new.reverses else "posted"
    data |= {"reverses": new.reverses} if new.reverses else {}
    return [Event(f"voucher.{happened}", f"voucher:{new.voucher_id}", data)]
