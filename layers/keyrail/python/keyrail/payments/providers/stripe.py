"""Stripe Checkout: a hosted page for each attempt, and signed events about it.

What binds an event to our account: a webhook secret belongs to one endpoint of one Stripe account, so a genuine event
that names no account is about that one. Only Connect names another (`event.account`), whose money is not ours; it is
passed on as said, for the binding to refuse. Test mode is another merchant too: an endpoint of a Connect platform gets
events of both modes, and a test payment moves no money. So `merchant` names the mode wherever it is not the key's.

Sources: docs.stripe.com/webhooks/signature, /api/checkout/sessions/create, /api/idempotent_requests, /api/errors,
/connect/webhooks.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

from keyrail.payments.model import (
    Confirmation,
    PaymentAttempt,
    PaymentRefused,
    ProviderUnavailable,
)
from keyrail.payments.providers import Acknowledgement, Callback, Opening, PaymentAction
from keyrail.payments.providers.http_client import READ_TIMEOUT_S, Reply, post_form
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import FieldError, Invalid, SignatureInvalid
from keyrail.platform.money import Money

PROVIDER = "stripe"
API_VERSION = "2025-03-31.basil"
PAYMENT_EVENTS = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
# Not `no_payment_required`: that session took no money, and what costs nothing is never sent to a provider.
# Of sessions that take no one-off payment; whatever else a mode may be called, its money is not passed over.
OTHER_MODES = frozenset({"setup", "subscription"})
PAID_STATUSES = frozenset({"paid"})
SIGNATURE_TOLERANCE_S = 300
MAX_SIGNATURE_HEADER_LENGTH = 2048
# A session lives from 30 minutes to 24 hours. An order lives shorter, so its session outlives it by this much.
SESSION_OUTLIVES_ORDER_S = 31 * 60
MAX_TITLE_LENGTH = 250
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
OK = 200
# Bad request, and well-formed but failed; other statuses are about our key, our haste or Stripe itself.
REFUSAL_STATUSES = frozenset({400, 402})
# Not `idempotency_error`, a 400 as well: the attempt was opened before, and the session it got can still be paid.
REFUSAL_TYPES = frozenset({"invalid_request_error", "card_error"})

_SECRET_KEY = re.compile(r"(?:sk|rk)_(live|test)_[A-Za-z0-9_]+")
_SIGNED_AT = re.compile(r"[1-9][0-9]{0,11}")


@dataclass(frozen=True)
class Stripe:
    """One Stripe account, in the mode (live or test) that its secret key is of.

    Raises ConfigError when a setting is missing, empty or padded, when the key is of no known form, and when
    `api_base` would send the key over a network in the clear.
    """

    account: str
    account_id: str
    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_base: str = "https://api.stripe.com"
    return_url: str | None = None
    read_timeout_s: int = READ_TIMEOUT_S

    acknowledgement = Acknowledgement("", "text/plain")

    def __post_init__(self) -> None:
        for name in ("account", "account_id", "secret_key", "webhook_secret", "api_base"):
            value: object = getattr(self, name)
            if not isinstance(value, str) or not value or value != value.strip():
                raise ConfigError(f"{PROVIDER}.{name}")
        if not _SECRET_KEY.fullmatch(self.secret_key):
            raise ConfigError(f"{PROVIDER}.secret_key")
        if not _is_web_address(self.api_base, http_hosts=LOOPBACK):
            raise ConfigError(f"{PROVIDER}.api_base")

    @property
    def merchant(self) -> str:
        return self.account_id

    def check(self, method: str | None, amount: Money, return_url: str | None) -> str:  # noqa: ARG002 - as elsewhere
        """Refuse what `open` would refuse, before anything is leased; gives back where the buyer goes afterwards.

        Stripe chooses the methods it offers from the account's settings, so naming one is refused. Raises Invalid.
        """
        if method is not None:
            raise Invalid(FieldError("payment.method", "not_offered"))
        page = return_url or self.return_url
        if not page:
            raise Invalid(FieldError("payment.return_url", "required"))
        return page

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        """A Checkout session for the attempt. Stripe gives the same answer again while it keeps the key, about a day.

        Raises Invalid as `check` does, PaymentRefused, ProviderUnavailable.
        """
        return_url = self.check(attempt.method, attempt.amount, opening.return_url)
        headers = {
            "authorization": f"Bearer {self.secret_key}",
            "idempotency-key": attempt.attempt_id,
            "stripe-version": API_VERSION,
        }
        address = f"{self.api_base.rstrip('/')}/v1/checkout/sessions"
        reply = post_form(address, _session_fields(attempt, opening, return_url), headers, self.read_timeout_s)
        return PaymentAction(type="redirect", url=self._page_of(reply, attempt))

    def _page_of(self, reply: Reply, attempt: PaymentAttempt) -> str:
        """Where the buyer pays.

        Raises PaymentRefused where Stripe says so, ProviderUnavailable for anything else but the session asked for.
        """
        try:
            session = _json_object(reply.body)
        except ValueError:
            raise ProviderUnavailable from None
        if reply.status in REFUSAL_STATUSES and _error_type(session) in REFUSAL_TYPES:
            raise PaymentRefused
        url = session.get("url")
        ours = reply.status == OK and session.get("client_reference_id") == attempt.attempt_id
        if not ours or not isinstance(url, str):
            raise ProviderUnavailable
        if not _is_web_address(url, http_hosts=LOOPBACK if self.api_base.startswith("http://") else frozenset()):
            raise ProviderUnavailable
        return url

    def confirm(self, callback: Callback, now_ms: int) -> Confirmation | None:
        """Verify an event and say what it claims; None for one that is about no one-off payment.

        Stripe signs each delivery anew, so an old time stamp is a replay; one from the future is refused as well.
        A session that somebody else started on our account (a payment link, say) names no attempt of ours, and a
        total that is no whole number of a currency we know is no amount: both reach the binding, which refuses them.
        Raises SignatureInvalid.
        """
        self._verify(callback.headers.get("stripe-signature", ""), callback.raw_body, now_ms)
        try:
            event = _json_object(callback.raw_body)
        except ValueError:
            raise SignatureInvalid from None
        if _text(event, "type") not in PAYMENT_EVENTS:
            return None
        session = _session_of(event)
        if session.get("mode") in OTHER_MODES:
            return None
        reference = _text(session, "payment_intent") or _text(session, "id")
        if not reference:
            raise SignatureInvalid
        status = _text(session, "payment_status")
        return Confirmation(
            provider=PROVIDER,
            account=self.account,
            merchant=self._merchant_said(event),
            attempt_id=_text(session, "client_reference_id"),
            reference=reference,
            amount=_amount(session),
            paid=status in PAID_STATUSES,
            status=status,
        )

    def _verify(self, header: str, raw_body: bytes, now_ms: int) -> None:
        signed_at, signatures = _parse_header(header)
        if abs(now_ms - int(signed_at) * 1000) > SIGNATURE_TOLERANCE_S * 1000:
            raise SignatureInvalid
        signed = signed_at.encode() + b"." + raw_body
        expected = hmac.new(self.webhook_secret.encode(), signed, hashlib.sha256).hexdigest()
        if not any([hmac.compare_digest(expected, signature) for signature in signatures]):  # noqa: C419 - compare all
            raise SignatureInvalid

    def _merchant_said(self, event: Mapping[str, Any]) -> str:
        account = _text(event, "account") or self.account_id
        live = event.get("livemode")
        if live is (self.secret_key.split("_")[1] == "live"):
            return account
        mode = "live" if live is True else "test" if live is False else "unknown"
        return f"{account} ({mode} mode)"


def _session_fields(attempt: PaymentAttempt, opening: Opening, return_url: str) -> dict[str, str]:
    """The form of a new session: a function of its arguments alone, clock included.

    Stripe refuses an idempotency key that comes back with other parameters, so the session's end is reckoned from
    the order's, never from now. Whoever pays in between is a late payment. Its amounts count minor units as ours do:
    JPY, KRW and VND have none there either. Adaptive pricing would let the buyer pay in a currency we did not ask for.
    """
    item = "line_items[0]"
    return {
        "mode": "payment",
        "client_reference_id": attempt.attempt_id,
        "metadata[attempt]": attempt.attempt_id,
        f"{item}[quantity]": "1",
        f"{item}[price_data][currency]": attempt.amount.currency.lower(),
        f"{item}[price_data][unit_amount]": str(attempt.amount.amount_minor),
        f"{item}[price_data][product_data][name]": opening.title[:MAX_TITLE_LENGTH],
        "success_url": return_url,
        "cancel_url": return_url,
        "expires_at": str(opening.expires_at_ms // 1000 + SESSION_OUTLIVES_ORDER_S),
        "adaptive_pricing[enabled]": "false",
    }


def _parse_header(header: str) -> tuple[str, list[str]]:
    """`t=1492774577,v1=5257a8…,v1=…,v0=…` → the time as it was signed, and each `v1`. Raises SignatureInvalid."""
    if len(header) > MAX_SIGNATURE_HEADER_LENGTH or not header.isascii():
        raise SignatureInvalid
    times: list[str] = []
    signatures: list[str] = []
    for element in header.split(","):
        name, equals, value = element.partition("=")
        if not equals:
            raise SignatureInvalid
        if name == "t":
            times.append(value)
        elif name == "v1":
            signatures.append(value)
    if len(times) != 1 or not _SIGNED_AT.fullmatch(times[0]) or not signatures:
        raise SignatureInvalid
    return times[0], signatures


def _json_object(raw: bytes) -> dict[str, Any]:
    """Raises ValueError for anything but a JSON object in UTF-8. A number with a fraction stays text: no amount."""
    try:
        parsed = json.loads(raw.decode(), parse_float=str, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for whatever cannot be read
    return parsed


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _session_of(event: Mapping[str, Any]) -> dict[str, Any]:
    content = event.get("data")
    session = content.get("object") if isinstance(content, dict) else None
    if not isinstance(session, dict):
        raise SignatureInvalid
    return session


def _error_type(answer: Mapping[str, Any]) -> str:
    """As Stripe names it; empty where it is somebody between us who answers."""
    error = answer.get("error")
    return _text(error, "type") if isinstance(error, dict) else ""


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _amount(session: Mapping[str, Any]) -> Money | None:
    total, currency = session.get("amount_total"), _text(session, "currency")
    if type(total) is not int or not currency.isascii():
        return None
    try:
        return Money(total, currency.upper())
    except ValueError:
        return None


def _is_web_address(url: str, http_hosts: frozenset[str]) -> bool:
    """https with a host, or http to one of `http_hosts`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in http_hosts))
