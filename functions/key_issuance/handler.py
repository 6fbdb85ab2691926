"""SQS: issues keys for paid orders that were not delivered inline. One bad message stops no other."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from keyrail.fulfilment.service.issuance import Issuance
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.store.keys import KeyStore
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.messages import each_message


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
    return each_message(event, issue)


def issue(body: dict[str, Any], message_id: str) -> None:
    issuance().issue(body["order_id"], Origin("system:key_issuance", message_id))
