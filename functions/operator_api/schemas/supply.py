"""What suppliers offer, what their prices do to ours, and the keys that are bought of them."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import Reason, Slug, TraceStep, traced
from functions.operator_api.schemas.suppliers import Item, SupplierName
from keyrail.platform.audit import Trace
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money
from keyrail.suppliers.model.guarding import GuardMode, PriceGuard
from keyrail.suppliers.model.offers import KnownOffer, Watch
from keyrail.suppliers.model.outcomes import Refusal
from keyrail.suppliers.model.purchases import (
    MAX_PIECES,
    MAX_UP_TO,
    Budget,
    Purchase,
    PurchaseRule,
    PurchaseStatus,
    Resolution,
)
from keyrail.suppliers.service.purchases import WantedKeys

Pieces = Annotated[int, Field(ge=1, le=MAX_PIECES)]


@incoming
class WatchIn:
    """`threshold` is what our balance there must not go below; without it nobody hears of it."""

    threshold: Money | None = None
    reason: Reason


@outgoing
class WatchOut:
    """`unreached` is how often in a row its catalogue could not be had; then the offers are those of `synced_at`."""

    supplier: str
    threshold: Money | None
    low: bool
    balance: Money | None
    synced_at: str | None
    offers: int | None
    unreached: int
    unreached_at: str | None

    @classmethod
    def of(cls, watch: Watch) -> "WatchOut":
        return view(cls, watch)


@outgoing
class OfferOut:
    """`stock` is absent where the supplier does not say how many there are."""

    item: str
    name: str
    price: Money
    on_sale: bool
    stock: int | None
    changed_at: str


@outgoing
class OffersOut:
    offers: tuple[OfferOut, ...]
    cursor: str | None

    @classmethod
    def of(cls, offers: Sequence[KnownOffer], cursor: str | None) -> "OffersOut":
        return cls(offers=tuple(view(OfferOut, each) for each in offers), cursor=cursor)


@incoming
class OffersQuery:
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str, Field(max_length=512)] | None = None


@incoming
class GuardIn:
    """`pause` needs `max_cost`; `follow` needs `margin`, `max_step` and `ceiling`. `fee` is what a piece costs to land
    on top of the supplier's price. All in the currency of the SKU's price.
    """

    mode: GuardMode
    enabled: bool = True
    max_cost: Money | None = None
    margin: Money | None = None
    max_step: Money | None = None
    ceiling: Money | None = None
    fee: Money | None = None
    reason: Reason


@outgoing
class GuardOut:
    """`withheld` are the sources that stand aside now, with the reason."""

    sku_id: str
    mode: GuardMode
    enabled: bool
    max_cost: Money | None
    margin: Money | None
    max_step: Money | None
    ceiling: Money | None
    fee: Money | None
    withheld: dict[str, str]

    @classmethod
    def of(cls, guard: PriceGuard) -> "GuardOut":
        return view(cls, guard, withheld=guard.withheld or {})


@incoming
class RuleIn:
    """At most `pieces` at once, and no more than fill the stock up to `up_to`, at `max_price` a piece or less."""

    supplier: SupplierName
    item: Item
    pieces: Pieces
    up_to: Annotated[int, Field(ge=1, le=MAX_UP_TO)]
    max_price: Money
    enabled: bool = True
    reason: Reason

    def wanted(self, sku_id: str) -> WantedKeys:
        return view(WantedKeys, self, sku_id=sku_id)


@outgoing
class RuleOut:
    sku_id: str
    supplier: str
    item: str
    pieces: int
    up_to: int
    max_price: Money
    enabled: bool

    @classmethod
    def of(cls, rule: PurchaseRule) -> "RuleOut":
        return view(cls, rule)


@incoming
class BudgetIn:
    """What all purchases in this currency may cost a day, and what one may without a second person."""

    a_day_minor: Annotated[int, Field(ge=0, le=10**12)]
    alone_minor: Annotated[int, Field(ge=0, le=10**12)]
    reason: Reason


@outgoing
class BudgetOut:
    """`taken` is what today's purchases have cost, or may still."""

    a_day: Money
    alone: Money
    taken: Money

    @classmethod
    def of(cls, budget: Budget, taken: Money) -> "BudgetOut":
        return view(cls, budget, taken=taken)


@incoming
class PurchaseIn:
    sku_id: Slug
    supplier: SupplierName
    item: Item
    pieces: Pieces
    max_price: Money
    reason: Reason

    def wanted(self) -> WantedKeys:
        return view(WantedKeys, self)


@incoming
class PurchaseResolutionIn:
    """`ask_again` and `not_done` are for a purchase that is `undecided`, `seen` for one that `differs`."""

    resolution: Resolution
    reason: Reason


@outgoing
class PurchaseOut:
    """`reference` is ours, by which the supplier knows it. `told` cards came, each of which is in one of the three."""

    purchase_id: str
    reference: str
    sku_id: str
    supplier: str
    item: str
    pieces: int
    price: Money
    max_price: Money
    status: PurchaseStatus
    requested_by: str
    rule_by: str | None
    decided_by: str | None
    created_at: str
    asked_at: str | None
    until: str | None
    refusal: Refusal | None
    said: str
    their_reference: str | None
    cost: Money | None
    batch_id: str | None
    told: int | None
    accepted: int | None
    duplicate: int | None
    rejected: int | None

    @classmethod
    def of(cls, purchase: Purchase) -> "PurchaseOut":
        return view(cls, purchase)


@outgoing
class PurchasesOut:
    purchases: tuple[PurchaseOut, ...]

    @classmethod
    def of(cls, purchases: Sequence[Purchase]) -> "PurchasesOut":
        return cls(purchases=tuple(PurchaseOut.of(each) for each in purchases))


@outgoing
class PurchaseTraceOut:
    purchase: PurchaseOut
    trace: tuple[TraceStep, ...]
    trace_complete: bool

    @classmethod
    def of(cls, purchase: Purchase, trace: Trace) -> "PurchaseTraceOut":
        return cls(purchase=PurchaseOut.of(purchase), **traced(trace))
