"""Goods out: what came of a payment, what a buyer gets to see, and what is done when it was bad."""

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

from keyrail.inventory.model.keys import Fault, Key
from keyrail.payments.model.confirmations import Mismatch
from keyrail.platform.errors import Conflict, Unavailable


class Outcome(StrEnum):
    """What a verified callback led to. All of them are stored before they are acknowledged."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    UNMATCHED = "unmatched"
    GIVEN_BACK = "given_back"


class NotDelivered(Conflict):
    code = "not_delivered"
    title = "Nothing of this order has been delivered yet."
    title_zh = "订单尚未发货。"


class GivenUp(Conflict):
    """Goods or money back: nothing that was delivered is the buyer's any more."""

    code = "order_refunded"
    title = "This order is refunded, and its keys are not shown any more."
    title_zh = "订单已退款，卡密不再显示。"


class NothingToReveal(Conflict):
    """What is delivered was credited to an account."""

    code = "nothing_to_reveal"
    title = "This order was recharged to an account; there is no key to show."
    title_zh = "该订单为账号直充，没有卡密可提取。"


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
    """A key in the clear, on its way out; or, without a code, why it is `withheld`. Prints without its secrets."""

    key_id: str
    code: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    expires_on: str | None = None
    withheld: str | None = None


@dataclass(frozen=True, kw_only=True)
class RevealedUnit:
    unit_id: str
    sku_id: str
    keys: tuple[RevealedKey, ...]


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What support found, and whether the key's source is to pay for it."""

    fault: Fault
    charge_back: bool


@dataclass(frozen=True)
class Replacement:
    """A bad key as it ended, and the one that stands in for it."""

    bad: Key
    by: Key


def ends_like(mask: str, said: str) -> bool:
    """Whether a key with this mask may be the one of which somebody says the end, or all that they can read.

    A mask that shows nothing rules nothing out.
    """
    shown, told = _plain(mask), _plain(said)
    return bool(told) and (shown.endswith(told) or told.endswith(shown))


def _plain(text: str) -> str:
    """The end behind the last sign that stands for what is hidden, as the eye compares it."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LOOK_ALIKE)
    return "".join(character for character in _HIDDEN.split(folded)[-1] if character.isalnum())


_HIDDEN = re.compile("[•*.…]+")
_LOOK_ALIKE = str.maketrans("oil", "011")
