"""Our accounts at payment providers."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from keyrail.payments.model.attempts import AccountGone, PaymentAttempt, Route, UnknownProvider
from keyrail.payments.model.confirmations import Confirmation, DisputeNotice
from keyrail.payments.model.refunds import RefundNotice
from keyrail.payments.providers import Callback, Means, Opening, PaymentAction, PaymentProvider
from keyrail.payments.service.credentials import MAX_VERSIONS, VersionedAccount
from keyrail.platform import logs
from keyrail.platform.clock import NowMs
from keyrail.platform.config import ConfigError, load
from keyrail.platform.errors import NotFound, SignatureInvalid
from keyrail.platform.json_objects import json_object
from keyrail.platform.logs import Entry
from keyrail.platform.secrets import WatchedSecret

__all__ = [
    "Callback",
    "Means",
    "Opening",
    "PaymentAccounts",
    "PaymentAction",
    "PaymentProvider",
    "UnknownAccount",
    "payment_accounts",
    "watched_accounts",
]


@dataclass(frozen=True)
class _Deployment:
    keyrail_stage: str = ""


def _alipay(**settings: Any) -> PaymentProvider:
    from keyrail.payments.providers.alipay.account import Alipay

    return Alipay(**settings)


def _epay(**settings: Any) -> PaymentProvider:
    from keyrail.payments.providers.epay import Epay

    return Epay(**settings)


def _sandbox(**settings: Any) -> PaymentProvider:
    """Raises ConfigError in production, which is every stage that does not say otherwise of itself."""
    from keyrail.payments.providers.sandbox import Sandbox

    return Sandbox(**settings, stage=load(_Deployment).keyrail_stage)


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
    "sandbox": _sandbox,
    "stripe": _stripe,
    "wechatpay": _wechatpay,
}


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Of accounts and versions: callbacks' addresses and the books' accounts are made of the former."""

SECRET_LASTS_MS = 5 * 60 * 1000
"""So long after it was put a changed secret is known to every process that is at work."""

HTTPS_PORT = 443
LOOK_AGAIN_MS = 30 * 1000
"""Sooner, where something comes that is not known; not for each of them, or forged callbacks would have us read on."""

NOT_SETTINGS = frozenset({"account", "now_ms", "nonce"})
"""What an adapter is given by us and not by the secret."""


class UnknownAccount(NotFound):
    """A callback's address names no account of ours."""

    code = "unknown_payment_account"


@dataclass
class PaymentAccounts:
    """Our accounts at the providers, by provider and name; an account without `stores` serves every store.

    `credentials` names the versions of an account that has some, the current one first. With a `watch` all this is what
    the secret said when it was looked at last.
    """

    accounts: Mapping[tuple[str, str], PaymentProvider]
    stores: Mapping[tuple[str, str], tuple[str, ...]]
    credentials: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    watch: WatchedSecret | None = field(default=None, repr=False)

    def account_for(self, provider: str, store_id: str) -> str:
        """The name of the store's account at the provider. Raises UnknownProvider."""
        self._look(SECRET_LASTS_MS)
        for (of_provider, account), stores in self.stores.items():
            if of_provider == provider and (not stores or store_id in stores):
                return account
        raise UnknownProvider

    def route_for(self, provider: str, store_id: str) -> Route:
        """Where a payment of the store is started now. Raises UnknownProvider."""
        account = self.account_for(provider, store_id)
        current = next(iter(self.credentials.get((provider, account), ())), None)
        merchant = self.accounts[provider, account].merchant
        return Route(provider=provider, account=account, credential=current, merchant=merchant)

    def names(self) -> list[tuple[str, str]]:
        """Of all accounts, as the secret names them now: whoever goes round them comes once a day."""
        self._look(0)
        return sorted(self.accounts)

    def at(self, provider: str, account: str) -> PaymentProvider:
        """Raises UnknownAccount."""
        self._look(SECRET_LASTS_MS)
        if (provider, account) not in self.accounts:
            self._look(LOOK_AGAIN_MS)
        try:
            return self.accounts[provider, account]
        except KeyError:
            raise UnknownAccount from None

    def of(self, attempt: PaymentAttempt) -> PaymentProvider:
        """Where the attempt was started; it goes on with its own credentials, or with today's once they are gone.

        Raises AccountGone, also where the account is another merchant's today: that one knows nothing of the attempt.
        """
        self._look(SECRET_LASTS_MS)
        if not self._knows(attempt):
            self._look(LOOK_AGAIN_MS)
        account = self.accounts.get((attempt.provider, attempt.account))
        if account is None or attempt.merchant not in {None, account.merchant}:
            raise AccountGone
        return account

    def merchant_of(self, attempt: PaymentAttempt) -> str:
        """Whose money it was, as the provider calls us; empty where nobody knows any more."""
        account = self.accounts.get((attempt.provider, attempt.account))
        return attempt.merchant or (account.merchant if account else "")

    def confirm(
        self, provider: str, account: str, callback: Callback, now_ms: int
    ) -> Confirmation | RefundNotice | DisputeNotice | None:
        """What a callback to the account's address claims, by credentials that may have come this minute.

        Raises UnknownAccount, SignatureInvalid.
        """
        try:
            return self.at(provider, account).confirm(callback, now_ms)
        except SignatureInvalid:
            if not self._look(LOOK_AGAIN_MS):
                raise
        return self.at(provider, account).confirm(callback, now_ms)

    def _knows(self, attempt: PaymentAttempt) -> bool:
        where = attempt.provider, attempt.account
        return where in self.accounts and attempt.credential in {None, *self.credentials.get(where, ())}

    def _look(self, pause_ms: int) -> bool:
        """Whether there is anything new. What is new and unusable changes nothing: a start fails at it, and is seen."""
        secret = self.watch.changed(pause_ms) if self.watch else None
        if secret is None:
            return False
        try:
            read = payment_accounts(secret)
        except ConfigError as error:
            logs.warn(Entry.SECRET_UNREADABLE, error=ConfigError.__name__, setting=str(error))
            return False
        self.accounts, self.stores, self.credentials = read.accounts, read.stores, read.credentials
        return True


