"""A provider without money, for stages that are not production: a page where a person decides how the payment ends.

`open` sends the buyer to the page with what it has to know, signed; the page's function calls back as a real provider
does. Both are signed by HMAC-SHA256 in hex, under names of their own, so that neither can stand in for the other:

- the link: over `page.` and the query as it is sent, before `&sign=`;
- the callback: header `sandbox-signature: t=<epoch s>,v1=<signature>`, over `callback.<t>.` and the raw body, which is
  the JSON object `{"merchant", "attempt_id", "reference", "amount_minor", "currency", "status"}` and nothing more.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.model.statements import StatementLine, StatementMissing
from keyrail.payments.providers import Acknowledgement, Callback, Means, Opening, PaymentAction
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import FieldError, Invalid, SignatureInvalid
from keyrail.platform.money import Money

PROVIDER = "sandbox"
PAID_STATUSES = frozenset({"paid"})
# Where money is only pretended. A stage that is not here is production.
STAGES = frozenset({"local", "dev"})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
TEXTS = ("merchant", "attempt_id", "reference", "currency", "status")
TOLERANCE_S = 300
MIN_SECRET_LENGTH = 32
MAX_SECRETS = 4
MAX_BODY_BYTES = 4096
MAX_TITLE_LENGTH = 250

_SIGNATURE = re.compile(r"t=([1-9][0-9]{0,11}),v1=([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """`page_url` is where buyers decide. The first of `secrets` signs, each verifies.

    `stage` is the deployment's own name, never a setting of an account's. Raises ConfigError in production, and when a
    setting is missing, empty, padded or unusable.
    """

    account: str
    merchant: str
    page_url: str
    secrets: list[str] = field(repr=False)
    stage: str
    return_url: str | None = None

    acknowledgement = Acknowledgement("success", "text/plain")

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ConfigError(f"{PROVIDER}.stage")
        for name in ("account", "merchant", "page_url"):
            value: object = getattr(self, name)
            if not isinstance(value, str) or not value or value != value.strip():
                raise ConfigError(f"{PROVIDER}.{name}")
        if not _is_page(self.page_url):
            raise ConfigError(f"{PROVIDER}.page_url")
        if not _are_secrets(self.secrets):
            raise ConfigError(f"{PROVIDER}.secrets")

    def check(self, amount: Money, means: Means) -> str:  # noqa: ARG002 - any amount will do
        """Refuse what `open` would refuse, before anything is leased; gives back where the buyer goes afterwards.

        Raises Invalid.
        """
        if means.method is not None:
            raise Invalid(FieldError("payment.method", "not_offered"))
        page = means.return_url or self.return_url
        if not page:
            raise Invalid(FieldError("payment.return_url", "required"))
        return page

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        """The page, without a request of ours: its address depends on the attempt and the opening alone.

        Raises Invalid as `check` does.
        """
        return_url = self.check(attempt.amount, opening.means(attempt.method))
        query = urlencode(
            {
                "merchant": self.merchant,
                "attempt_id": attempt.attempt_id,
                "amount_minor": attempt.amount.amount_minor,
                "currency": attempt.amount.currency,
                "title": opening.title[:MAX_TITLE_LENGTH],
                "notify_url": opening.notify_url,
                "return_url": return_url,
                "expires_at_ms": opening.expires_at_ms,
            }
        )
        sign = _signature(self.secrets[0], b"page." + query.encode())
        return PaymentAction(type="redirect", url=f"{self.page_url}?{query}&sign={sign}")

    def confirm(self, callback: Callback, now_ms: int) -> Confirmation:
        """Verify a callback and say what it claims. Raises SignatureInvalid."""
        if callback.method != "POST" or callback.raw_query or len(callback.raw_body) > MAX_BODY_BYTES:
            raise SignatureInvalid
        self._verify(callback.headers.get("sandbox-signature", ""), callback.raw_body, now_ms)
        said = _members(callback.raw_body)
        return Confirmation(
            provider=PROVIDER,
            account=self.account,
            merchant=said["merchant"],
            attempt_id=said["attempt_id"],
            reference=said["reference"],
            amount=_amount(said["amount_minor"], said["currency"]),
            paid=said["status"] in PAID_STATUSES,
            status=said["status"],
        )

    def _verify(self, header: str, raw_body: bytes, now_ms: int) -> None:
        match = _SIGNATURE.fullmatch(header)
        if match is None or abs(now_ms - int(match[1]) * 1000) > TOLERANCE_S * 1000:
            raise SignatureInvalid
        signed = f"callback.{match[1]}.".encode() + raw_body
        if not any([hmac.compare_digest(_signature(secret, signed), match[2]) for secret in self.secrets]):  # noqa: C419 - compare all
            raise SignatureInvalid

    def query(self, attempt: PaymentAttempt) -> Inquiry:  # noqa: ARG002 - whatever the attempt
        """The page keeps no books, so all that is known of a payment is what it called back with."""
        return Inquiry(state=InquiryState.UNKNOWN)

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        """There is no money to give back, and nothing that could go wrong with it."""
        return RefundAnswer(
            refund_id=wanted.refund_id,
            state=RefundState.SUCCEEDED,
            status="refunded",
            reference=f"sandbox_{wanted.refund_id}",
            amount=wanted.amount,
        )

    def may_repeat(self, wanted: RefundOrder) -> bool:  # noqa: ARG002 - the port's
        return True

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        return self.refund(wanted)

    def statement(self, day: date) -> Iterator[StatementLine]:  # noqa: ARG002 - there is one of no day
        """The page keeps no books. Raises StatementMissing."""
        raise StatementMissing


def _signature(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _members(raw_body: bytes) -> dict[str, Any]:
    """Raises SignatureInvalid for anything but an object of exactly the members that a callback has."""
    try:
        said = json.loads(raw_body.decode(), parse_constant=_refuse, object_pairs_hook=_no_name_twice)
    except (ValueError, RecursionError):
        raise SignatureInvalid from None
    if not isinstance(said, dict) or said.keys() != {*TEXTS, "amount_minor"}:
        raise SignatureInvalid
    if not all(_is_text(said[name]) for name in TEXTS):
        raise SignatureInvalid
    return said


def _is_text(value: object) -> bool:
    """JSON can spell half a character, which nothing behind us could store."""
    return isinstance(value, str) and bool(value) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name twice")
    return members


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _amount(amount_minor: object, currency: str) -> Money | None:
    if type(amount_minor) is not int:
        return None
    try:
        return Money(amount_minor, currency)
    except ValueError:
        return None


def _is_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)


def _are_secrets(secrets: object) -> bool:
    if not isinstance(secrets, list) or not 0 < len(secrets) <= MAX_SECRETS:
        return False
    return all(
        isinstance(secret, str) and secret == secret.strip() and len(secret) >= MIN_SECRET_LENGTH for secret in secrets
    )
