"""A supplier's health, and the breaker that keeps units away from one that does not answer. Pure.

What nobody understood, or what was never sent, puts a strain on a supplier; what it answers, yes or no, relieves it. At
STRAIN_LIMIT the breaker opens. When its time is over, whoever half-opens it sends one unit as a probe: an answer closes
it, none opens it for twice as long. So a supplier that is dead is left after STRAIN_LIMIT / FAILURE_STRAINS calls, and
so is one that leaves more than one in (FAILURE_STRAINS + 1) without an answer for long.

Nor is it sent many more before it has answered: MAX_UNANSWERED calls may go out behind the latest that is known to be
answered, however many want to call at once, and however long it takes until the first of them is given up. So answers
of before its death, told of after it, let no more be sent than one would.

A supplier that answers may do poorly all the same. Whom it refuses for what is no matter of account, balance or item,
whom it took in vain, and whom it keeps waiting for an answer it lets down; whom it supplied, then or later, it served.
At LET_DOWN_LIMIT it stands aside for others for a while.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Refusal, Success, Unknown

FAILURE_STRAINS = 2
STRAIN_LIMIT = 20  # a supplier that is dead is left after ten calls
TOLD_FROM = 5  # an answer is told of where it is that of the fifth call or a later one behind the last that was
MAX_UNANSWERED = 20  # calls behind that one: enough to open the breaker, also where four were answered and not told of
FIRST_OPEN_MS = 30_000  # doubled each time that the probe fails
MAX_OPEN_MS = 5 * 60_000
PROBE_LASTS_MS = 2 * 60_000  # after it a probe is given up, and any call; longer than a supplier's own time-out
BALANCE_LASTS_MS = 30 * 60_000  # an older one is no news of today
SHORT_LASTS_MS = 10 * 60_000  # since a supplier said that our balance does not do
LET_DOWN = 2  # so one does poorly that lets down more than one in three for long
LET_DOWN_LIMIT = 20
ASIDE_LASTS_MS = 30 * 60_000  # since it was at the limit; longer than most take to say that an order has failed
SLOW_MS = 5_000  # an answer that takes longer lets down, whatever it is

NOT_THEIRS = frozenset({Refusal.BAD_ACCOUNT, Refusal.BALANCE_SHORT, Refusal.NOT_ORDERABLE})
"""Refusals for a reason that is the buyer's, or ours."""


class Experience(StrEnum):
    """Of whoever asked a supplier for something."""

    SERVED = "served"
    LET_DOWN = "let_down"


