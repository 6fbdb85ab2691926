"""Money in: one start of a payment, and the number that it goes by at its provider."""

from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.platform.errors import FieldError, Invalid, Unavailable
from keyrail.platform.ids import body_of
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


class AccountGone(ProviderUnavailable):
    """The account that an attempt was started at is configured no more: whoever asked tries again, until it is back.

    It is no failure of the payment: what was paid there, or is on its way back, is so all the same.
    """

    code = "payment_account_gone"
    title = "This way to pay is not available at the moment. You have not been charged."
    title_zh = "该支付方式暂不可用，您尚未被扣款。"


class PaymentRefused(Invalid):
    """The provider understood what was asked and will not open it: a sum below its minimum, an address it cannot use.

    Final for this attempt: nothing was opened, and asking again gets the same answer.
    """

    code = "payment_refused_by_provider"
    title = "The payment provider does not take this payment. You have not been charged."
    title_zh = "支付渠道拒绝了该笔支付，您尚未被扣款。"


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a payment is started: our account at a provider, and what it is taken with.

    `credential` is the version of the account's credentials, where it has versions; `merchant` is the provider's name
    for the account, which outlives them.
    """

    provider: str
    account: str
    credential: str | None = None
    merchant: str | None = None


@dataclass(frozen=True, kw_only=True)
class PaymentAttempt:
    """One immutable start of a payment: what we asked for, from whom, and what came of it.

    `attempt_id` goes to the provider as our number and contains the order's id, so that a callback finds its order by
    primary key. `reference` is the provider's own number of the payment. `credential` and `merchant` are those of its
    Route: what is said of the attempt later is asked with the one, and binds to the other.

    One that was paid by a payment on the desk names that as `payment_id`, what was `received` if it was not the amount
    that was asked for, and what it is `known_as` at its provider if that is not our number.
    """

    attempt_id: str
    provider: str
    account: str
    credential: str | None = None
    merchant: str | None = None
    amount: Money
    status: AttemptStatus = AttemptStatus.OPEN
    method: str | None = None
    reference: str | None = None
    paid_at_ms: int | None = None
    payment_id: str | None = None
    received: Money | None = None
    known_as: str | None = None

    @property
    def came_in(self) -> Money:
        """What its payment brought."""
        return self.received or self.amount


def attempt_id(order_id: str, number: int) -> str:
    """`pay_` + the order's 26 characters + two digits: 32 characters, the most that every provider takes."""
    body = body_of(order_id, "ord")
    if body is None or not 1 <= number <= MAX_ATTEMPTS:
        raise ValueError("no attempt number")
    return f"pay_{body}{number:02d}"


def as_paid(attempt: PaymentAttempt, reference: str | None) -> PaymentAttempt:
    """The payment of an attempt that its provider calls `reference`, as the provider knows it.

    Without a reference it is the one that the attempt was paid by. A second one is of what was asked for.
    """
    is_second = attempt.reference is not None and reference not in {None, attempt.reference}
    return replace(
        attempt,
        attempt_id=attempt.known_as or attempt.attempt_id,
        reference=reference or attempt.reference,
        amount=attempt.amount if is_second else attempt.came_in,
    )


def order_id_of(attempt: str) -> str | None:
    """The order that an attempt's number names, or None where it is not one of ours."""
    body = body_of(attempt, "pay")
    return None if body is None or len(attempt) != len("pay_") + 28 else f"ord_{body}"
