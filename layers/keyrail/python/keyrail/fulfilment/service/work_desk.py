"""What people do about units: accounts that they credit by hand, and attempts of which nobody knows what became.

Each step is one conditional write of the order. So a job is one person's at a time, and ends once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.ordering.model import contradictions, working
from keyrail.ordering.model.orders import Order, Unit
from keyrail.ordering.model.refund_requests import given_alone
from keyrail.ordering.model.work import Waiting, Work, WorkKind
from keyrail.ordering.model.working import Saying, job_of
from keyrail.ordering.service.orders import Orders
from keyrail.payments.service.refund_limits import GivenToday
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, transact
from keyrail.platform.logs import Entry
from keyrail.platform.money import Money

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_TRIES = 10
_OF_THE_DAY = 1  # the position of its count in the transaction


@dataclass(frozen=True)
class Job:
    """One of the jobs of a unit, as its order stands."""

    order: Order
    unit: Unit
    work: Work


@dataclass(frozen=True)
class WorkDesk:
    """Each command gives the job as it stands then, and by none of the refusals anything is changed.

    All raise OrderNotFound, UnitNotFound, WorkNotFound, Unavailable, and what the step of the same name in
    `ordering.model.working` raises.
    """

    orders: Orders
    given_today: GivenToday
    client: "DynamoDBClient"
    now_ms: NowMs

    def page(self, waiting: Waiting | None, limit: int, cursor: str | None) -> tuple[list[Job], str | None]:
        """The jobs of `limit` orders, first what is due first, or those of them that wait for one thing; and the next
        page's cursor. Raises Invalid for a cursor of no page of ours.
        """
        orders, behind = self.orders.with_work(limit, cursor)
        jobs = [Job(order, unit, work) for order in orders for unit, work in order.waiting_jobs()]
        wanted = [job for job in jobs if waiting in {None, job.work.waiting}]
        return sorted(wanted, key=lambda job: job.work.next_due_ms), behind

    def claim(self, order_id: str, unit_id: str, job: str, origin: Origin) -> Job:
        """The look at the account is on record once this returns."""
        claimed = self._change(order_id, lambda order: working.claim(order, unit_id, job, origin, self.now_ms()))
        logs.log(Entry.WORK_CLAIMED, order_id=order_id, unit_id=unit_id)
        return _job(claimed, unit_id, job)

    def release(self, order_id: str, unit_id: str, job: str, origin: Origin, *, anybodys: bool) -> Job:
        return _job(
            self._change(
                order_id,
                lambda order: working.release(order, unit_id, job, origin, self.now_ms(), anybodys=anybodys),
            ),
            unit_id,
            job,
        )

    def say(self, order_id: str, unit_id: str, saying: Saying, origin: Origin, *, anybodys: bool) -> Job:
        """How the job ended. What became of an attempt somebody says alone only where they may give its price away
        alone; else it waits for a second person.
        """
        over_the_day = False
        for number in range(MAX_TRIES):
            order = self.orders.of_operator(order_id)
            unit, work = job_of(order, unit_id, saying.job)
            weighs = unit.amount if work.kind is WorkKind.UNKNOWN else None
            alone = weighs is None or not (over_the_day or self._needs_second(order, weighs, origin))
            said = working.say(order, unit_id, saying, origin, self.now_ms(), anybodys=anybodys, alone=alone)
            if said is order:
                return _job(order, unit_id, saying.job)
            done, over_the_day = self._put(order, said, weighs if alone else None, origin)
            if done:
                logs.log(Entry.WORK_SAID, order_id=order_id, unit_id=unit_id, verdict=saying.verdict, alone=alone)
                return _job(said, unit_id, saying.job)
            let_others_go(number)
        raise StoreUnavailable

    def approve(self, order_id: str, unit_id: str, job: str, origin: Origin) -> Job:
        agreed = self._change(order_id, lambda order: working.approve(order, unit_id, job, origin, self.now_ms()))
        return _job(agreed, unit_id, job)

    def turn_down(self, order_id: str, unit_id: str, job: str, origin: Origin) -> Job:
        freed = self._change(order_id, lambda order: working.turn_down(order, unit_id, job, origin, self.now_ms()))
        return _job(freed, unit_id, job)

    def see_to(self, order_id: str, unit_id: str, saying: Saying, origin: Origin) -> Job:
        """What is so, where a supplier contradicts a person; above the limit another person than that one says so."""

        def seen(order: Order) -> Order:
            unit, _ = job_of(order, unit_id, saying.job)
            another = self.given_today.limits.needs_second_person(unit.amount, 0)
            return contradictions.see_to(order, unit_id, saying, origin, self.now_ms(), another_person=another)

        return _job(self._change(order_id, seen), unit_id, saying.job)

    def _needs_second(self, order: Order, amount: Money, origin: Origin) -> bool:
        before = given_alone(order, origin.by) + working.settled_alone(order, origin.by)
        return self.given_today.limits.needs_second_person(amount, before)

    def _put(self, order: Order, said: Order, counted: Money | None, origin: Origin) -> tuple[bool, bool]:
        """Whether it is written now, counted for the person's day where they say it alone; and whether that is full."""
        if counted is None:
            return self.orders.replace(order, said), False
        writes = [self.orders.replacement(order, said), self.given_today.counting(counted, origin, self.now_ms())]
        try:
            transact(self.client, writes)
        except TransactionFailed as refused:
            return False, _OF_THE_DAY in refused.failed
        return True, False

    def _change(self, order_id: str, step: Callable[[Order], Order]) -> Order:
        for number in range(MAX_TRIES):
            order = self.orders.of_operator(order_id)
            changed = step(order)
            if changed is order or self.orders.replace(order, changed):
                return changed
            let_others_go(number)
        raise StoreUnavailable


def _job(order: Order, unit_id: str, job: str) -> Job:
    return Job(order, *job_of(order, unit_id, job))
