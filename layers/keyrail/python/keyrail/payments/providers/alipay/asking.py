"""Requests to Alipay's gateway: signed, and believed only where the answer is signed too.

Source: opendocs.alipay.com/common/02kf5q. Times are Beijing's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.providers.alipay.answers import Answer, read
from keyrail.payments.providers.alipay.signing import SIGN_TYPE, joined
from keyrail.payments.providers.http_client import request
from keyrail.payments.providers.rsa import sign
from keyrail.platform.clock import NowMs

BEIJING = timezone(timedelta(hours=8))
OK = 200
HEADERS = {"content-type": "application/x-www-form-urlencoded;charset=utf-8", "accept": "application/json"}


def beijing_time(epoch_ms: int) -> str:
    """`2026-10-09 12:00:00`, to the second that has begun."""
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC).astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The gateway as one app sees it. Any of `public_keys` may sign an answer."""

    url: str
    app_id: str
    private_key: RSAPrivateKey = field(repr=False)
    public_keys: tuple[RSAPublicKey, ...] = field(repr=False)
    read_timeout_s: int
    now_ms: NowMs = field(repr=False)

    def page(self, method: str, content: Mapping[str, str], **common: str) -> str:
        """The address of a page of Alipay's for the buyer's browser: a signed request that is not sent by us."""
        return f"{self.url}?{urlencode(self._signed(method, content, common))}"

    def ask(self, method: str, content: Mapping[str, str], *, repeatable: bool = True, **common: str) -> Answer:
        """Send a request, by itself a second time if need be and `repeatable`.

        The common parameters stand in the address, where the gateway looks for the charset before it reads the body.
        Raises ProviderUnavailable when there was no answer, or none that Alipay signed.
        """
        parameters = self._signed(method, content, common)
        body = urlencode({"biz_content": parameters.pop("biz_content")}).encode()
        address = f"{self.url}?{urlencode(parameters)}"
        reply = request(
            "POST", address, body=body, headers=HEADERS, read_timeout_s=self.read_timeout_s, repeatable=repeatable
        )
        if reply.status != OK:
            raise ProviderUnavailable
        try:
            return read(reply.body, method, self.public_keys)
        except ValueError:
            raise ProviderUnavailable from None

    def _signed(self, method: str, content: Mapping[str, str], common: Mapping[str, str]) -> dict[str, str]:
        """`sign_type` is signed in requests, unlike in notifications."""
        parameters = {
            "app_id": self.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": SIGN_TYPE,
            "timestamp": beijing_time(self.now_ms()),
            "version": "1.0",
            "biz_content": json.dumps({n: v for n, v in content.items() if v}, ensure_ascii=False),
            **common,
        }
        parameters = {name: value for name, value in parameters.items() if value}
        return {**parameters, "sign": sign(self.private_key, joined(parameters).encode())}
