"""Batches of our own codes, and their exports for printing."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from functions.operator_api.schemas.batches import StageIn, on_sale
from functions.operator_api.schemas.common import Name, Reason, Slug, TraceStep, traced
from keyrail.inventory.model.batches import MAX_PRIORITY
from keyrail.inventory.model.exports import Export, ExportStatus
from keyrail.inventory.model.own_codes import MAX_OWN_CODES, NewOwnCodes
from keyrail.platform.audit import Trace
from keyrail.platform.documents import MAX_STRING_LENGTH, incoming, outgoing, view
from keyrail.platform.money import Money


@incoming
class OwnCodesIn:
    """`wanted` codes, of which `expires_on` is the last day of use. Those `for_print` are never sold online.

    Others are on sale once all are generated, or from `sellable_from` on, or in `stages`.
    """

    sku_id: Slug
    wanted: Annotated[int, Field(ge=1, le=MAX_OWN_CODES)]
    for_print: bool = False
    expires_on: date | None = None
    source: Name = "own codes"
    unit_cost: Money | None = None
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY)] = 0
    sellable_from: AwareDatetime | None = None
    stages: tuple[StageIn, ...] = ()
    reason: Reason

    def new(self) -> NewOwnCodes:
        """Raises Invalid."""
        expires_on = None if self.expires_on is None else self.expires_on.isoformat()
        return view(NewOwnCodes, self, expires_on=expires_on, stages=on_sale(self.sellable_from, self.stages))


@incoming
class ExportIn:
    """The recipient's X.509 certificate in PEM: RSA of 2048 bits or more, and not expired."""

    certificate: Annotated[str, Field(min_length=1, max_length=MAX_STRING_LENGTH)]
    reason: Reason


@outgoing
class ExportOut:
    """Compare `certificate_sha256` with the recipient before approving. `sha256` is that of the encrypted file."""

    export_id: str
    batch_id: str
    sku_id: str
    status: ExportStatus
    recipient: str
    certificate_sha256: str
    requested_by: str
    requested_at: str
    approved_by: str | None
    approved_at: str | None
    keys: int | None
    sha256: str | None
    problem: str | None


@outgoing
class ExportTraceOut:
    """`trace_complete` false: so much happened that only the beginning and the end are here."""

    export: ExportOut
    trace: tuple[TraceStep, ...]
    trace_complete: bool

    @classmethod
    def of(cls, export: Export, trace: Trace) -> "ExportTraceOut":
        return cls(export=view(ExportOut, export), **traced(trace))


@outgoing
class ExportsOut:
    """All exports of a batch, oldest first, with the batch's own trace."""

    exports: tuple[ExportOut, ...]
    trace: tuple[TraceStep, ...]
    trace_complete: bool


@outgoing
class LinkOut:
    """Fetch the file there before it ends: CMS (PKCS#7), to be opened with the recipient's private key."""

    export: ExportOut
    url: str
    expires_at: str
