"""WeChat Pay's place in the local cloud's outside world: it opens Native payments, and knows of none that was paid.

What it says is signed as WeChat signs, with a key that the card holds, so that a client can sign a callback with it.
Another key or merchant is refused, and so is one order number with two contents.

Source: pay.weixin.qq.com/doc/v3/merchant/4012791877 (Native), /4013070756 (order query), /4012365342 (signatures).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from dataclasses import replace
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from infra.local.sandbox_exchange import Answered, Asked, json_answer

_NATIVE = "/v3/pay/transactions/native"
_REQUIRED = ("appid", "mchid", "description", "out_trade_no", "notify_url")
_AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="([^"]*)",nonce_str="([^"]*)",signature="([^"]*)",'
    r'timestamp="([^"]*)",serial_no="([^"]*)"'
)


class WechatPay:
    """Which contents each order came with. What is scanned follows from the number, so a restart changes none."""

    def __init__(self) -> None:
        self._orders: dict[str, bytes] = {}
        self._lock = Lock()

    def answer(self, asked: Asked, account: dict[str, Any]) -> Answered:
        """`account` is the card's."""
        if not _is_signed(asked, account):
            return _signed(account, _refusal(HTTPStatus.UNAUTHORIZED, "SIGN_ERROR"))
        path = urlsplit(asked.target).path
        if (asked.method, path) == ("POST", _NATIVE):
            return _signed(account, self._open(asked.body, account))
        code = "ORDER_NOT_EXIST" if path.startswith("/v3/pay/transactions/out-trade-no/") else "RESOURCE_NOT_EXISTS"
        return _signed(account, _refusal(HTTPStatus.NOT_FOUND, code))

    def _open(self, body: bytes, account: dict[str, Any]) -> Answered:
        try:
            order = json.loads(body)
            total = order["amount"]["total"]
            whole = all(isinstance(order[name], str) and order[name] for name in _REQUIRED)
        except (ValueError, KeyError, TypeError):
            return _refusal(HTTPStatus.BAD_REQUEST, "PARAM_ERROR")
        if not whole or type(total) is not int or total < 1:
            return _refusal(HTTPStatus.BAD_REQUEST, "PARAM_ERROR")
        if (order["mchid"], order["appid"]) != (account["mchid"], account["appid"]):
            return _refusal(HTTPStatus.BAD_REQUEST, "APPID_MCHID_NOT_MATCH")
        with self._lock:
            if self._orders.setdefault(order["out_trade_no"], body) != body:
                return _refusal(HTTPStatus.FORBIDDEN, "OUT_TRADE_NO_USED")
        code = hashlib.sha256(order["out_trade_no"].encode()).hexdigest()[:10]
        return json_answer(HTTPStatus.OK, {"code_url": f"weixin://wxpay/bizpayurl?pr={code}"})


def _is_signed(asked: Asked, account: dict[str, Any]) -> bool:
    match = _AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
    if match is None:
        return False
    mchid, nonce, signature, timestamp, serial = match.groups()
    if (mchid, serial) != (account["mchid"], account["serial"]):
        return False
    key = load_pem_public_key(account["merchant_public_key"].encode())
    signed = f"{asked.method}\n{asked.target}\n{timestamp}\n{nonce}\n".encode() + asked.body + b"\n"
    try:
        raw = base64.b64decode(signature, validate=True)
        _rsa_public(key).verify(raw, signed, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _signed(account: dict[str, Any], said: Answered) -> Answered:
    return replace(said, headers=platform_headers(account, said.body))


def platform_headers(account: dict[str, Any], body: bytes) -> dict[str, str]:
    """Of an answer and of a notice alike."""
    key = load_pem_private_key(account["platform_private_key"].encode(), password=None)
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    signed = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    return {
        "Wechatpay-Serial": account["platform_serial"],
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": base64.b64encode(_rsa_private(key).sign(signed, PKCS1v15(), SHA256())).decode(),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }


def _refusal(status: HTTPStatus, code: str) -> Answered:
    return json_answer(status, {"code": code, "message": "local stand-in"})


def _rsa_public(key: object) -> RSAPublicKey:
    if not isinstance(key, RSAPublicKey):
        raise TypeError("the card's key is no RSA key")
    return key


def _rsa_private(key: object) -> RSAPrivateKey:
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the card's key is no RSA key")
    return key
