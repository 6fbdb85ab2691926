"""One signed form to a house and what it answers; nothing that it answers is signed, so only TLS says who speaks.

What is signed are all the parameters but `sign`, sorted by name and joined as `a=b&c=d`, their values not URL-encoded,
with the key behind them: MD5 in upper-case hex. What houses do otherwise is `Signing`.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any
from urllib.parse import urlencode

from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.forms import FormLimits, read_form
from keyrail.platform.http_client import MAX_REPLY_BYTES
from keyrail.platform.json_objects import Document, child, text
from keyrail.suppliers.model.outcomes import DefiniteFailure, Unknown
from keyrail.suppliers.providers import Callback, exchange
from keyrail.suppliers.providers.writing import filled

KEY_JOINTS = ("&apikey=", "&key=")
LIMITS = FormLimits(length=32 * 1024, parameters=64, value_bytes=8 * 1024)

_HEADERS = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Signing:
    """`key_joint` stands between the parameters and the key; those that are empty are signed too, unless it
    `drops_empty`.
    """

    key_joint: str = KEY_JOINTS[0]
    upper: bool = True
    drops_empty: bool = False

    def sign(self, parameters: Mapping[str, str], key: str) -> str:
        signed = filled(parameters) if self.drops_empty else parameters
        keyed = "&".join(f"{name}={value}" for name, value in sorted(signed.items())) + self.key_joint + key
        digest = md5(keyed.encode(), usedforsecurity=False).hexdigest()  # theirs; there is no other to agree on
        return digest.upper() if self.upper else digest


@dataclass(frozen=True)
class Answer:
    """`accepted`: its code is one of those by which the house has done what it was asked."""

    code: str
    message: str = field(repr=False)
    said: Document = field(repr=False)
    accepted: bool

    @property
    def found(self) -> Document:
        """Empty for anything but one object."""
        return child(self.said, "data")


@dataclass(frozen=True)
class Gateway:
    base_url: str
    userid: str
    key: str = field(repr=False)
    signing: Signing
    accepted: frozenset[str]
    read_timeout_s: int

    def order(self, path: str, parameters: Mapping[str, str]) -> Answer | DefiniteFailure | Unknown:
        """Send what has an effect, once."""
        body = self._body(parameters)
        heard = exchange.order(
            "POST", self._address(path), body=body, headers=_HEADERS, read_timeout_s=self.read_timeout_s
        )
        return self._answer(heard) if isinstance(heard, dict) else heard

    def ask(
        self,
        path: str,
        parameters: Mapping[str, str],
        read_timeout_s: int | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> Answer | Unknown:
        heard = exchange.ask(
            "POST",
            self._address(path),
            body=self._body(parameters),
            headers=_HEADERS,
            read_timeout_s=read_timeout_s or self.read_timeout_s,
            max_reply_bytes=max_reply_bytes,
        )
        return self._answer(heard) if isinstance(heard, dict) else heard

    def verified(self, callback: Callback) -> dict[str, str]:
        """Raises SignatureInvalid, also for another merchant's."""
        if callback.method != "POST" or len(callback.raw_body) > LIMITS.length or not callback.raw_body.isascii():
            raise SignatureInvalid
        given = read_form(callback.raw_body.decode("ascii"), LIMITS)
        sign = given.pop("sign", "")
        expected = self.signing.sign(given, self.key)
        if not hmac.compare_digest(expected.encode(), sign.encode()) or given.get("userid") != self.userid:
            raise SignatureInvalid
        return given

    def _body(self, parameters: Mapping[str, str]) -> bytes:
        ours = {**parameters, "userid": self.userid}
        return urlencode({**ours, "sign": self.signing.sign(ours, self.key)}).encode()

    def _address(self, path: str) -> str:
        return self.base_url.rstrip("/") + path

    def _answer(self, heard: dict[str, Any]) -> Answer:
        code = text(heard, "errno")
        return Answer(code, text(heard, "errmsg"), heard, code in self.accepted)
