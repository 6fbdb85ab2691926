"""What one change of an order is called by, of the jobs that people have with its units."""

from collections.abc import Iterator

from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.work import Work

_Happened = Iterator[tuple[str, dict[str, object]]]


def work_between(old: Order | None, new: Order) -> _Happened:
    """Not in people's words: they are for those who may see them."""
    before = {(unit.unit_id, work.job): work for unit in old.units for work in unit.jobs} if old else {}
    for unit in new.units:
        for work in unit.jobs:
            of: dict[str, object] = {"unit_id": unit.unit_id, "job": work.job}
            was = before.get((unit.unit_id, work.job))
            if was is None:
                yield "work_waits", {**of, "kind": work.kind, "due_at_ms": work.due_ms}
            else:
                yield from ((name, {**of, **data}) for name, data in _steps(was, work))


def _steps(was: Work, work: Work) -> _Happened:
    yield from _claims(was, work)
    if work.word is not None and was.word is None and not work.word.final:
        yield "work_awaits_approval", {"verdict": work.word.verdict}
    if work.word is None and was.word is not None:
        yield "work_turned_down", {}
    if work.ended_at_ms is not None and was.ended_at_ms is None:
        word = work.word if work.word and work.word.final else None
        yield "work_ended", {"kind": work.kind, "verdict": word.verdict if word else None}
    if work.contradiction is not None and was.contradiction is None:
        yield "work_contradicted", {"verdict": work.contradiction.verdict}
    elif work.contradiction is not None and work.contradiction.seen is not None and was.is_contradicted:
        yield "work_contradiction_seen", {"verdict": work.contradiction.seen.verdict}


def _claims(was: Work, work: Work) -> _Happened:
    """Whoever claims a job is shown the account, each time that they do."""
    if work.claim is None:
        if was.claim is not None:
            yield "work_released", {}
        return
    if was.claim is None or was.claim.by != work.claim.by:
        yield "work_claimed", {}
    if was.claim is None or (was.claim.by, was.claim.shown) != (work.claim.by, work.claim.shown):
        yield "account_shown", {}
