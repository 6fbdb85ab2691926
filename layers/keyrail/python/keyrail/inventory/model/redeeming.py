"""Whether a key may be used now, and what is left of it: the rules in the clear.

The store spells the same rules as the condition of one write, which decides. Here they say why that write was refused,
by the image that refused it, and what somebody who only asks is told. A property holds both to the same answer.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from keyrail.catalog.model import Activation, Terms
from keyrail.inventory.model.keys import Key, KeyState, claimable_until
from keyrail.inventory.model.uses import MAX_ENTRIES, Moment, Use
from keyrail.platform.money import Money

FOREVER_MS = 250_000_000_000_000  # of a code that stays active: added to a time it still is one, near the year 9900


class Obstacle(StrEnum):
    """Why a key cannot be used now; the first that applies, in this order."""

    NOT_REDEEMED_HERE = "not_redeemed_here"
    NOT_SOLD = "not_sold"
    VOID = "void"
    USED_UP = "used_up"
    FROZEN = "frozen"
    NOT_ACTIVE = "not_active"
    NOT_YET_VALID = "not_yet_valid"
    NO_LONGER_VALID = "no_longer_valid"
    WRONG_DAY = "wrong_day"
    WRONG_HOUR = "wrong_hour"
    WRONG_PLACE = "wrong_place"
    AMOUNT_MISSING = "amount_missing"
    AMOUNT_NOT_TAKEN = "amount_not_taken"
    WRONG_CURRENCY = "wrong_currency"
    VALUE_INSUFFICIENT = "value_insufficient"
    USED_TOO_OFTEN = "used_too_often"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A use that somebody wants to make: `amount` of a value card, or else one use; at a place, if they say where."""

    name: str
    by: str
    amount: Money | None = None
    place: str | None = None

    def entry(self, now_ms: int) -> Use:
        spent = self.amount.amount_minor if self.amount else 1
        return Use(name=self.name, by=self.by, at_ms=now_ms, spent=spent, place=self.place)


@dataclass(frozen=True)
class Tried:
    """The key as it stands after a write or, where the write was `refused`, as what refused it; None: no such key."""

    key: Key | None
    refused: bool


def redeemable(terms: Terms | None, *, for_print: bool = False) -> dict[str, Any]:
    """Those fields of a fresh key that say how it is redeemed, for its constructor: none if not by us.

    `after_use` are the states that its coming uses lead to, so that a use needs no look at how many are left. Of a
    value card the first one is for a part, the second for all that is left.
    """
    if terms is None:
        return {}
    in_use = KeyState.AVAILABLE if for_print else KeyState.SOLD
    if terms.value is not None:
        return {
            "terms": terms,
            "after_use": (in_use, KeyState.REDEEMED),
            "value_left": terms.value.amount_minor,
        }
    return {"terms": terms, "after_use": (in_use,) * ((terms.uses or 1) - 1) + (KeyState.REDEEMED,)}


def is_printed(key: Key) -> bool:
    """It was never in the pool: sold over a counter, if at all."""
    return key.state is KeyState.AVAILABLE and key.claim_partition is None


def is_lapsed(key: Key, now_ms: int) -> bool:
    """Leased, and anybody else may lease it by now."""
    return key.state is KeyState.LEASED and (key.claim_order or "~") <= claimable_until(now_ms)


def obstacle(key: Key, asked: Asked | None, at: Moment, still: Collection[str]) -> Obstacle | None:
    """None if the key can be used; `still` are the batches that stand still.

    Without `asked`, what is the same for whoever would use it wherever and for whatever amount.
    """
    terms = key.terms
    if terms is None:
        return Obstacle.NOT_REDEEMED_HERE
    return (
        _of_state(key, terms, still)
        or _of_activation(key, terms, at.now_ms)
        or _of_time(key, terms, at)
        or _of_hours(terms, at)
        or (_of_asked(key, terms, asked) if asked else None)
    )


def why_inactive(key: Key, at: Moment, still: Collection[str]) -> Obstacle | None:
    """None if the key is active, whatever the hour and the place."""
    if key.terms is None:
        return Obstacle.NOT_REDEEMED_HERE
    terms = key.terms
    return _of_state(key, terms, still) or _of_time(key, terms, at) or _of_activation(key, terms, at.now_ms)


def _of_state(key: Key, terms: Terms, still: Collection[str]) -> Obstacle | None:
    if key.sold_at_ms is None and key.claim_partition is not None and terms.activation is not Activation.ON_IMPORT:
        return Obstacle.NOT_SOLD
    if key.state is KeyState.VOID:
        return Obstacle.VOID
    if key.state is KeyState.REDEEMED:
        return Obstacle.USED_UP
    if key.state is KeyState.FROZEN or key.batch_id in still or key.held_for is not None:
        return Obstacle.FROZEN
    return Obstacle.NO_LONGER_VALID if key.state is KeyState.EXPIRED else None


