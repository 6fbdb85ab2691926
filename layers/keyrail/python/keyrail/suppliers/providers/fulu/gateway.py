"""One signed request to the open platform and what it answers.

What is signed are the characters of a text, sorted, with the secret behind them: of a request and of a callback the
JSON object without `sign`, of an answer the text in `result`.
"""

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any

from keyrail.platform.clock import NowMs
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.http_client import MAX_REPLY_BYTES
from keyrail.platform.json_objects import Document, decoder, text
from keyrail.suppliers.model.outcomes import DefiniteFailure, Unknown
from keyrail.suppliers.providers import Callback, exchange
from keyrail.suppliers.providers.writing import Style, filled, members

MAX_CALLBACK_BYTES = 32 * 1024

_AS_PHP = Style()
_LAST_WHOLE = "\uffff"
_CHINA = timedelta(hours=8)
_HEADERS = {"content-type": "application/json; charset=utf-8", "accept": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Signing:
    """MD5 in hex; the empty members of a request and of a callback are signed too, unless it `drops_empty`."""

    upper: bool = False
    drops_empty: bool = False

    def sign(self, signed: str, secret: str) -> str:
        return self._digest("".join(sorted(signed)), secret)

    def is_of(self, sign: str, signed: str, secret: str) -> bool:
        try:
            return any(
                hmac.compare_digest(self._digest(each, secret).encode(), sign.encode()) for each in _orders(signed)
            )
        except UnicodeEncodeError:  # JSON can spell half a character
            return False

    def write(self, members: Mapping[str, Any]) -> str:
        """What is signed of them."""
        return _AS_PHP.write(filled(members) if self.drops_empty else members)

    def _digest(self, in_order: str, secret: str) -> str:
        keyed = in_order + secret
        digest = md5(keyed.encode(), usedforsecurity=False).hexdigest()  # theirs; there is no other to agree on
        return digest.upper() if self.upper else digest


@dataclass(frozen=True)
class Answer:
    """`accepted`: its code is one of those by which they have done what they were asked; `result` is what was found
    then, and None in any other.
    """

    code: str
    message: str = field(repr=False)
    result: Any = field(default=None, repr=False)
    accepted: bool = field(default=True, kw_only=True)

    @property
    def found(self) -> Document:
        """Empty for anything but an object."""
        return self.result if isinstance(self.result, dict) else {}


@dataclass(frozen=True)
class Gateway:
    url: str
    app_key: str = field(repr=False)
    secret: str = field(repr=False)
    signing: Signing
    accepted: frozenset[str]
    read_timeout_s: int
    signed_answers: bool
    now_ms: NowMs = field(repr=False)

    def order(self, method: str, content: Mapping[str, object]) -> Answer | DefiniteFailure | Unknown:
        """Send what has an effect, once."""
        body = self._body(method, content)
        heard = exchange.order("POST", self.url, body=body, headers=_HEADERS, read_timeout_s=self.read_timeout_s)
        return self._answer(heard) if isinstance(heard, dict) else heard

    def ask(
        self,
        method: str,
        content: Mapping[str, object],
        read_timeout_s: int | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> Answer | Unknown:
        heard = exchange.ask(
            "POST",
            self.url,
            body=self._body(method, content),
            headers=_HEADERS,
            read_timeout_s=read_timeout_s or self.read_timeout_s,
            max_reply_bytes=max_reply_bytes,
        )
        return self._answer(heard) if isinstance(heard, dict) else heard

    def verified(self, callback: Callback) -> Document:
        """Raises SignatureInvalid."""
        if callback.method != "POST" or len(callback.raw_body) > MAX_CALLBACK_BYTES:
            raise SignatureInvalid
        try:
            given = members(callback.raw_body)
        except ValueError:
            raise SignatureInvalid from None
        sign = text(given, "sign")
        signed = self.signing.write({name: given[name] for name in given if name != "sign"})
        if not self.signing.is_of(sign, signed, self.secret):
            raise SignatureInvalid
        return given

    def _body(self, method: str, content: Mapping[str, object]) -> bytes:
        """`biz_content` is ASCII: where all characters are, no two languages sort them differently."""
        at = datetime.fromtimestamp(self.now_ms() // 1000, UTC) + _CHINA
        said = {
            "app_key": self.app_key,
            "method": method,
            "timestamp": f"{at:%Y-%m-%d %H:%M:%S}",
            "version": "2.0",
            "format": "json",
            "charset": "utf-8",
            "sign_type": "md5",
            "app_auth_token": "",
            "biz_content": json.dumps(content, separators=(",", ":")),
        }
        sign = self.signing.sign(self.signing.write(said), self.secret)
        return _AS_PHP.write({**said, "sign": sign}).encode()

    def _answer(self, heard: Document) -> Answer | Unknown:
        """Whoever refuses may leave the signature out; one that is there is right, and what was done has one."""
        code, result, sign = text(heard, "code"), text(heard, "result"), text(heard, "sign")
        accepted = code in self.accepted
        must = accepted or heard.get("sign") not in (None, "")
        if self.signed_answers and must and not self.signing.is_of(sign, result, self.secret):
            return Unknown(said="bad_signature")
        if not accepted:
            return Answer(code, text(heard, "message"), accepted=False)
        try:
            return Answer(code, text(heard, "message"), decoder(parse_int=str, parse_float=str).decode(result))
        except (ValueError, RecursionError):
            return Unknown(said="not_json")


def _orders(signed: str) -> Iterator[str]:
    """The characters of a text in each order that whoever signs may have them in; nobody says in which language it is.

    Some know no character beyond U+FFFF and sort its two halves, which come before U+E000; a half that is left alone
    they write as U+FFFD. Only texts with such a character, as a name with a picture in it, have two orders.
    """
    yield "".join(sorted(signed))
    if signed and max(signed) > _LAST_WHOLE:
        raw = signed.encode("utf-16-be")
        halves = sorted(raw[at : at + 2] for at in range(0, len(raw), 2))
        yield b"".join(halves).decode("utf-16-be", "replace")
