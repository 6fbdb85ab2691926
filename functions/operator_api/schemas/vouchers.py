"""Vouchers: money that people moved outside of the stream of orders."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import Name, Reason
from keyrail.payments.model.vouchers import NUMBER, NewVoucher, Voucher, VoucherKind, VoucherStatus
from keyrail.platform.cursor import encode_cursor
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money

VoucherNo = Annotated[str, Field(pattern=f"^{NUMBER}$")]


@incoming
class VoucherIn:
    """`voucher_no` is yours: the same one with the same content again is the same voucher, with another one refused.

    `holder` is the provider's account (`stripe/main`) of a `payout` or a `provider_fee`, the source of batches of
    `supplier_paid` and `supplier_repaid`, else the id of the partner or customer.
    """

    voucher_no: VoucherNo
    kind: VoucherKind
    holder: Name
    amount: Money
    reason: Reason

    def new(self) -> NewVoucher:
        return view(NewVoucher, self)


@incoming
class ReversalIn:
    """`voucher_no` is the number of the reversal."""

    voucher_no: VoucherNo
    reason: Reason


@incoming
class VouchersQuery:
    """`day` is a UTC date."""

    day: date
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=200)] | None = None


@outgoing
class VoucherOut:
    """`reverses` is the number of the voucher whose postings this one takes back. One that awaits a second person is in
    no books yet, and is posted once somebody else than `asked_by` sends the same.
    """

    voucher_no: str
    kind: VoucherKind
    holder: str
    amount: Money
    reverses: str | None
    status: VoucherStatus
    asked_by: str | None
    day: str
    changed_at: str
    changed_by: str
    reason: str | None

    @classmethod
    def of(cls, voucher: Voucher) -> "VoucherOut":
        return view(cls, voucher, reason=voucher.changed_reason)


@outgoing
class VouchersOut:
    vouchers: tuple[VoucherOut, ...]
    cursor: str | None

    @classmethod
    def of(cls, found: Sequence[Voucher], behind: str | None) -> "VouchersOut":
        return cls(vouchers=tuple(VoucherOut.of(each) for each in found), cursor=encode_cursor(behind))
