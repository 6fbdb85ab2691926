"""A supplier that says the opposite of what a person has said before: somebody has to see to it, and nothing moves by
itself.
"""

from dataclasses import replace

from keyrail.ordering.model.orders import Order, Unit, UnitStatus
from keyrail.ordering.model.steps import moved, settled
from keyrail.ordering.model.work import NothingContradicted, OwnWord, Verdict, Work
from keyrail.ordering.model.working import Saying, check_saying, job_of
from keyrail.platform.changes import Origin, stamp
from keyrail.suppliers.model.attempts import SupplyAttempt, SupplyState


def see_to(order: Order, unit_id: str, saying: Saying, origin: Origin, now_ms: int, *, another_person: bool) -> Order:
    """Somebody has found out what is so. The same again leaves the very order.

    A unit that nobody was asked for since is delivered by that, or goes on; any other stays as it is. Where it moves,
    `another_person` than the one whose word was contradicted may have to decide.
    Raises UnitNotFound, WorkNotFound, NothingContradicted, OwnWord, Invalid.
    """
    unit, work = job_of(order, unit_id, saying.job)
    found = work.contradiction
    if found is not None and saying.is_of(found.seen, origin.by):
        return order
    if found is None or found.seen is not None:
        raise NothingContradicted
    check_saying(order, unit, saying, origin)
    if waits_for_it(unit) and another_person and work.word is not None and work.word.by == origin.by:
        raise OwnWord
    seen = replace(work, contradiction=replace(found, seen=saying.word(origin, now_ms, final=True)))
    changed = _known(unit, seen)
    if waits_for_it(unit) and saying.verdict is Verdict.DONE:
        changed = _delivered(changed, work.job, now_ms)
    units = tuple(changed if each is unit else each for each in order.units)
    if changed.status is unit.status:
        return replace(order, units=units, **stamp(origin, now_ms, order.version + 1))
    return settled(order, units, order.refunds, origin, now_ms)


def waits_for_it(unit: Unit) -> bool:
    """Whether what is so decides how the unit goes on: nobody else was asked for it, and nothing was given back."""
    return unit.status is UnitStatus.QUEUED and unit.work is None and unit.open_attempt() is None and unit.in_doubt


def last_word_about(unit: Unit) -> SupplyAttempt | None:
    """The last attempt at a supplier of which a person said how it ended, unless the supplier says the opposite."""
    words = {work.job: work for work in unit.worked or () if work.word and work.word.final}
    said = [each for each in unit.attempts or () if each.supplier and each.reference in words]
    return said[-1] if said and words[said[-1].reference].contradiction is None else None


def _delivered(unit: Unit, job: str, now_ms: int) -> Unit:
    """Credited: keys that came for a later attempt, and waited with the unit, are none of it."""
    attempts = tuple(
        replace(each, state=SupplyState.SUCCEEDED, refusal=None, decided_at_ms=now_ms)
        if each.reference == job
        else each
        for each in unit.attempts or ()
    )
    return moved(replace(unit, attempts=attempts, key_ids=()), UnitStatus.DELIVERED, now_ms)


def _known(unit: Unit, work: Work) -> Unit:
    return replace(unit, worked=tuple(work if each.job == work.job else each for each in unit.worked or ()))
