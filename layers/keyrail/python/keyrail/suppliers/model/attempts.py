"""One try to have a unit supplied: one source, one reference of ours, one outcome. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from keyrail.platform.ids import BODY_LENGTH, CROCKFORD
from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success

MAX_ATTEMPTS_PER_UNIT = 20
_NUMBER_LENGTH = 2  # digits, of a unit in its order and of an attempt at its unit
_UNIT_LENGTH = BODY_LENGTH + _NUMBER_LENGTH


class SupplyState(StrEnum):
    """`unknown` from before the supplier is asked; what has `failed` surely took no effect, and never will."""

    UNKNOWN = "unknown"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class SupplyAttempt:
    """It is stored before the supplier is asked, and only who stored it asks (promise I7).

    `item` is the supplier's name for what is bought, `limit` what it may cost in all. Until `until_ms` the supplier is
    asked what became of it; after that a person is. `said` is the supplier's own word. `asker` is chance, by which who
    stored it knows that it was them. One that is `of_keys` buys keys, and is done once they are ours.
    """

    reference: str
    source_id: str
    supplier: str
    item: str
    quantity: int
    limit: Money
    asked_at_ms: int
    until_ms: int
    state: SupplyState = SupplyState.UNKNOWN
    refusal: Refusal | None = None
    said: str = ""
    their_reference: str | None = None
    cost: Money | None = None
    decided_at_ms: int | None = None
    asker: str | None = None
    of_keys: bool | None = None

    @property
    def is_open(self) -> bool:
        """While it is, nothing is sent again, no other source is tried, and nothing is given back."""
        return self.state in {SupplyState.UNKNOWN, SupplyState.PROCESSING}

    @property
    def was_taken(self) -> bool:
        """The supplier has said so, or has named an order of its own for it."""
        return self.state is SupplyState.PROCESSING or self.their_reference is not None

    @property
    def is_overpaid(self) -> bool:
        """What the supplier took is more than it was allowed to take."""
        return not is_within(self.limit, self.cost)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Where a unit was to come from, and why not from elsewhere: `passed_over` is a reason for each source's name.

    `chosen` None: there was nothing left; or, with `waits_until_ms`, nothing for the moment, and until then the unit
    waits for one of them to come back.
    """

    at_ms: int
    chosen: str | None = None
    passed_over: dict[str, str] = field(default_factory=dict)
    waits_until_ms: int | None = None


def is_within(limit: Money, cost: Money | None) -> bool:
    """What nobody told is."""
    return cost is None or (cost.currency == limit.currency and cost.amount_minor <= limit.amount_minor)


def reference(unit_id: str, number: int) -> str:
    """Of the unit's attempt with that number, from 1: thirty letters and digits, the unit's own first.

    No supplier of ours takes more than 32. Asked for again it is the same.
    """
    return f"{unit_id.removeprefix('unt_')}{number:0{_NUMBER_LENGTH}d}"


def unit_of(reference: str) -> str | None:
    """The id of the unit that a reference is of; None for what is none of ours."""
    is_ours = len(reference) == _UNIT_LENGTH + _NUMBER_LENGTH and all(c in CROCKFORD for c in reference[:BODY_LENGTH])
    digits = reference[BODY_LENGTH:]
    return f"unt_{reference[:_UNIT_LENGTH]}" if is_ours and digits.isascii() and digits.isdigit() else None


def is_ended_by(attempts: Iterable[SupplyAttempt] | None, reference: str, outcome: Outcome) -> bool:
    """Whether the attempt of that reference ended as the supplier says; a person may have ended it otherwise."""
    states = {each.reference: each.state for each in attempts or ()}
    match outcome:
        case Success():
            return states.get(reference) is SupplyState.SUCCEEDED
        case DefiniteFailure():
            return states.get(reference) is SupplyState.FAILED
        case _:
            return False


def heard(attempt: SupplyAttempt, outcome: Outcome, now_ms: int) -> SupplyAttempt:
    """The attempt as the answer leaves it; the very attempt where it says nothing new.

    An outcome is final: what comes after it changes nothing. No answer after one that was understood takes that back.
    """
    if not attempt.is_open:
        return attempt
    theirs = outcome.their_reference or attempt.their_reference
    match outcome:
        case Success():
            changed = replace(attempt, state=SupplyState.SUCCEEDED, cost=outcome.cost, decided_at_ms=now_ms)
        case DefiniteFailure():
            changed = replace(attempt, state=SupplyState.FAILED, refusal=outcome.refusal, decided_at_ms=now_ms)
        case Processing():
            changed = replace(attempt, state=SupplyState.PROCESSING)
        case _:
            changed = replace(attempt, state=SupplyState.UNKNOWN)
    return replace(changed, said=outcome.said, their_reference=theirs)
