"""What the sandbox supplier's answer to an order, or to a question about one, comes to.

Its reviewed words are `done`, `processing`, `refused` with a reason, and `failed`, which is a failure only where all
that was taken has come back. `partial`, `no_such_order` and any word that is not here leave it unknown.
"""

from collections.abc import Mapping
from typing import Any

from keyrail.platform.json_objects import text
from keyrail.platform.money import Money, parse_decimal
from keyrail.suppliers.model.outcomes import (
    Card,
    DefiniteFailure,
    Outcome,
    Processing,
    Refusal,
    Success,
    Unknown,
)
from keyrail.suppliers.providers import Placed, lists
from keyrail.suppliers.providers.reading import number, objects

# Of these nothing was taken, and nothing will be supplied under that reference.
REFUSALS = {
    "bad_account": Refusal.BAD_ACCOUNT,
    "sold_out": Refusal.SOLD_OUT,
    "no_such_item": Refusal.SOLD_OUT,
    "price_changed": Refusal.PRICE_CHANGED,
    "balance_short": Refusal.BALANCE_SHORT,
}


def outcome_of(answer: Mapping[str, Any] | DefiniteFailure | Unknown, placed: Placed) -> Outcome:
    """Of keys it is done with as many cards as were placed and no fewer."""
    if isinstance(answer, DefiniteFailure | Unknown):
        return answer
    said, theirs = lists.said(text(answer, "status")), number(answer, "number")
    if not _is_about(answer, theirs, placed):
        return Unknown(said="another_order")
    if said == "done":
        return _done(answer, theirs, placed)
    if said == "processing":
        return Processing(said=said, their_reference=theirs)
    refusal = _refusal(answer, said)
    if refusal is not None:
        reason = text(answer, "reason") if said == "refused" else said
        return DefiniteFailure(said=reason, refusal=refusal, their_reference=theirs)
    return Unknown(said=said, their_reference=theirs)


def _is_about(answer: Mapping[str, Any], theirs: str | None, placed: Placed) -> bool:
    """What it has none of, or refuses before it is one, has no number of theirs and names no item."""
    is_ours = text(answer, "reference") == placed.reference
    is_theirs = placed.their_reference in {None, theirs}
    return is_ours and is_theirs and (placed.item is None or text(answer, "item") in {"", placed.item})


def _refusal(answer: Mapping[str, Any], said: str) -> Refusal | None:
    """None for what is no failure, or none that is known to be one."""
    if said == "refused":
        return REFUSALS.get(text(answer, "reason"))
    taken, returned = money_of(answer, "taken"), money_of(answer, "returned")
    return Refusal.REFUSED if said == "failed" and taken is not None and taken == returned else None


def _done(answer: Mapping[str, Any], theirs: str | None, placed: Placed) -> Outcome:
    supplied = tuple(_card(each) for each in objects(answer, "cards") or [] if text(each, "code"))
    all_different = len({card.code for card in supplied}) == len(supplied)
    as_many = len(supplied) == (placed.quantity if placed.of_keys else 0)
    taken, returned = money_of(answer, "taken"), money_of(answer, "returned")
    if not as_many or not all_different or text(answer, "supplied") != str(placed.quantity):
        return Unknown(said="done_in_part", their_reference=theirs)
    if theirs is None:
        return Unknown(said="no_number")
    if taken is None or returned is None or returned.amount_minor:
        return Unknown(said="done_and_returned", their_reference=theirs)
    return Success(said="done", their_reference=theirs, cost=taken, cards=supplied)


def _card(said: Mapping[str, Any]) -> Card:
    return Card(code=text(said, "code"), password=text(said, "password") or None)


def money_of(said: Mapping[str, Any], name: str) -> Money | None:
    """None for what is no plain amount of its currency."""
    try:
        return parse_decimal(text(said, name), text(said, "currency"))
    except ValueError:
        return None
