"""What people do about units: the jobs that wait for somebody, and what is said of them."""

from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import SAYS_SOMETHING, Reason
from functions.operator_api.schemas.units import SupplyAttemptOut, WorkOut
from keyrail.fulfilment.service.work_desk import Job
from keyrail.ordering.model.orders import UnitStatus
from keyrail.ordering.model.work import MAX_EVIDENCE_LENGTH, MAX_EVIDENCE_REFERENCE_LENGTH, Verdict, Waiting
from keyrail.ordering.model.working import Saying
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money

JobName = Annotated[str, Field(min_length=1, max_length=64)]


@incoming
class WorkQuery:
    """`kind`: those that wait for this alone. A page is of the jobs of `limit` orders: there may be fewer, or more."""

    kind: Waiting | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=128)] | None = None


@incoming
class WorkStepIn:
    """`job` is the job's name, so that a late command touches no other."""

    job: JobName
    reason: Reason


@incoming
class WorkWordIn:
    """How it is known: a `text`, or a `reference` by which it is found elsewhere. No secret, and nothing of the account
    that is masked: others read it.
    """

    job: JobName
    text: Annotated[str, Field(max_length=MAX_EVIDENCE_LENGTH, pattern=SAYS_SOMETHING)] | None = None
    reference: Annotated[str, Field(max_length=MAX_EVIDENCE_REFERENCE_LENGTH, pattern=SAYS_SOMETHING)] | None = None
    reason: Reason

    def saying(self, verdict: Verdict) -> Saying:
        return view(Saying, self, verdict=verdict)


@incoming
class SeenToIn(WorkWordIn):
    """`verdict` is what was so after all, whoever said it."""

    verdict: Verdict


@outgoing
class JobOut:
    """A job with its unit. `waits_for` null: it is over. `account` is masked; `attempt` is what the job is about."""

    order_id: str
    unit_id: str
    sku_id: str
    quantity: int
    amount: Money
    status: UnitStatus
    account: dict[str, str] | None
    waits_for: Waiting | None
    overdue: bool
    attempt: SupplyAttemptOut | None
    work: WorkOut

    @classmethod
    def of(cls, job: Job, now_ms: int) -> "JobOut":
        unit, work = job.unit, job.work
        waits = work in unit.waiting_jobs
        attempt = next((each for each in unit.attempts or () if each.reference == work.job), None)
        return view(
            cls,
            unit,
            order_id=job.order.order_id,
            account=unit.account_mask,
            waits_for=work.waiting if waits else None,
            overdue=waits and work.next_due_ms <= now_ms,
            attempt=SupplyAttemptOut.of(unit, attempt) if attempt else None,
            work=WorkOut.of(unit, work),
        )


@outgoing
class ClaimedOut:
    """`account` is whom to credit, in full: for whoever has claimed the job, and each look is on record."""

    job: JobOut
    account: dict[str, str]


@outgoing
class WorkPageOut:
    """What is due first comes first."""

    jobs: tuple[JobOut, ...]
    next_cursor: str | None = None
