"""What a provider says of a payment, and the rule that binds it to an attempt (promise I4)."""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.platform.money import Money


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What a provider says, after its signature was verified and before any of it is believed.

    `merchant` is the provider's name for our account; `paid` is true for a status on the provider's paid list only;
    `status` is the provider's word for it; `amount` None means that what it said is no amount of a known currency.
    """

    provider: str
    account: str
    merchant: str
    attempt_id: str
    reference: str
    amount: Money | None
    paid: bool
    status: str


class InquiryState(StrEnum):
    """What a provider says of an attempt when it is asked. `unknown` is any answer that is on no reviewed list."""

    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """The provider's answer about one attempt; `said` is what it confirms, where it is paid."""

    state: InquiryState
    said: Confirmation | None = None


class DisputeState(StrEnum):
    """What the bank has decided. `asked`: it has taken nothing yet, and a refund may be the answer to it.

    `won`: the money stays with us.
    """

    ASKED = "asked"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class DisputeNotice:
    """The buyer's bank takes the money back, or wants to. `reference` is the provider's number of the payment, and
    `status` its word for what `state` says.
    """

    provider: str
    account: str
    dispute_id: str
    reference: str
    attempt_id: str | None
    amount: Money | None
    status: str
    state: DisputeState = DisputeState.OPEN


class Mismatch(StrEnum):
    """Why a verified callback is not the payment of an attempt. Each ends on the operator's desk (I5)."""

    UNKNOWN_ATTEMPT = "unknown_attempt"
    WRONG_ACCOUNT = "wrong_account"
    WRONG_MERCHANT = "wrong_merchant"
    WRONG_CURRENCY = "wrong_currency"
    UNDER_PAID = "under_paid"
    OVER_PAID = "over_paid"
    NOT_PAID = "not_paid"
    DOUBLE_PAYMENT = "double_payment"
    DISPUTED = "disputed"
    REFUND_FAILED = "refund_failed"
    REFUND_STUCK = "refund_stuck"
    FOREIGN_REFUND = "foreign_refund"


def mismatch(said: Confirmation, attempt: PaymentAttempt | None, merchant: str) -> Mismatch | None:
    """Bind before believing: None only if every clause holds; otherwise the first that does not.

    `merchant` is the merchant number of our own account that the callback's address names. The attempt was started for
    that one too, where it knows: the account of that name may have been another merchant's.
    """
    if not said.paid:
        return Mismatch.NOT_PAID
    if said.merchant != merchant:  # first, so that with each of the others there is money in that account
        return Mismatch.WRONG_MERCHANT
    if attempt is None or said.attempt_id != attempt.attempt_id:
        return Mismatch.UNKNOWN_ATTEMPT
    here = (said.provider, said.account) == (attempt.provider, attempt.account)
    if not here or attempt.merchant not in {None, merchant}:
        return Mismatch.WRONG_ACCOUNT
    return _another_sum(said, attempt)


def _another_sum(said: Confirmation, attempt: PaymentAttempt) -> Mismatch | None:
    if said.amount is None or said.amount.currency != attempt.amount.currency:
        return Mismatch.WRONG_CURRENCY
    if said.amount.amount_minor != attempt.amount.amount_minor:
        under = said.amount.amount_minor < attempt.amount.amount_minor
        return Mismatch.UNDER_PAID if under else Mismatch.OVER_PAID
    return None
