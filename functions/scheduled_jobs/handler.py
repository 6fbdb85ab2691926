"""SQS, filled by the clock (EventBridge Scheduler): what becomes due by time alone. A message names the job."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from keyrail.fulfilment.service.forgotten import ForgottenUnits, Round
from keyrail.fulfilment.service.work_watch import WorkWatch
from keyrail.inventory.service.shelf_watch import ShelfWatch
from keyrail.inventory.store.figures import FigureStore
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.platform import logs, workflows
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.logs import Entry
from keyrail.platform.messages import each_message
from keyrail.platform.secrets import read_secret
from keyrail.platform.slices import send_rest
from keyrail.risk.service import News
from keyrail.risk.store import GuardStore
from keyrail.suppliers.service.accounts import watched_suppliers
from keyrail.suppliers.service.balances import Balances
from keyrail.suppliers.store import SuppliersStore

ASKING_LASTS_MS = 60_000  # half of the time that the function has; a supplier's answer may take a while
SWEEP = "sweep_units"


@dataclass(frozen=True)
class Settings:
    keys_table: str
    suppliers_table: str
    supplier_accounts_secret_arn: str
    orders_table: str
    guards_table: str
    job_queue_url: str
    direct_recharge_arn: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def shelf_watch() -> ShelfWatch:
    return ShelfWatch(FigureStore(client("dynamodb"), settings().keys_table), system_now_ms)


@cache
def balances() -> Balances:
    accounts = watched_suppliers(lambda: read_secret(settings().supplier_accounts_secret_arn), system_now_ms)
    store = SuppliersStore(client("dynamodb"), settings().suppliers_table)
    return Balances(store, accounts.at, system_now_ms)


def forgotten_units() -> ForgottenUnits:
    orders = Orders(OrderStore(client("dynamodb"), settings().orders_table))
    news = News(GuardStore(client("dynamodb"), settings().guards_table), system_now_ms)
    return ForgottenUnits(orders, news, start, system_now_ms)


def start(name: str, order_id: str, unit_id: str) -> bool:
    return workflows.start(settings().direct_recharge_arn, name, {"order_id": order_id, "unit_id": unit_id})


def watch_shelves(_message: dict[str, Any], _message_id: str) -> None:
    looked_at, ran_low = shelf_watch().go_round()
    logs.log(Entry.SHELVES_WATCHED, skus=looked_at, ran_low=ran_low)


def look_at_balances(_message: dict[str, Any], _message_id: str) -> None:
    known, unknown = balances().go_round(system_now_ms() + ASKING_LASTS_MS)
    logs.log(Entry.BALANCES_LOOKED_AT, known=known, unknown=unknown)


def sweep_units(message: dict[str, Any], message_id: str) -> None:
    part = Round(**message["round"]) if "round" in message else forgotten_units().new_round()
    swept = forgotten_units().sweep(part, Origin("system:scheduled_jobs", message_id))
    if swept.rest is not None:
        send_rest(settings().job_queue_url, {"job": SWEEP, "round": asdict(swept.rest)})
    logs.log(Entry.UNITS_SWEPT, orders=swept.orders, started=swept.started, left=swept.left)


@cache
def work_watch() -> WorkWatch:
    return WorkWatch(Orders(OrderStore(client("dynamodb"), settings().orders_table)), system_now_ms)


def watch_work(_message: dict[str, Any], _message_id: str) -> None:
    logs.log(Entry.WORK_COUNTED, overdue=work_watch().count_overdue())


JOBS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "watch_shelves": watch_shelves,
    "look_at_balances": look_at_balances,
    "watch_work": watch_work,
    SWEEP: sweep_units,
}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, lambda body, message_id: JOBS[body["job"]](body, message_id))
