"""A person's job: one has it at a time, ends it once, and what they say settles the attempt that it is about."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from keyrail.ordering.model import contradictions, disputes, working
from keyrail.ordering.model.events import events_between
from keyrail.ordering.model.orders import Delivery, Order, OrderStatus, Unit, UnitStatus
from keyrail.ordering.model.supplying import NotSuppliable, begin, by_hand, give_up, hear, may_go_on, starts_between
from keyrail.ordering.model.work import (
    CLAIM_LASTS_MS,
    DEFAULT_WORK_MINUTES,
    ClaimedByAnother,
    NotClaimed,
    NothingContradicted,
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
from keyrail.ordering.model.working import Saying
from keyrail.payments.model.confirmations import DisputeState
from keyrail.platform.changes import Origin
from keyrail.platform.errors import Invalid
from keyrail.suppliers.model.attempts import Decision, SupplyState
from keyrail.suppliers.model.outcomes import Outcome, Processing, Unknown
from tests.disputes import dispute
from tests.jobs import ALICE, BOB, CAROL, DONE, PHONE, PRICE, REFUSED, SYSTEM, asked, handed_over, job, paid, waiting

KINDS = pytest.mark.parametrize("kind", list(WorkKind))
VERDICTS = pytest.mark.parametrize("verdict", list(Verdict))


def unit_of(order: Order) -> Unit:
    return order.units[0]


def work_of(order: Order) -> Work:
    return unit_of(order).jobs[-1]


def claim(order: Order, by: Origin = ALICE, now_ms: int = 1) -> Order:
    return working.claim(order, unit_of(order).unit_id, job(order), by, now_ms)


def release(order: Order, by: Origin = ALICE, *, anybodys: bool = False) -> Order:
    return working.release(order, unit_of(order).unit_id, job(order), by, 2, anybodys=anybodys)


def saying(order: Order, verdict: Verdict) -> Saying:
    return Saying(job=job(order), verdict=verdict, text="seen in the supplier's back office", reference="R-1")


def say(
    order: Order,
    verdict: Verdict = Verdict.DONE,
    by: Origin = ALICE,
    now_ms: int = 3,
    *,
    alone: bool = True,
    anybodys: bool = False,
) -> Order:
    said = saying(order, verdict)
    return working.say(order, unit_of(order).unit_id, said, by, now_ms, anybodys=anybodys, alone=alone)


def approve(order: Order, by: Origin = BOB) -> Order:
    return working.approve(order, unit_of(order).unit_id, job(order), by, 4)


def turn_down(order: Order, by: Origin = BOB) -> Order:
    return working.turn_down(order, unit_of(order).unit_id, job(order), by, 4)


def see_to(order: Order, verdict: Verdict, by: Origin = BOB, *, another_person: bool = False) -> Order:
    said = Saying(job=unit_of(order).jobs[0].job, verdict=verdict, reference="R-2")
    return contradictions.see_to(order, unit_of(order).unit_id, said, by, 6, another_person=another_person)


def hear_late(order: Order, outcome: Outcome) -> Order:
    return hear(order, unit_of(order).jobs[0].job, outcome, SYSTEM, 5)


def disputed(order: Order, state: DisputeState = DisputeState.OPEN) -> Order:
    notice = dispute("T-an order", PRICE, state)
    return disputes.hear(order, notice, SYSTEM, 1)


@pytest.mark.parametrize(("minutes", "lasts"), [(None, DEFAULT_WORK_MINUTES), (5, 5)])
def test_a_job_is_to_be_done_in_the_minutes_that_its_goods_are_promised_in(minutes: int | None, lasts: int) -> None:
    for kind in WorkKind:
        work = work_of(waiting(kind, minutes=minutes, now_ms=1_000))
        assert (work.kind, work.since_ms, work.due_ms) == (kind, 1_000, 1_000 + lasts * 60_000)


@KINDS
def test_one_has_a_job_at_a_time_until_their_claim_lapses(kind: WorkKind) -> None:
    order = claim(waiting(kind))
    with pytest.raises(ClaimedByAnother) as refused:
        claim(order, BOB, CLAIM_LASTS_MS)
    assert refused.value.facts["by"] == ALICE.by
    taken = claim(order, BOB, 1 + CLAIM_LASTS_MS)
    held = work_of(taken).claim
    assert held is not None
    assert (held.by, work_of(taken).held_before) == (BOB.by, ALICE.by)
    with pytest.raises(ClaimedByAnother):
        say(taken, by=ALICE, now_ms=2 + CLAIM_LASTS_MS)


@KINDS
def test_claiming_again_lasts_longer_and_is_another_look_at_the_account(kind: WorkKind) -> None:
    once = claim(waiting(kind))
    twice = claim(once, now_ms=500)
    held = work_of(twice).claim
    assert held is not None
    assert (held.at_ms, held.until_ms, held.shown) == (1, 500 + CLAIM_LASTS_MS, 2)
    assert [event.name for event in events_between(once, twice)] == ["order.account_shown"]
    assert [event.name for event in events_between(waiting(kind), once)] == [
        "order.work_claimed",
        "order.account_shown",
    ]


@KINDS
def test_what_is_given_back_is_free_for_anybody_and_again_is_nothing(kind: WorkKind) -> None:
    free = release(claim(waiting(kind)))
    assert release(free) is free
    assert (work_of(free).claim, work_of(free).held_before) == (None, ALICE.by)
    with pytest.raises(ClaimedByAnother):
        release(claim(free, BOB))
    assert work_of(release(claim(free, BOB), anybodys=True)).claim is None


@KINDS
def test_only_whoever_claimed_a_job_ends_it_or_an_admin(kind: WorkKind) -> None:
    with pytest.raises(NotClaimed):
        say(waiting(kind))
    with pytest.raises(ClaimedByAnother):
        say(claim(waiting(kind), BOB))
    for order in (waiting(kind), claim(waiting(kind), BOB)):
        assert say(order, anybodys=True).status is OrderStatus.DELIVERED
    lapsed = claim(waiting(kind))
    with pytest.raises(NotClaimed):
        say(lapsed, by=BOB, now_ms=1 + CLAIM_LASTS_MS)
    assert say(lapsed, now_ms=1 + CLAIM_LASTS_MS).status is OrderStatus.DELIVERED


@KINDS
def test_done_delivers_the_unit_and_settles_the_attempt_by_that_persons_word(kind: WorkKind) -> None:
    order = say(claim(waiting(kind)))
    (attempt,) = unit_of(order).attempts or ()
    assert (order.status, attempt.state, unit_of(order).work) == (OrderStatus.DELIVERED, SupplyState.SUCCEEDED, None)
    (work,) = unit_of(order).worked or ()
    assert work.word is not None
    assert (work.ended_by, work.word.by, work.word.why, work.word.reference) == (ALICE.by, ALICE.by, "as agreed", "R-1")


@KINDS
def test_failed_queues_the_unit_for_whoever_is_next(kind: WorkKind) -> None:
    before = claim(waiting(kind))
    order = say(before, Verdict.FAILED)
    (attempt,) = unit_of(order).attempts or ()
    assert (unit_of(order).status, attempt.state) == (UnitStatus.QUEUED, SupplyState.FAILED)
    assert list(starts_between(before, order)) == [
        (unit_of(order).unit_id, f"{unit_of(order).unit_id}-{order.version}")
    ]
    refunded = give_up(order, unit_of(order).unit_id, Decision(at_ms=9), SYSTEM, 9)
    assert [refund.amount for refund in refunded.refunds] == [PRICE]


@pytest.mark.parametrize("evidence", [{}, {"text": " \n"}, {"reference": "\u3000", "text": ""}])
def test_done_needs_evidence(evidence: dict[str, str]) -> None:
    order = claim(waiting(WorkKind.MANUAL))
    bare = Saying(job=job(order), verdict=Verdict.DONE, **evidence)
    with pytest.raises(Invalid):
        working.say(order, unit_of(order).unit_id, bare, ALICE, 3, anybodys=False, alone=True)
    contradicted = hear_late(say(claim(waiting(WorkKind.UNKNOWN)), Verdict.FAILED), DONE)
    so_it_was = replace(bare, job=unit_of(contradicted).jobs[0].job)
    with pytest.raises(Invalid):
        contradictions.see_to(contradicted, unit_of(contradicted).unit_id, so_it_was, BOB, 6, another_person=False)
    failed = replace(bare, verdict=Verdict.FAILED)
    ended = working.say(order, unit_of(order).unit_id, failed, ALICE, 3, anybodys=False, alone=True)
    assert unit_of(ended).status is UnitStatus.QUEUED


@pytest.mark.parametrize("telling", [PHONE, f"credited to {PHONE}", "138-0013-8000", "+86 138 0013 8000"])
def test_nobody_writes_down_the_account_that_others_see_masked(telling: str) -> None:
    order = claim(waiting(WorkKind.MANUAL))
    for told in (
        replace(saying(order, Verdict.DONE), text=telling),
        replace(saying(order, Verdict.DONE), reference=telling),
    ):
        with pytest.raises(Invalid) as refused:
            working.say(order, unit_of(order).unit_id, told, ALICE, 3, anybodys=False, alone=True)
        assert telling not in repr([refused.value, refused.value.fields])
    talkative = replace(ALICE, reason=f"for {telling}")
    with pytest.raises(Invalid):
        claim(order, talkative)
    with pytest.raises(Invalid):
        release(order, talkative)
    shown_anyway = replace(saying(order, Verdict.DONE), text="server north-1")
    working.say(order, unit_of(order).unit_id, shown_anyway, ALICE, 3, anybodys=False, alone=True)


@KINDS
@VERDICTS
def test_the_same_word_again_is_once_and_any_other_is_told_how_it_ended(kind: WorkKind, verdict: Verdict) -> None:
    order = say(claim(waiting(kind)), verdict)
    assert say(order, verdict) is order
    other = Verdict.DONE if verdict is Verdict.FAILED else Verdict.FAILED
    late_commands: tuple[Callable[[], Order], ...] = (
        lambda: say(order, by=BOB, verdict=verdict, anybodys=True),
        lambda: say(order, other),
        lambda: claim(order, BOB),
        lambda: release(order),
        lambda: approve(order),
        lambda: turn_down(order),
    )
    for late in late_commands:
        with pytest.raises(WorkEnded) as refused:
            late()
        assert refused.value.facts == {"by": ALICE.by, "verdict": verdict.value}


def test_a_late_command_does_not_touch_the_next_job() -> None:
    first = say(claim(waiting(WorkKind.UNKNOWN)), Verdict.FAILED)
    old = unit_of(first).jobs[0].job
    second = claim(handed_over(first))
    assert job(second) != old
    again = Saying(job=old, verdict=Verdict.FAILED, text="seen in the supplier's back office", reference="R-1")
    assert working.say(second, unit_of(second).unit_id, again, ALICE, 7, anybodys=True, alone=True) is second
    with pytest.raises(WorkEnded):
        working.release(second, unit_of(second).unit_id, old, ALICE, 7, anybodys=True)


def test_what_is_not_there_is_named() -> None:
    order = waiting(WorkKind.MANUAL)
    with pytest.raises(UnitNotFound):
        working.claim(order, "unt_x", job(order), ALICE, 1)
    with pytest.raises(WorkNotFound):
        working.claim(order, unit_of(order).unit_id, "x", ALICE, 1)


@VERDICTS
def test_above_the_limit_nothing_moves_until_a_second_person_agrees(verdict: Verdict) -> None:
    order = say(claim(waiting(WorkKind.UNKNOWN)), verdict, alone=False)
    assert (unit_of(order).status, unit_of(order).open_attempt() is not None) == (UnitStatus.UNKNOWN, True)
    assert say(order, verdict, alone=False) is order
    with pytest.raises(WordWaits):
        claim(order, BOB)
    with pytest.raises(WordWaits):
        release(order)
    with pytest.raises(WordWaits):
        say(order, verdict, BOB, anybodys=True)
    with pytest.raises(OwnWord):
        approve(order, ALICE)
    agreed = approve(order)
    assert unit_of(agreed).status is (UnitStatus.DELIVERED if verdict is Verdict.DONE else UnitStatus.QUEUED)
    assert approve(agreed) is agreed
    with pytest.raises(WorkEnded):
        approve(agreed, CAROL)


def test_what_is_turned_down_waits_to_be_claimed_anew() -> None:
    order = turn_down(say(claim(waiting(WorkKind.UNKNOWN)), alone=False))
    work = work_of(order)
    assert (work.word, work.claim, work.held_before, work.turned_down_by) == (None, None, ALICE.by, BOB.by)
    assert turn_down(order) is order
    with pytest.raises(NoWordWaits):
        approve(order)
    with pytest.raises(NoWordWaits):
        turn_down(order, CAROL)
    with pytest.raises(NotClaimed):
        say(order)
    assert say(claim(order, BOB), by=BOB).status is OrderStatus.DELIVERED


@pytest.mark.parametrize(("outcome", "ends"), [(DONE, UnitStatus.DELIVERED), (REFUSED, UnitStatus.QUEUED)])
def test_a_suppliers_answer_ends_the_job_and_the_person_is_told(outcome: Outcome, ends: UnitStatus) -> None:
    for order in (claim(waiting(WorkKind.UNKNOWN)), say(claim(waiting(WorkKind.UNKNOWN)), alone=False)):
        over = hear_late(order, outcome)
        assert (unit_of(over).status, work_of(over).ended_by) == (ends, SYSTEM.by)
        with pytest.raises(WorkEnded):
            say(over, Verdict.FAILED)
        for late in (DONE, REFUSED):
            assert hear_late(over, late) is over


@pytest.mark.parametrize("outcome", [Unknown(said="no_answer"), Processing(said="3")])
def test_what_says_nothing_leaves_the_job_to_whoever_has_it(outcome: Outcome) -> None:
    order = hear_late(claim(waiting(WorkKind.UNKNOWN)), outcome)
    assert unit_of(order).work == work_of(claim(waiting(WorkKind.UNKNOWN)))


def test_nobody_credits_an_account_for_money_that_a_bank_may_take_back() -> None:
    with pytest.raises(StandsStill):
        claim(disputed(waiting(WorkKind.MANUAL)))
    assert work_of(claim(disputed(waiting(WorkKind.UNKNOWN)))).claim is not None
    credited = say(disputed(claim(waiting(WorkKind.MANUAL))))
    assert unit_of(credited).status is UnitStatus.DELIVERED


def test_what_a_bank_took_is_given_up_with_a_persons_word_that_it_was_not_supplied() -> None:
    order = say(disputed(claim(waiting(WorkKind.UNKNOWN)), DisputeState.LOST), Verdict.FAILED)
    assert (unit_of(order).status, order.refunds) == (UnitStatus.REFUNDED, ())


def test_what_nobody_may_claim_any_more_an_admin_ends() -> None:
    """The bank has taken the money before anybody had the job."""
    taken = disputed(waiting(WorkKind.MANUAL), DisputeState.LOST)
    for order in (disputed(waiting(WorkKind.MANUAL)), taken):
        with pytest.raises(StandsStill):
            claim(order)
        with pytest.raises(NotClaimed):
            say(order, Verdict.FAILED)
    ended = say(taken, Verdict.FAILED, anybodys=True)
    assert (unit_of(ended).status, ended.refunds) == (UnitStatus.REFUNDED, ())


@pytest.mark.parametrize(
    ("verdict", "same", "opposite"), [(Verdict.DONE, DONE, REFUSED), (Verdict.FAILED, REFUSED, DONE)]
)
def test_the_opposite_of_a_persons_word_is_kept_beside_it_and_moves_nothing(
    verdict: Verdict, same: Outcome, opposite: Outcome
) -> None:
    order = say(claim(waiting(WorkKind.UNKNOWN)), verdict)
    for nothing_new in (same, Unknown(said="?"), Processing(said="3")):
        assert hear_late(order, nothing_new) is order
    told = hear_late(order, opposite)
    assert (unit_of(told).status, unit_of(told).attempts) == (unit_of(order).status, unit_of(order).attempts)
    assert unit_of(told).waiting_jobs == unit_of(told).jobs
    assert [event.name for event in events_between(order, told)] == ["order.work_contradicted"]
    for again in (same, opposite):
        assert hear_late(told, again) is told


def test_nobody_else_is_asked_while_a_supplier_says_that_it_was_supplied() -> None:
    order = hear_late(say(claim(waiting(WorkKind.UNKNOWN)), Verdict.FAILED), DONE)
    unit = unit_of(order)
    assert not may_go_on(order, unit)
    with pytest.raises(NotSuppliable):
        asked(order, "second")
    with pytest.raises(NotSuppliable):
        give_up(order, unit.unit_id, Decision(at_ms=9), SYSTEM, 9)
    delivered = see_to(order, Verdict.DONE)
    assert (delivered.status, unit_of(delivered).waiting_jobs) == (OrderStatus.DELIVERED, ())
    goes_on = see_to(order, Verdict.FAILED)
    assert list(starts_between(order, goes_on)) == [(unit.unit_id, f"{unit.unit_id}-{goes_on.version}")]
    assert list(starts_between(order, delivered)) == []


def test_what_is_over_or_asked_for_elsewhere_is_not_moved_by_seeing_to_it() -> None:
    failed = say(claim(waiting(WorkKind.UNKNOWN)), Verdict.FAILED)
    elsewhere, given_up = (
        asked(failed, "second"),
        give_up(failed, unit_of(failed).unit_id, Decision(at_ms=9), SYSTEM, 9),
    )
    done = say(claim(waiting(WorkKind.UNKNOWN)))
    for order, late in ((elsewhere, DONE), (given_up, DONE), (done, REFUSED)):
        for verdict in Verdict:
            told = hear_late(order, late)
            seen = see_to(told, verdict, ALICE, another_person=True)
            assert (seen.status, seen.refunds) == (order.status, order.refunds)
            assert (unit_of(seen).status, unit_of(seen).attempts) == (unit_of(order).status, unit_of(order).attempts)
            assert unit_of(seen).waiting_jobs == ()


def test_what_was_credited_after_all_has_no_keys_that_came_for_a_later_attempt() -> None:
    order = hear_late(say(claim(waiting(WorkKind.UNKNOWN)), Verdict.FAILED), DONE)
    part_of_it = replace(unit_of(order), delivery=Delivery.EITHER, quantity=2, key_ids=("key_1",))
    seen = unit_of(see_to(replace(order, units=(part_of_it,)), Verdict.DONE))
    assert (seen.status, seen.key_ids, seen.came_as) == (UnitStatus.DELIVERED, (), Delivery.RECHARGE)


def test_a_contradiction_is_seen_to_once_and_above_the_limit_by_somebody_else() -> None:
    order = hear_late(say(claim(waiting(WorkKind.UNKNOWN)), Verdict.FAILED), DONE)
    with pytest.raises(OwnWord):
        see_to(order, Verdict.FAILED, ALICE, another_person=True)
    assert unit_of(see_to(order, Verdict.FAILED, ALICE)).waiting_jobs == ()
    seen = see_to(order, Verdict.FAILED, another_person=True)
    assert see_to(seen, Verdict.FAILED) is seen
    with pytest.raises(NothingContradicted):
        see_to(seen, Verdict.DONE)
    with pytest.raises(NothingContradicted):
        see_to(seen, Verdict.FAILED, CAROL)
    with pytest.raises(NothingContradicted):
        see_to(waiting(WorkKind.UNKNOWN), Verdict.DONE)


def test_what_somebody_settles_alone_counts_for_them() -> None:
    alone = say(claim(waiting(WorkKind.UNKNOWN)), Verdict.FAILED)
    assert working.settled_alone(alone, ALICE.by) == PRICE.amount_minor
    assert working.settled_alone(alone, BOB.by) == 0
    agreed = approve(say(claim(waiting(WorkKind.UNKNOWN)), alone=False))
    by_hand_done = say(claim(waiting(WorkKind.MANUAL)))
    for order in (agreed, by_hand_done, waiting(WorkKind.UNKNOWN)):
        assert working.settled_alone(order, ALICE.by) == 0


def test_a_person_who_was_chosen_has_a_job_as_one_who_takes_over() -> None:
    order = paid()
    attempt = by_hand(unit_of(order), "by-staff", 1)
    begun = begin(order, unit_of(order).unit_id, attempt, Decision(at_ms=1, chosen="by-staff"), SYSTEM, WorkKind.MANUAL)
    assert (work_of(begun).job, work_of(begun).kind) == (attempt.reference, WorkKind.MANUAL)
