"""Verified payments that fit no open attempt."""

from functions.operator_api.access import MONEY, NotInGroup, allow
from functions.operator_api.app import api, desk
from functions.operator_api.schemas.common import LimitQuery
from functions.operator_api.schemas.desk import UnmatchedOut, UnmatchedPageOut
from keyrail.platform.documents import view
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call


@api.operation(
    "GET",
    "/ops/v1/payments/unmatched",
    summary="Verified payments that fit no open attempt, newest first",
    query=LimitQuery,
    answer=UnmatchedPageOut,
    raises=(Invalid, NotInGroup),
)
def list_unmatched(call: Call) -> UnmatchedPageOut:
    allow(call, MONEY)
    page: LimitQuery = call.query
    return UnmatchedPageOut(payments=tuple(view(UnmatchedOut, payment) for payment in desk().waiting(page.limit)))
