"""Signed requests to WeChat Pay, and answers that are believed only with their signature."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.providers.http_client import (
    MAX_REPLY_BYTES,
    MAX_STATEMENT_BYTES,
    STATEMENT_READ_TIMEOUT_S,
    Reply,
    request,
)
from keyrail.payments.providers.wechatpay.signing import PUBLIC_KEY_ID, MerchantKey, PlatformKeys
from keyrail.platform.clock import NowMs
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.json_objects import json_object, text

OK = 200
REFUSALS = range(400, 500)
USER_AGENT = "keyrail"  # WeChat refuses a request without one


@dataclass(frozen=True)
class Answer:
    """What WeChat says to a request; `refusal` is its code where it does not do it."""

    said: Mapping[str, Any] = field(repr=False)
    refusal: str | None = None


@dataclass(frozen=True)
class Exchange:
    """The way to WeChat for one merchant. Each request is one that may be sent twice."""

    api_base: str
    merchant: MerchantKey
    platform: PlatformKeys
    read_timeout_s: int
    now_ms: NowMs = field(repr=False)
    nonce: Callable[[], str] = field(repr=False)

    def get(self, target: str) -> Answer:
        """Raises ProviderUnavailable for anything but an answer or a refusal with WeChat's signature."""
        return self._answer(self._send("GET", target, b"", self.read_timeout_s, MAX_REPLY_BYTES))

    def post(self, target: str, order: Mapping[str, Any]) -> Answer:
        """Raises as `get` does; what was asked for may have been done all the same."""
        body = json.dumps(order, ensure_ascii=False, separators=(",", ":")).encode()
        return self._answer(self._send("POST", target, body, self.read_timeout_s, MAX_REPLY_BYTES))

    def download(self, target: str) -> bytes:
        """A file, which WeChat does not sign: its digest comes with the signed answer that names it.

        Raises ProviderUnavailable.
        """
        reply = self._send("GET", target, b"", STATEMENT_READ_TIMEOUT_S, MAX_STATEMENT_BYTES)
        if reply.status != OK:
            raise ProviderUnavailable
        return reply.body

    def _send(self, method: str, target: str, body: bytes, read_timeout_s: int, max_reply_bytes: int) -> Reply:
        headers = {
            "accept": "application/json",
            "authorization": self.merchant.authorization(method, target, body, self.now_ms() // 1000, self.nonce()),
            "user-agent": USER_AGENT,
        }
        if body:
            headers["content-type"] = "application/json"
        if PUBLIC_KEY_ID.fullmatch(self.platform.preferred):
            headers["wechatpay-serial"] = self.platform.preferred
        return request(
            method,
            self.api_base.rstrip("/") + target,
            body=body,
            headers=headers,
            read_timeout_s=read_timeout_s,
            max_reply_bytes=max_reply_bytes,
            repeatable=True,
        )

    def _answer(self, reply: Reply) -> Answer:
        try:
            self.platform.verify(reply.headers, reply.body, self.now_ms())
            said = json_object(reply.body)
        except (SignatureInvalid, ValueError):
            raise ProviderUnavailable from None
        if reply.status == OK:
            return Answer(said)
        code = text(said, "code")
        if reply.status not in REFUSALS or not code:
            raise ProviderUnavailable
        return Answer(said, code)
