"""A shop and the supplier sandbox on one street: the function is reached over HTTP, and calls the shop back over HTTP.

Whoever lives there names no time: the street has a clock of its own, and nobody sleeps.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any

from functions.supplier_sandbox import handler as function
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import Outcome
from keyrail.suppliers.providers import Callback, Placed, Wanted
from keyrail.suppliers.providers.sandbox import Sandbox
from tests.integration.payments.sandbox_street import event, flat
from tests.local_cloud import LocalCloud
from tests.provider_server import Answer, ProviderServer, Sent

SECRET = "secret-of-the-house-of-the-street-0123456789"
NAME = "sandbox"
NOW_MS = 1_790_000_000_000
UNIT_BODY = "7" * 26


@dataclass
class Street:
    cloud: LocalCloud
    server: ProviderServer
    queue_url: str
    heard: list[str] = field(default_factory=list)
    """The references of the callbacks that the shop has taken."""
    refused: list[Callback] = field(default_factory=list)
    shop_is_open: bool = True
    ahead_ms: int = 0
    slept_s: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return NOW_MS + self.ahead_ms

    def settings(self) -> dict[str, Any]:
        return {
            "merchant": "shop_1",
            "base_url": f"{self.server.url}/sandbox/supplier",
            "secrets": [SECRET],
            "settle_after_s": 5,
            "slow_after_s": 60,
            "hang_s": 10,
        }

    def accounts(self) -> str:
        other = {"adapter": "somebody else's", "key": "not of the house"}
        return json.dumps({NAME: {"adapter": "sandbox", **self.settings()}, "other": other})

    @property
    def account(self) -> Sandbox:
        return Sandbox(**self.settings(), stage="local", now_ms=self.now_ms)

    def serve(self, sent: Sent, _: BaseHTTPRequestHandler) -> Answer:
        if sent.path.startswith("/sandbox/"):
            answer = function.handler(event(sent.method, sent.path, "", sent.body, sent.headers), None)
            return Answer(answer["statusCode"], answer["body"].encode(), flat(answer))
        assert sent.path == f"/webhooks/suppliers/{NAME}"
        if not self.shop_is_open:
            return Answer(503, b"closed")
        callback = Callback(sent.method, "", sent.body, sent.headers)
        try:
            self.heard.append(self.account.parse_callback(callback, self.now_ms()))
        except SignatureInvalid:
            self.refused.append(callback)
            return Answer(401, b"")
        return Answer(200, b"success", {"content-type": "text/plain"})

    # the shop

    def wanted(self, number: int = 1, **changed: Any) -> Wanted:
        first = Wanted(
            reference=f"{UNIT_BODY}{number:04d}",
            item="recharge-10",
            quantity=1,
            limit=Money(9_90, "CNY"),
            callback_url=f"{self.server.url}/webhooks/suppliers/{NAME}",
            account={"phone": "13812345678"},
        )
        return replace(first, **changed)

    def place(self, scenario: str, number: int = 1) -> Outcome:
        return self.account.place(self.wanted(number, item=f"recharge-10.{scenario}"))

    def query(self, wanted: Wanted) -> Outcome:
        return self.account.query(
            Placed(
                reference=wanted.reference, their_reference=None, quantity=wanted.quantity, of_keys=not wanted.account
            )
        )

    def ask(self, what: str, **members: Any) -> dict[str, Any]:
        answer = self.account._ask(what, members)
        assert isinstance(answer, dict)
        return answer

    def tally(self, wanted: Wanted) -> tuple[str, str]:
        said = self.ask("tally", reference=wanted.reference)
        return said["placed"], said["supplied"]

    # time and the queue

    def later(self, seconds: int) -> None:
        self.ahead_ms += seconds * 1000

    def waiting(self) -> int:
        """How many messages are on their way through the queue, due later all of them."""
        asked = "ApproximateNumberOfMessagesDelayed"
        found = self.cloud.client("sqs").get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=[asked])
        return int(found["Attributes"][asked])

    def bring(self, wanted: Wanted, **message: Any) -> None:
        body = json.dumps({"sale_id": f"shop_1#{wanted.reference}", **message})
        assert function.handler({"Records": [{"messageId": "m-1", "body": body}]}, None) == {"batchItemFailures": []}

    def clear(self, table: str) -> None:
        dynamodb = self.cloud.client("dynamodb")
        for item in dynamodb.scan(TableName=table, ProjectionExpression="sale_id")["Items"]:
            dynamodb.delete_item(TableName=table, Key=item)
        self.cloud.client("sqs").purge_queue(QueueUrl=self.queue_url)
