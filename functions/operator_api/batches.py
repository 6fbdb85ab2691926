"""Batches and their import reports."""

import secrets
from functools import cache

from functions.operator_api.access import READ, STOCK, NotInGroup, allow
from functions.operator_api.app import api, batches, keys, settings
from functions.operator_api.own_codes import own_codes
from functions.operator_api.schemas.batches import BatchIn, BatchOut, RejectedFileOut, UploadOut
from functions.operator_api.schemas.common import ReasonIn
from keyrail.catalog.model import SkuWithoutKeys, UnknownSku
from keyrail.inventory.model.batches import BatchNotFound, NoRejectedLines
from keyrail.inventory.providers.s3 import S3Files
from keyrail.inventory.service.import_desk import ImportDesk
from keyrail.platform.aws import client
from keyrail.platform.clock import rfc3339, system_now_ms
from keyrail.platform.errors import IdempotencyConflict, Invalid
from keyrail.platform.handover import AlreadyHandedOut, FileExpired
from keyrail.platform.http import Call
from keyrail.vault.providers.kms import KmsKeyWrapper

UPLOAD_URL_LIFETIME_S = 15 * 60


@cache
def import_desk() -> ImportDesk:
    wrapper = KmsKeyWrapper(client("kms"), settings().fingerprint_key_arn)
    return ImportDesk(keys(), S3Files(client("s3"), settings().import_bucket), wrapper, system_now_ms)


@api.operation(
    "POST",
    "/ops/v1/batches",
    summary="Open a batch and get the address its key file is uploaded to",
    headers=("Idempotency-Key",),
    body=BatchIn,
    answer=BatchOut,
    status=201,
    raises=(Invalid, UnknownSku, SkuWithoutKeys, IdempotencyConflict, NotInGroup),
)
def open_batch(call: Call) -> BatchOut:
    wanted: BatchIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    batch = batches().open(wanted.new(), call.idempotency_key(), origin)
    # An import that was broken off takes its file again; it takes no other one.
    return BatchOut.of(batch, generated=None, upload=None if batch.is_settled else _upload(batch.batch_id))


def _upload(batch_id: str) -> UploadOut:
    """Each address is of a name of its own: a file that is sent twice takes none away from an import that runs."""
    url = client("s3").generate_presigned_url(
        "put_object",
        Params={"Bucket": settings().import_bucket, "Key": f"imports/{batch_id}/{secrets.token_hex(8)}"},
        ExpiresIn=UPLOAD_URL_LIFETIME_S,
    )
    return UploadOut(method="PUT", url=url, expires_at=rfc3339(system_now_ms() + UPLOAD_URL_LIFETIME_S * 1000))


@api.operation(
    "GET",
    "/ops/v1/batches/{batch_id}",
    summary="A batch with its import report, or how far its import has come",
    answer=BatchOut,
    raises=(BatchNotFound, NotInGroup),
)
def get_batch(call: Call) -> BatchOut:
    allow(call, READ)
    batch = batches().batch(call.path["batch_id"])
    return BatchOut.of(batch, generated=own_codes().generated(batch), progress=import_desk().progress(batch))


@api.operation(
    "POST",
    "/ops/v1/batches/{batch_id}/rejected-lines",
    summary="The lines that were not taken, as CSV: once only",
    body=ReasonIn,
    answer=RejectedFileOut,
    raises=(Invalid, BatchNotFound, NoRejectedLines, AlreadyHandedOut, FileExpired, NotInGroup),
)
def hand_out_rejected_lines(call: Call) -> RejectedFileOut:
    said: ReasonIn = call.body
    origin = allow(call, STOCK, said.reason)
    content = import_desk().hand_out(call.path["batch_id"], origin)
    return RejectedFileOut(content=content.decode("utf-8-sig"))
