"""The sandbox's own books: what a person decided about a payment, and what went back of it. Pure."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from keyrail.payments.model.attempts import order_id_of
from keyrail.payments.providers.sandbox.account import is_page
from keyrail.platform.errors import Conflict, FieldError, Invalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money, total

KEPT_S = 40 * 24 * 60 * 60
LATE_GRACE_MS = 3 * 60 * 1000
"""After the order has expired and its leases have lapsed: later than both, by a minute."""
LAST_MOMENT_MS = 10**13
MAX_REFUNDS = 20
"""Of one trade; with it a page of a statement stays as small as what a client reads."""

_MINOR = re.compile(r"0|[1-9][0-9]{0,12}")


class Decision(StrEnum):
    PAY = "pay"
    FAIL = "fail"
    PAY_LATE = "pay_late"
    PAY_TWICE = "pay_twice"


class OtherRefund(Conflict):
    """The refund's number was used for another sum or another payment."""

    code = "refund_id_used"


@dataclass(frozen=True)
class Link:
    """What a link to the page says, once its signature is verified. `query` is the link's own."""

    merchant: str
    attempt_id: str
    amount: Money
    title: str
    notify_url: str
    return_url: str
    expires_at_ms: int
    query: str

    @property
    def trade_id(self) -> str:
        return trade_id(self.merchant, self.attempt_id)

    @property
    def return_origin(self) -> str:
        parts = urlsplit(self.return_url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, kw_only=True)
class Payment:
    """`reference` is the sandbox's number. It takes effect at `at_ms`; `told_at_ms` is when it was acknowledged."""

    reference: str
    status: str
    at_ms: int
    told_at_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class GivenBack:
    """A refund: `refund_id` is the merchant's number, `number` the sandbox's, `reference` the payment's."""

    refund_id: str
    number: str
    reference: str
    amount: Money
    at_ms: int


@dataclass(frozen=True, kw_only=True)
class Trade:
    """A payment page once somebody has decided. `expires_at` is the table's time to live, in epoch seconds."""

    trade_id: str
    merchant: str
    attempt_id: str
    amount: Money
    decision: Decision
    payments: tuple[Payment, ...]
    refunds: tuple[GivenBack, ...] = ()
    version: int = 1
    decided_at_ms: int
    expires_at: int

    def paid(self, now_ms: int) -> tuple[Payment, ...]:
        return tuple(p for p in self.payments if p.status == PAID and p.at_ms <= now_ms)

    def untold(self) -> tuple[Payment, ...]:
        return tuple(payment for payment in self.payments if payment.told_at_ms is None)

    def given_back(self, reference: str) -> tuple[GivenBack, ...]:
        return tuple(refund for refund in self.refunds if refund.reference == reference)

    def refund(self, refund_id: str) -> GivenBack | None:
        return next((refund for refund in self.refunds if refund.refund_id == refund_id), None)


PAID, FAILED, OPEN = "paid", "failed", "open"


def trade_id(merchant: str, attempt_id: str) -> str:
    return f"{merchant}#{attempt_id}"


def link_of(said: dict[str, str], query: str) -> Link:
    """Raises Invalid for a link that names no payment of ours, or sends the buyer where no browser should go."""
    wrong = [
        FieldError(name, reason)
        for name, right, reason in (
            ("attempt_id", order_id_of(said.get("attempt_id", "")) is not None, "no_attempt"),
            ("amount_minor", _MINOR.fullmatch(said.get("amount_minor", "")) is not None, "no_amount"),
            ("return_url", is_page(said.get("return_url", "")), "no_address_of_a_page"),
            ("expires_at_ms", _MINOR.fullmatch(said.get("expires_at_ms", "")) is not None, "no_time"),
            ("notify_url", bool(said.get("notify_url")), "missing"),
        )
        if not right
    ]
    if wrong:
        raise Invalid(*wrong)
    try:
        amount = Money(int(said["amount_minor"]), said.get("currency", ""))
    except ValueError:
        raise Invalid(FieldError("amount_minor", "no_amount")) from None
    return Link(
        merchant=said["merchant"],
        attempt_id=said["attempt_id"],
        amount=amount,
        title=said.get("title", ""),
        notify_url=said["notify_url"],
        return_url=said["return_url"],
        expires_at_ms=int(said["expires_at_ms"]),
        query=query,
    )


