"""What a supplier's answer comes to: exactly one of four. What is on no reviewed list of the supplier is `Unknown`."""

from dataclasses import dataclass, field
from enum import StrEnum

from keyrail.platform.money import Money

MAX_SAID_LENGTH = 64  # characters of a supplier's own word that are kept


class Refusal(StrEnum):
    """Why nothing was supplied and nothing will be.

    `not_sent`: no connection was had, so the supplier never heard of it. `not_orderable`: the item cannot be had there
    so, or not as many at once. `refused` is every other reviewed reason.
    """

    BAD_ACCOUNT = "bad_account"
    SOLD_OUT = "sold_out"
    PRICE_CHANGED = "price_changed"
    BALANCE_SHORT = "balance_short"
    NOT_SENT = "not_sent"
    NOT_ORDERABLE = "not_orderable"
    REFUSED = "refused"


PASSING_REFUSALS = frozenset({Refusal.NOT_SENT, Refusal.BALANCE_SHORT})
"""What was refused so may be taken some minutes later."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A bought key as its supplier sent it: a code, or a card number with a password. Prints as nothing."""

    code: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    expires_on: str | None = None


@dataclass(frozen=True, kw_only=True)
class Success:
    """All of it was supplied; with `cards` where it was keys that were bought. `cost` is what the supplier took."""

    said: str
    their_reference: str | None = None
    cost: Money | None = None
    cards: tuple[Card, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True)
class Processing:
    """The supplier has it and is at work. Accepted is not done."""

    said: str
    their_reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class DefiniteFailure:
    """Nothing was supplied, nothing will be under this reference, and nothing was taken or all of it came back."""

    said: str
    refusal: Refusal
    their_reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """It may have happened: no answer, one that nobody understands, one in part. Only a question can tell.

    `answered`: the supplier itself has said something, be it understood or not.
    """

    said: str
    their_reference: str | None = None
    answered: bool = field(default=True, compare=False)


Outcome = Success | Processing | DefiniteFailure | Unknown


def word(said: object) -> str:
    """A supplier's own word, fit to be kept and shown: printable, short, and never a page of HTML."""
    text = "".join(c for c in str(said) if c.isprintable())
    return text[:MAX_SAID_LENGTH]
