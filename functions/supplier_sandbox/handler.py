"""`/sandbox/supplier`: a supplier without goods, on stages that are not production; and SQS, by which the shop is told.

It is for keyrail's adapter, and knows nothing of keyrail's orders.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from time import sleep
from typing import Any

from functions.supplier_sandbox.house import House, sandbox_part
from functions.supplier_sandbox.sales import Sale, answer_to_order
from functions.supplier_sandbox.scenarios import Answer
from functions.supplier_sandbox.store import SaleStore
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.errors import Invalid, NotFound, SignatureInvalid, Unavailable
from keyrail.platform.http import Call, HttpApi, RawReply
from keyrail.platform.json_objects import json_object
from keyrail.platform.messages import each_message
from keyrail.platform.secrets import read_secret
from keyrail.platform.signed_messages import verify
from keyrail.platform.telling import tell_later
from keyrail.suppliers.providers.sandbox.account import HEADER, Sandbox, asking
from keyrail.suppliers.service.accounts import watched_suppliers

HTML = "text/html; charset=utf-8"
PAGE = "<!DOCTYPE html><html><body><h1>The server is busy</h1></body></html>"
GATEWAY_TIMEOUT = 504

api = HttpApi("keyrail supplier sandbox")


@dataclass(frozen=True)
class Settings:
    house_table: str
    supplier_sandbox_queue_url: str
    supplier_accounts_secret_arn: str
    public_api_url: str


class NoSuchQuestion(NotFound):
    code = "no_such_supplier_question"


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def house() -> House:
    return House(
        SaleStore(client("dynamodb"), settings().house_table),
        watched_suppliers(lambda: sandbox_part(read_secret(settings().supplier_accounts_secret_arn)), system_now_ms),
        settings().public_api_url.rstrip("/"),
        settings().supplier_sandbox_queue_url,
        system_now_ms,
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return each_message(event, tell) if "Records" in event else api(event, context)


@api.operation(
    "POST",
    "/sandbox/supplier/{what}",
    summary="A merchant's signed order or question",
    raises=(SignatureInvalid, Invalid, NoSuchQuestion, Unavailable),
)
def answer(call: Call) -> RawReply:
    what = call.path["what"]
    try:
        asked = json_object(call.raw_body)
    except ValueError:
        raise SignatureInvalid from None
    _, account = house().account(asked.get("merchant"))
    verify(call.header(HEADER) or "", account.secrets, asking(what), call.raw_body, system_now_ms())
    if what in {"place", "buy"}:
        return _to_order(house().order(account.merchant, asked, of_keys=what == "buy"), account)
    questions = {
        "query": house().query,
        "tally": house().tally,
        "balance": house().balance,
        "catalogue": house().catalogue,
        "statement": house().statement,
    }
    if what not in questions:
        raise NoSuchQuestion
    return _json(questions[what](account.merchant, asked))


def _to_order(sale: Sale | Mapping[str, Any], account: Sandbox) -> RawReply:
    if not isinstance(sale, Sale):
        return _json(sale)
    if sale.play.answer is Answer.NONE:
        sleep(account.hang_s)
        return RawReply(PAGE, GATEWAY_TIMEOUT, HTML)
    if sale.play.answer is Answer.PAGE:
        return RawReply(PAGE, 200, HTML)
    return _json(answer_to_order(sale, system_now_ms()))


def _json(said: Mapping[str, Any]) -> RawReply:
    return RawReply(json.dumps(said), 200, "application/json", {"Cache-Control": "no-store"})


def tell(message: dict[str, Any], _message_id: str) -> None:
    """Of an order that did not come after all there is nothing to tell."""
    sale = house().store.find(message["sale_id"])
    if sale is not None and house().tell(sale).calls_left():
        tell_later(settings().supplier_sandbox_queue_url, message, sale.ends_at_ms, system_now_ms())
