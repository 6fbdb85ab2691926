"""Keys behind their mask."""

from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import Slug, TraceStep, traced
from keyrail.inventory.model import Batch, Key, KeyState
from keyrail.platform.audit import Trace
from keyrail.platform.documents import incoming, outgoing, view


@incoming
class FindKeyIn:
    """A code is posted, never put into an address."""

    sku_id: Slug
    code: Annotated[str, Field(min_length=1, max_length=256)]


@outgoing
class KeyOut:
    """A key behind its mask, with its trace.

    `trace_complete` false: so much happened that only the beginning and the end are here.
    """

    key_id: str
    mask: str
    sku_id: str
    batch_id: str
    source: str
    line: int
    state: KeyState
    order_id: str | None
    sold_at: str | None
    revealed_at: str | None
    expires_on: str | None
    trace: tuple[TraceStep, ...]
    trace_complete: bool

    @classmethod
    def of(cls, key: Key, batch: Batch, trace: Trace) -> "KeyOut":
        return view(cls, key, source=batch.source, **traced(trace))
