"""A unit that nobody can supply for the moment waits for a source to come back, before its money goes back. Pure."""

from dataclasses import replace

from keyrail.ordering.model.orders import Unit
from keyrail.suppliers.model.attempts import Decision, SupplyAttempt
from keyrail.suppliers.model.outcomes import PASSING_REFUSALS
from keyrail.suppliers.model.routing import PASSING, PassedOver
from keyrail.suppliers.model.waiting import look_s

PATIENCE_MS = 30 * 60_000
"""In all, however often a unit has to wait. Less than what makes it a forgotten one."""


def patient(unit: Unit, decision: Decision) -> Decision | None:
    """The decision, by which nobody can supply the unit now, as one to wait; None where that would be in vain."""
    until_ms = patient_until_ms(unit) or decision.at_ms + PATIENCE_MS
    if decision.at_ms >= until_ms or not _may_come_back(unit, decision):
        return None
    return replace(decision, waits_until_ms=until_ms)


def patient_until_ms(unit: Unit) -> int | None:
    """None where it has not had to wait yet."""
    return next((each.waits_until_ms for each in unit.decisions or () if each.waits_until_ms), None)


def waits_until_ms(unit: Unit) -> int | None:
    """None where it does not wait: somebody was asked since, or nobody needed to be patient."""
    return unit.decisions[-1].waits_until_ms if unit.decisions else None


def next_look_s(until_ms: int, now_ms: int, chance: float) -> int:
    """How long a unit that waits until then does before it looks again. `chance` is from 0 to 1."""
    return look_s(now_ms - (until_ms - PATIENCE_MS), until_ms - now_ms, chance)


def tried(unit: Unit) -> frozenset[str]:
    """The sources that are not asked for it again: they definitely failed it, and not for what a wait may mend."""
    waited_ms = max((each.at_ms for each in unit.decisions or () if each.waits_until_ms), default=-1)
    return frozenset(
        attempt.source_id
        for attempt in unit.attempts or ()
        if attempt.asked_at_ms > waited_ms or not _is_passing(attempt)
    )


def _may_come_back(unit: Unit, decision: Decision) -> bool:
    failed = {each.source_id for each in unit.attempts or () if not _is_passing(each)}
    return any(
        reason in PASSING or (reason == PassedOver.TRIED and source_id not in failed)
        for source_id, reason in decision.passed_over.items()
    )


def _is_passing(attempt: SupplyAttempt) -> bool:
    return attempt.refusal in PASSING_REFUSALS
