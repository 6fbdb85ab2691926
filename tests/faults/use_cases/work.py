"""What people do about units that wait for them."""

import secrets
from contextlib import suppress

from keyrail.ordering.model.orders import Order, UnitStatus
from keyrail.ordering.model.supplying import give_up, may_go_on
from keyrail.ordering.model.work import Verdict, WorkKind
from keyrail.ordering.model.working import Saying, settled_alone
from keyrail.payments.model.refund_limits import RefundLimits
from keyrail.platform.errors import Conflict
from keyrail.suppliers.model.attempts import Decision
from tests.faults.use_cases.case import Case, expect
from tests.jobs import ALICE, BOB, SYSTEM, job, waiting
from tests.world import World


def account_credited_by_hand(world: World) -> Case:
    """Claimed, credited, done; whoever had the next claim would credit it once more."""
    order = _put(world, WorkKind.MANUAL)

    def act(process: World) -> None:
        with suppress(Conflict):  # it is done: this comes again
            _claim(process, order)
        _say(process, order, Verdict.DONE)

    def check(world: World) -> None:
        unit = world.orders.of_operator(order.order_id).units[0]
        expect(unit.status is UnitStatus.DELIVERED, "done, and not delivered")
        expect([work.ended_by for work in unit.jobs] == [ALICE.by], "another job, or ended by another")

    return Case(act, check, [], [])


def attempt_that_a_person_says_has_failed(world: World) -> Case:
    """Counted for their day once, with the word; and then nobody is left."""
    order = _put(world, WorkKind.UNKNOWN)
    _claim(world, order)

    def afterwards(process: World) -> None:
        standing = process.orders.of_operator(order.order_id)
        if may_go_on(standing, standing.units[0]):
            nobody_left = Decision(at_ms=process.now_ms())
            given_up = give_up(standing, standing.units[0].unit_id, nobody_left, SYSTEM, process.now_ms())
            process.orders.replace(standing, given_up)

    def check(world: World) -> None:
        standing = world.orders.of_operator(order.order_id)
        expect(len(standing.refunds) == 1, "failed, and the money is not owed back, or twice")
        theirs = (item for item in world.scan("guards") if f"#{ALICE.by}#" in item["pk"]["S"])
        counted = sum(int(item["weight"]["N"]) for item in theirs)
        said = sum(settled_alone(each, ALICE.by) for each in world.stored_orders())
        expect(counted == said, "said and not counted, or counted twice")

    return Case(lambda process: _say(process, order, Verdict.FAILED), check, [], [], afterwards)


def word_with_which_a_second_person_agrees(world: World) -> Case:
    order = _put(world, WorkKind.UNKNOWN)
    _claim(world, order)
    nobody_alone = world.another_process()
    nobody_alone.refund_limits = RefundLimits({})
    _say(nobody_alone, order, Verdict.DONE)

    def agree(process: World) -> None:
        process.work_desk.approve(order.order_id, order.units[0].unit_id, job(order), BOB)

    def check(world: World) -> None:
        (work,) = world.orders.of_operator(order.order_id).units[0].jobs
        expect(work.word and work.word.final and work.word.agreed_by == BOB.by, "agreed, and it does not count")

    return Case(agree, check, [], [])


def _put(world: World, kind: WorkKind) -> Order:
    order = waiting(kind, secrets.token_hex(8), now_ms=world.now_ms())
    world.orders.add(order)
    return order


def _claim(process: World, order: Order) -> None:
    process.work_desk.claim(order.order_id, order.units[0].unit_id, job(order), ALICE)


def _say(process: World, order: Order, verdict: Verdict) -> None:
    saying = Saying(job=job(order), verdict=verdict, reference="R-1")
    process.work_desk.say(order.order_id, order.units[0].unit_id, saying, ALICE, anybodys=False)


USE_CASES = (
    account_credited_by_hand,
    attempt_that_a_person_says_has_failed,
    word_with_which_a_second_person_agrees,
)
