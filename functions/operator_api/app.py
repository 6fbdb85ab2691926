"""The back office's API, and what its operations are made of; built on first use."""

from dataclasses import dataclass
from datetime import tzinfo
from functools import cache

from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.inventory.service.batches import Batches
from keyrail.inventory.store.keys import KeyStore
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.payments.service.desk import Desk
from keyrail.payments.store import PaymentStore
from keyrail.platform.audit import AuditTrail
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load, zone_named
from keyrail.platform.http import HttpApi
from keyrail.suppliers.store import SuppliersStore
from keyrail.vault.providers.kms import KmsKeyWrapper

api = HttpApi("keyrail back office")


@dataclass(frozen=True)
class Settings:
    catalog_table: str
    keys_table: str
    orders_table: str
    payments_table: str
    reconciliation_table: str
    suppliers_table: str
    accounts_table: str
    audit_table: str
    audit_chain_secret_arn: str
    import_bucket: str
    fingerprint_key_arn: str
    default_store_id: str
    business_time_zone: str
    guards_table: str
    refund_limits: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def zone() -> tzinfo:
    """Where the business is: days of the calendar are meant by it."""
    return zone_named(settings().business_time_zone)


@cache
def catalog() -> Catalog:
    return Catalog(CatalogStore(client("dynamodb"), settings().catalog_table), system_now_ms)


@cache
def keys() -> KeyStore:
    return KeyStore(client("dynamodb"), settings().keys_table)


@cache
def batches() -> Batches:
    wrapper = KmsKeyWrapper(client("kms"), settings().fingerprint_key_arn)
    return Batches(keys(), catalog(), wrapper, system_now_ms)


@cache
def orders() -> Orders:
    return Orders(OrderStore(client("dynamodb"), settings().orders_table))


@cache
def suppliers() -> SuppliersStore:
    return SuppliersStore(client("dynamodb"), settings().suppliers_table)


@cache
def audit() -> AuditTrail:
    return AuditTrail(client("dynamodb"), settings().audit_table)


@cache
def desk() -> Desk:
    return Desk(PaymentStore(client("dynamodb"), settings().payments_table), system_now_ms)
