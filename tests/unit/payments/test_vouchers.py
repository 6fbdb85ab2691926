"""What each kind of voucher means in the books, who it may be about, and how it is taken back."""

from dataclasses import replace

import pytest

from keyrail.ledger.model import JournalEntry, balance_changes, turnovers
from keyrail.payments.model.vouchers import NewVoucher, NotReversible, VoucherKind, held_by, new_voucher, reversal
from keyrail.platform.changes import Origin
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money

NOW_MS = 1_767_225_600_000
FINANCE = Origin("operator:fay", "192.0.2.8", "bank statement of Monday")
AMOUNT = Money(700, "CNY")


def wanted(kind: VoucherKind, holder: str = "stripe/main", amount: Money = AMOUNT) -> NewVoucher:
    return NewVoucher(voucher_no="V-1", kind=kind, holder=holder, amount=amount)


def moved(entry: JournalEntry) -> dict[str, int]:
    return {name: turnover.balance_minor for name, turnover in turnovers([entry]).items()}


@pytest.mark.parametrize(
    ("kind", "holder", "debited", "credited"),
    [
        ("payout", "stripe/main", "bank", "clearing:stripe/main"),
        ("provider_fee", "stripe/main", "fees", "clearing:stripe/main"),
        ("supplier_paid", "Acme Ltd.", "supplier_payable", "bank"),
        ("supplier_repaid", "Acme Ltd.", "bank", "supplier_payable"),
        ("partner_top_up", "prt_1", "bank", "partner_balance"),
        ("partner_withdrawal", "prt_1", "partner_balance", "bank"),
        ("credit_granted", "cus_1", "goodwill", "customer_credit"),
        ("credit_spent", "cus_1", "customer_credit", "sales"),
        ("credit_paid_out", "cus_1", "customer_credit", "bank"),
    ],
)
def test_each_kind_moves_its_amount_from_one_account_to_another_and_its_reversal_back(
    kind: str, holder: str, debited: str, credited: str
) -> None:
    asked = wanted(VoucherKind(kind), holder)
    voucher = new_voucher(asked, FINANCE, NOW_MS)
    back = reversal(voucher, "V-2", FINANCE, NOW_MS + 1)
    assert moved(voucher.entry()) == {f"{debited}:CNY": 700, f"{credited}:CNY": -700}
    assert moved(back.entry()) == {f"{debited}:CNY": -700, f"{credited}:CNY": 700}
    assert balance_changes([voucher.entry(), back.entry()]) == {}
    assert held_by(asked).holder == holder
    assert (back.voucher_no, back.reverses, back.entry().what) == ("V-2", "V-1", f"{kind}_reversed")
    assert voucher.entry().entry_id != back.entry().entry_id


def test_every_kind_is_tried_here() -> None:
    assert len(VoucherKind) == 9


def test_a_reversal_is_not_reversed() -> None:
    back = reversal(new_voucher(wanted(VoucherKind.PAYOUT), FINANCE, NOW_MS), "V-2", FINANCE, NOW_MS)
    with pytest.raises(NotReversible):
        reversal(back, "V-3", FINANCE, NOW_MS)


@pytest.mark.parametrize(
    ("kind", "holder", "amount", "problem"),
    [
        (VoucherKind.PAYOUT, "stripe/main", Money(0, "CNY"), FieldError("amount.amount_minor", "zero")),
        (VoucherKind.PAYOUT, "stripe/a b", AMOUNT, FieldError("holder", "unknown")),
        (VoucherKind.PARTNER_TOP_UP, "buyer@example.com", AMOUNT, FieldError("holder", "not_an_id")),
        (VoucherKind.CREDIT_GRANTED, "+8613800000000", AMOUNT, FieldError("holder", "not_an_id")),
        (VoucherKind.CREDIT_GRANTED, "cus_1\n", AMOUNT, FieldError("holder", "not_an_id")),
        (VoucherKind.SUPPLIER_PAID, "x" * 121, AMOUNT, FieldError("holder", "unknown")),
    ],
)
def test_what_cannot_be_booked_is_refused(kind: VoucherKind, holder: str, amount: Money, problem: FieldError) -> None:
    with pytest.raises(Invalid) as refused:
        held_by(wanted(kind, holder, amount))
    assert refused.value.fields == (problem,)


def test_the_same_request_is_the_same_whoever_sends_it_and_when() -> None:
    voucher = new_voucher(wanted(VoucherKind.PAYOUT), FINANCE, NOW_MS)
    colleague = replace(FINANCE, by="operator:bob", address="192.0.2.9")
    assert voucher.says_as(new_voucher(wanted(VoucherKind.PAYOUT), colleague, NOW_MS + 86_400_000))
    for other in (
        new_voucher(wanted(VoucherKind.PROVIDER_FEE), FINANCE, NOW_MS),
        new_voucher(wanted(VoucherKind.PAYOUT, "epay/main"), FINANCE, NOW_MS),
        new_voucher(wanted(VoucherKind.PAYOUT, amount=Money(700, "USD")), FINANCE, NOW_MS),
        new_voucher(wanted(VoucherKind.PAYOUT), replace(FINANCE, reason="another"), NOW_MS),
        replace(voucher, reverses="V-0"),
    ):
        assert not voucher.says_as(other)
