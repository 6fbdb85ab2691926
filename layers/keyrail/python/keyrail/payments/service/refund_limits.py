"""The limits of refunds as they are configured, and what a person has given back today."""

from dataclasses import dataclass

from pydantic import ValidationError

from keyrail.payments.model.refund_limits import RefundLimit, RefundLimits
from keyrail.platform.changes import Origin
from keyrail.platform.clock import utc_date
from keyrail.platform.config import ConfigError
from keyrail.platform.documents import adapter
from keyrail.platform.dynamo import Write
from keyrail.platform.money import MINOR_DIGITS, Money
from keyrail.risk.service import Allowances


def refund_limits(configured: str) -> RefundLimits:
    """From `{"CNY": {"payment_minor": 50000, "day_minor": 300000}}`. Raises ConfigError."""
    try:
        by_currency = adapter(dict[str, RefundLimit]).validate_json(configured, strict=True)
    except ValidationError:
        raise ConfigError("REFUND_LIMITS") from None
    amounts = [minor for limit in by_currency.values() for minor in (limit.payment_minor, limit.day_minor)]
    if not by_currency.keys() <= MINOR_DIGITS.keys() or min(amounts, default=0) < 0:
        raise ConfigError("REFUND_LIMITS")
    return RefundLimits(by_currency)


@dataclass(frozen=True)
class GivenToday:
    """What each person has given back on a UTC day on their own word, by currency: counted where it is given."""

    limits: RefundLimits
    allowances: Allowances

    def counting(self, amount: Money, origin: Origin, now_ms: int) -> Write:
        """The write that counts it, for the caller's transaction: refused where it would be above the day's limit."""
        at_most = self.limits.of(amount.currency).day_minor
        return self.allowances.spending(_day_of(origin, amount, now_ms), amount.amount_minor, at_most, now_ms)

    def has_room(self, amount: Money, origin: Origin, now_ms: int) -> bool:
        """Whether it would be counted now."""
        at_most = self.limits.of(amount.currency).day_minor
        return self.allowances.covers(_day_of(origin, amount, now_ms), amount.amount_minor, at_most)


def _day_of(origin: Origin, amount: Money, now_ms: int) -> str:
    return f"refunds#{origin.by}#{amount.currency}#{utc_date(now_ms)}"
