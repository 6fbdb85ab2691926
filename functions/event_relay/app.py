"""What the relay is made of; built on first use."""

from dataclasses import dataclass
from functools import cache

from keyrail.inventory.service.counting import Counting
from keyrail.inventory.store.figures import FigureStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.ledger.service import Books
from keyrail.ledger.store import AccountStore
from keyrail.platform.audit_writing import AuditChain
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.secrets import read_secret


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
    event_bus_name: str
    issuance_queue_url: str
    code_queue_url: str
    import_queue_url: str
    export_queue_url: str
    batch_queue_url: str
    refund_queue_url: str
    reconciliation_queue_url: str
    inquiry_queue_url: str
    direct_recharge_arn: str
    supply_queue_url: str
    relay_dead_letter_queue_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def chain() -> AuditChain:
    return AuditChain(client("dynamodb"), settings().audit_table, read_secret(settings().audit_chain_secret_arn))


@cache
def counting() -> Counting:
    dynamodb, table = client("dynamodb"), settings().keys_table
    return Counting(FigureStore(dynamodb, table), KeyStore(dynamodb, table), chain(), system_now_ms)


@cache
def books() -> Books:
    return Books(AccountStore(client("dynamodb"), settings().accounts_table))
