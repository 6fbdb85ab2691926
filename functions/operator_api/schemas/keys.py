"""Keys behind their mask."""

from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import Slug, TraceStep, traced
from functions.operator_api.schemas.terms import TermsOut
from keyrail.fulfilment.service.tracing import KeyStory
from keyrail.inventory.model.keys import Fault, Key, KeyState
from keyrail.inventory.model.redeeming import uses_left
from keyrail.inventory.model.uses import Use
from keyrail.ordering.model.orders import Contact
from keyrail.platform.audit import Trace
from keyrail.platform.clock import rfc3339
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money


@incoming
class FindKeyIn:
    """A code is posted, never put into an address. `order_id` says which sale is meant of a code that is sold often."""

    sku_id: Slug
    code: Annotated[str, Field(min_length=1, max_length=256)]
    order_id: Annotated[str, Field(max_length=64)] | None = None


@outgoing
class KeySummary:
    """A key behind its mask. A bad one and the one that stands in for it name each other.

    One of which the price went back names the `refund_id`; `flagged_at`, if its buyer had seen it and may use it.
    `held_for` is the dispute for which it is neither shown nor redeemed.
    """

    key_id: str
    mask: str
    label: str | None
    sku_id: str
    state: KeyState
    order_id: str | None
    unit_id: str | None
    sold_at: str | None
    revealed_at: str | None
    expires_on: str | None
    fault: Fault | None
    replaces: str | None
    replaced_by: str | None
    charged_back_at: str | None
    refund_id: str | None
    flagged_at: str | None
    held_for: str | None

    @classmethod
    def of(cls, key: Key) -> "KeySummary":
        return view(cls, key)


@outgoing
class UseOut:
    """A redemption, or one taken back; `amount` is of value cards."""

    at: str
    redemption_id: str
    by: str
    place: str | None
    amount: Money | None
    taken_back: bool

    @classmethod
    def of(cls, key: Key, use: Use) -> "UseOut":
        value = key.terms.value if key.terms else None
        amount = Money(abs(use.spent), value.currency) if value else None
        return view(cls, use, redemption_id=use.name, amount=amount, taken_back=use.spent < 0)


@outgoing
class KeyOut:
    """All that is on record of a key: where it came from, who had it, who looked, where it was used, what became of it.

    `terms` are those it was made with. `unit_cost` is shown to finance, `buyer` to support. `slots` are all sales of a
    code that is sold more than once.
    The trace is a moment behind. `trace_complete` false: so much happened that only the beginning and the end are here.
    """

    key_id: str
    mask: str
    label: str | None
    sku_id: str
    batch_id: str
    source: str
    unit_cost: Money | None
    line: int
    imported_at: str | None
    state: KeyState
    order_id: str | None
    unit_id: str | None
    buyer: Contact | None
    sold_at: str | None
    revealed_at: str | None
    expires_on: str | None
    terms: TermsOut | None
    active_until: str | None
    uses: tuple[UseOut, ...]
    uses_left: int | None
    value_left: int | None
    fault: Fault | None
    replaces: str | None
    replaced_by: str | None
    charged_back_at: str | None
    refund_id: str | None
    flagged_at: str | None
    held_for: str | None
    slots: tuple[KeySummary, ...]
    trace: tuple[TraceStep, ...]
    trace_complete: bool

    @classmethod
    def of(cls, story: KeyStory, *, with_cost: bool, with_buyer: bool) -> "KeyOut":
        key = story.key
        return view(
            cls,
            key,
            source=story.batch.source,
            unit_cost=story.batch.unit_cost if with_cost else None,
            imported_at=_imported_at(story.trace),
            buyer=story.order.contact if with_buyer and story.order else None,
            terms=TermsOut.of(key.terms),
            uses=tuple(UseOut.of(key, use) for use in key.uses or ()),
            uses_left=uses_left(key),
            slots=tuple(map(KeySummary.of, story.slots)),
            **traced(story.trace),
        )


def _imported_at(trace: Trace) -> str | None:
    """None until the first record has come through the stream."""
    return rfc3339(trace.records[0].at_ms) if trace.records and trace.records[0].version == 1 else None
