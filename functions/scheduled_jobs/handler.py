"""SQS, filled by the clock (EventBridge Scheduler): what becomes due by time alone. A message names the job."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from keyrail.inventory.service.shelf_watch import ShelfWatch
from keyrail.inventory.store.figures import FigureStore
from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.logs import Entry
from keyrail.platform.messages import each_message
from keyrail.platform.secrets import read_secret
from keyrail.suppliers.service.accounts import watched_suppliers
from keyrail.suppliers.service.balances import Balances
from keyrail.suppliers.store import SuppliersStore

ASKING_LASTS_MS = 60_000  # half of the time that the function has; a supplier's answer may take a while


@dataclass(frozen=True)
class Settings:
    keys_table: str
    suppliers_table: str
    supplier_accounts_secret_arn: str


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


def watch_shelves() -> None:
    looked_at, ran_low = shelf_watch().go_round()
    logs.log(Entry.SHELVES_WATCHED, skus=looked_at, ran_low=ran_low)


def look_at_balances() -> None:
    known, unknown = balances().go_round(system_now_ms() + ASKING_LASTS_MS)
    logs.log(Entry.BALANCES_LOOKED_AT, known=known, unknown=unknown)


JOBS: dict[str, Callable[[], None]] = {"watch_shelves": watch_shelves, "look_at_balances": look_at_balances}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, lambda body, _: JOBS[body["job"]]())
