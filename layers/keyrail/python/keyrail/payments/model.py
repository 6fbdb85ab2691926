"""Money in: attempts, confirmations, and the rule that binds one to the other (promise I4)."""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import FieldError, Invalid, NotFound, Unavailable
from keyrail.platform.ids import body_of, derived_id
from keyrail.platform.money import Money

MAX_ATTEMPTS = 99  # two digits in the attempt's number


class AttemptStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"


class UnknownProvider(Invalid):
    code = "unknown_payment_provider"
    title = "This store does not take payments that way."
    title_zh = "不支持该支付方式。"

    def __init__(self) -> None:
        super().__init__(FieldError("payment.provider", "not_offered"))


class ProviderUnavailable(Unavailable):
    """The provider did not open the payment; nothing was charged and the buyer may choose another."""

    code = "payment_provider_unavailable"
    title = "The payment provider does not answer. You have not been charged."
    title_zh = "支付渠道暂时不可用，您尚未被扣款。"


class PaymentRefused(Invalid):
    """The provider understood what was asked and will not open it: a sum below its minimum, an address it cannot use.

    Final for this attempt: nothing was opened, and asking again gets the same answer.
    """

    code = "payment_refused_by_provider"
    title = "The payment provider does not take this payment. You have not been charged."
    title_zh = "支付渠道拒绝了该笔支付，您尚未被扣款。"


class StatementMissing(NotFound):
    """The provider has no statement of that day: it makes none for the account, or has not made it yet.

    Not an empty one: of a day without movements a provider says so, and that statement has no lines.
    """

    code = "statement_missing"
    title = "The payment provider has no statement of that day."
    title_zh = "支付渠道没有当日的对账单。"


@dataclass(frozen=True, kw_only=True)
class PaymentAttempt:
    """One immutable start of a payment: what we asked for, from whom, and what came of it.

    `attempt_id` goes to the provider as our number and contains the order's id, so that a callback finds its order by
    primary key. `reference` is the provider's own number of the payment; `handle` its own name of what was opened for
    the buyer, where it has one and a question about the attempt needs it.
    """

    attempt_id: str
    provider: str
    account: str
    amount: Money
    status: AttemptStatus = AttemptStatus.OPEN
    method: str | None = None
    handle: str | None = None
    reference: str | None = None
    paid_at_ms: int | None = None


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


class RefundState(StrEnum):
    """Where a refund stands at its provider. A time-out is `unknown`, never `failed`: the money may be on its way."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class RefundOrder:
    """What the provider is to give back of a paid attempt. `refund_id` is our number there, once and for all.

    The same order may be sent any number of times and moves money once.
    """

    refund_id: str
    attempt: PaymentAttempt
    amount: Money
    reason: str


@dataclass(frozen=True, kw_only=True)
class RefundAnswer:
    """`status` is the provider's word; `reference` its own number of the refund, where it gave one."""

    refund_id: str
    state: RefundState
    status: str
    reference: str | None = None
    amount: Money | None = None


@dataclass(frozen=True, kw_only=True)
class RefundNotice:
    """A provider's verified callback about a refund: a reason to ask it, no more."""

    provider: str
    account: str
    attempt_id: str
    refund_id: str


@dataclass(frozen=True, kw_only=True)
class DisputeNotice:
    """The buyer's bank takes the money back, or wants to. `reference` is the provider's number of the payment."""

    provider: str
    account: str
    dispute_id: str
    reference: str
    attempt_id: str | None
    amount: Money | None
    status: str


class StatementKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """One movement as the provider's statement of a day has it; `line` counts from 1 in its file.

    `number` is ours: an attempt's for a payment, a refund's for a refund; None where the provider names none.
    """

    line: int
    kind: StatementKind
    number: str | None
    reference: str
    amount: Money
    fee: Money | None
    status: str
    at: str


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


def attempt_id(order_id: str, number: int) -> str:
    """`pay_` + the order's 26 characters + two digits: 32 characters, the most that every provider takes."""
    body = body_of(order_id, "ord")
    if body is None or not 1 <= number <= MAX_ATTEMPTS:
        raise ValueError("no attempt number")
    return f"pay_{body}{number:02d}"


def order_id_of(attempt: str) -> str | None:
    """The order that an attempt's number names, or None where it is not one of ours."""
    body = body_of(attempt, "pay")
    return None if body is None or len(attempt) != len("pay_") + 28 else f"ord_{body}"


def mismatch(said: Confirmation, attempt: PaymentAttempt | None, merchant: str) -> Mismatch | None:
    """Bind before believing: None only if every clause holds; otherwise the first that does not.

    `merchant` is the merchant number of our own account that the callback's address names.
    """
    if not said.paid:
        return Mismatch.NOT_PAID
    if attempt is None or said.attempt_id != attempt.attempt_id:
        return Mismatch.UNKNOWN_ATTEMPT
    if (said.provider, said.account) != (attempt.provider, attempt.account):
        return Mismatch.WRONG_ACCOUNT
    if said.merchant != merchant:
        return Mismatch.WRONG_MERCHANT
    return _another_sum(said, attempt)


def _another_sum(said: Confirmation, attempt: PaymentAttempt) -> Mismatch | None:
    if said.amount is None or said.amount.currency != attempt.amount.currency:
        return Mismatch.WRONG_CURRENCY
    if said.amount.amount_minor != attempt.amount.amount_minor:
        under = said.amount.amount_minor < attempt.amount.amount_minor
        return Mismatch.UNDER_PAID if under else Mismatch.OVER_PAID
    return None


class DeskStatus(StrEnum):
    WAITING = "waiting"


@dataclass(frozen=True, kw_only=True)
class UnmatchedPayment(Versioned):
    """A verified callback that paid no attempt: on the operator's desk until somebody resolves it."""

    payment_id: str
    provider: str
    account: str
    merchant: str
    attempt_id: str
    order_id: str | None = None
    reference: str
    amount: Money | None = None
    provider_status: str
    reason: Mismatch
    status: DeskStatus = DeskStatus.WAITING
    received_at_ms: int


def payment_id(said: Confirmation) -> str:
    """The same statement of a provider has the same id, however often it is delivered."""
    status = "paid" if said.paid else f"not paid: {said.status}"  # providers word the first anew months later
    amount = (str(said.amount.amount_minor), said.amount.currency) if said.amount else ("", "")
    return derived_id(
        "upm", said.provider, said.account, said.merchant, said.attempt_id, said.reference, status, *amount
    )


def events_between(old: UnmatchedPayment | None, new: UnmatchedPayment | None) -> list[Event]:
    if new is None or old is not None:
        return []
    # No money came with an unpaid one, so nobody is called out of bed for it.
    happened = "not_paid" if new.reason is Mismatch.NOT_PAID else "unmatched"
    data = {"reason": new.reason, "provider": new.provider, "account": new.account, "order_id": new.order_id}
    return [Event(f"payment.{happened}", f"payment:{new.payment_id}", data)]
