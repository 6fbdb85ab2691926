"""SQS: asks providers about orders that nobody has called back for; and, when the clock says so, which those are."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from keyrail.fulfilment.service.inquiries import Inquiries
from keyrail.fulfilment.service.issuance import Issuance
from keyrail.fulfilment.service.settlement import Settlement
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.store.keys import KeyStore
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.service.questions import DueQuestions, Look
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
from keyrail.platform.slices import send_parts, send_rest
from keyrail.risk.service import Rounds
from keyrail.risk.store import GuardStore

LOOK = "ask_about_unpaid"
# Of an order that was paid in one of several ways: from one question about the others to the next.
WAITS_S = (300, 900, 900, 900)


@dataclass(frozen=True)
class Settings:
    keys_table: str
    orders_table: str
    payments_table: str
    guards_table: str
    payment_accounts_secret_arn: str
    inquiry_queue_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def orders() -> Orders:
    return Orders(OrderStore(client("dynamodb"), settings().orders_table))


@cache
def accounts() -> PaymentAccounts:
    return watched_accounts(lambda: read_secret(settings().payment_accounts_secret_arn), system_now_ms)


@cache
def inquiries() -> Inquiries:
    dynamodb = client("dynamodb")
    claims = Claims(KeyStore(dynamodb, settings().keys_table), system_now_ms)
    desk = Desk(PaymentStore(dynamodb, settings().payments_table), system_now_ms)
    issuance = Issuance(orders(), claims, dynamodb, system_now_ms)
    settlement = Settlement(orders(), claims, accounts(), desk, issuance, dynamodb, system_now_ms)
    return Inquiries(orders(), accounts(), settlement)


@cache
def due_questions() -> DueQuestions:
    rounds = Rounds(GuardStore(client("dynamodb"), settings().guards_table))
    return DueQuestions(orders(), rounds, system_now_ms)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, work)


def work(message: dict[str, Any], message_id: str) -> None:
    if "job" in message:
        JOBS[message["job"]](message)
        return
    inquiries().ask(message["order_id"], Origin("system:payment_inquiries", message_id))
    asked = message.get("asked")
    if asked is not None and asked < len(WAITS_S):
        send_rest(settings().inquiry_queue_url, {**message, "asked": asked + 1}, delay_s=WAITS_S[asked])


def look(message: dict[str, Any]) -> None:
    """The rest of a look is on the queue before the look is over, and the next one begins where it ended."""
    part = Look(**message["look"]) if "look" in message else due_questions().next_look()
    found = due_questions().find(part, _ask)
    if found.rest is not None:
        send_rest(settings().inquiry_queue_url, {"job": LOOK, "look": asdict(found.rest)})
    due_questions().done(part)
    logs.log(Entry.UNPAID_LOOKED_THROUGH, due=found.orders, unfinished=found.rest is not None)


def _ask(order_ids: Sequence[str]) -> None:
    send_parts(settings().inquiry_queue_url, [{"order_id": order_id} for order_id in order_ids])


JOBS: dict[str, Callable[[dict[str, Any]], None]] = {LOOK: look}
