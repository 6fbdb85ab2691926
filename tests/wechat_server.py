"""A WeChat Pay of the loopback that looks at our signature before it answers, and signs what it answers."""

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from keyrail.payments.providers.wechatpay import WechatPay
from tests.provider_server import Answer, ProviderServer, Sent
from tests.wechat_platform import MCHID, MERCHANT_SERIAL, PUBLIC_KEY_MODE, Signer, account, authorized


@dataclass
class Wechat:
    """`answers` by the path of the request, each one given again and again."""

    server: ProviderServer
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    signer: Signer = PUBLIC_KEY_MODE

    def will_say(self, path: str, said: dict[str, Any] | bytes, status: int = 200) -> None:
        self.answers[path] = (status, said if isinstance(said, bytes) else json.dumps(said).encode())

    def will_refuse(self, path: str, status: int, code: str) -> None:
        self.will_say(path, {"code": code, "message": "说明"}, status)

    def answer(self, sent: Sent, _: BaseHTTPRequestHandler) -> Answer:
        claim = authorized(sent.headers["authorization"], sent.method, sent.path, sent.body)
        if claim is None or (claim.mchid, claim.serial) != (MCHID, MERCHANT_SERIAL) or not sent.headers["user-agent"]:
            return self.signed(401, b'{"code":"SIGN_ERROR"}')
        return self.signed(*self.answers.get(sent.path.partition("?")[0], (404, b'{"code":"RESOURCE_NOT_EXISTS"}')))

    def signed(self, status: int, body: bytes) -> Answer:
        return Answer(status, body, {"content-type": "application/json"} | self.signer.headers(body))

    def account(self, **settings: Any) -> WechatPay:
        return account(**{"api_base": self.server.url, "read_timeout_s": 1, **settings})

    def bodies(self) -> list[Any]:
        return [json.loads(sent.body) for sent in self.server.requests if sent.body]
