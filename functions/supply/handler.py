"""SQS: looks at what suppliers offer, has prices follow, and buys keys for the pool. May not decrypt.

The clock asks for a round, which is a message for each supplier, price rule, purchase rule and open purchase; the
stream tells of stock that ran low and of purchases that were approved.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.fulfilment.service.purchasing import Purchasing
from keyrail.inventory.service.card_intake import CardIntake
from keyrail.inventory.service.figures import StockFigures
from keyrail.inventory.store.figures import FigureStore
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform import logs, metrics
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load, zone_named
from keyrail.platform.errors import Conflict
from keyrail.platform.logs import Entry
from keyrail.platform.messages import each_message
from keyrail.platform.metrics import Metric
from keyrail.platform.secrets import read_secret
from keyrail.platform.slices import send_parts, send_rest
from keyrail.suppliers.model.purchases import Purchase, PurchaseUnderWay
from keyrail.suppliers.service.accounts import SupplierAccounts, watched_suppliers
from keyrail.suppliers.service.purchases import Purchases
from keyrail.suppliers.service.syncing import Guarding, Syncing
from keyrail.suppliers.store import SuppliersStore
from keyrail.suppliers.supply_store import SupplyStore
from keyrail.vault.providers.kms import KmsKeyWrapper

PARTS_A_REQUEST = 10
# A young purchase is asked about soon; an older one at each round.
YOUNG_MS, YOUNG_WAITS_S = 5 * 60 * 1000, 60


@dataclass(frozen=True)
class Settings:
    suppliers_table: str
    catalog_table: str
    keys_table: str
    supplier_accounts_secret_arn: str
    vault_key_arn: str
    fingerprint_key_arn: str
    business_time_zone: str
    public_api_url: str
    supply_queue_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def accounts() -> SupplierAccounts:
    return watched_suppliers(lambda: read_secret(settings().supplier_accounts_secret_arn), system_now_ms)


@cache
def suppliers() -> SuppliersStore:
    return SuppliersStore(client("dynamodb"), settings().suppliers_table)


@cache
def supply_store() -> SupplyStore:
    return SupplyStore(client("dynamodb"), settings().suppliers_table)


@cache
def catalog() -> Catalog:
    return Catalog(CatalogStore(client("dynamodb"), settings().catalog_table), system_now_ms)


@cache
def syncing() -> Syncing:
    return Syncing(accounts(), supply_store(), suppliers(), system_now_ms)


@cache
def guarding() -> Guarding:
    return Guarding(supply_store(), suppliers(), catalog(), system_now_ms)


@cache
def purchases() -> Purchases:
    return Purchases(supply_store(), suppliers(), zone_named(settings().business_time_zone), system_now_ms)


@cache
def purchasing() -> Purchasing:
    dynamodb, kms = client("dynamodb"), client("kms")
    keys = KeyStore(dynamodb, settings().keys_table)
    intake = CardIntake(
        keys,
        ImportStore(keys),
        catalog(),
        KmsKeyWrapper(kms, settings().vault_key_arn),
        KmsKeyWrapper(kms, settings().fingerprint_key_arn),
        system_now_ms,
    )
    figures = StockFigures(FigureStore(dynamodb, settings().keys_table), keys, catalog(), system_now_ms)
    return Purchasing(purchases(), accounts(), intake, figures, settings().public_api_url)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, work)


def work(message: dict[str, Any], message_id: str) -> None:
    origin = Origin("system:supply", message_id)
    for name, do in WORK.items():
        if name in message:
            do(message[name], origin)
            return
    raise KeyError(*message)


def run(job: str, _origin: Origin) -> None:
    JOBS[job]()


def go_round() -> None:
    send({"supplier": name} for name in syncing().names())
    look_by_rules()
    send({"purchase_id": each.purchase_id} for each in purchases().open() if each.is_under_way)


def look_by_rules() -> None:
    send({"guard": sku_id} for sku_id in guarding().skus())
    send({"sku_id": sku_id} for sku_id in purchases().skus_with_rules())


def sync(name: str, origin: Origin) -> None:
    """What changed may be what a rule waited for, which was looked at in the same moment."""
    synced = syncing().sync(name, origin)
    logs.log(
        Entry.SUPPLIER_SYNCED,
        supplier=name,
        reached=synced.reached,
        offers=synced.offers,
        changed=synced.changed,
        whole=synced.whole,
    )
    if not synced.reached:
        metrics.count(Metric.SUPPLIER_UNREACHED)
    if synced.changed:
        look_by_rules()
    if syncing().does_poorly(name):
        logs.warn(Entry.SUPPLIER_DOES_POORLY, supplier=name)
        metrics.count(Metric.SUPPLIER_DOES_POORLY)


def guard(sku_id: str, origin: Origin) -> None:
    if guarding().guard(sku_id, origin):
        logs.log(Entry.PRICES_GUARDED, sku_id=sku_id)


def restock(sku_id: str, origin: Origin) -> None:
    """What stands in the way of a purchase is told, and looked at again with the next round."""
    try:
        purchasing().restock(sku_id, origin)
    except PurchaseUnderWay:
        return
    except Conflict as refusal:
        logs.warn(Entry.PURCHASE_HELD_BACK, sku_id=sku_id, reason=refusal.code)
        metrics.count(Metric.PURCHASE_HELD_BACK)


def go_on(purchase_id: str, origin: Origin) -> None:
    purchase = purchasing().go_on(purchase_id, origin)
    logs.log(
        Entry.PURCHASE_MADE,
        purchase_id=purchase_id,
        supplier=purchase.supplier,
        status=purchase.status,
        said=purchase.said,
        accepted=purchase.accepted,
    )
    if _is_young(purchase):
        send_rest(settings().supply_queue_url, {"purchase_id": purchase_id}, delay_s=YOUNG_WAITS_S)


def _is_young(purchase: Purchase) -> bool:
    asked_at_ms = purchase.asked_at_ms or 0
    return purchase.status.is_asked_about and system_now_ms() < asked_at_ms + YOUNG_MS


def send(messages: Iterator[dict[str, str]]) -> None:
    while some := list(islice(messages, PARTS_A_REQUEST)):
        send_parts(settings().supply_queue_url, some)


JOBS: dict[str, Callable[[], None]] = {"go_round": go_round}
WORK: dict[str, Callable[[str, Origin], None]] = {
    "job": run,
    "supplier": sync,
    "guard": guard,
    "sku_id": restock,
    "purchase_id": go_on,
}
"""By what a message names."""
