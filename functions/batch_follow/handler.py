"""SQS: the keys of a batch follow the commands on it, a slice of time each call; what is left is sent on to itself."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from keyrail.inventory.model.batches import RUN_IS_OVER_MS
from keyrail.inventory.service.following import Followers, Progress
from keyrail.inventory.store.batches import BatchStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.logs import Entry
from keyrail.platform.messages import each_message
from keyrail.platform.slices import send_rest

LOOK_AGAIN_S = RUN_IS_OVER_MS // 1000
SLICE_MS = 60_000  # of the function's time-out; a killed slice comes again as soon as that is over


@dataclass(frozen=True)
class Settings:
    keys_table: str
    batch_queue_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def followers() -> Followers:
    return Followers(BatchStore(KeyStore(client("dynamodb"), settings().keys_table)), system_now_ms)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, lambda body, message_id: follow(body["batch_id"], message_id))


def follow(batch_id: str, message_id: str) -> None:
    progress = followers().follow(batch_id, system_now_ms() + SLICE_MS, Origin("system:batch_follow", message_id))
    logs.log(Entry.BATCH_FOLLOWED, batch_id=batch_id, progress=progress)
    if progress is Progress.UNFINISHED:
        send_rest(settings().batch_queue_url, {"batch_id": batch_id})
    elif progress is Progress.LOOK_AGAIN:
        send_rest(settings().batch_queue_url, {"batch_id": batch_id}, delay_s=LOOK_AGAIN_S)
