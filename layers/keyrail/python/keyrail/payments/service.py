"""Accounts at providers, and the desk for payments that fit nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from keyrail.payments.model import (
    Confirmation,
    DeskStatus,
    Mismatch,
    UnknownProvider,
    UnmatchedPayment,
    order_id_of,
    payment_id,
)
from keyrail.payments.providers import (
    Acknowledgement,
    Callback,
    Opening,
    PaymentAction,
    PaymentProvider,
)
from keyrail.payments.providers.epay import Epay
from keyrail.payments.providers.stripe import Stripe
from keyrail.payments.store import PaymentStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.config import ConfigError
from keyrail.platform.documents import adapter
from keyrail.platform.errors import NotFound

__all__ = ["Acknowledgement", "Callback", "Desk", "Opening", "PaymentAccounts", "PaymentAction", "UnknownAccount"]

PROVIDERS: dict[str, Callable[..., PaymentProvider]] = {"epay": Epay, "stripe": Stripe}


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


@dataclass(frozen=True)
class Desk:
    """Where payments wait that bind to no attempt: seen by an operator, never dropped (promise I5)."""

    store: PaymentStore
    now_ms: NowMs

    def put(self, said: Confirmation, reason: Mismatch, origin: Origin) -> bool:
        """Record it once; False if this very statement was recorded before. Raises StoreUnavailable."""
        now_ms = self.now_ms()
        return self.store.add(
            UnmatchedPayment(
                payment_id=payment_id(said),
                provider=said.provider,
                account=said.account,
                merchant=said.merchant,
                attempt_id=said.attempt_id,
                order_id=order_id_of(said.attempt_id),
                reference=said.reference,
                amount=said.amount,
                provider_status=said.status,
                reason=reason,
                received_at_ms=now_ms,
                **stamp(origin, now_ms),
            )
        )

    def waiting(self, limit: int) -> list[UnmatchedPayment]:
        return self.store.desk(DeskStatus.WAITING, limit)
