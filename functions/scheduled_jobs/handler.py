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


@dataclass(frozen=True)
class Settings:
    keys_table: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def shelf_watch() -> ShelfWatch:
    return ShelfWatch(FigureStore(client("dynamodb"), settings().keys_table), system_now_ms)


def watch_shelves() -> None:
    looked_at, ran_low = shelf_watch().go_round()
    logs.log(Entry.SHELVES_WATCHED, skus=looked_at, ran_low=ran_low)


JOBS: dict[str, Callable[[], None]] = {"watch_shelves": watch_shelves}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, lambda body, _: JOBS[body["job"]]())
