"""One Stripe account as the port sees it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date

from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Inquiry
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder
from keyrail.payments.model.statements import StatementLine
from keyrail.payments.providers import Acknowledgement, Callback, Means, Opening, PaymentAction
from keyrail.payments.providers.http_client import READ_TIMEOUT_S
from keyrail.payments.providers.settings import check_common
from keyrail.payments.providers.stripe.api import StripeApi
from keyrail.payments.providers.stripe.confirmations import PROVIDER, Ours
from keyrail.payments.providers.stripe.events import Said, read_event
from keyrail.payments.providers.stripe.opening import open_intent, open_session
from keyrail.payments.providers.stripe.signature import verify
from keyrail.platform.addresses import is_base
from keyrail.platform.clock import NowMs, system_now_ms
from keyrail.platform.config import ConfigError, is_setting
from keyrail.platform.errors import FieldError, Invalid, SignatureInvalid
from keyrail.platform.money import Money

PAYMENT_INTENT = "payment_intent"
MAX_WEBHOOK_SECRETS = 4

_SECRET_KEY = re.compile(r"(?:sk|rk)_(live|test)_[A-Za-z0-9_]+")
_PUBLISHABLE_KEY = re.compile(r"pk_(live|test)_[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Stripe:
    """One Stripe account, in the mode (live or test) that its secret key is of.

    `webhook_secret` is the endpoint's secret; while it is rolled, `webhook_secrets` lists the new and the old one
    instead, and an event may be signed with either. `publishable_key` is what Stripe's script on a page of ours wants.

    Raises ConfigError when a setting is missing, empty or padded, when the key is of no known form, and when
    `api_base` would send the key over a network in the clear.
    """

    account: str
    account_id: str
    secret_key: str = field(repr=False)
    webhook_secret: str | None = field(default=None, repr=False)
    webhook_secrets: tuple[str, ...] | list[str] = field(default=(), repr=False)
    publishable_key: str | None = None
    api_base: str = "https://api.stripe.com"
    return_url: str | None = None
    read_timeout_s: int = READ_TIMEOUT_S
    now_ms: NowMs = field(default=system_now_ms, repr=False)

    acknowledgement = Acknowledgement("", "text/plain")
    statement_zone = UTC

    def __post_init__(self) -> None:
        for name in ("account", "account_id", "secret_key"):
            if not is_setting(getattr(self, name)):
                raise ConfigError(f"{PROVIDER}.{name}")
        if not _SECRET_KEY.fullmatch(self.secret_key):
            raise ConfigError(f"{PROVIDER}.secret_key")
        self._check_publishable_key()
        if not is_base(self.api_base):
            raise ConfigError(f"{PROVIDER}.api_base")
        check_common(PROVIDER, self.return_url, self.read_timeout_s)
        self._check_webhook_secrets()

    def _check_publishable_key(self) -> None:
        """The browser gets it, so that nothing else may stand in its place; and it is of the secret key's mode."""
        key: object = self.publishable_key
        if key is None:
            return
        match = _PUBLISHABLE_KEY.fullmatch(key) if isinstance(key, str) else None
        if match is None or match[1] != self._mode:
            raise ConfigError(f"{PROVIDER}.publishable_key")

    def _check_webhook_secrets(self) -> None:
        listed: object = self.webhook_secrets
        if self.webhook_secret is not None or listed in ((), []):
            if not is_setting(self.webhook_secret):
                raise ConfigError(f"{PROVIDER}.webhook_secret")
            if listed not in ((), []):
                raise ConfigError(f"{PROVIDER}.webhook_secrets")
        elif (
            not isinstance(listed, (tuple, list))
            or len(listed) > MAX_WEBHOOK_SECRETS
            or not all(is_setting(secret) for secret in listed)
        ):
            raise ConfigError(f"{PROVIDER}.webhook_secrets")

    @property
    def merchant(self) -> str:
        return self.account_id

    @property
    def _api(self) -> StripeApi:
        return StripeApi(self.api_base.rstrip("/"), self.secret_key, self.read_timeout_s)

    @property
    def _ours(self) -> Ours:
        return Ours(self.account, self.account_id, live=self._mode == "live")

    @property
    def _mode(self) -> str:
        return self.secret_key.split("_")[1]

    def check(self, amount: Money, means: Means) -> str:  # noqa: ARG002 - as elsewhere
        """Refuse what `open` would refuse, before anything is leased; gives back where the buyer goes afterwards.

        A method is how the payment is taken, on Stripe's page (None) or on one of ours (`payment_intent`). What the
        buyer may pay with Stripe chooses from the account's settings, so naming that is refused. Raises Invalid.
        """
        if means.method not in (None, PAYMENT_INTENT):
            raise Invalid(FieldError("payment.method", "not_offered"))
        page = means.return_url or self.return_url
        if not page:
            raise Invalid(FieldError("payment.return_url", "required"))
        return page

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        """Stripe gives the same answer again while it keeps the key, about a day.

        Raises Invalid as `check` does, PaymentRefused, ProviderUnavailable.
        """
        return_url = self.check(attempt.amount, opening.means(attempt.method))
        if attempt.method == PAYMENT_INTENT:
            return replace(open_intent(self._api, attempt), publishable_key=self.publishable_key)
        return open_session(self._api, attempt, opening, return_url)

    def confirm(self, callback: Callback, now_ms: int) -> Said | None:
        """Verify an event and say what it claims; None for one that is about nothing of ours.

        Raises SignatureInvalid.
        """
        if callback.method != "POST":
            raise SignatureInvalid
        secrets = self.webhook_secrets if self.webhook_secret is None else (self.webhook_secret,)
        verify(callback.headers.get("stripe-signature", ""), callback.raw_body, secrets, now_ms)
        return read_event(callback.raw_body, self._ours)

    def query(self, attempt: PaymentAttempt) -> Inquiry:
        from keyrail.payments.providers.stripe.inquiries import inquire

        return inquire(self._api, self._ours, attempt)

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        from keyrail.payments.providers.stripe.refunds import refund

        return refund(self._api, wanted)

    def may_repeat(self, wanted: RefundOrder) -> bool:  # noqa: ARG002 - the port's
        return True

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        from keyrail.payments.providers.stripe.refunds import query_refund

        return query_refund(self._api, wanted)

    def statement(self, day: date) -> Iterator[StatementLine]:
        """Raises StatementMissing of a day that is not over in UTC, ProviderUnavailable."""
        from keyrail.payments.providers.stripe.statements import statement

        return statement(self._api, day, self.now_ms())
