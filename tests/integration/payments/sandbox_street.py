"""A shop and the payment sandbox on one street: the function is reached over HTTP, and calls the shop back over HTTP.

The shop's side are the real services on a real engine; time is the world's.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from functions.payment_sandbox import handler as function
from keyrail.ordering.model.orders import Contact, Line, Order
from keyrail.ordering.service.checkout import Placed, Wanted, WayToPay
from keyrail.payments.providers.sandbox import Sandbox
from keyrail.payments.service.accounts import Callback, PaymentAccounts, payment_accounts
from keyrail.platform.changes import Origin
from keyrail.platform.errors import SignatureInvalid
from tests.local_cloud import LocalCloud
from tests.provider_server import Answer, ProviderServer, Sent
from tests.world import BUYER, SKU, SYSTEM, World

SECRET = "sandbox-secret-of-the-street-0123456789"
RETURN_URL = "https://shop.example/thanks?o=1"
FROM_SANDBOX = Origin("provider:sandbox/main", "127.0.0.1")


@dataclass
class Street:
    world: World
    cloud: LocalCloud
    server: ProviderServer
    queue_url: str
    heard: list[dict[str, Any]] = field(default_factory=list)
    """The callbacks that the shop has acknowledged."""
    shop_is_open: bool = True
    secret_arn: str = ""

    def open(self) -> None:
        self.server.answer = self.serve
        opened = payment_accounts(self.accounts())
        account = opened.at("sandbox", "main")
        assert isinstance(account, Sandbox)
        # What is asked over the network is signed by the world's clock.
        known = {("sandbox", "main"): replace(account, now_ms=self.world.now_ms)}
        self.world.__dict__["accounts"] = PaymentAccounts(known, opened.stores)

    def accounts(self, **settings: Any) -> str:
        ours = {"merchant": "sbx_1", "base_url": f"{self.server.url}/sandbox", "secrets": [SECRET], **settings}
        return json.dumps({"sandbox": {"main": ours}})

    @property
    def account(self) -> Sandbox:
        account = self.world.accounts.at("sandbox", "main")
        assert isinstance(account, Sandbox)
        return account

    def serve(self, sent: Sent, _: BaseHTTPRequestHandler) -> Answer:
        parts = urlsplit(sent.path)
        if parts.path.startswith("/sandbox/"):
            answer = function.handler(event(sent.method, parts.path, parts.query, sent.body, sent.headers), None)
            return Answer(answer["statusCode"], answer["body"].encode(), flat(answer))
        assert parts.path == "/webhooks/payments/sandbox/main"
        if not self.shop_is_open:
            return Answer(503, b"closed")
        callback = Callback(sent.method, parts.query, sent.body, sent.headers)
        try:
            said = self.account.confirm(callback, self.world.now_ms())
        except SignatureInvalid:
            return Answer(401, b"")
        self.world.settlement.settle(said, FROM_SANDBOX)
        self.heard.append(json.loads(sent.body))
        return Answer(200, b"success", {"content-type": "text/plain"})

    # a buyer and a person in a browser

    def buy(self) -> Placed:
        wanted = Wanted(
            store_id="main",
            lines=(Line(SKU, 1),),
            contact=Contact(email="buyer@example.com"),
            way=WayToPay(provider="sandbox", return_url=RETURN_URL),
        )
        checkout = replace(self.world.checkout, public_api_url=self.server.url)
        return checkout.place(wanted, f"purchase-{len(self.world.scan('orders')):032d}", BUYER)

    def look(self, placed: Placed, query: str | None = None) -> dict[str, Any]:
        parts = urlsplit(placed.action.url or "")
        return function.handler(event("GET", parts.path, parts.query if query is None else query), None)

    def press(self, placed: Placed, decision: str, query: str | None = None) -> dict[str, Any]:
        parts = urlsplit(placed.action.url or "")
        body = f"decision={decision}".encode()
        return function.handler(event("POST", parts.path, parts.query if query is None else query, body), None)

    def order(self, placed: Placed) -> Order:
        return self.world.orders.of_operator(placed.order.order_id)

    def give_back(self, placed: Placed) -> bool:
        return self.world.refunds.settle(placed.order.order_id, SYSTEM)

    # the queue

    def waiting(self) -> int:
        """How many messages are on their way through it, due later all of them."""
        asked = "ApproximateNumberOfMessagesDelayed"
        found = self.cloud.client("sqs").get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=[asked])
        return int(found["Attributes"][asked])

    def bring(self, **message: Any) -> None:
        record = {"messageId": "m-1", "body": json.dumps(message)}
        assert function.handler({"Records": [record]}, None) == {"batchItemFailures": []}


def event(
    method: str, path: str, query: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """As API Gateway hands a request over (payload format 2.0)."""
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers or {},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "198.51.100.7"},
            "requestId": "r-1",
            "stage": "$default",
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def flat(answer: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.get("headers", {}).items()}
