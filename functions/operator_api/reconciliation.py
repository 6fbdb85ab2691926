"""Reconciliations with payment providers and suppliers: what differs, and what a person makes of it."""

from functools import cache

from functions.operator_api.access import MONEY, PAYS_BACK, NotInGroup, allow
from functions.operator_api.app import api, settings
from functions.operator_api.schemas.reconciliation import (
    DifferenceOut,
    DifferencesQuery,
    ReconcileIn,
    ReconciliationOut,
    ReconciliationsQuery,
    ResolveIn,
    RunOut,
    RunsOut,
    holder_in,
)
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms, utc_date
from keyrail.platform.cursor import decode_cursor, encode_cursor
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.http import Call, RawReply
from keyrail.reconciliation.model.differences import (
    AlreadyResolved,
    DifferenceChanged,
    DifferenceGone,
    DifferenceNotFound,
)
from keyrail.reconciliation.model.report import as_csv
from keyrail.reconciliation.model.runs import AccountNotReconciled, ReconciliationNotFound
from keyrail.reconciliation.service.desk import ReconciliationDesk
from keyrail.reconciliation.store import ReconciliationStore

_A_DAY_MS = 24 * 60 * 60 * 1000


@cache
def reconciliations() -> ReconciliationDesk:
    return ReconciliationDesk(ReconciliationStore(client("dynamodb"), settings().reconciliation_table), system_now_ms)


@api.operation(
    "GET",
    "/ops/v1/reconciliations",
    summary="What was compared with the providers' and suppliers' statements, by the days of a month, the latest first",
    query=ReconciliationsQuery,
    answer=RunsOut,
    raises=(Invalid, NotInGroup),
)
def list_reconciliations(call: Call) -> RunsOut:
    allow(call, MONEY)
    wanted: ReconciliationsQuery = call.query
    month = wanted.month or utc_date(system_now_ms() - _A_DAY_MS)[:7]
    holder = holder_in(wanted)
    if holder is not None:
        return RunsOut(runs=tuple(map(RunOut.of, reconciliations().of_holder(holder, month))), cursor=None)
    runs, behind = reconciliations().of_month(month, wanted.limit, decode_cursor(wanted.cursor))
    return RunsOut(runs=tuple(RunOut.of(run) for run in runs), cursor=encode_cursor(behind))


@api.operation(
    "POST",
    "/ops/v1/reconciliations",
    summary="Compare a day of a payment account or a supplier, for the first time or anew",
    body=ReconcileIn,
    answer=RunOut,
    status=202,
    raises=(Invalid, AccountNotReconciled, NotInGroup),
)
def request_reconciliation(call: Call) -> RunOut:
    wanted: ReconcileIn = call.body
    origin = allow(call, PAYS_BACK, wanted.reason)
    holder = holder_in(wanted)
    if holder is None:
        raise Invalid(FieldError("supplier", "missing"))
    return RunOut.of(reconciliations().request(holder, wanted.day, origin))


@api.operation(
    "GET",
    "/ops/v1/reconciliations/{run_id}",
    summary="A reconciliation with its differences, page by page",
    query=DifferencesQuery,
    answer=ReconciliationOut,
    raises=(Invalid, ReconciliationNotFound, NotInGroup),
)
def get_reconciliation(call: Call) -> ReconciliationOut:
    allow(call, MONEY)
    wanted: DifferencesQuery = call.query
    run = reconciliations().run(call.path["run_id"])
    found, behind = reconciliations().differences(run.run_id, wanted.limit, decode_cursor(wanted.cursor))
    return ReconciliationOut(
        run=RunOut.of(run),
        differences=tuple(DifferenceOut.of(difference) for difference in found),
        cursor=encode_cursor(behind),
    )


@api.operation(
    "GET",
    "/ops/v1/reconciliations/{run_id}/csv",
    summary="All differences of a reconciliation, as CSV",
    raises=(ReconciliationNotFound, NotInGroup),
)
def get_reconciliation_as_csv(call: Call) -> RawReply:
    allow(call, MONEY)
    run = reconciliations().run(call.path["run_id"])
    content = as_csv(reconciliations().all_differences(run.run_id))
    return RawReply(content, content_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})


@api.operation(
    "POST",
    "/ops/v1/reconciliations/{run_id}/differences/{difference_id}/resolve",
    summary="Put on record why a difference is none any more",
    body=ResolveIn,
    answer=DifferenceOut,
    raises=(Invalid, DifferenceNotFound, DifferenceGone, AlreadyResolved, DifferenceChanged, NotInGroup),
)
def resolve_difference(call: Call) -> DifferenceOut:
    seen: ResolveIn = call.body
    origin = allow(call, PAYS_BACK, seen.reason)
    resolved = reconciliations().resolve(call.path["run_id"], call.path["difference_id"], seen.version, origin)
    return DifferenceOut.of(resolved)
