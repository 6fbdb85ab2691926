"""SQS: makes the encrypted file of an approved export. With `delivery_api` the only function that may decrypt."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.inventory.model.exports import Export, ExportNotFound, NotApproved
from keyrail.inventory.service.printing import Printing
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.errors import Unavailable
from keyrail.platform.logs import Entry
from keyrail.platform.messages import each_message
from keyrail.vault.providers.kms import KmsKeyWrapper
from keyrail.vault.service.sealing import Opener

# Asked for again it would be refused again.
FINAL = (ExportNotFound, NotApproved)


class ExportNotStored(Unavailable):
    code = "export_not_stored"


@dataclass(frozen=True)
class Settings:
    keys_table: str
    vault_key_arn: str
    import_bucket: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def printing() -> Printing:
    dynamodb = client("dynamodb")
    return Printing(
        KeyStore(dynamodb, settings().keys_table),
        OwnCodeStore(dynamodb, settings().keys_table),
        Opener(KmsKeyWrapper(client("kms"), settings().vault_key_arn), system_now_ms),
        put,
        system_now_ms,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_message(event, lambda body, message_id: make(body["export_id"], message_id))


def make(export_id: str, message_id: str) -> None:
    try:
        export = printing().make(export_id, Origin("system:key_export", message_id))
    except FINAL as refused:
        # The id is whatever the message said, and is not repeated.
        logs.warn(Entry.EXPORT_REFUSED, message_id=message_id, reason=refused.code)
        return
    tell(export)


def tell(export: Export) -> None:
    if export.problem:
        logs.warn(Entry.EXPORT_REFUSED, export_id=export.export_id, reason=export.problem)
    else:
        logs.log(Entry.EXPORT_MADE, export_id=export.export_id, batch_id=export.batch_id, keys=export.keys)


def put(name: str, content: bytes) -> None:
    """Raises ExportNotStored."""
    try:
        client("s3").put_object(Bucket=settings().import_bucket, Key=name, Body=content)
    except (ClientError, BotoCoreError) as error:
        raise ExportNotStored from error