def _of_activation(key: Key, terms: Terms, now_ms: int) -> Obstacle | None:
    is_sold, by_ask = key.state is KeyState.SOLD, (key.active_until_ms or 0) >= now_ms
    match terms.activation:
        case Activation.ON_IMPORT:
            return None if is_sold or key.state is KeyState.AVAILABLE else Obstacle.NOT_SOLD
        case Activation.ON_SALE:
            active = is_sold
        case Activation.ON_REVEAL:
            active = is_sold and key.revealed_at_ms is not None
        case Activation.ON_DEMAND:
            active = is_sold and by_ask
    if active or (is_printed(key) and by_ask):
        return None
    return Obstacle.NOT_ACTIVE if is_sold or is_printed(key) else Obstacle.NOT_SOLD


def _of_time(key: Key, terms: Terms, at: Moment) -> Obstacle | None:
    if terms.valid_from_ms is not None and at.now_ms < terms.valid_from_ms:
        return Obstacle.NOT_YET_VALID
    if terms.valid_to_ms is not None and at.now_ms >= terms.valid_to_ms:
        return Obstacle.NO_LONGER_VALID
    if key.expires_on is not None and at.date > key.expires_on:
        return Obstacle.NO_LONGER_VALID
    return None


def _of_hours(terms: Terms, at: Moment) -> Obstacle | None:
    """Hours that end after midnight belong to the day on which they began."""
    begun_on = at.weekday
    if terms.opens is not None and terms.closes is not None:
        over_midnight = terms.closes < terms.opens
        if over_midnight and at.minute < terms.closes:
            begun_on = at.weekday_before
        elif at.minute < terms.opens or (not over_midnight and at.minute >= terms.closes):
            return Obstacle.WRONG_HOUR
    return Obstacle.WRONG_DAY if terms.weekdays is not None and begun_on not in terms.weekdays else None


def is_elsewhere(terms: Terms, place: str | None) -> bool:
    return terms.places is not None and place not in terms.places


def _of_asked(key: Key, terms: Terms, asked: Asked) -> Obstacle | None:
    if is_elsewhere(terms, asked.place):
        return Obstacle.WRONG_PLACE
    if (problem := _of_amount(key, terms, asked.amount)) is not None:
        return problem
    return Obstacle.USED_TOO_OFTEN if len(key.uses or ()) >= MAX_ENTRIES else None


def _of_amount(key: Key, terms: Terms, amount: Money | None) -> Obstacle | None:
    if terms.value is None:
        return Obstacle.AMOUNT_NOT_TAKEN if amount else None
    if amount is None:
        return Obstacle.AMOUNT_MISSING
    if amount.currency != terms.value.currency:
        return Obstacle.WRONG_CURRENCY
    return Obstacle.VALUE_INSUFFICIENT if amount.amount_minor > (key.value_left or 0) else None


def uses_left(key: Key) -> int | None:
    """None of a value card."""
    return None if key.terms is None or key.terms.uses is None else len(key.after_use or ())


def left_after(key: Key, entry: int) -> int:
    """Uses or minor units that were left after the entry of that number."""
    terms = key.terms or Terms()
    start = terms.value.amount_minor if terms.value else (terms.uses or 1)
    return start - sum(use.spent for use in (key.uses or ())[: entry + 1])


def entry_of(key: Key, by: str, name: str) -> int | None:
    """The number of the entry that this caller named so."""
    return next((n for n, use in enumerate(key.uses or ()) if (use.by, use.name) == (by, name) and use.spent > 0), None)


def reversal_of(key: Key, use: Use) -> int | None:
    """The number of the entry by which it was taken back."""
    return next((n for n, u in enumerate(key.uses or ()) if (u.by, u.name) == (use.by, use.name) and u.spent < 0), None)


def first_use(key: Key) -> Use | None:
    """The earliest that was not taken back."""
    return next((use for use in key.uses or () if use.spent > 0 and reversal_of(key, use) is None), None)


def given_back(key: Key, use: Use, now_ms: int) -> dict[str, Any]:
    """What changes of the key as the use is taken back: it becomes what it was before it was used up.

    One that was used while nobody had bought it stays outside the pool: somebody out there knows it.
    """
    undone = Use(name=use.name, by=use.by, at_ms=now_ms, spent=-use.spent, place=use.place)
    state = key.state
    if state is KeyState.REDEEMED:
        state = KeyState.SOLD if key.sold_at_ms is not None else KeyState.AVAILABLE
    changes: dict[str, Any] = {"uses": (*(key.uses or ()), undone), "state": state}
    if key.value_left is not None:
        changes["value_left"] = key.value_left + use.spent
    else:
        changes["after_use"] = (state, *key.after_use) if key.after_use else (KeyState.REDEEMED,)
    return changes
