"""A 易支付 gateway on the loopback, in both versions: it checks what we sign, keeps orders, and pays refunds out.

Written from the protocol's description alone. It answers as the documentation shows it: numbers now as numbers, now as
text, and in version 2 unsigned wherever it did not get as far as doing anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.provider_server import Answer, ProviderServer, Sent

PID = "1001"
PAYER_IP = "203.0.113.7"
KEY = "k3y-of-the-test"


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(name: str) -> str:
    form = serialization.PrivateFormat.PKCS8
    return rsa_key(name).private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_pem(name: str) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return rsa_key(name).public_key().public_bytes(serialization.Encoding.PEM, form).decode().strip()


def signed_text(values: dict[str, Any]) -> str:
    plain = {name: str(value) for name, value in values.items() if type(value) in {str, int, float}}
    return "&".join(f"{n}={plain[n]}" for n in sorted(plain) if plain[n] != "" and n not in ("sign", "sign_type"))


@dataclass
class EpayGateway:
    """`payouts` are the refunds that left for the buyer. `breaks` maps a path to how its next answers go wrong:

    `before` answers 500 and does nothing, `after` does it and breaks the connection, `html` does it and shows a page.
    In version 1 it knows the merchant by any of `keys`.
    """

    provider: ProviderServer
    now_s: int
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    payouts: list[tuple[str, str]] = field(default_factory=list)
    breaks: dict[str, list[str]] = field(default_factory=dict)
    opened: dict[str, Any] = field(default_factory=lambda: {"qrcode": "weixin://wxpay/bizpayurl?pr=abc"})
    changed: dict[str, Any] = field(default_factory=dict)
    refund_code: dict[str, Any] = field(default_factory=dict)
    keys: frozenset[str] = frozenset({KEY})

    def __post_init__(self) -> None:
        self.provider.answer = self.serve

    def paid(self, number: str, money: str = "19.90", **changed: Any) -> None:
        order = {"trade_no": "2026100912000012345", "out_trade_no": number, "type": "alipay", "pid": int(PID)}
        self.orders[number] = {**order, "name": "VIP会员", "money": money, "status": "1", **changed}

    def serve(self, sent: Sent, _: BaseHTTPRequestHandler) -> Answer | None:
        target = urlsplit(sent.path)
        query, form = dict(parse_qsl(target.query)), dict(parse_qsl(sent.body.decode()))
        name = f"{target.path}?act={query['act']}" if "act" in query else target.path
        breaks = self.breaks.get(name, [])
        broken = breaks.pop(0) if breaks else ""
        if broken == "before":
            return Answer(500, b"<html>Internal Server Error</html>")
        said = self.answer_to(name, query, form)
        if broken == "after":
            return None
        if broken == "html":
            return Answer(200, "<html>维护中</html>".encode())
        return Answer(200, json.dumps(said).encode())

    def answer_to(self, name: str, query: dict[str, str], form: dict[str, str]) -> dict[str, Any]:
        if name == "/mapi.php":
            return self.create_v1(form)
        if not name.startswith("/api.php"):
            return self.version_two(name, form)
        given = query if name == "/api.php?act=order" else form
        if given.get("pid") != PID or given.get("key") not in self.keys:
            return {"code": -3, "msg": "商户密钥错误"}
        if name == "/api.php?act=refund":
            return self.refund_v1(form)
        order = self.orders.get(query["out_trade_no"])
        return {"code": 1, "msg": "succ", **order} if order else {"code": -1, "msg": "订单号不存在"}

    def create_v1(self, form: dict[str, str]) -> dict[str, Any]:
        expected = hashlib.md5((signed_text(form) + KEY).encode()).hexdigest()
        if form.get("sign") != expected or form.get("sign_type") != "MD5" or form.get("clientip") != PAYER_IP:
            return {"code": -3, "msg": "MD5签名校验失败"}
        return {"code": 1, "trade_no": "20261009", **self.opened}

    def refund_v1(self, form: dict[str, str]) -> dict[str, Any]:
        order = self.orders[form["out_trade_no"]]
        if order["status"] != "1":
            return {"code": -1, "msg": "该订单已全额退款！"}
        if self.refund_code.get("code", 1) in {0, 1}:
            order["status"] = "2"
            self.payouts.append((form["out_trade_no"], form["money"]))
        return {"code": 1, "msg": "退款成功", **self.refund_code}

    def version_two(self, name: str, form: dict[str, str]) -> dict[str, Any]:
        try:
            signature, text = base64.b64decode(form.get("sign", "")), signed_text(form).encode()
            rsa_key("merchant").public_key().verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return {"code": -3, "msg": "RSA签名校验失败"}
        if form["pid"] != PID or abs(int(form["timestamp"]) - self.now_s) > 300 or form["sign_type"] != "RSA":
            return {"code": -3, "msg": "时间戳字段不正确"}
        answers = {
            "/api/pay/create": self.create_v2,
            "/api/pay/query": self.query_v2,
            "/api/pay/refund": self.refund_v2,
            "/api/pay/refundquery": self.refund_query_v2,
        }
        return answers[name](form)

    def create_v2(self, form: dict[str, str]) -> dict[str, Any]:
        if form.get("method") != "web" or form.get("clientip") != PAYER_IP:
            return {"code": -1, "msg": "用户IP地址(clientip)不能为空"}
        said = {"code": 0, "trade_no": "20261009", **self.opened}
        return said if said["code"] else self.signed(said)

    def query_v2(self, form: dict[str, str]) -> dict[str, Any]:
        order = self.orders.get(form["out_trade_no"])
        return self.signed({"code": 0, **order}) if order else {"code": -1, "msg": "订单号不存在"}

    def refund_query_v2(self, form: dict[str, str]) -> dict[str, Any]:
        kept = self.refunds.get(form["out_refund_no"])
        return self.signed({"code": 0, **kept}) if kept else {"code": -1, "msg": "退款记录不存在"}

    def refund_v2(self, form: dict[str, str]) -> dict[str, Any]:
        number = form["out_refund_no"]
        if self.refund_code:
            return self.signed({"code": 0, **self.refund_code})
        if number not in self.refunds or self.refunds[number]["status"] == "0":
            self.payouts.append((number, form["money"]))
            self.refunds[number] = {
                "refund_no": "R1",
                "out_refund_no": number,
                "out_trade_no": form["out_trade_no"],
                "money": form["money"],
                "reducemoney": 0,
                "status": "1",
            }
        kept = {name: value for name, value in self.refunds[number].items() if name != "status"}
        return self.signed({"code": 0, "msg": "退款成功！", **kept})

    def signed(self, said: dict[str, Any]) -> dict[str, Any]:
        stamped = {**said, "timestamp": str(self.now_s)}
        signature = rsa_key("platform").sign(signed_text(stamped).encode(), padding.PKCS1v15(), hashes.SHA256())
        return {**stamped, "sign_type": "RSA", "sign": base64.b64encode(signature).decode(), **self.changed}
