"""Jobs of people's under any order of commands, lapsed claims, late answers of suppliers and further sources.

Whatever people and suppliers say, and however wrong they are: one has a job at a time, it ends once, goods xor money.
"""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from keyrail.ordering.model import contradictions, working
from keyrail.ordering.model.events import events_between
from keyrail.ordering.model.orders import Order, UnitStatus
from keyrail.ordering.model.supplying import give_up, hear, may_begin, may_go_on
from keyrail.ordering.model.work import CLAIM_LASTS_MS, Verdict, Work
from keyrail.ordering.model.working import Saying
from keyrail.platform.changes import Origin
from keyrail.platform.errors import KeyrailError
from keyrail.suppliers.model.attempts import Decision, SupplyState
from keyrail.suppliers.model.outcomes import Processing, Unknown
from tests.jobs import ALICE, BOB, CAROL, DONE, REFUSED, SYSTEM, asked, handed_over, paid

PEOPLE = (ALICE, BOB, CAROL)
ADMIN = CAROL
ANSWERS = (DONE, REFUSED, Processing(said="3"), Unknown(said="?"))
OVER = {UnitStatus.DELIVERED, UnitStatus.FAILED, UnitStatus.REFUNDED}
MINUTE_MS = 60_000


class Life:
    """What may happen; each to the one of many that `pick` picks. Each command comes twice."""

    def __init__(self) -> None:
        self.order = paid()
        self.now_ms = 0

    @property
    def unit_id(self) -> str:
        return self.order.units[0].unit_id

    def job(self, pick: int) -> str:
        jobs = self.order.units[0].jobs
        return jobs[-1 - pick % min(2, len(jobs))].job if jobs else "none"

    def time_runs(self, pick: int) -> None:
        self.now_ms += (MINUTE_MS, CLAIM_LASTS_MS)[pick % 2]

    def ask_a_supplier(self, pick: int) -> None:
        if may_begin(self.order, self.order.units[0]):
            self.follow(asked(self.order, f"source-{pick}", self.now_ms))

    def hand_over(self, _: int) -> None:
        self.step(lambda order: handed_over(order, self.now_ms))

    def nobody_is_left(self, _: int) -> None:
        if may_go_on(self.order, self.order.units[0]):
            self.follow(give_up(self.order, self.unit_id, Decision(at_ms=self.now_ms), SYSTEM, self.now_ms))

    def hear(self, pick: int) -> None:
        attempts = self.order.units[0].attempts or ()
        if attempts:
            attempt = attempts[-1 - pick // 4 % len(attempts)]
            self.step(lambda order: hear(order, attempt.reference, ANSWERS[pick % 4], SYSTEM, self.now_ms))

    def claim(self, pick: int) -> None:
        self.step(
            lambda order: working.claim(order, self.unit_id, self.job(pick // 3), who(pick), self.now_ms), looks=True
        )

    def release(self, pick: int) -> None:
        by, job = who(pick), self.job(pick // 3)
        self.step(lambda order: working.release(order, self.unit_id, job, by, self.now_ms, anybodys=by is ADMIN))

    def say(self, pick: int) -> None:
        by, alone = who(pick), pick % 2 == 0
        saying = Saying(job=self.job(pick // 3), verdict=list(Verdict)[pick // 2 % 2], reference=f"R-{pick % 5}")
        self.step(
            lambda order: working.say(order, self.unit_id, saying, by, self.now_ms, anybodys=by is ADMIN, alone=alone)
        )

    def approve(self, pick: int) -> None:
        job = self.job(pick // 3)
        self.step(lambda order: working.approve(order, self.unit_id, job, who(pick), self.now_ms))

    def turn_down(self, pick: int) -> None:
        job = self.job(pick // 3)
        self.step(lambda order: working.turn_down(order, self.unit_id, job, who(pick), self.now_ms))

    def see_to(self, pick: int) -> None:
        saying = Saying(job=self.job(pick // 3), verdict=list(Verdict)[pick // 2 % 2], reference="R-9")
        by = who(pick)
        self.step(
            lambda order: contradictions.see_to(
                order, self.unit_id, saying, by, self.now_ms, another_person=pick % 2 == 0
            )
        )

    def step(self, command: Callable[[Order], Order], *, looks: bool = False) -> None:
        """And the same command once more, which changes nothing; but a claim is another look at the account."""
        try:
            self.follow(command(self.order))
        except KeyrailError:
            return
        again = command(self.order)
        assert looks or again is self.order, "the same command again had another effect"
        self.follow(again)

    def follow(self, new: Order) -> None:
        check_change(self.order, new, self.now_ms)
        self.order = new


def who(pick: int) -> Origin:
    return PEOPLE[pick % len(PEOPLE)]


def check_change(old: Order, new: Order, now_ms: int) -> None:
    if new is old:
        return
    assert new.version == old.version + 1
    assert events_between(old, new)
    (before,), (unit,) = old.units, new.units
    if before.status in OVER:
        assert unit.status is before.status, "what was over has moved"
    were = {work.job: work for work in before.jobs}
    assert were.keys() <= {work.job for work in unit.jobs}, "a job is forgotten"
    for work in unit.jobs:
        if work.job in were:
            check_job(were[work.job], work, new.changed_by, now_ms)
    opened = unit.open_attempt()
    if len(unit.attempts or ()) > len(before.attempts or ()):
        free = before.work is None and before.open_attempt() is None and not before.in_doubt
        assert free, "asked while another had it"
    if unit.work is not None:
        assert opened is not None, "work with what is decided"
        assert opened.reference == unit.work.job, "work with another attempt than the open one"
    assert unit.is_open or opened is None, "over, and nobody knows"
    assert bool(new.refunds) == (unit.status is UnitStatus.FAILED), "goods and money back, or neither"
    assert sum(each.state is SupplyState.SUCCEEDED for each in unit.attempts or ()) == (
        unit.status is UnitStatus.DELIVERED
    ), "delivered, and nobody supplied it, or two did"


def check_job(was: Work, now: Work, by: str, now_ms: int) -> None:
    if was.ended_at_ms is not None:
        assert replace(now, contradiction=None) == replace(was, contradiction=None), "a job ended twice"
        first, second = was.contradiction, now.contradiction
        assert first is None or first.seen is None or second == first, "seen to twice"
        return
    held, holds = was.claim, now.claim
    if held and holds and held.by != holds.by:
        assert now_ms >= held.until_ms, "somebody's job was taken from them"
    if held and holds is None:
        assert by in {held.by, ADMIN.by} or was.word is not None, "given back by somebody else"
    word = now.word
    if word is None or not word.final:
        return
    assert now.ended_at_ms is not None, "a word that counts, and the job goes on"
    assert word.by == ADMIN.by or (held is not None and held.by == word.by), "somebody else's job was ended"
    assert word.agreed_by != word.by, "one person is two"


COMMANDS = (
    Life.time_runs, Life.ask_a_supplier, Life.hand_over, Life.hand_over, Life.nobody_is_left, Life.hear, Life.hear,
    Life.claim, Life.claim, Life.release, Life.say, Life.say, Life.approve, Life.turn_down, Life.see_to,
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(0, 59)), max_size=40))
def test_a_job_is_one_persons_at_a_time_and_ends_once(commands: list[tuple[Callable[[Life, int], None], int]]) -> None:
    life = Life()
    for command, pick in commands:
        command(life, pick)


@given(st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(0, 59)), max_size=25))
def test_whatever_happened_somebody_can_end_it(commands: list[tuple[Callable[[Life, int], None], int]]) -> None:
    """I5: there is no state from which a unit comes neither to its buyer nor to its money."""
    life = Life()
    for command, pick in commands:
        command(life, pick)
    for _ in range(4):
        life.now_ms += CLAIM_LASTS_MS
        unit = life.order.units[0]
        if unit.in_doubt:
            end_doubts(life)
        elif unit.open_attempt() is not None and unit.work is None:
            life.hand_over(0)
        elif unit.work is not None:
            end_work(life, unit.work)
        else:
            life.nobody_is_left(0)
    assert life.order.units[0].status in OVER


def end_doubts(life: Life) -> None:
    for work in life.order.units[0].waiting_jobs:
        if work.is_contradicted:
            saying = Saying(job=work.job, verdict=Verdict.FAILED, reference="R-0")
            by = next(person for person in PEOPLE if work.word is None or person.by != work.word.by)
            life.follow(contradictions.see_to(life.order, life.unit_id, saying, by, life.now_ms, another_person=True))


def end_work(life: Life, work: Work) -> None:
    if work.word is not None:
        other = next(person for person in PEOPLE if person.by != work.word.by)
        life.follow(working.approve(life.order, life.unit_id, work.job, other, life.now_ms))
        return
    life.follow(working.claim(life.order, life.unit_id, work.job, ALICE, life.now_ms))
    saying = Saying(job=work.job, verdict=Verdict.FAILED)
    life.follow(working.say(life.order, life.unit_id, saying, ALICE, life.now_ms, anybodys=False, alone=True))
