"""SQS: each morning asks for the day before, of every payment account, and compares what is asked for once it is there.

The clock sends `{"job": "reconcile"}`, the stream `{"run_id": …}` of each run that is asked for.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from keyrail.ledger.service import Books
from keyrail.ledger.store import AccountStore
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.payments.service.accounts import PaymentAccounts, watched_accounts
from keyrail.payments.service.desk import Desk
from keyrail.payments.store import PaymentStore
from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.logs import Entry
from keyrail.platform.messages import each_message
from keyrail.platform.secrets import read_secret
from keyrail.platform.slices import send_rest
from keyrail.reconciliation.service.comparing import Comparing, Outcome
from keyrail.reconciliation.service.desk import ReconciliationDesk
from keyrail.reconciliation.store import ReconciliationStore

WAIT_S = 900  # until a statement is asked for again that is not there
CLOCK = "reconcile"


@dataclass(frozen=True)
class Settings:
    orders_table: str
    payments_table: str
    accounts_table: str
    reconciliation_table: str
    payment_accounts_secret_arn: str
    reconciliation_queue_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def accounts() -> PaymentAccounts:
    return watched_accounts(lambda: read_secret(settings().payment_accounts_secret_arn), system_now_ms)


@cache
def store() -> ReconciliationStore:
    return ReconciliationStore(client("dynamodb"), settings().reconciliation_table)


@cache
def comparing() -> Comparing:
    dynamodb, names = client("dynamodb"), settings()
    orders = Orders(OrderStore(dynamodb, names.orders_table))
    desk = Desk(PaymentStore(dynamodb, names.payments_table), system_now_ms)
    books = Books(AccountStore(dynamodb, names.accounts_table))
    return Comparing(store(), accounts(), orders, desk, books, system_now_ms)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, reconcile)


def reconcile(message: dict[str, Any], message_id: str) -> None:
    origin = Origin("system:reconciliation", message_id)
    if message.get("job") == CLOCK:
        asked = ReconciliationDesk(store(), system_now_ms).request_day(accounts().names(), origin)
        logs.log(Entry.DAYS_REQUESTED, runs=asked)
        return
    if comparing().run(message["run_id"], origin) is Outcome.AGAIN:
        send_rest(settings().reconciliation_queue_url, {"run_id": message["run_id"]}, delay_s=WAIT_S)
