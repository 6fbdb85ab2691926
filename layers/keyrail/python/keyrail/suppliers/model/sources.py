"""Where the goods of a SKU come from."""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.money import Money

MAX_SOURCES_PER_SKU = 20
MAX_SUPPLIERS = 100
MINUTES_A_DAY = 24 * 60


class SourceKind(StrEnum):
    """`pool`: a key that we hold. `keys`: one that a supplier sells us when it is needed. `recharge`: a supplier
    credits the buyer's account. `manual`: a person does.
    """

    POOL = "pool"
    KEYS = "keys"
    RECHARGE = "recharge"
    MANUAL = "manual"


class Strategy(StrEnum):
    """`priority`: the lowest number first. `cheapest`: what costs least to land, and then by priority."""

    PRIORITY = "priority"
    CHEAPEST = "cheapest"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One of a SKU's sources, by a name of the merchant's.

    `supplier` and `item` name what is bought where; a pool and a person have neither. `cost` is what one piece costs to
    land: the supplier's price with fees. `quota` is how many pieces a day may come from here (None: any number).
    It is open from `opens` until `closes`, minutes of the day where the business is, not counting the last; None is
    always.
    """

    source_id: str
    kind: SourceKind
    supplier: str | None = None
    item: str | None = None
    cost: Money | None = None
    priority: int = 100
    quota: int | None = None
    opens: int | None = None
    closes: int | None = None
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class Sourcing(Versioned):
    """All sources of a SKU, and how one of them is chosen. `min_margin` is what must be left of a piece's price."""

    sku_id: str
    strategy: Strategy = Strategy.PRIORITY
    min_margin: Money | None = None
    sources: tuple[Source, ...] = ()

    def source(self, source_id: str) -> Source | None:
        return next((each for each in self.sources if each.source_id == source_id), None)


def sourcing_events_between(old: Sourcing | None, new: Sourcing | None) -> list[Event]:
    if new is None:
        return []
    happened = "created" if old is None else "changed"
    enabled = sum(each.enabled for each in new.sources)
    data = {"strategy": new.strategy, "sources": len(new.sources), "enabled": enabled}
    return [Event(f"sourcing.{happened}", f"sourcing:{new.sku_id}", data)]
