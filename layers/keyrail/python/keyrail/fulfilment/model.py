"""Goods out: what came of a payment, and what a buyer gets to see."""

from dataclasses import dataclass, field
from enum import StrEnum

from keyrail.payments.model import Mismatch
from keyrail.platform.errors import Conflict, Unavailable


class Outcome(StrEnum):
    """What a verified callback led to. All of them are stored before they are acknowledged."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    UNMATCHED = "unmatched"


class NotDelivered(Conflict):
    code = "not_delivered"
    title = "Nothing of this order has been delivered yet."
    title_zh = "订单尚未发货。"


class SettlementContended(Unavailable):
    """Too many hands on one order at once; the provider's next delivery settles it."""

    code = "settlement_contended"


@dataclass(frozen=True)
class Settled:
    outcome: Outcome
    order_id: str | None
    reason: Mismatch | None = None


@dataclass(frozen=True, kw_only=True)
class RevealedKey:
    """A key in the clear, on its way out. Prints without its secrets."""

    key_id: str
    code: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    expires_on: str | None = None


@dataclass(frozen=True, kw_only=True)
class RevealedUnit:
    unit_id: str
    sku_id: str
    keys: tuple[RevealedKey, ...]
