"""Units that people see to, on the engine: one has a job at a time, it ends once, and the queue says what is due."""

import secrets
from collections.abc import Callable
from functools import partial

import pytest

from keyrail.fulfilment.service.work_desk import Job
from keyrail.ordering.model import disputes
from keyrail.ordering.model.orders import Order, OrderStatus, Unit, UnitStatus
from keyrail.ordering.model.supplying import hear
from keyrail.ordering.model.work import (
    CLAIM_LASTS_MS,
    ClaimedByAnother,
    NotClaimed,
    OwnWord,
    Verdict,
    Waiting,
    WordWaits,
    WorkEnded,
    WorkKind,
)
from keyrail.ordering.model.working import Saying
from keyrail.payments.model.confirmations import DisputeState
from keyrail.payments.model.refund_limits import RefundLimit, RefundLimits
from keyrail.platform.changes import Origin
from keyrail.platform.errors import Invalid, KeyrailError
from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import Outcome
from tests.disputes import dispute
from tests.jobs import ALICE, BOB, DONE, PRICE, REFUSED, SYSTEM, job, waiting
from tests.racing import at_once, refusals
from tests.world import World

HANDS = 8


def put(world: World, kind: WorkKind = WorkKind.UNKNOWN, price: Money = PRICE, minutes: int | None = None) -> Order:
    order = waiting(kind, secrets.token_hex(8), price, world.now_ms(), minutes)
    assert world.orders.add(order) is None
    return order


def unit_of(world: World, order: Order) -> Unit:
    return world.orders.of_operator(order.order_id).units[0]


def claim(world: World, order: Order, by: Origin = ALICE) -> Job:
    return world.work_desk.claim(order.order_id, order.units[0].unit_id, job(order), by)


def release(world: World, order: Order, by: Origin = ALICE) -> Job:
    return world.work_desk.release(order.order_id, order.units[0].unit_id, job(order), by, anybodys=False)


def say(
    world: World, order: Order, verdict: Verdict = Verdict.DONE, by: Origin = ALICE, *, anybodys: bool = False
) -> Job:
    said = Saying(job=job(order), verdict=verdict, reference="R-1")
    return world.work_desk.say(order.order_id, order.units[0].unit_id, said, by, anybodys=anybodys)


def approve(world: World, order: Order, by: Origin = BOB) -> Job:
    return world.work_desk.approve(order.order_id, order.units[0].unit_id, job(order), by)


def hear_late(world: World, order: Order, outcome: Outcome) -> Order:
    """As whoever asked the supplier stores its answer."""
    while True:
        standing = world.orders.of_operator(order.order_id)
        heard = hear(standing, job(order), outcome, SYSTEM, world.now_ms())
        if heard is standing or world.orders.replace(standing, heard):
            return heard


def limited(world: World, payment_minor: int, day_minor: int) -> None:
    world.refund_limits = RefundLimits({"CNY": RefundLimit(payment_minor, day_minor)})


def test_of_many_who_claim_a_job_one_has_it(world: World) -> None:
    order = put(world)
    hands = [Origin(f"operator:{number}", "192.0.2.7", "mine") for number in range(HANDS)]
    results = at_once([partial(claim, world, order, by) for by in hands])
    assert refusals(results) == [ClaimedByAnother.code] * (HANDS - 1)
    (winner,) = [each for each in results if isinstance(each, Job)]
    held = unit_of(world, order).jobs[-1].claim
    assert held is not None
    assert winner.work.claim == held
    world.ahead_ms += CLAIM_LASTS_MS
    other = next(by for by in hands if by.by != held.by)
    assert claim(world, order, other).work.held_before == held.by