class Breaker(StrEnum):
    """`half_open`: one unit was sent to find out, and nobody else is until it is heard of."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, kw_only=True)
class Health(Versioned):
    """A supplier as routing sees it. `disabled` by hand, until it is enabled by hand.

    `version` counts what happened to the breaker and by hand; `strain`, the calls and the balance change under the same
    one. Calls are numbered: `called` is the latest, which is given up at `given_up_ms`, and `may_call` the last that
    may be made until the next answer is told of.
    `openings` is how often it was opened since it was closed. `until_ms` is when whoever comes next may probe; `probe`
    is the reference of the attempt that does. `short_until_ms`: the supplier said that our balance does not do.
    `let_downs` go up by LET_DOWN with whoever it lets down, and down by one with whoever it serves. Who would have them
    pass the limit has it stand aside until `aside_until_ms`, and later if more do.
    """

    supplier: str
    disabled: bool = False
    breaker: Breaker = Breaker.CLOSED
    strain: int = 0
    called: int = 0
    may_call: int = MAX_UNANSWERED
    given_up_ms: int | None = None
    openings: int = 0
    until_ms: int | None = None
    probe: str | None = None
    balance: Money | None = None
    balance_at_ms: int | None = None
    short_until_ms: int | None = None
    let_downs: int = 0
    aside_until_ms: int | None = None

    def lets_through(self, reference: str, now_ms: int) -> bool:
        """Whether that attempt may be made there: while the breaker is not closed, only as the probe."""
        return self.breaker is Breaker.CLOSED or self.is_probe(reference) or self.may_be_probed(now_ms)

    def may_be_probed(self, now_ms: int) -> bool:
        """By whoever half-opens it; a closed one too, once all that were sent are lost and nobody has told of one."""
        if self.breaker is Breaker.CLOSED:
            return self.is_full and not self.is_awaited(now_ms)
        return now_ms >= (self.until_ms or 0)

    def is_probe(self, reference: str) -> bool:
        return self.breaker is Breaker.HALF_OPEN and self.probe == reference

    @property
    def unanswered(self) -> int:
        """Calls behind the latest that is known to be answered."""
        return MAX_UNANSWERED - (self.may_call - self.called)

    @property
    def is_full(self) -> bool:
        """Whether as many were sent since it was last known to answer as may be."""
        return self.called >= self.may_call

    def is_awaited(self, now_ms: int) -> bool:
        """Whether it has to answer, or be found silent, before it is sent more."""
        return self.breaker is Breaker.CLOSED and self.is_full and now_ms < (self.given_up_ms or 0)

    def does_poorly(self, now_ms: int) -> bool:
        return now_ms < (self.aside_until_ms or 0)

    def covers(self, cost: Money | None, now_ms: int) -> bool:
        """False where it is known, and not too long ago, that what we have with them is less."""
        if self.short_until_ms is not None and now_ms < self.short_until_ms:
            return False
        if cost is None or self.balance is None or self.balance.currency != cost.currency:
            return True
        is_news = now_ms < (self.balance_at_ms or 0) + BALANCE_LASTS_MS
        return not is_news or self.balance.amount_minor >= cost.amount_minor


def is_failure(outcome: Outcome) -> bool:
    """Nobody answered, or nothing that anybody understands. A refusal is an answer, unless they never heard of it."""
    match outcome:
        case Unknown():
            return True
        case DefiniteFailure(refusal=Refusal.NOT_SENT):
            return True
        case _:
            return False


def is_theirs(outcome: DefiniteFailure) -> bool:
    """Whether it was for the supplier to do otherwise."""
    return outcome.refusal not in NOT_THEIRS


def had_at_once(outcome: Outcome, latency_ms: int) -> Experience | None:
    """With the answer to an order. None: neither, or nobody knows yet.

    Silence is the breaker's, and over with it; and a refusal that is about an item, its stock or its price says nothing
    of others.
    """
    if is_failure(outcome):
        return None
    if latency_ms > SLOW_MS or (isinstance(outcome, DefiniteFailure) and outcome.refusal is Refusal.REFUSED):
        return Experience.LET_DOWN
    return Experience.SERVED if isinstance(outcome, Success) else None


def had_later(outcome: Outcome) -> Experience | None:
    """With what became of an order that the supplier had taken."""
    if isinstance(outcome, DefiniteFailure) and is_theirs(outcome):
        return Experience.LET_DOWN
    return Experience.SERVED if isinstance(outcome, Success) else None


def new_supplier(name: str, origin: Origin, now_ms: int) -> Health:
    return Health(supplier=name, **stamp(origin, now_ms))


def opened(health: Health, origin: Origin, now_ms: int) -> Health:
    """For as long as its openings since it was closed say, this one among them."""
    lasts_ms = min(FIRST_OPEN_MS * 2**health.openings, MAX_OPEN_MS)
    return _moved(health, Breaker.OPEN, origin, now_ms, openings=health.openings + 1, until_ms=now_ms + lasts_ms)


def half_opened(health: Health, reference: str, origin: Origin, now_ms: int) -> Health:
    """By the attempt of that reference, which is the probe."""
    until_ms = now_ms + PROBE_LASTS_MS
    return _moved(
        health, Breaker.HALF_OPEN, origin, now_ms, openings=health.openings, until_ms=until_ms, probe=reference
    )


def closed(health: Health, origin: Origin, now_ms: int) -> Health:
    return _moved(health, Breaker.CLOSED, origin, now_ms)


def probe_taken_back(health: Health, origin: Origin, now_ms: int) -> Health:
    """Nothing was sent after all: whoever comes next may probe."""
    return _moved(health, Breaker.OPEN, origin, now_ms, openings=health.openings, until_ms=now_ms)


def _moved(
    health: Health,
    breaker: Breaker,
    origin: Origin,
    now_ms: int,
    *,
    openings: int = 0,
    until_ms: int | None = None,
    probe: str | None = None,
) -> Health:
    changed = stamp(origin, now_ms, health.version + 1)
    return replace(
        health,
        breaker=breaker,
        strain=0,
        called=0,
        may_call=MAX_UNANSWERED,
        given_up_ms=None,
        let_downs=0,
        aside_until_ms=None,
        openings=openings,
        until_ms=until_ms,
        probe=probe,
        **changed,
    )


def switched(health: Health, *, disabled: bool, origin: Origin, now_ms: int) -> Health:
    return replace(health, disabled=disabled, **stamp(origin, now_ms, health.version + 1))


_MOVES = {
    Breaker.OPEN: "breaker_opened",
    Breaker.HALF_OPEN: "breaker_half_opened",
    Breaker.CLOSED: "breaker_closed",
}


def health_events_between(old: Health | None, new: Health | None) -> list[Event]:
    """What is counted under one version is nobody's event."""
    if new is None or (old is not None and old.version == new.version):
        return []
    if old is None:
        happened = "created"
    elif old.disabled is not new.disabled:
        happened = "disabled" if new.disabled else "enabled"
    else:
        happened = _MOVES[new.breaker]
    data: dict[str, object] = {"breaker": new.breaker, "disabled": new.disabled, "openings": new.openings}
    if new.until_ms is not None:
        data["until_ms"] = new.until_ms
    return [Event(f"supplier.{happened}", f"supplier:{new.supplier}", data)]
