"""`/sandbox`: a payment provider without money, on stages that are not production; and SQS, which tells the shop later.

The page is for a person in a browser, the books for keyrail's adapter. Neither knows anything of keyrail's orders.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from functions.payment_sandbox import page
from functions.payment_sandbox.bank import Bank
from functions.payment_sandbox.store import TradeStore
from functions.payment_sandbox.trades import Decision, OtherRefund
from keyrail.payments.providers.sandbox import PROVIDER
from keyrail.payments.providers.sandbox.signing import HEADER, answering, asking, json_object
from keyrail.payments.service.accounts import watched_accounts
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import ConfigError, load
from keyrail.platform.errors import FieldError, Invalid, NotFound, SignatureInvalid, Unavailable
from keyrail.platform.http import Call, HttpApi, RawReply
from keyrail.platform.messages import each_message
from keyrail.platform.secrets import read_secret
from keyrail.platform.signed_messages import signed_header, verify
from keyrail.platform.telling import tell_later

HTML = "text/html; charset=utf-8"
MAX_FORM_BYTES = 256

api = HttpApi("keyrail payment sandbox")


@dataclass(frozen=True)
class Settings:
    sandbox_table: str
    sandbox_queue_url: str
    payment_accounts_secret_arn: str
    public_api_url: str


class NoSuchQuestion(NotFound):
    code = "no_such_question"


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def bank() -> Bank:
    return Bank(
        TradeStore(client("dynamodb"), settings().sandbox_table),
        watched_accounts(lambda: sandbox_part(read_secret(settings().payment_accounts_secret_arn)), system_now_ms),
        settings().public_api_url.rstrip("/"),
        settings().sandbox_queue_url,
        system_now_ms,
    )


def sandbox_part(secret: str) -> str:
    """Of the other providers' accounts nothing is kept. Raises ConfigError."""
    try:
        return json.dumps({PROVIDER: json.loads(secret)[PROVIDER]})
    except (ValueError, KeyError, TypeError):
        raise ConfigError("PAYMENT_ACCOUNTS") from None


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return each_message(event, tell) if "Records" in event else api(event, context)


@api.operation("GET", "/sandbox/pay", summary="Where a person decides", raises=(SignatureInvalid, Invalid, Unavailable))
def show(call: Call) -> RawReply:
    link = bank().link(call.raw_query)
    return RawReply(page.render(link, bank().find(link), system_now_ms()), 200, HTML, page.headers(link))


@api.operation("POST", "/sandbox/pay", summary="A decision", raises=(SignatureInvalid, Invalid, Unavailable))
def decide(call: Call) -> RawReply:
    link = bank().link(call.raw_query)
    trade = bank().decide(link, _decision(call.raw_body))
    page_url = f"{bank().account(link.merchant).base_url}/pay?{link.query}"
    where = link.return_url if trade.decision is Decision.PAY else page_url
    return RawReply("", 303, HTML, {**page.headers(link), "Location": where})


@api.operation(
    "POST",
    "/sandbox/books/{what}",
    summary="A merchant's signed question to the books",
    raises=(SignatureInvalid, Invalid, NoSuchQuestion, OtherRefund, Unavailable),
)
def answer(call: Call) -> RawReply:
    said, what = json_object(call.raw_body), call.path["what"]
    account = bank().account(said.get("merchant"))
    question = call.header(HEADER) or ""
    verify(question, account.secrets, asking(what), call.raw_body, system_now_ms())
    questions = {
        "query": bank().query,
        "refund": bank().refund,
        "query_refund": bank().query_refund,
        "statement": bank().statement,
    }
    if what not in questions:
        raise NoSuchQuestion
    body = json.dumps(questions[what](account.merchant, said))
    signature = signed_header(account.secrets[0], answering(question), system_now_ms() // 1000, body.encode())
    return RawReply(body, 200, "application/json", {HEADER: signature})


def tell(message: dict[str, Any], _message_id: str) -> None:
    """Of one that nobody has decided after all there is nothing to tell."""
    trade = bank().store.find(message["trade_id"])
    left = bank().tell(trade).untold() if trade else ()
    if left:
        due_ms = min(payment.at_ms for payment in left)
        tell_later(settings().sandbox_queue_url, message, due_ms, system_now_ms())


def _decision(raw_body: bytes) -> Decision:
    """Raises Invalid."""
    pressed = parse_qs(raw_body[:MAX_FORM_BYTES].decode(errors="replace")).get("decision", [])
    if len(raw_body) > MAX_FORM_BYTES or len(pressed) != 1 or pressed[0] not in set(Decision):
        raise Invalid(FieldError("decision", "unknown"))
    return Decision(pressed[0])
