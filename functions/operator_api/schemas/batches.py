"""Batches and uploads."""

from functions.operator_api.schemas.common import Name, Reason, Slug
from keyrail.inventory.model import BatchStatus, ImportReport
from keyrail.inventory.model.batches import Filling
from keyrail.platform.documents import incoming, outgoing
from keyrail.platform.money import Money


@incoming
class BatchIn:
    sku_id: Slug
    source: Name
    unit_cost: Money | None = None
    reason: Reason


@outgoing
class UploadOut:
    """Send the file's bytes there with `method`, before it ends. Whoever has the address may."""

    method: str
    url: str
    expires_at: str


@outgoing
class BatchOut:
    """Of `wanted` codes of our own so many are `generated`; who waits for them asks again."""

    batch_id: str
    sku_id: str
    source: str
    status: BatchStatus
    unit_cost: Money | None
    first_expiry: str | None
    last_expiry: str | None
    created_at: str
    report: ImportReport | None
    filling: Filling
    for_print: bool
    wanted: int | None
    generated: int | None
    upload: UploadOut | None = None