def decided(link: Link, decision: Decision, late_after_s: int | None, now_ms: int) -> Trade:
    """What the press of a button makes of a payment nobody has decided about yet."""
    at_ms = _late_ms(link, late_after_s, now_ms) if decision is Decision.PAY_LATE else now_ms
    times = 2 if decision is Decision.PAY_TWICE else 1
    return Trade(
        trade_id=link.trade_id,
        merchant=link.merchant,
        attempt_id=link.attempt_id,
        amount=link.amount,
        decision=decision,
        payments=tuple(
            Payment(
                reference=derived_id("sbx", link.trade_id, str(number)),
                status=FAILED if decision is Decision.FAIL else PAID,
                at_ms=at_ms,
            )
            for number in range(1, times + 1)
        ),
        decided_at_ms=now_ms,
        expires_at=max(at_ms, now_ms) // 1000 + KEPT_S,
    )


def _late_ms(link: Link, late_after_s: int | None, now_ms: int) -> int:
    if late_after_s is not None:
        return now_ms + late_after_s * 1000
    return max(now_ms, min(link.expires_at_ms + LATE_GRACE_MS, LAST_MOMENT_MS))


def told(trade: Trade, reference: str, now_ms: int) -> Trade:
    """The shop has acknowledged the payment. The very trade if it had before."""
    payments = tuple(
        replace(payment, told_at_ms=now_ms)
        if payment.reference == reference and payment.told_at_ms is None
        else payment
        for payment in trade.payments
    )
    return trade if payments == trade.payments else replace(trade, payments=payments, version=trade.version + 1)


def standing(trade: Trade | None, now_ms: int) -> tuple[str, Payment | None]:
    """Where the payment stands for a merchant who asks: its word, and the payment that it is about."""
    if trade is None:
        return OPEN, None
    if paid := trade.paid(now_ms):
        return PAID, paid[0]
    if trade.decision is Decision.FAIL:
        return FAILED, trade.payments[0]
    return OPEN, None


class Refused(StrEnum):
    NO_SUCH_PAYMENT = "no_such_payment"
    MORE_THAN_WAS_PAID = "more_than_was_paid"
    TOO_MANY_REFUNDS = "too_many_refunds"


def give_back(trade: Trade, refund_id: str, reference: str, amount: Money, now_ms: int) -> Trade | Refused:
    """The trade with the refund in it; the very trade if that is there already. Never more than was paid.

    Raises OtherRefund.
    """
    known = trade.refund(refund_id)
    if known is not None:
        if (known.reference, known.amount) != (reference, amount):
            raise OtherRefund
        return trade
    if not any(payment.reference == reference for payment in trade.paid(now_ms)):
        return Refused.NO_SUCH_PAYMENT
    if len(trade.refunds) >= MAX_REFUNDS:
        return Refused.TOO_MANY_REFUNDS
    if amount.currency != trade.amount.currency or amount.amount_minor == 0:
        return Refused.MORE_THAN_WAS_PAID
    gone = total([amount, *(refund.amount for refund in trade.given_back(reference))])
    if gone.amount_minor > trade.amount.amount_minor:
        return Refused.MORE_THAN_WAS_PAID
    refund = GivenBack(
        refund_id=refund_id,
        number=derived_id("sbr", trade.trade_id, refund_id),
        reference=reference,
        amount=amount,
        at_ms=now_ms,
    )
    return replace(trade, refunds=(*trade.refunds, refund), version=trade.version + 1)
