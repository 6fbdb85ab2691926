"""Our accounts at payment providers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from keyrail.payments.model.attempts import PaymentAttempt, UnknownProvider
from keyrail.payments.providers import Callback, Opening, PaymentAction, PaymentProvider
from keyrail.platform.config import ConfigError
from keyrail.platform.documents import adapter
from keyrail.platform.errors import NotFound

__all__ = [
    "Callback",
    "Opening",
    "PaymentAccounts",
    "PaymentAction",
    "PaymentProvider",
    "UnknownAccount",
    "payment_accounts",
]


def _alipay(**settings: Any) -> PaymentProvider:
    from keyrail.payments.providers.alipay.account import Alipay

    return Alipay(**settings)


def _epay(**settings: Any) -> PaymentProvider:
    from keyrail.payments.providers.epay import Epay

    return Epay(**settings)


def _stripe(**settings: Any) -> PaymentProvider:
    from keyrail.payments.providers.stripe import Stripe

    return Stripe(**settings)


def _wechatpay(**settings: Any) -> PaymentProvider:
    from keyrail.payments.providers.wechatpay import WechatPay

    return WechatPay(**settings)


# Each adapter is imported where an account needs it, so that a start pays for those that a merchant has.
PROVIDERS: dict[str, Callable[..., PaymentProvider]] = {
    "alipay": _alipay,
    "epay": _epay,
    "stripe": _stripe,
    "wechatpay": _wechatpay,
}


_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Of what its callbacks' addresses and the books' accounts are made."""


class UnknownAccount(NotFound):
    """A callback's address names no account of ours."""

    code = "unknown_payment_account"


@dataclass(frozen=True)
class PaymentAccounts:
    """Our accounts at the providers, by provider and name; an account without `stores` serves every store."""

    accounts: Mapping[tuple[str, str], PaymentProvider]
    stores: Mapping[tuple[str, str], tuple[str, ...]]

    def account_for(self, provider: str, store_id: str) -> str:
        """The name of the store's account at the provider. Raises UnknownProvider."""
        for (of_provider, account), stores in self.stores.items():
            if of_provider == provider and (not stores or store_id in stores):
                return account
        raise UnknownProvider

    def at(self, provider: str, account: str) -> PaymentProvider:
        """Raises UnknownAccount."""
        try:
            return self.accounts[provider, account]
        except KeyError:
            raise UnknownAccount from None

    def of(self, attempt: PaymentAttempt) -> PaymentProvider:
        """Where the attempt was started. Raises UnknownAccount."""
        return self.at(attempt.provider, attempt.account)


def payment_accounts(secret: str) -> PaymentAccounts:
    """From the secret's JSON: `{"<provider>": {"<account>": {<what its adapter needs>, "stores": […]}}}`.

    Raises ConfigError, which never quotes the secret.
    """
    accounts: dict[tuple[str, str], PaymentProvider] = {}
    stores: dict[tuple[str, str], tuple[str, ...]] = {}
    try:
        document: dict[str, dict[str, dict[str, Any]]] = adapter(dict[str, dict[str, dict[str, Any]]]).validate_json(
            secret
        )
        for provider, named in document.items():
            for account, settings in named.items():
                if not _ACCOUNT.fullmatch(account):
                    raise ConfigError("PAYMENT_ACCOUNTS")
                stores[provider, account] = _stores(settings.pop("stores", []))
                accounts[provider, account] = PROVIDERS[provider](account=account, **settings)
    except (ValidationError, KeyError, TypeError, ValueError):
        raise ConfigError("PAYMENT_ACCOUNTS") from None
    if not accounts:
        raise ConfigError("PAYMENT_ACCOUNTS")
    return PaymentAccounts(accounts, stores)


def _stores(named: object) -> tuple[str, ...]:
    """Raises ValueError for anything but a list of names: a single name would come apart into its letters."""
    if not isinstance(named, list) or not all(isinstance(store, str) and store for store in named):
        raise ValueError("stores")
    return tuple(named)
