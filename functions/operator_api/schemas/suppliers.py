"""Where SKUs come from, and how their suppliers do; times of day as `HH:MM`, where the business is."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from functions.operator_api.schemas.common import Reason, Slug
from functions.operator_api.schemas.terms import Clock, clock_of, minute_of
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import Breaker, Health
from keyrail.suppliers.model.figures import Tally
from keyrail.suppliers.model.notices import Notice, NoticeReason
from keyrail.suppliers.model.routing import PassedOver
from keyrail.suppliers.model.sources import (
    ITEM_NAME,
    MAX_ITEM_LENGTH,
    MAX_PRIORITY,
    MAX_QUOTA,
    MAX_SOURCES_PER_SKU,
    SUPPLIER_NAME,
    Source,
    SourceKind,
    Sourcing,
    Strategy,
)

SupplierName = Annotated[str, Field(pattern=f"^{SUPPLIER_NAME.pattern}$")]
Item = Annotated[str, Field(min_length=1, max_length=MAX_ITEM_LENGTH, pattern=f"^{ITEM_NAME.pattern}$")]


@incoming
class SourceIn:
    """One place that a SKU comes from, by a name of yours.

    What a supplier sells (`keys`, `recharge`) names the supplier, its item and what one piece costs to land, in the
    currency of the SKU's price. `quota` is how many pieces a day may come from here. Of the sources that break no rule
    the lowest `priority` is taken, or, where the strategy says so, the cheapest.
    """

    source_id: Slug
    kind: SourceKind
    supplier: SupplierName | None = None
    item: Item | None = None
    cost: Money | None = None
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY)] = 100
    quota: Annotated[int, Field(ge=1, le=MAX_QUOTA)] | None = None
    opens: Clock | None = None
    closes: Clock | None = None
    enabled: bool = True

    def source(self) -> Source:
        return view(Source, self, opens=minute_of(self.opens), closes=minute_of(self.closes), withheld=None)


@incoming
class SourcingIn:
    """`min_margin` is what must be left of a piece's price; without it anything may be."""

    strategy: Strategy = Strategy.PRIORITY
    min_margin: Money | None = None
    sources: Annotated[tuple[SourceIn, ...], Field(max_length=MAX_SOURCES_PER_SKU)]
    reason: Reason


@outgoing
class SourceOut:
    """`withheld` is why the SKU's price rule has it stand aside; `passed_over` what is in its way at this moment, for
    one piece at the SKU's price. How many keys our pool has is not asked for this.
    """

    source_id: str
    kind: SourceKind
    supplier: str | None
    item: str | None
    cost: Money | None
    priority: int
    quota: int | None
    opens: str | None
    closes: str | None
    enabled: bool
    withheld: str | None
    passed_over: PassedOver | None

    @classmethod
    def of(cls, source: Source, passed_over: PassedOver | None) -> "SourceOut":
        hours = {"opens": clock_of(source.opens), "closes": clock_of(source.closes)}
        return view(cls, source, **hours, passed_over=passed_over)


@outgoing
class SourcingOut:
    sku_id: str
    strategy: Strategy
    min_margin: Money | None
    sources: tuple[SourceOut, ...]
    version: int
    changed_by: str
    changed_at: str

    @classmethod
    def of(cls, sourcing: Sourcing, passed_over: Mapping[str, PassedOver]) -> "SourcingOut":
        sources = (SourceOut.of(each, passed_over.get(each.source_id)) for each in sourcing.sources)
        return view(cls, sourcing, sources=tuple(sources))


@incoming
class SupplierIn:
    """`disabled` keeps all units from it."""

    disabled: bool = False
    reason: Reason


@incoming
class BreakerIn:
    """`open` as if the supplier did not answer, which it takes back by itself; `closed` as if it did."""

    breaker: Literal[Breaker.OPEN, Breaker.CLOSED]
    reason: Reason


@outgoing
class SupplierOut:
    """`strain` is how near the breaker is to opening, `unanswered` how many calls went out since it was last known to
    answer. `until` is when the next unit may find out whether it does.

    `balance` is what we have with it, as it said at `balance_at`; until `short_until` it counts as too short. Until
    `aside_until` sources elsewhere come first, since it refuses much, takes much in vain, or is slow.
    """

    supplier: str
    disabled: bool
    breaker: Breaker
    strain: int
    unanswered: int
    openings: int
    until: str | None
    balance: Money | None
    balance_at: str | None
    short_until: str | None
    aside_until: str | None
    version: int
    changed_by: str
    changed_at: str
    changed_reason: str | None

    @classmethod
    def of(cls, health: Health) -> "SupplierOut":
        return view(cls, health)


@outgoing
class FiguresOfSupplierOut:
    """Calls that asked for something in the last 24 hours, as far as they are counted: some seconds may be missing.

    `taken` was accepted or done at once, `refused` definitely not, `unanswered` left nobody knowing or was never sent.
    `failed` is what came to nothing by the supplier's doing: refused, or taken and not supplied after all, in the hour
    in which that was said. `mean_latency_ms` is that of answers.
    """

    calls: int
    taken: int
    refused: int
    unanswered: int
    failed: int
    taken_share: float | None
    mean_latency_ms: int | None

    @classmethod
    def of(cls, tally: Tally) -> "FiguresOfSupplierOut":
        return view(cls, tally)


@outgoing
class SupplierWithFiguresOut:
    supplier: SupplierOut
    figures: FiguresOfSupplierOut


@outgoing
class NoticeOut:
    """The first callback under that reference, and why it counts for nothing; of which order it speaks, if of any."""

    reference: str
    reason: NoticeReason
    heard_at: str
    order_id: str | None

    @classmethod
    def of(cls, notice: Notice) -> "NoticeOut":
        return view(cls, notice)


@outgoing
class NoticesOut:
    notices: tuple[NoticeOut, ...]


@outgoing
class SuppliersOut:
    suppliers: tuple[SupplierOut, ...]
