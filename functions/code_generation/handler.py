"""SQS: makes codes of our own for a batch, a slice of time each call, and sends itself the rest. May not decrypt."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.inventory.model.own_codes import needs_codes
from keyrail.inventory.service.generating import Generating
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.logs import Entry
from keyrail.platform.messages import each_message
from keyrail.platform.slices import send_rest
from keyrail.vault.providers.kms import KmsKeyWrapper

SLICE_MS = 90_000  # of the function's time-out; a killed slice comes again as soon as that is over


@dataclass(frozen=True)
class Settings:
    keys_table: str
    catalog_table: str
    vault_key_arn: str
    fingerprint_key_arn: str
    code_queue_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def generating() -> Generating:
    dynamodb, kms = client("dynamodb"), client("kms")
    return Generating(
        KeyStore(dynamodb, settings().keys_table),
        OwnCodeStore(dynamodb, settings().keys_table),
        Catalog(CatalogStore(dynamodb, settings().catalog_table), system_now_ms),
        KmsKeyWrapper(kms, settings().vault_key_arn),
        KmsKeyWrapper(kms, settings().fingerprint_key_arn),
        system_now_ms,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, lambda body, message_id: fill(body["batch_id"], message_id))


def fill(batch_id: str, message_id: str) -> None:
    batch = generating().fill(batch_id, system_now_ms() + SLICE_MS, Origin("system:code_generation", message_id))
    if needs_codes(batch):
        send_rest(settings().code_queue_url, {"batch_id": batch_id})
    elif batch.report:
        logs.log(Entry.CODES_GENERATED, batch_id=batch.batch_id, sku_id=batch.sku_id, generated=batch.report.accepted)
