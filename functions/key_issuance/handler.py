"""SQS: issues keys for paid orders that were not delivered inline. One bad message stops no other."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from keyrail.fulfilment.service.issuance import Issuance
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.store.keys import KeyStore
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load


@dataclass(frozen=True)
class Settings:
    keys_table: str
    orders_table: str


@cache
def issuance() -> Issuance:
    settings, dynamodb = load(Settings), client("dynamodb")
    return Issuance(
        Orders(OrderStore(dynamodb, settings.orders_table)),
        Claims(KeyStore(dynamodb, settings.keys_table), system_now_ms),
        dynamodb,
        system_now_ms,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Reports each failed message by itself; SQS brings it again, and in the end to the dead-letter queue."""
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            order_id = json.loads(record["body"])["order_id"]
            issuance().issue(order_id, Origin("system:key_issuance", record["messageId"]))
        except Exception as error:  # noqa: BLE001 - a poison message is its own problem, not its neighbours'
            logs.log_failure(error, message_id=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