def watched_accounts(read: Callable[[], str], now_ms: NowMs) -> PaymentAccounts:
    """From the secret that `read` brings, now and from time to time. Raises ConfigError, Unavailable."""
    watch = WatchedSecret(read, now_ms)
    accounts = payment_accounts(watch.first())
    accounts.watch = watch
    return accounts


def payment_accounts(secret: str) -> PaymentAccounts:
    """From the secret's JSON: `{"<provider>": {"<account>": {<what its adapter needs>, "stores": […]}}}`.

    While credentials are changed an account is `{"current": "<name>", "versions": {"<name>": {<what its adapter
    needs>}, …}, "stores": […]}`: each version has all the settings, and nothing stands beside them.

    Raises ConfigError, which never quotes the secret.
    """
    try:
        document = json_object(secret.encode())
        json.dumps(document, ensure_ascii=False).encode()  # JSON can spell half a character, and no key has one
        read = _read(document)
    except (RecursionError, KeyError, TypeError, ValueError):
        raise ConfigError("PAYMENT_ACCOUNTS") from None
    if not read.accounts:
        raise ConfigError("PAYMENT_ACCOUNTS")
    return read


def _read(document: Mapping[str, object]) -> PaymentAccounts:
    """Raises ConfigError; KeyError, TypeError and ValueError for what is none.

    Two accounts of one merchant number would be one whose payments bind to whichever is named.
    """
    accounts: dict[tuple[str, str], PaymentProvider] = {}
    stores: dict[tuple[str, str], tuple[str, ...]] = {}
    credentials: dict[tuple[str, str], tuple[str, ...]] = {}
    merchants: set[tuple[str, ...]] = set()
    for where, settings in _named(document):
        stores[where] = _stores(settings.pop("stores", []))
        versions = _versions(settings)
        credentials[where] = () if "" in versions else tuple(versions)
        accounts[where] = _account(where, versions)
        merchant_at = {(where[0], _place(where[0], each), accounts[where].merchant) for each in versions.values()}
        if merchants & merchant_at:
            raise ValueError("two accounts of one merchant number")
        merchants |= merchant_at
    return PaymentAccounts(accounts, stores, credentials)


def _named(document: Mapping[str, object]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for provider, named in document.items():
        for account, settings in _object(named).items():
            yield (provider, account), dict(_object(settings))


def _versions(settings: Mapping[str, object]) -> dict[str, Mapping[str, Any]]:
    """The settings of each version by its name, the current one first; those of an account without are nameless."""
    if settings.keys().isdisjoint({"current", "versions"}):
        return {"": settings}
    if settings.keys() != {"current", "versions"}:
        raise ValueError("settings beside versions")
    current, named = settings["current"], _object(settings["versions"])
    if not isinstance(current, str) or current not in named or len(named) > MAX_VERSIONS:
        raise ValueError("versions")
    if not all(_NAME.fullmatch(name) for name in named):
        raise ValueError("the name of a version")
    return {name: _object(named[name]) for name in (current, *(name for name in named if name != current))}


def _account(where: tuple[str, str], versions: Mapping[str, Mapping[str, Any]]) -> PaymentProvider:
    """Raises ConfigError; KeyError, TypeError and ValueError for what is none."""
    provider, account = where
    if not _NAME.fullmatch(account) or any(NOT_SETTINGS & settings.keys() for settings in versions.values()):
        raise ValueError("an account")
    adapters = {name: PROVIDERS[provider](account=account, **settings) for name, settings in versions.items()}
    if len({adapter.merchant for adapter in adapters.values()}) != 1:
        raise ValueError("versions of several merchants")
    return adapters[""] if "" in adapters else VersionedAccount(next(iter(adapters)), adapters)


def _place(provider: str, settings: Mapping[str, Any]) -> str:
    """A merchant number is a provider's own, and by the name of epay go many providers, each with a gateway."""
    if provider != "epay":
        return ""
    parts = urlsplit(settings["gateway_url"])
    return f"{parts.hostname}:{parts.port or HTTPS_PORT}{parts.path.rstrip('/')}"


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - one error for whatever cannot be read
    return value


def _stores(named: object) -> tuple[str, ...]:
    """Raises ValueError for anything but a list of names: a single name would come apart into its letters."""
    if not isinstance(named, list) or not all(isinstance(store, str) and store for store in named):
        raise ValueError("stores")
    return tuple(named)
