"""What a person does about a unit: claims the job, and says how it ended. An order in, the next order out.

A job is named by what it is about: a command that is late, or comes again, never touches the next job of the unit.
"""

from dataclasses import dataclass, field, replace

from keyrail.ordering.model.discretion import names_account
from keyrail.ordering.model.disputes import is_frozen
from keyrail.ordering.model.orders import Order, Unit
from keyrail.ordering.model.room import has_room_for_words
from keyrail.ordering.model.supplying import hear
from keyrail.ordering.model.work import (
    CLAIM_LASTS_MS,
    Claim,
    ClaimedByAnother,
    NotClaimed,
    NoWordWaits,
    OwnWord,
    StandsStill,
    UnitNotFound,
    Verdict,
    WordWaits,
    Work,
    WorkEnded,
    WorkKind,
    WorkNotFound,
)
from keyrail.ordering.model.work import Word as Said
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import rfc3339
from keyrail.platform.errors import FieldError, Invalid
from keyrail.suppliers.model.outcomes import DefiniteFailure, Refusal, Success


@dataclass(frozen=True, kw_only=True)
class Saying:
    """How a person says that a job ended, and how they know."""

    job: str
    verdict: Verdict
    text: str | None = field(default=None, repr=False)
    reference: str | None = None

    def is_of(self, word: Said | None, by: str) -> bool:
        """Whether it is that very word, said once more."""
        mine = (by, self.verdict, self.text, self.reference)
        return word is not None and mine == (word.by, word.verdict, word.text, word.reference)

    def word(self, origin: Origin, now_ms: int, *, final: bool) -> Said:
        return Said(
            verdict=self.verdict,
            by=origin.by,
            at_ms=now_ms,
            why=origin.reason or "",
            text=self.text,
            reference=self.reference,
            final=final,
        )


def job_of(order: Order, unit_id: str, job: str) -> tuple[Unit, Work]:
    """The job, open or over. Raises UnitNotFound, WorkNotFound."""
    unit = next((each for each in order.units if each.unit_id == unit_id), None)
    if unit is None:
        raise UnitNotFound
    work = next((each for each in unit.jobs if each.job == job), None)
    if work is None:
        raise WorkNotFound
    return unit, work


def claim(order: Order, unit_id: str, job: str, origin: Origin, now_ms: int) -> Order:
    """The job is theirs for a while, and they are shown the account; asked for again, for a while more.

    Raises UnitNotFound, WorkNotFound, WorkEnded, WordWaits, ClaimedByAnother, StandsStill, Invalid.
    """
    unit, work = _unsaid(order, unit_id, job)
    check_words(unit, reason=origin.reason)
    held = work.claim
    mine = held is not None and held.by == origin.by
    if held is not None and not mine and now_ms < held.until_ms:
        raise _claimed(held)
    if work.kind is WorkKind.MANUAL and is_frozen(order):
        raise StandsStill
    until_ms = now_ms + CLAIM_LASTS_MS
    if held is not None and mine:
        again = replace(held, until_ms=until_ms, shown=held.shown + 1)
        return _with(order, unit, replace(work, claim=again), origin, now_ms)
    fresh = Claim(by=origin.by, at_ms=now_ms, until_ms=until_ms)
    before = held.by if held is not None else work.held_before
    return _with(order, unit, replace(work, claim=fresh, held_before=before), origin, now_ms)


def release(order: Order, unit_id: str, job: str, origin: Origin, now_ms: int, *, anybodys: bool) -> Order:
    """Whoever likes may claim it now; the very order if they may already.

    Raises UnitNotFound, WorkNotFound, WorkEnded, WordWaits, ClaimedByAnother, Invalid.
    """
    unit, work = _unsaid(order, unit_id, job)
    check_words(unit, reason=origin.reason)
    held = work.claim
    if held is None:
        return order
    if held.by != origin.by and not anybodys:
        raise _claimed(held)
    return _with(order, unit, replace(work, claim=None, held_before=held.by), origin, now_ms)


def say(
    order: Order, unit_id: str, saying: Saying, origin: Origin, now_ms: int, *, anybodys: bool, alone: bool
) -> Order:
    """The job ends as they say; where they may not say so `alone`, once a second person agrees.

    The same word again leaves the very order. Only whoever claimed the job may, unless they may end `anybodys`.
    Raises UnitNotFound, WorkNotFound, WorkEnded, WordWaits, ClaimedByAnother, NotClaimed, Invalid.
    """
    if saying.is_of(job_of(order, unit_id, saying.job)[1].word, origin.by):
        return order
    unit, work = _unsaid(order, unit_id, saying.job)
    check_saying(order, unit, saying, origin)
    _check_claimed(work, origin.by, now_ms, anybodys=anybodys)
    told = replace(work, word=saying.word(origin, now_ms, final=alone))
    return _ended(order, unit, told, origin, now_ms) if alone else _with(order, unit, told, origin, now_ms)


