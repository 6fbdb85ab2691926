"""SQS: a supplier's file has arrived in the bucket. Its keys are imported, a slice of time each call, and then it goes.

A message is what S3 says of a new object or of one that has expired, or what the relay says of a batch that was stopped
while its file is imported. What a slice leaves to be done goes back to the queue in the same words, so that a message
lives no longer than its slice: one that comes again was killed, or failed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from urllib.parse import unquote_plus

from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.inventory.model.batches import Batch, BatchNotWaiting
from keyrail.inventory.providers.s3 import S3Files, S3Upload
from keyrail.inventory.service.importing import Importing
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.errors import Conflict, Invalid, NotFound
from keyrail.platform.ids import body_of
from keyrail.platform.logs import Entry
from keyrail.platform.messages import each_message
from keyrail.platform.slices import send_rest
from keyrail.vault.providers.kms import KmsKeyWrapper

PREFIX = "imports/"
ACTOR = "system:key_import"
SLICE_MS = 60_000  # then the chunk that is being written is the last; the function's time-out leaves room for it
# The file itself is refused, and would be whenever it came again.
FINAL = (NotFound, Conflict, Invalid)


@dataclass(frozen=True)
class Settings:
    keys_table: str
    catalog_table: str
    import_bucket: str
    import_queue_url: str
    vault_key_arn: str
    fingerprint_key_arn: str


@dataclass(frozen=True)
class Arrival:
    """An object that is to be imported, and who brought it; without a name if nothing of it was ever read."""

    name: str | None
    batch_id: str
    origin: Origin


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def importing() -> Importing:
    dynamodb, kms = client("dynamodb"), client("kms")
    return Importing(
        KeyStore(dynamodb, settings().keys_table),
        Catalog(CatalogStore(dynamodb, settings().catalog_table), system_now_ms),
        KmsKeyWrapper(kms, settings().vault_key_arn),
        KmsKeyWrapper(kms, settings().fingerprint_key_arn),
        S3Files(client("s3"), settings().import_bucket),
        system_now_ms,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    until_ms = system_now_ms() + SLICE_MS
    return each_message(event, lambda body, message_id: take_all(body, message_id, until_ms))


def take_all(body: dict[str, Any], message_id: str, until_ms: int) -> None:
    for work, words in works(body, message_id):
        if not work(until_ms):
            send_rest(settings().import_queue_url, words)


Work = tuple[Callable[[int], bool], dict[str, Any]]


def works(body: dict[str, Any], message_id: str) -> Iterator[Work]:
    """What a message asks for, each with the words that ask for it alone."""
    if "batch_id" in body:
        yield partial(take_stopped, body["batch_id"], message_id), body
    for record in body.get("Records", ()):
        yield partial(take, record), {"Records": [record]}


def take(record: dict[str, Any], until_ms: int) -> bool:
    """Import the object that S3 names; False if there is more of it to be done."""
    arrival = understood(record)
    if arrival is None:
        # The name is a stranger's text and is not repeated.
        logs.warn(Entry.IMPORT_REJECTED, reason="not_an_import")
        return True
    return bring(arrival, until_ms)


def take_stopped(batch_id: str, message_id: str, until_ms: int) -> bool:
    """Bring the import of a batch that is closed or void to its end, which may wait for no other message."""
    return bring(Arrival(importing().object_name(batch_id), batch_id, Origin(ACTOR, message_id)), until_ms)


def bring(arrival: Arrival, until_ms: int) -> bool:
    """Import one object and remove it, also if it is refused for good; False if there is more of it to be done.

    Anything else is raised and leaves the object where it is, to be called for again and then set aside.
    """
    bucket = settings().import_bucket
    upload = S3Upload.find(client("s3"), bucket, arrival.name) if arrival.name else None
    if upload is None:
        end_without_file(arrival)
        return True
    try:
        batch = importing().import_file(arrival.batch_id, upload, arrival.origin, until_ms)
    except FINAL as refused:
        logs.warn(Entry.IMPORT_REJECTED, batch_id=arrival.batch_id, reason=refused.code)
        upload.remove()
        if isinstance(refused, BatchNotWaiting):
            end_without_file(arrival)  # if the file that the batch had begun to take lay here before
        return True
    if not batch.is_settled:
        return False
    tell(batch)
    upload.remove()
    return True


def understood(record: dict[str, Any]) -> Arrival | None:
    """None for an object that is in another place than imports are."""
    bucket, name = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
    batch_id, _, upload = name.removeprefix(PREFIX).partition("/")
    if bucket != settings().import_bucket or not name.startswith(PREFIX) or not upload or "/" in upload:
        return None
    if batch_id != f"bat_{body_of(batch_id, 'bat')}":
        return None
    address = record.get("requestParameters", {}).get("sourceIPAddress", "s3")
    return Arrival(name, batch_id, Origin(ACTOR, address))


def end_without_file(arrival: Arrival) -> None:
    """An object that is no longer there was dealt with by an earlier call, or its import ends where it is.

    Raises UploadUnavailable if that has not begun.
    """
    try:
        ended = importing().end_without_file(arrival.batch_id, arrival.name, arrival.origin)
    except NotFound:
        return
    if ended:
        tell(ended)


def tell(batch: Batch) -> None:
    """Counts and reasons; never a line of the file."""
    report = batch.report
    if report is None or report.file_problem:
        problem = report.file_problem if report else None
        logs.warn(Entry.IMPORT_REJECTED, batch_id=batch.batch_id, reason=problem)
        return
    logs.log(
        Entry.IMPORT_FINISHED,
        batch_id=batch.batch_id,
        sku_id=batch.sku_id,
        accepted=report.accepted,
        duplicate=report.duplicate,
        rejected=report.rejected,
        ignored=report.ignored,
    )
