"""Our accounts with suppliers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keyrail.platform import logs
from keyrail.platform.clock import NowMs
from keyrail.platform.config import ConfigError, load
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.json_objects import json_object
from keyrail.platform.logs import Entry
from keyrail.platform.secrets import WatchedSecret
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.outcomes import Outcome, Unknown
from keyrail.suppliers.model.sources import MAX_SUPPLIERS, SUPPLIER_NAME
from keyrail.suppliers.providers import Acknowledgement, Callback, Offer, Placed, Supplier, Wanted

__all__ = [
    "Acknowledgement",
    "Callback",
    "Offer",
    "Placed",
    "Supplier",
    "SupplierAccounts",
    "Wanted",
    "supplier_accounts",
    "watched_suppliers",
]


@dataclass(frozen=True)
class _Deployment:
    keyrail_stage: str = ""


def _dayuanren(**settings: Any) -> Supplier:
    from keyrail.suppliers.providers.dayuanren import Dayuanren

    return Dayuanren(**settings)


def _fulu(**settings: Any) -> Supplier:
    from keyrail.suppliers.providers.fulu import Fulu

    return Fulu(**settings)


def _kasushou(**settings: Any) -> Supplier:
    from keyrail.suppliers.providers.kasushou import Kasushou

    return Kasushou(**settings)


def _sandbox(**settings: Any) -> Supplier:
    """Raises ConfigError in production, which is every stage that does not say otherwise of itself."""
    from keyrail.suppliers.providers.sandbox import Sandbox

    return Sandbox(**settings, stage=load(_Deployment).keyrail_stage)


# Each adapter is imported where a supplier needs it, so that a start pays for those that a merchant has.
ADAPTERS: dict[str, Callable[..., Supplier]] = {
    "dayuanren": _dayuanren,
    "fulu": _fulu,
    "kasushou": _kasushou,
    "sandbox": _sandbox,
}

SECRET_LASTS_MS = 5 * 60 * 1000
"""So long after it was put a changed secret is known to every process that is at work."""

LOOK_AGAIN_MS = 30 * 1000
"""Sooner, where something comes that is not known; not for each of them, or forged callbacks would have us read on."""

ACCOUNTS = "SUPPLIER_ACCOUNTS"

BROKEN, GONE = "broken", "no_such_supplier"
"""Our words for an answer that is none."""

NOT_SETTINGS = frozenset({"now_ms", "stage"})
"""What an adapter is given by us and not by the secret."""


@dataclass
class SupplierAccounts:
    """Our suppliers, by names of the merchant's own: two accounts with one house are two suppliers.

    With a `watch` this is what the secret said when it was looked at last.
    """

    suppliers: Mapping[str, Supplier]
    watch: WatchedSecret | None = field(default=None, repr=False)

    def names(self) -> list[str]:
        """Of all suppliers, as the secret names them now: whoever goes round them comes seldom."""
        self._look(0)
        return sorted(self.suppliers)

    def known(self) -> list[str]:
        """Of all suppliers, as they are known here: whoever looks through them with every request."""
        self._look(SECRET_LASTS_MS)
        return sorted(self.suppliers)

    def at(self, name: str) -> Supplier:
        """Raises UnknownSupplier."""
        self._look(SECRET_LASTS_MS)
        if name not in self.suppliers:
            self._look(LOOK_AGAIN_MS)
        try:
            return self.suppliers[name]
        except KeyError:
            raise UnknownSupplier from None

    def query(self, name: str, placed: Placed) -> Outcome:
        """What became of an order. A supplier that is no longer there, or an adapter that breaks, says nothing."""
        try:
            return self.at(name).query(placed)
        except UnknownSupplier:
            return Unknown(said=GONE, answered=False)
        except Exception as error:  # noqa: BLE001 - a broken answer says nothing
            logs.log_failure(error, reference=placed.reference)
            return Unknown(said=BROKEN)

    def parse_callback(self, name: str, callback: Callback, now_ms: int) -> str:
        """The reference that a callback has news of, by credentials that may have come this minute.

        Raises UnknownSupplier, SignatureInvalid.
        """
        try:
            return self.at(name).parse_callback(callback, now_ms)
        except SignatureInvalid:
            if not self._look(LOOK_AGAIN_MS):
                raise
        return self.at(name).parse_callback(callback, now_ms)

    def _look(self, pause_ms: int) -> bool:
        """Whether there is anything new. What is new and unusable changes nothing: a start fails at it, and is seen."""
        secret = self.watch.changed(pause_ms) if self.watch else None
        if secret is None:
            return False
        try:
            self.suppliers = supplier_accounts(secret).suppliers
        except ConfigError as error:
            logs.warn(Entry.SECRET_UNREADABLE, error=ConfigError.__name__, setting=str(error))
            return False
        return True


def watched_suppliers(read: Callable[[], str], now_ms: NowMs) -> SupplierAccounts:
    """From the secret that `read` brings, now and from time to time. Raises ConfigError, Unavailable.

    One that cannot be had is not one without suppliers: who is not known cannot be asked what became of an order, and
    a paid unit would be given back for want of a source.
    """
    watch = WatchedSecret(read, now_ms)
    accounts = supplier_accounts(watch.first())
    accounts.watch = watch
    return accounts


def supplier_accounts(secret: str) -> SupplierAccounts:
    """From the secret's JSON: `{"<supplier>": {"adapter": "<adapter>", <what its adapter needs>}}`.

    `{}`, with which it is deployed, is a shop without suppliers. Anything else that is not understood whole is refused
    whole. Raises ConfigError, which says whose settings are wrong and never quotes the secret.
    """
    try:
        document = json_object(secret.encode())
        json.dumps(document, ensure_ascii=False).encode()  # JSON can spell half a character, and no key has one
    except (RecursionError, ValueError):
        raise ConfigError(ACCOUNTS) from None
    if len(document) > MAX_SUPPLIERS or not all(map(SUPPLIER_NAME.fullmatch, document)):
        raise ConfigError(ACCOUNTS)
    return SupplierAccounts({name: _supplier(name, settings) for name, settings in document.items()})


def _supplier(name: str, settings: object) -> Supplier:
    """Raises ConfigError, in which a setting that there is not, or that is missing, has no name."""
    if not isinstance(settings, dict) or NOT_SETTINGS & settings.keys():
        raise ConfigError(f"{ACCOUNTS}.{name}")
    needed = {setting: value for setting, value in settings.items() if setting != "adapter"}
    try:
        return ADAPTERS[settings["adapter"]](**needed)
    except ConfigError as error:
        raise ConfigError(f"{ACCOUNTS}.{name}: {error}") from None
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"{ACCOUNTS}.{name}") from None
