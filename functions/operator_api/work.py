"""The desk of units that people see to: accounts that they credit, and attempts of which nobody knows what became."""

from functools import cache

from functions.operator_api.access import AFTER_SALES, PAYS_BACK, READ, Group, NotInGroup, allow, is_in
from functions.operator_api.app import api, orders
from functions.operator_api.limits import given_today
from functions.operator_api.schemas.work import (
    ClaimedOut,
    JobOut,
    SeenToIn,
    WorkPageOut,
    WorkQuery,
    WorkStepIn,
    WorkWordIn,
)
from keyrail.fulfilment.service.work_desk import Job, WorkDesk
from keyrail.ordering.model.orders import OrderNotFound
from keyrail.ordering.model.work import (
    ClaimedByAnother,
    NotClaimed,
    NothingContradicted,
    NoWordWaits,
    OwnWord,
    StandsStill,
    UnitNotFound,
    Verdict,
    WordWaits,
    WorkEnded,
    WorkNotFound,
)
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call

_NOT_THERE = (OrderNotFound, UnitNotFound, WorkNotFound)
_ANYBODYS = frozenset({Group.ADMIN})


@cache
def work_desk() -> WorkDesk:
    return WorkDesk(orders(), given_today(), client("dynamodb"), system_now_ms)


@api.operation(
    "GET",
    "/ops/v1/work",
    summary="Units that wait for a person, what is due first first",
    query=WorkQuery,
    answer=WorkPageOut,
    raises=(Invalid, NotInGroup),
)
def list_work(call: Call) -> WorkPageOut:
    allow(call, READ)
    wanted: WorkQuery = call.query
    found, behind = work_desk().page(wanted.kind, wanted.limit, wanted.cursor)
    return WorkPageOut(jobs=tuple(map(_shown, found)), next_cursor=behind)


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/units/{unit_id}/claim",
    summary="Have a job for a while, or a while longer, and see the account in full, which is on record",
    body=WorkStepIn,
    answer=ClaimedOut,
    raises=(Invalid, *_NOT_THERE, WorkEnded, WordWaits, ClaimedByAnother, StandsStill, NotInGroup),
)
def claim_work(call: Call) -> ClaimedOut:
    origin = allow(call, AFTER_SALES, call.body.reason)
    claimed = work_desk().claim(*_unit(call), call.body.job, origin)
    return ClaimedOut(job=_shown(claimed), account=claimed.unit.account or {})


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/units/{unit_id}/release",
    summary="Give a claimed job back; an admin anybody's",
    body=WorkStepIn,
    answer=JobOut,
    raises=(Invalid, *_NOT_THERE, WorkEnded, WordWaits, ClaimedByAnother, NotInGroup),
)
def release_work(call: Call) -> JobOut:
    origin = allow(call, AFTER_SALES, call.body.reason)
    return _shown(work_desk().release(*_unit(call), call.body.job, origin, anybodys=is_in(call, _ANYBODYS)))


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/units/{unit_id}/done",
    summary="Say that it was credited, or its keys are in stock, and how that is known; above a limit a second agrees",
    body=WorkWordIn,
    answer=JobOut,
    raises=(Invalid, *_NOT_THERE, WorkEnded, WordWaits, ClaimedByAnother, NotClaimed, NotInGroup),
)
def work_is_done(call: Call) -> JobOut:
    return _say(call, Verdict.DONE)


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/units/{unit_id}/fail",
    summary="Say that surely nothing was supplied: the next source is tried, or the money goes back",
    body=WorkWordIn,
    answer=JobOut,
    raises=(Invalid, *_NOT_THERE, WorkEnded, WordWaits, ClaimedByAnother, NotClaimed, NotInGroup),
)
def work_has_failed(call: Call) -> JobOut:
    return _say(call, Verdict.FAILED)


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/units/{unit_id}/approve",
    summary="Agree with what somebody else said became of an attempt",
    body=WorkStepIn,
    answer=JobOut,
    raises=(Invalid, *_NOT_THERE, WorkEnded, NoWordWaits, OwnWord, NotInGroup),
)
def approve_word(call: Call) -> JobOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return _shown(work_desk().approve(*_unit(call), call.body.job, origin))


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/units/{unit_id}/reject",
    summary="Turn down what somebody said became of an attempt; the job waits anew",
    body=WorkStepIn,
    answer=JobOut,
    raises=(Invalid, *_NOT_THERE, WorkEnded, NoWordWaits, NotInGroup),
)
def reject_word(call: Call) -> JobOut:
    origin = allow(call, PAYS_BACK, call.body.reason)
    return _shown(work_desk().turn_down(*_unit(call), call.body.job, origin))


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/units/{unit_id}/see-to",
    summary="Say what is so, where a supplier contradicts what a person had said; what is over stays as it is",
    body=SeenToIn,
    answer=JobOut,
    raises=(Invalid, *_NOT_THERE, NothingContradicted, OwnWord, NotInGroup),
)
def see_to_contradiction(call: Call) -> JobOut:
    said: SeenToIn = call.body
    origin = allow(call, AFTER_SALES, said.reason)
    return _shown(work_desk().see_to(*_unit(call), said.saying(said.verdict), origin))


def _say(call: Call, verdict: Verdict) -> JobOut:
    said: WorkWordIn = call.body
    origin = allow(call, AFTER_SALES, said.reason)
    saying = said.saying(verdict)
    return _shown(work_desk().say(*_unit(call), saying, origin, anybodys=is_in(call, _ANYBODYS)))


def _unit(call: Call) -> tuple[str, str]:
    return call.path["order_id"], call.path["unit_id"]


def _shown(job: Job) -> JobOut:
    return JobOut.of(job, system_now_ms())
