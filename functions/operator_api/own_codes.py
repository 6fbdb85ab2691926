"""Codes of our own: batches of them, and their exports for printing, which two people have to want."""

from functools import cache

from functions.operator_api.access import READ, STOCK, NotInGroup, allow
from functions.operator_api.app import api, audit, catalog, keys, settings
from functions.operator_api.schemas.batches import BatchOut
from functions.operator_api.schemas.common import ReasonIn, traced
from functions.operator_api.schemas.exports import (
    ExportIn,
    ExportOut,
    ExportsOut,
    ExportTraceOut,
    LinkOut,
    OwnCodesIn,
)
from keyrail.catalog.model import SkuWithoutKeys, UnknownSku
from keyrail.inventory.model.batches import BatchNotFound
from keyrail.inventory.model.exports import (
    AlreadyApproved,
    BatchNotOpen,
    ExportFailed,
    ExportLapsed,
    ExportNotFound,
    ExportNotMade,
    NotApproved,
    NotForPrint,
    NotGenerated,
    SamePerson,
    TooManyExports,
)
from keyrail.inventory.model.own_codes import NotOwnIssuer, PoolFull
from keyrail.inventory.service.exports import Exports
from keyrail.inventory.service.own_codes import OwnCodes
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.platform.aws import client
from keyrail.platform.clock import rfc3339, system_now_ms
from keyrail.platform.documents import view
from keyrail.platform.errors import IdempotencyConflict, Invalid
from keyrail.platform.handover import AlreadyHandedOut, FileExpired
from keyrail.platform.http import Call
from keyrail.vault.model import BadCertificate


@cache
def own_codes() -> OwnCodes:
    return OwnCodes(keys(), _store(), catalog(), system_now_ms)


@cache
def exports() -> Exports:
    return Exports(keys(), _store(), client("s3"), settings().import_bucket, system_now_ms)


@cache
def _store() -> OwnCodeStore:
    return OwnCodeStore(client("dynamodb"), settings().keys_table)


@api.operation(
    "POST",
    "/ops/v1/batches/own-codes",
    summary="Have codes of our own generated, for the pool or for print",
    headers=("Idempotency-Key",),
    body=OwnCodesIn,
    answer=BatchOut,
    status=201,
    raises=(Invalid, UnknownSku, SkuWithoutKeys, NotOwnIssuer, PoolFull, IdempotencyConflict, NotInGroup),
)
def open_own_codes(call: Call) -> BatchOut:
    wanted: OwnCodesIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    batch = own_codes().open(wanted.new(), call.idempotency_key(), origin)
    return BatchOut.of(batch, generated=own_codes().generated(batch))


@api.operation(
    "POST",
    "/ops/v1/batches/{batch_id}/exports",
    summary="Ask for a batch's codes to be printed by whoever holds the certificate; a second person has to approve it",
    headers=("Idempotency-Key",),
    body=ExportIn,
    answer=ExportOut,
    status=201,
    raises=(
        Invalid,
        BadCertificate,
        BatchNotFound,
        NotForPrint,
        NotGenerated,
        BatchNotOpen,
        TooManyExports,
        IdempotencyConflict,
        NotInGroup,
    ),
)
def request_export(call: Call) -> ExportOut:
    wanted: ExportIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    export = exports().request(call.path["batch_id"], wanted.certificate, call.idempotency_key(), origin)
    return view(ExportOut, export)


@api.operation(
    "GET",
    "/ops/v1/batches/{batch_id}/exports",
    summary="The exports of a batch, oldest first, and the batch's trace",
    answer=ExportsOut,
    raises=(BatchNotFound, NotInGroup),
)
def list_exports(call: Call) -> ExportsOut:
    allow(call, READ)
    found = exports().of_batch(call.path["batch_id"])
    trace = audit().of(f"batch:{call.path['batch_id']}")
    return ExportsOut(exports=tuple(view(ExportOut, export) for export in found), **traced(trace))


@api.operation(
    "GET",
    "/ops/v1/exports/{export_id}",
    summary="An export with its trace",
    answer=ExportTraceOut,
    raises=(ExportNotFound, NotInGroup),
)
def get_export(call: Call) -> ExportTraceOut:
    allow(call, READ)
    export = exports().export(call.path["export_id"])
    return ExportTraceOut.of(export, audit().of(f"export:{export.export_id}"))


@api.operation(
    "POST",
    "/ops/v1/exports/{export_id}/approve",
    summary="Approve an export that somebody else requested; its file is made in the background",
    body=ReasonIn,
    answer=ExportOut,
    raises=(Invalid, ExportNotFound, SamePerson, AlreadyApproved, ExportLapsed, NotInGroup),
)
def approve_export(call: Call) -> ExportOut:
    said: ReasonIn = call.body
    origin = allow(call, STOCK, said.reason)
    return view(ExportOut, exports().approve(call.path["export_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/exports/{export_id}/link",
    summary="The address of the file, for a minute and once only",
    body=ReasonIn,
    answer=LinkOut,
    raises=(
        Invalid,
        ExportNotFound,
        NotApproved,
        ExportNotMade,
        ExportLapsed,
        ExportFailed,
        AlreadyHandedOut,
        FileExpired,
        BatchNotOpen,
        NotInGroup,
    ),
)
def hand_out_export(call: Call) -> LinkOut:
    said: ReasonIn = call.body
    origin = allow(call, STOCK, said.reason)
    export, link = exports().hand_out(call.path["export_id"], origin)
    return LinkOut(export=view(ExportOut, export), url=link.url, expires_at=rfc3339(link.expires_at_ms))
