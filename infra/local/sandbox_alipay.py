"""Alipay's place in the local cloud's outside world: it opens QR-code payments, and knows of none that was paid.

What it says is signed as Alipay signs, with a key that the card holds, so that a client can sign with it too.

Source: opendocs.alipay.com/common/02kf5q (signatures), /open/02ekfg (alipay.trade.precreate), /open/028woa (query).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from infra.local.sandbox_exchange import Answered, Asked

PATH = "/gateway.do"
_PRECREATE = "alipay.trade.precreate"
_SUCCESS = {"code": "10000", "msg": "Success"}
_OTHER_CONTENTS = "ACQ.CONTEXT_INCONSISTENT"


class Alipay:
    """Which contents each trade came with. The code follows from the number, so a restart changes none."""

    def __init__(self) -> None:
        self._trades: dict[str, str] = {}
        self._lock = Lock()

    def answer(self, asked: Asked, account: dict[str, Any]) -> Answered:
        """`account` is the card's."""
        said = dict(parse_qsl(urlsplit(asked.target).query) + parse_qsl(asked.body.decode(errors="replace")))
        if asked.method != "POST" or said.get("app_id") != account["app_id"] or not _is_signed(said, account):
            refusal = {"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.invalid-signature"}
            return _signed(account, "error_response", refusal)
        method = said.get("method", "")
        name = f"{method.replace('.', '_')}_response"
        if method != _PRECREATE:
            return _signed(account, name, _refusal("ACQ.TRADE_NOT_EXIST"))
        return _signed(account, name, self._open(said))

    def _open(self, said: Mapping[str, str]) -> dict[str, str]:
        try:
            trade = json.loads(said["biz_content"])
            number, total = trade["out_trade_no"], trade["total_amount"]
        except (ValueError, KeyError, TypeError):
            return _refusal("ACQ.INVALID_PARAMETER")
        if not number or not total or not trade.get("subject") or not said.get("notify_url"):
            return _refusal("ACQ.INVALID_PARAMETER")
        with self._lock:
            if self._trades.setdefault(number, said["biz_content"]) != said["biz_content"]:
                return _refusal(_OTHER_CONTENTS)
        code = hashlib.sha256(number.encode()).hexdigest()[:24]
        return {**_SUCCESS, "out_trade_no": number, "qr_code": f"https://qr.alipay.com/{code}"}


def sign(account: dict[str, Any], text: str) -> str:
    """As Alipay signs an answer's JSON, or a notification's parameters, joined."""
    key = load_pem_private_key(account["alipay_private_key"].encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the card's key is no RSA key")
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def joined(parameters: Mapping[str, str], *left_out: str) -> str:
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if name not in left_out)


def _is_signed(said: Mapping[str, str], account: dict[str, Any]) -> bool:
    key = load_pem_public_key(account["app_public_key"].encode())
    if not isinstance(key, RSAPublicKey):
        raise TypeError("the card's key is no RSA key")
    try:
        raw = base64.b64decode(said.get("sign", ""), validate=True)
        key.verify(raw, joined(said, "sign").encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _refusal(sub_code: str) -> dict[str, str]:
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "local stand-in"}


def _signed(account: dict[str, Any], name: str, response: Mapping[str, str]) -> Answered:
    text = json.dumps(response, separators=(",", ":"))
    return Answered(HTTPStatus.OK, f'{{"{name}":{text},"sign":"{sign(account, text)}"}}'.encode())
