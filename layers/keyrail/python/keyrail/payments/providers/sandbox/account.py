"""One account at the sandbox.

A callback is signed as `signing.py` says; its body is the JSON object `{"merchant", "attempt_id", "reference",
"amount_minor", "currency", "status"}` and nothing more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Confirmation, Inquiry
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder
from keyrail.payments.model.statements import StatementLine
from keyrail.payments.providers import Acknowledgement, Callback, Means, Opening, PaymentAction
from keyrail.payments.providers.sandbox.signing import (
    CALLBACK,
    HEADER,
    amount_of,
    is_text,
    json_object,
    signed_link,
)
from keyrail.platform.addresses import is_base
from keyrail.platform.clock import NowMs, system_now_ms
from keyrail.platform.config import ConfigError, is_setting
from keyrail.platform.errors import FieldError, Invalid, SignatureInvalid
from keyrail.platform.money import Money
from keyrail.platform.signed_messages import verify

if TYPE_CHECKING:
    from keyrail.payments.providers.sandbox.books import Books

PROVIDER = "sandbox"
PAID_STATUSES = frozenset({"paid"})
# Where money is only pretended. A stage that is not here is production.
STAGES = frozenset({"local", "dev"})
TEXTS = ("merchant", "attempt_id", "reference", "currency", "status")
MIN_SECRET_LENGTH = 32
MAX_SECRETS = 16
MAX_BODY_BYTES = 4096
MAX_TITLE_LENGTH = 250
MAX_LATE_S = 24 * 60 * 60

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_NOT_IN_AN_ADDRESS = frozenset(' "<>\\^`{|}')


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """`base_url` is where the sandbox is: below it the page and the books. The first of `secrets` signs, each verifies.

    `late_after_s` is how long after the press a late payment comes; without it, it comes once the order has expired.
    `stage` is the deployment's own name, never a setting of an account's. Raises ConfigError in production, and when a
    setting is missing, empty, padded or unusable.
    """

    account: str
    merchant: str
    base_url: str
    secrets: list[str] = field(repr=False)
    stage: str
    return_url: str | None = None
    late_after_s: int | None = None
    now_ms: NowMs = field(default=system_now_ms, repr=False)

    acknowledgement = Acknowledgement("success", "text/plain")
    statement_zone = UTC

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ConfigError(f"{PROVIDER}.stage")
        for name in ("account", "merchant"):
            if not is_setting(getattr(self, name)):
                raise ConfigError(f"{PROVIDER}.{name}")
        if not is_base(self.base_url) or not is_page(self.base_url) or self.base_url.endswith("/"):
            raise ConfigError(f"{PROVIDER}.base_url")
        if not _are_secrets(self.secrets):
            raise ConfigError(f"{PROVIDER}.secrets")
        if self.return_url is not None and not is_page(self.return_url):
            raise ConfigError(f"{PROVIDER}.return_url")
        if self.late_after_s is not None and not _is_within(self.late_after_s, MAX_LATE_S):
            raise ConfigError(f"{PROVIDER}.late_after_s")

    def check(self, amount: Money, means: Means) -> str:  # noqa: ARG002 - any amount will do
        """Refuse what `open` would refuse, before anything is leased; gives back where the buyer goes afterwards.

        Raises Invalid.
        """
        if means.method is not None:
            raise Invalid(FieldError("payment.method", "not_offered"))
        page = means.return_url or self.return_url
        if not page:
            raise Invalid(FieldError("payment.return_url", "required"))
        if not is_page(page):
            raise Invalid(FieldError("payment.return_url", "no_address_of_a_page"))
        return page

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        """The page, without a request of ours: its address depends on the attempt and the opening alone.

        Raises Invalid as `check` does.
        """
        return_url = self.check(attempt.amount, opening.means(attempt.method))
        query = signed_link(
            self.secrets[0],
            {
                "merchant": self.merchant,
                "attempt_id": attempt.attempt_id,
                "amount_minor": attempt.amount.amount_minor,
                "currency": attempt.amount.currency,
                "title": opening.title[:MAX_TITLE_LENGTH],
                "notify_url": opening.notify_url,
                "return_url": return_url,
                "expires_at_ms": opening.expires_at_ms,
            },
        )
        return PaymentAction(type="redirect", url=f"{self.base_url}/pay?{query}")

    def confirm(self, callback: Callback, now_ms: int) -> Confirmation:
        """Verify a callback and say what it claims. Raises SignatureInvalid."""
        if callback.method != "POST" or callback.raw_query or len(callback.raw_body) > MAX_BODY_BYTES:
            raise SignatureInvalid
        verify(callback.headers.get(HEADER, ""), self.secrets, CALLBACK, callback.raw_body, now_ms)
        said = json_object(callback.raw_body)
        if said.keys() != {*TEXTS, "amount_minor"} or not all(is_text(said[name]) for name in TEXTS):
            raise SignatureInvalid
        return Confirmation(
            provider=PROVIDER,
            account=self.account,
            merchant=said["merchant"],
            attempt_id=said["attempt_id"],
            reference=said["reference"],
            amount=amount_of(said),
            paid=said["status"] in PAID_STATUSES,
            status=said["status"],
        )

    def query(self, attempt: PaymentAttempt) -> Inquiry:
        """Raises ProviderUnavailable."""
        return self._books().query(attempt, PAID_STATUSES)

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        return self._books().refund(wanted)

    def may_repeat(self, wanted: RefundOrder) -> bool:  # noqa: ARG002 - the port's
        return True

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Raises ProviderUnavailable."""
        return self._books().query_refund(wanted)

    def statement(self, day: date) -> Iterator[StatementLine]:
        """A day in UTC, today as far as it has come. Raises StatementMissing, ProviderUnavailable."""
        return self._books().statement(day)

    def _books(self) -> "Books":
        from keyrail.payments.providers.sandbox.books import Books

        return Books(
            url=f"{self.base_url}/books",
            account=self.account,
            merchant=self.merchant,
            secrets=self.secrets,
            now_ms=self.now_ms,
        )


def is_page(url: object) -> bool:
    """Whether a browser may be sent there: http or https with a host, and nobody's name or password in it."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not set(url) & _NOT_IN_AN_ADDRESS
    return plain and parts.scheme in {"http", "https"} and _HOST.fullmatch(parts.netloc) is not None


def _are_secrets(secrets: object) -> bool:
    if not isinstance(secrets, list) or not 0 < len(secrets) <= MAX_SECRETS:
        return False
    return all(is_setting(secret) and len(secret) >= MIN_SECRET_LENGTH for secret in secrets)


def _is_within(seconds: object, most: int) -> bool:
    return type(seconds) is int and 1 <= seconds <= most
