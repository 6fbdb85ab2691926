"""How much one person of ours may give back alone. Above it a second one has to approve."""

from collections.abc import Mapping
from dataclasses import dataclass

from keyrail.platform.money import Money


@dataclass(frozen=True)
class RefundLimit:
    """Minor units that one person may give back: of one payment, in however many parts, and on one UTC day."""

    payment_minor: int
    day_minor: int


NOTHING_ALONE = RefundLimit(0, 0)


@dataclass(frozen=True)
class RefundLimits:
    """By currency. Of one that is not named nobody gives back anything alone."""

    by_currency: Mapping[str, RefundLimit]

    def of(self, currency: str) -> RefundLimit:
        return self.by_currency.get(currency, NOTHING_ALONE)

    def needs_second_person(self, amount: Money, alone_before_minor: int) -> bool:
        """`alone_before_minor` is what the same person has given back of the same payment on their own word."""
        return alone_before_minor + amount.amount_minor > self.of(amount.currency).payment_minor