def approve(order: Order, unit_id: str, job: str, origin: Origin, now_ms: int) -> Order:
    """The second person agrees, and the job ends; the very order if it ended by this before.

    Raises UnitNotFound, WorkNotFound, WorkEnded, NoWordWaits, OwnWord, Invalid.
    """
    unit, work = job_of(order, unit_id, job)
    if work.word is not None and work.word.agreed_by == origin.by:
        return order
    word = _waiting(unit, work, origin)
    if word.by == origin.by:
        raise OwnWord
    agreed = replace(word, final=True, agreed_by=origin.by, agreed_at_ms=now_ms)
    return _ended(order, unit, replace(work, word=agreed), origin, now_ms)


def turn_down(order: Order, unit_id: str, job: str, origin: Origin, now_ms: int) -> Order:
    """Nothing comes of the word, and the job waits to be claimed anew; also for whoever gave the word.

    Raises UnitNotFound, WorkNotFound, WorkEnded, NoWordWaits, Invalid.
    """
    unit, work = job_of(order, unit_id, job)
    if work.ended_at_ms is None and work.word is None and work.turned_down_by == origin.by:
        return order
    word = _waiting(unit, work, origin)
    free = replace(work, word=None, claim=None, held_before=word.by, turned_down_by=origin.by)
    return _with(order, unit, free, origin, now_ms)


def settled_alone(order: Order, by: str) -> int:
    """Minor units of the order of which this person said alone what became of them."""
    words = ((unit, work.word) for unit in order.units for work in unit.jobs if work.kind is WorkKind.UNKNOWN)
    mine = (unit.amount for unit, word in words if word and word.final and (word.by, word.agreed_by) == (by, None))
    return sum(amount.amount_minor for amount in mine)


def check_saying(order: Order, unit: Unit, saying: Saying, origin: Origin) -> None:
    """Raises Invalid where it names the account, for a `done` that nothing shows, and for a text that is too long for
    all that its order holds by now.
    """
    check_words(unit, reason=origin.reason, text=saying.text, reference=saying.reference)
    if saying.verdict is Verdict.DONE and not f"{saying.text or ''}{saying.reference or ''}".strip():
        raise Invalid(FieldError("text", "text_or_reference"))
    if not has_room_for_words(order, saying.text, saying.reference, origin.reason):
        raise Invalid(FieldError("text", "longer_than_the_order_has_room_for"))


def check_words(unit: Unit, **words: str | None) -> None:
    """Raises Invalid where they name a part of the account that is masked: they are kept, and shown to others."""
    telling = [name for name, said in words.items() if said and names_account(unit, said)]
    if telling:
        raise Invalid(*(FieldError(name, "names_the_account") for name in telling))


def _ended(order: Order, unit: Unit, work: Work, origin: Origin, now_ms: int) -> Order:
    """As an answer of the supplier would leave it."""
    attempt = unit.open_attempt()
    said = attempt.said if attempt else ""
    done = work.word is not None and work.word.verdict is Verdict.DONE
    outcome = Success(said=said) if done else DefiniteFailure(said=said, refusal=Refusal.REFUSED)
    units = tuple(replace(unit, work=work) if each is unit else each for each in order.units)
    return hear(replace(order, units=units), work.job, outcome, origin, now_ms)


def _unsaid(order: Order, unit_id: str, job: str) -> tuple[Unit, Work]:
    """The job, of which nobody has said yet how it ended."""
    unit, work = job_of(order, unit_id, job)
    _check_open(work)
    if work.word is not None:
        raise WordWaits(facts={"by": work.word.by})
    return unit, work


def _waiting(unit: Unit, work: Work, origin: Origin) -> Said:
    _check_open(work)
    check_words(unit, reason=origin.reason)
    if work.word is None:
        raise NoWordWaits
    return work.word


def _check_open(work: Work) -> None:
    if work.ended_at_ms is not None:
        said = {"verdict": work.word.verdict.value} if work.word and work.word.final else {}
        raise WorkEnded(facts={"by": work.ended_by or "", **said})


def _check_claimed(work: Work, by: str, now_ms: int, *, anybodys: bool) -> None:
    """One that has lapsed is theirs as long as nobody else claims it: they may have credited the account."""
    held = work.claim
    if anybodys or (held is not None and held.by == by):
        return
    if held is not None and now_ms < held.until_ms:
        raise _claimed(held)
    raise NotClaimed


def _claimed(held: Claim) -> ClaimedByAnother:
    return ClaimedByAnother(facts={"by": held.by, "until": rfc3339(held.until_ms)})


def _with(order: Order, unit: Unit, work: Work, origin: Origin, now_ms: int) -> Order:
    units = tuple(replace(unit, work=work) if each is unit else each for each in order.units)
    return replace(order, units=units, **stamp(origin, now_ms, order.version + 1))
