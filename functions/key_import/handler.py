"""S3: a supplier's file has arrived. Its keys are imported, then the file is removed; never the other way round."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.key_columns import FileProblem
from keyrail.inventory.model.key_file import MAX_FILE_BYTES
from keyrail.inventory.service.importing import Importing
from keyrail.inventory.store import KeyStore
from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.errors import Conflict, Invalid, NotFound, Unavailable
from keyrail.platform.ids import body_of
from keyrail.platform.logs import Entry
from keyrail.vault.providers.kms import KmsKeyWrapper

PREFIX = "imports/"
# Without the right to list a bucket, S3 answers for a missing object as for a forbidden one.
MISSING = {"NoSuchKey", "404", "AccessDenied", "403"}
# What a removal answers when the object that was read is no longer there: another one is, or none.
REPLACED, GONE = {"PreconditionFailed", "412"}, {"NoSuchKey", "404"}
# The file itself is refused, and would be whenever it came again.
FINAL = (NotFound, Conflict, Invalid)


class UploadUnavailable(Unavailable):
    """The file could not be read or removed, and its batch still waits for it."""

    code = "upload_unavailable"


class ImportUnfinished(Unavailable):
    """What the runtime logs when it is asked to call again: a name, and no text of any cause."""

    code = "import_unfinished"


@dataclass(frozen=True)
class Settings:
    """The bucket is named by its event: said here too, bucket and function would have to be made before each other."""

    keys_table: str
    catalog_table: str
    vault_key_arn: str
    fingerprint_key_arn: str


@dataclass(frozen=True)
class Upload:
    bucket: str
    name: str
    batch_id: str
    origin: Origin


@dataclass(frozen=True)
class File:
    """The object as it was read, named by its entity tag; `raw` is None for one over MAX_FILE_BYTES."""

    etag: str
    raw: bytes | None = field(repr=False)


@cache
def importing() -> Importing:
    settings, dynamodb, kms = load(Settings), client("dynamodb"), client("kms")
    return Importing(
        KeyStore(dynamodb, settings.keys_table),
        Catalog(CatalogStore(dynamodb, settings.catalog_table), system_now_ms),
        KmsKeyWrapper(kms, settings.vault_key_arn),
        KmsKeyWrapper(kms, settings.fingerprint_key_arn),
        system_now_ms,
    )


def handler(event: dict[str, Any], _context: object) -> None:
    """Every record is tried. If one failed for now the event comes again, and what is imported by then stays so."""
    unfinished = 0
    for record in event.get("Records", ()):
        try:
            take(record)
        except Exception as error:  # noqa: BLE001 - one bad record may not stop its neighbours
            logs.log_failure(error, sequencer=record.get("s3", {}).get("object", {}).get("sequencer"))
            unfinished += 1
    if unfinished:
        raise ImportUnfinished


def take(record: dict[str, Any]) -> None:
    """Import one object and remove it, also if it is refused for good.

    Anything else is raised and leaves the object where it is, to be called for again and then set aside.
    """
    upload = understood(record)
    if upload is None:
        # The name is a stranger's text and is not repeated.
        logs.warn(Entry.IMPORT_REJECTED, reason="not_an_import")
        return
    file = read(upload)
    try:
        batch = imported(upload, file)
    except FINAL as refused:
        logs.warn(Entry.IMPORT_REJECTED, batch_id=upload.batch_id, reason=refused.code)
    else:
        if batch:
            tell(batch)
    if file:
        remove(upload, file)


def understood(record: dict[str, Any]) -> Upload | None:
    """None for an object whose name is not that of an import."""
    bucket, name = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
    batch_id = name.removeprefix(PREFIX)
    if name == batch_id or batch_id != f"bat_{body_of(batch_id, 'bat')}":
        return None
    address = record.get("requestParameters", {}).get("sourceIPAddress", "s3")
    return Upload(bucket, name, batch_id, Origin("system:key_import", address))


def read(upload: Upload) -> File | None:
    """None if there is no such object, or it may not be read. Raises UploadUnavailable."""
    try:
        answer = client("s3").get_object(Bucket=upload.bucket, Key=upload.name)
        body = answer["Body"]
        if answer["ContentLength"] > MAX_FILE_BYTES:
            body.close()
            return File(answer["ETag"], None)
        return File(answer["ETag"], body.read())
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            return None
        raise UploadUnavailable from error
    except BotoCoreError as error:
        raise UploadUnavailable from error


def imported(upload: Upload, file: File | None) -> Batch | None:
    """None if the object is gone because an earlier call finished its batch. Raises KeyrailError."""
    if file is None:
        if importing().is_settled(upload.batch_id):
            return None
        raise UploadUnavailable
    if file.raw is None:
        return importing().refuse(upload.batch_id, FileProblem.TOO_LARGE, upload.origin)
    return importing().import_file(upload.batch_id, file.raw, upload.origin)


def remove(upload: Upload, file: File) -> None:
    """The object that was read and no other: a newer one of its name has an event of its own. Raises UploadUnavailable.

    S3 asks for both rights, to read and to delete, of whoever names an entity tag.
    """
    try:
        client("s3").delete_object(Bucket=upload.bucket, Key=upload.name, IfMatch=file.etag)
    except ClientError as error:
        if error.response["Error"]["Code"] not in REPLACED | GONE:
            raise UploadUnavailable from error
    except BotoCoreError as error:
        raise UploadUnavailable from error


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
