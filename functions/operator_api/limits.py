"""What a person may give away alone, counted over all desks."""

from functools import cache

from functions.operator_api.app import settings
from keyrail.payments.service.refund_limits import GivenToday, refund_limits
from keyrail.platform.aws import client
from keyrail.risk.service import Allowances
from keyrail.risk.store import GuardStore


@cache
def given_today() -> GivenToday:
    allowances = Allowances(GuardStore(client("dynamodb"), settings().guards_table))
    return GivenToday(refund_limits(settings().refund_limits), allowances)
