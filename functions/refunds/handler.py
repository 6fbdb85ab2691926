"""SQS: gives money back for whoever owes some, and asks about it until the provider has said how it ended."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from keyrail.fulfilment.service.refunds import Refunds
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.payments.model.attempts import ProviderUnavailable
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

# From one question to the next; the last one again and again, for as long as the provider takes.
WAITS_S = (5, 15, 60, 300, 900)


@dataclass(frozen=True)
class Settings:
    orders_table: str
    payments_table: str
    payment_accounts_secret_arn: str
    public_api_url: str
    refund_queue_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def accounts() -> PaymentAccounts:
    return watched_accounts(lambda: read_secret(settings().payment_accounts_secret_arn), system_now_ms)


@cache
def refunds() -> Refunds:
    orders = Orders(OrderStore(client("dynamodb"), settings().orders_table))
    desk = Desk(PaymentStore(client("dynamodb"), settings().payments_table), system_now_ms)
    return Refunds(orders, accounts(), desk, system_now_ms, settings().public_api_url.rstrip("/"))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, settle)


def settle(message: dict[str, Any], message_id: str) -> None:
    """A provider that does not answer is asked again as one that is not done: its time-out is no failure of ours."""
    owner_id, asked = message.get("payment_id") or message["order_id"], int(message.get("asked", 0))
    try:
        if refunds().settle(owner_id, Origin("system:refunds", message_id)):
            return
    except ProviderUnavailable as error:
        logs.warn(Entry.NEIGHBOUR_UNAVAILABLE, refusal=error.code, owner_id=owner_id)
    wait_s = WAITS_S[min(asked, len(WAITS_S) - 1)]
    send_rest(settings().refund_queue_url, {**message, "asked": asked + 1}, delay_s=wait_s)
