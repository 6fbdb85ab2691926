"""易支付, protocol version 1: a redirect to the gateway's page, and a signed GET when the buyer has paid.

The signature is the lower-case hex MD5 of the non-empty parameters except `sign` and `sign_type`, sorted by name and
joined as `a=b&c=d` with their values not URL-encoded, followed directly by the merchant's key. MD5 is the protocol's
choice, not ours.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes, urlencode

from keyrail.payments.model import Confirmation, PaymentAttempt
from keyrail.payments.providers import Acknowledgement, Callback, Opening, PaymentAction
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import FieldError, Invalid, SignatureInvalid
from keyrail.platform.money import MINOR_DIGITS, Money, parse_decimal

PROVIDER = "epay"
PAID_STATUSES = frozenset({"TRADE_SUCCESS"})
METHODS = frozenset({"alipay", "wxpay", "qqpay"})
REQUIRED = ("pid", "trade_no", "out_trade_no", "money", "trade_status", "sign")
UNSIGNED = frozenset({"sign", "sign_type"})
SIGN_TYPE = "MD5"
# Gateways cut a longer name at the byte, through the middle of a character if need be.
MAX_NAME_BYTES = 127
MAX_QUERY_LENGTH = 4096
MAX_PARAMETERS = 32
MAX_VALUE_BYTES = 512

_NAME = re.compile(r"[A-Za-z0-9_]+")
_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)
_HOLDS_A_PARAMETER = re.compile(r"&[^&]*=")


@dataclass(frozen=True)
class Epay:
    """One merchant number at one gateway; `gateway_url` is the address below which `submit.php` lies.

    `return_url` is the page for buyers whose order names none.

    Raises ConfigError when a setting is empty, padded with white space or no text (a `pid` given as a number, say).
    """

    account: str
    pid: str
    key: str = field(repr=False)
    gateway_url: str
    currency: str = "CNY"
    return_url: str | None = None

    acknowledgement = Acknowledgement("success", "text/plain")

    def __post_init__(self) -> None:
        for name in ("account", "pid", "key", "gateway_url"):
            value: object = getattr(self, name)
            if not isinstance(value, str) or not value or value != value.strip():
                raise ConfigError(f"{PROVIDER}.{name}")
        if not self.gateway_url.startswith(("https://", "http://")):
            raise ConfigError(f"{PROVIDER}.gateway_url")
        if self.currency not in MINOR_DIGITS:
            raise ConfigError(f"{PROVIDER}.currency")

    @property
    def merchant(self) -> str:
        return self.pid

    def check(self, method: str | None, amount: Money, return_url: str | None) -> str:
        """Refuse what `open` would refuse, before anything is leased; gives back where the buyer goes afterwards.

        The protocol names no currency, so an amount in another one than the account's would be charged as if it were
        in the account's. Gateways refuse a submission without `return_url`, but only once the buyer stands before
        them. Raises Invalid.
        """
        if method is not None and method not in METHODS:
            raise Invalid(FieldError("payment.method", "not_offered"))
        if amount.currency != self.currency:
            raise Invalid(FieldError("payment.provider", "currency_not_offered"))
        page = return_url or self.return_url
        if not page:
            raise Invalid(FieldError("payment.return_url", "required"))
        return page

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        """The gateway's page, without a request of ours: the URL depends on the attempt and the opening alone.

        Without a method the gateway asks the buyer. Raises Invalid as `check` does.
        """
        return_url = self.check(attempt.method, attempt.amount, opening.return_url)
        parameters = {
            "pid": self.pid,
            "type": attempt.method or "",
            "out_trade_no": attempt.attempt_id,
            "notify_url": opening.notify_url,
            "return_url": return_url,
            "name": _shown_name(opening.title),
            "money": attempt.amount.decimal(),
        }
        parameters = {name: value for name, value in parameters.items() if value}
        query = urlencode({**parameters, "sign": self._sign(parameters), "sign_type": SIGN_TYPE})
        return PaymentAction(type="redirect", url=f"{self.gateway_url.rstrip('/')}/submit.php?{query}")

    def confirm(self, callback: Callback, now_ms: int) -> Confirmation:  # noqa: ARG002 - the port's, see below
        """Verify a callback and say what it claims.

        Version 1 signs no time stamp, so an old callback cannot be told from a new one. A replay is harmless: it
        binds to the same attempt and reference, and the effect is the same as once. Raises SignatureInvalid.
        """
        if callback.method != "GET":
            raise SignatureInvalid
        said = _parameters(callback.raw_query)
        if any(not said.get(name) for name in REQUIRED) or said.get("sign_type", SIGN_TYPE) != SIGN_TYPE:
            raise SignatureInvalid
        if not hmac.compare_digest(self._sign(said).encode(), said["sign"].encode()):
            raise SignatureInvalid
        return Confirmation(
            provider=PROVIDER,
            account=self.account,
            merchant=said["pid"],
            attempt_id=said["out_trade_no"],
            reference=said["trade_no"],
            amount=self._amount(said["money"]),
            paid=said["trade_status"] in PAID_STATUSES,
            status=said["trade_status"],
        )

    def _sign(self, parameters: Mapping[str, str]) -> str:
        signed = "&".join(f"{n}={v}" for n, v in sorted(parameters.items()) if v and n not in UNSIGNED)
        return hashlib.md5((signed + self.key).encode(), usedforsecurity=False).hexdigest()

    def _amount(self, money: str) -> Money | None:
        try:
            return parse_decimal(money, self.currency)
        except ValueError:
            return None


def _shown_name(title: str) -> str:
    """`title` as a gateway gives it back unchanged: within its limit, and without the sign that joins parameters."""
    return title.replace("&", "＆").encode()[:MAX_NAME_BYTES].decode(errors="ignore")


def _parameters(raw_query: str) -> dict[str, str]:
    """The parameters of a callback; anything that two readers could read in two ways is refused.

    Values are signed without being encoded, so a value that holds `&name=` could be read as two parameters under the
    same signature. Raises SignatureInvalid.
    """
    pairs = raw_query.split("&")
    if len(raw_query) > MAX_QUERY_LENGTH or len(pairs) > MAX_PARAMETERS:
        raise SignatureInvalid
    parameters: dict[str, str] = {}
    for pair in pairs:
        name, equals, encoded = pair.partition("=")
        if not equals or name in parameters or not _NAME.fullmatch(name):
            raise SignatureInvalid
        parameters[name] = _decoded(encoded)
    return parameters


def _decoded(encoded: str) -> str:
    if not _ENCODED.fullmatch(encoded):
        raise SignatureInvalid
    try:
        raw = unquote_to_bytes(encoded.replace("+", " "))
        text = raw.decode()
    except UnicodeError:
        raise SignatureInvalid from None
    if len(raw) > MAX_VALUE_BYTES or _HOLDS_A_PARAMETER.search(text):
        raise SignatureInvalid
    return text
