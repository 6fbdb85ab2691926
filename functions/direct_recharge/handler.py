"""Step Functions: the steps of a workflow that has one unit supplied. Each may come again, and twice at once.

What goes in and out stands in the workflow's history, so it is ids and what is next; and an error is a code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.fulfilment.service.keys_for_units import KeysForUnits
from keyrail.fulfilment.service.recharging import Next, Recharging
from keyrail.inventory.service.card_intake import CardIntake
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.platform import logs, workflows
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load, zone_named
from keyrail.platform.errors import KeyrailError
from keyrail.platform.secrets import read_secret
from keyrail.risk.service import News
from keyrail.risk.store import GuardStore
from keyrail.suppliers.service.accounts import SupplierAccounts, watched_suppliers
from keyrail.suppliers.service.routing import Routing
from keyrail.suppliers.store import SuppliersStore
from keyrail.vault.providers.kms import KmsKeyWrapper

BY = "system:direct_recharge"


@dataclass(frozen=True)
class Settings:
    orders_table: str
    keys_table: str
    catalog_table: str
    guards_table: str
    suppliers_table: str
    supplier_accounts_secret_arn: str
    vault_key_arn: str
    fingerprint_key_arn: str
    public_api_url: str
    business_time_zone: str


class StepFailed(Exception):
    """Says the code of what went wrong, and nothing else: the history of a workflow is no place for more."""


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def suppliers() -> SupplierAccounts:
    return watched_suppliers(lambda: read_secret(settings().supplier_accounts_secret_arn), system_now_ms)


@cache
def keys() -> KeysForUnits:
    dynamodb, kms, names = client("dynamodb"), client("kms"), settings()
    store = KeyStore(dynamodb, names.keys_table)
    intake = CardIntake(
        store,
        ImportStore(store),
        Catalog(CatalogStore(dynamodb, names.catalog_table), system_now_ms),
        KmsKeyWrapper(kms, names.vault_key_arn),
        KmsKeyWrapper(kms, names.fingerprint_key_arn),
        system_now_ms,
    )
    orders = Orders(OrderStore(dynamodb, names.orders_table))
    return KeysForUnits(orders, Claims(store, system_now_ms), intake, dynamodb, system_now_ms)


@cache
def recharging() -> Recharging:
    dynamodb, names = client("dynamodb"), settings()
    return Recharging(
        keys().orders,
        Routing(SuppliersStore(dynamodb, names.suppliers_table), zone_named(names.business_time_zone), system_now_ms),
        suppliers(),
        keys(),
        News(GuardStore(dynamodb, names.guards_table), system_now_ms),
        names.public_api_url.rstrip("/"),
        system_now_ms,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Raises StepFailed."""
    try:
        return STEPS[event["step"]](event)
    except KeyrailError as error:
        logs.log_failure(error, unit_id=event.get("unit_id"))
        raise StepFailed(error.code) from None
    except Exception as error:  # noqa: BLE001 - its words would stand in the history
        logs.log_failure(error, unit_id=event.get("unit_id"))
        raise StepFailed(KeyrailError.code) from None


def place(event: dict[str, Any]) -> dict[str, Any]:
    return _next(recharging().place(event["order_id"], event["unit_id"], _origin(event)))


def ask(event: dict[str, Any]) -> dict[str, Any]:
    return _next(recharging().ask(event["order_id"], event["unit_id"], _origin(event)))


def await_news(event: dict[str, Any]) -> dict[str, Any]:
    """Whoever is told too late, by news that came before, goes on at once."""
    if recharging().await_news(event["unit_id"], event["task_token"], event["wait_s"]):
        workflows.go_on(event["task_token"])
    return {}


def leave(event: dict[str, Any]) -> dict[str, Any]:
    return _next(recharging().leave(event["order_id"], event["unit_id"], _origin(event)))


STEPS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "place": place,
    "ask": ask,
    "await": await_news,
    "leave": leave,
}


def _origin(event: dict[str, Any]) -> Origin:
    return Origin(BY, event["execution"])


def _next(following: Next) -> dict[str, Any]:
    return {"next": following.turn, "wait_s": following.wait_s}