def test_of_many_words_about_a_job_one_counts(world: World) -> None:
    order = put(world)
    claim(world, order)
    words = [Verdict.DONE, Verdict.FAILED] * (HANDS // 2)
    results = at_once([partial(say, world, order, verdict) for verdict in words])
    unit = unit_of(world, order)
    (attempt,) = unit.attempts or ()
    first = unit.jobs[-1].word
    assert first is not None
    assert refusals(results) == [WorkEnded.code] * words.count(
        Verdict.DONE if first.verdict is Verdict.FAILED else Verdict.FAILED
    )
    assert (unit.status, attempt.is_open) == (
        UnitStatus.DELIVERED if first.verdict is Verdict.DONE else UnitStatus.QUEUED,
        False,
    )


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("outcome", [DONE, REFUSED])
def test_a_person_and_a_late_answer_of_the_supplier_end_a_job_once(
    world: World, verdict: Verdict, outcome: Outcome
) -> None:
    """Whoever is second is told; and that they say the opposite is kept, and moves nothing."""
    order = put(world)
    claim(world, order)
    hands: list[Callable[[], object]] = [partial(say, world, order, verdict), partial(hear_late, world, order, outcome)]
    said, _ = at_once(hands)
    unit = unit_of(world, order)
    (work,) = unit.worked or ()
    by_person = work.ended_by == ALICE.by
    assert by_person or (work.ended_by == SYSTEM.by and isinstance(said, WorkEnded))
    done = verdict is Verdict.DONE if by_person else outcome is DONE
    assert unit.status is (UnitStatus.DELIVERED if done else UnitStatus.QUEUED)
    opposite = by_person and (verdict is Verdict.DONE) != (outcome is DONE)
    assert work.is_contradicted == opposite
    listed, _ = world.work_desk.page(Waiting.CONTRADICTED, 10, None)
    assert [each.work.job for each in listed] == [work.job] * opposite


def test_a_job_of_which_nobody_has_claimed_anything_is_not_ended(world: World) -> None:
    order = put(world, WorkKind.MANUAL)
    with pytest.raises(NotClaimed):
        say(world, order)
    assert unit_of(world, order) == order.units[0]
    assert say(world, order, anybodys=True).order.status is OrderStatus.DELIVERED


def test_what_is_due_first_comes_first_page_by_page_and_what_is_over_is_gone(world: World) -> None:
    orders = [
        put(world, list(WorkKind)[number % 2], minutes=minutes) for number, minutes in enumerate((50, 10, 30, 20, 40))
    ]
    listed: list[str] = []
    cursor = None
    while True:
        page, cursor = world.work_desk.page(None, 2, cursor)
        listed += [each.order.order_id for each in page]
        if cursor is None:
            break
    assert listed == [orders[number].order_id for number in (1, 3, 2, 4, 0)]
    manual, _ = world.work_desk.page(Waiting.MANUAL, 10, None)
    assert [each.order.order_id for each in manual] == [orders[number].order_id for number in (2, 4, 0)]
    say(world, orders[1], anybodys=True)
    rest, _ = world.work_desk.page(None, 10, None)
    assert [each.order.order_id for each in rest] == listed[1:]
    for nonsense in ("bm9uc2Vuc2U", "", "§"):
        with pytest.raises(Invalid):
            world.work_desk.page(None, 10, nonsense)


def test_what_is_past_due_is_counted_until_somebody_is_done_with_it(world: World) -> None:
    late, later = put(world, minutes=10), put(world, minutes=20)
    assert world.work_watch.count_overdue() == 0
    world.ahead_ms += 15 * 60_000
    assert world.work_watch.count_overdue() == 1
    claim(world, late)
    assert world.work_watch.count_overdue() == 1
    say(world, late)
    world.ahead_ms += 15 * 60_000
    assert world.work_watch.count_overdue() == 1
    say(world, later, Verdict.FAILED, anybodys=True)
    assert world.work_watch.count_overdue() == 0


def test_what_nobody_may_claim_is_not_in_the_queue_and_comes_back_with_its_time(world: World) -> None:
    """A bank takes weeks to decide: nobody is called all the while for what they must not do."""
    order, claimed, asked_about = put(world, WorkKind.MANUAL), put(world, WorkKind.MANUAL), put(world)
    claim(world, claimed)
    world.ahead_ms += 60 * 60_000
    for each in (order, claimed, asked_about):
        hear_bank(world, each, DisputeState.OPEN)
    assert in_queue(world) == {claimed.order_id, asked_about.order_id}
    assert world.work_watch.count_overdue() == 2
    hear_bank(world, order, DisputeState.WON)
    assert in_queue(world) == {order.order_id, claimed.order_id, asked_about.order_id}
    assert world.work_watch.count_overdue() == 3
    other = put(world, WorkKind.MANUAL)
    hear_bank(world, other, DisputeState.OPEN)
    hear_bank(world, other, DisputeState.LOST)  # somebody has to say that it was not credited
    assert other.order_id in in_queue(world)


def hear_bank(world: World, order: Order, state: DisputeState) -> None:
    standing = world.orders.of_operator(order.order_id)
    notice = dispute("T", PRICE, state)
    assert world.orders.replace(standing, disputes.hear(standing, notice, SYSTEM, world.now_ms()))


def in_queue(world: World) -> set[str]:
    return {each.order.order_id for each in world.work_desk.page(None, 10, None)[0]}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_above_the_limit_a_second_person_ends_it(world: World, verdict: Verdict) -> None:
    limited(world, PRICE.amount_minor - 1, 10**9)
    order = put(world)
    claim(world, order)
    assert say(world, order, verdict).unit.open_attempt() is not None
    assert say(world, order, verdict).unit.open_attempt() is not None
    with pytest.raises(OwnWord):
        approve(world, order, ALICE)
    with pytest.raises(WordWaits):
        release(world, order)
    ended = approve(world, order)
    assert ended.unit.status is (UnitStatus.DELIVERED if verdict is Verdict.DONE else UnitStatus.QUEUED)
    assert approve(world, order).order == ended.order


def test_what_somebody_says_alone_counts_for_their_day_with_what_they_give_back(world: World) -> None:
    limited(world, PRICE.amount_minor, 2 * PRICE.amount_minor)
    settled = []
    for _ in range(3):
        order = put(world)
        claim(world, order)
        settled.append(say(world, order, Verdict.FAILED).unit.open_attempt() is None)
    assert settled == [True, True, False]
    by_hand = put(world, WorkKind.MANUAL)
    claim(world, by_hand)
    assert say(world, by_hand).order.status is OrderStatus.DELIVERED


def test_a_day_is_not_overdrawn_by_many_words_at_once(world: World) -> None:
    limited(world, PRICE.amount_minor, 2 * PRICE.amount_minor)
    orders = [put(world) for _ in range(4)]
    for order in orders:
        claim(world, order)
    results = at_once([partial(say, world, order, Verdict.FAILED) for order in orders])
    assert not [each for each in results if isinstance(each, KeyrailError)]
    ended = [unit_of(world, order).open_attempt() is None for order in orders]
    assert sum(ended) == 2


def test_above_the_limit_somebody_else_sees_to_a_contradiction(world: World) -> None:
    order = put(world)
    claim(world, order)
    say(world, order, Verdict.FAILED)
    hear_late(world, order, DONE)
    limited(world, PRICE.amount_minor - 1, 10**9)
    process = world.another_process()
    seen = Saying(job=job(order), verdict=Verdict.DONE, reference="R-2")
    with pytest.raises(OwnWord):
        process.work_desk.see_to(order.order_id, order.units[0].unit_id, seen, ALICE)
    told = process.work_desk.see_to(order.order_id, order.units[0].unit_id, seen, BOB)
    assert told.order.status is OrderStatus.DELIVERED
    assert process.work_desk.page(None, 10, None) == ([], None)
