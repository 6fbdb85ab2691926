"""SQS: each morning asks for the day before, of every payment account and every supplier, and compares what is asked
for once it is there.

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
from keyrail.reconciliation.service.counterparts import Counterparts
from keyrail.reconciliation.service.desk import ReconciliationDesk
from keyrail.reconciliation.store import ReconciliationStore
from keyrail.suppliers.service.accounts import SupplierAccounts, watched_suppliers
from keyrail.suppliers.service.purchases import PurchaseRecords
from keyrail.suppliers.supply_store import SupplyStore

WAIT_S = 900  # until a statement is asked for again that is not there
CLOCK = "reconcile"


@dataclass(frozen=True)
class Settings:
    orders_table: str
    payments_table: str
    accounts_table: str
    suppliers_table: str
    reconciliation_table: str
    payment_accounts_secret_arn: str
    supplier_accounts_secret_arn: str
    reconciliation_queue_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def accounts() -> PaymentAccounts:
    return watched_accounts(lambda: read_secret(settings().payment_accounts_secret_arn), system_now_ms)


@cache
def suppliers() -> SupplierAccounts:
    return watched_suppliers(lambda: read_secret(settings().supplier_accounts_secret_arn), system_now_ms)


@cache
def store() -> ReconciliationStore:
    return ReconciliationStore(client("dynamodb"), settings().reconciliation_table)


@cache
def counterparts() -> Counterparts:
    dynamodb, names = client("dynamodb"), settings()
    return Counterparts(
        accounts(),
        suppliers,
        Orders(OrderStore(dynamodb, names.orders_table)),
        Desk(PaymentStore(dynamodb, names.payments_table), system_now_ms),
        PurchaseRecords(SupplyStore(dynamodb, names.suppliers_table)),
        Books(AccountStore(dynamodb, names.accounts_table)),
    )


@cache
def comparing() -> Comparing:
    return Comparing(store(), counterparts(), system_now_ms)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, reconcile)


def reconcile(message: dict[str, Any], message_id: str) -> None:
    origin = Origin("system:reconciliation", message_id)
    if message.get("job") == CLOCK:
        ask_for_days(origin)
        return
    outcome = comparing().run(message["run_id"], origin)
    if outcome is not Outcome.ENDED:
        delay_s = WAIT_S if outcome is Outcome.AGAIN else 0
        send_rest(settings().reconciliation_queue_url, {"run_id": message["run_id"]}, delay_s=delay_s)


def ask_for_days(origin: Origin) -> None:
    """Of accounts first: whatever is wrong with the secret of suppliers, those are asked for."""
    desk = ReconciliationDesk(store(), system_now_ms)
    for holders in (counterparts().accounts_to_compare, counterparts().suppliers_to_compare):
        logs.log(Entry.DAYS_REQUESTED, runs=desk.request_day(holders(), origin))
