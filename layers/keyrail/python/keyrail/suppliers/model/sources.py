"""Where the goods of a SKU come from."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money

MAX_SOURCES_PER_SKU = 20
MAX_PRIORITY = 10_000
MAX_QUOTA = 1_000_000  # pieces a day
MAX_ITEM_LENGTH = 64
MAX_SUPPLIERS = 100
MINUTES_A_DAY = 24 * 60

SUPPLIER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Of the merchant's: callbacks' addresses, stored keys and the books' accounts are made of it."""

ITEM_NAME = re.compile(rf"[!-~]{{1,{MAX_ITEM_LENGTH}}}")
"""Of the supplier's, as its catalogue has it."""

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class SourceKind(StrEnum):
    """`pool`: a key that we hold. `keys`: one that a supplier sells us when it is needed. `recharge`: a supplier
    credits the buyer's account. `manual`: a person does.
    """

    POOL = "pool"
    KEYS = "keys"
    RECHARGE = "recharge"
    MANUAL = "manual"

    @property
    def is_bought(self) -> bool:
        """From a supplier."""
        return self in {SourceKind.KEYS, SourceKind.RECHARGE}


RECHARGE_KINDS = frozenset({SourceKind.RECHARGE, SourceKind.MANUAL})
KEY_KINDS = frozenset({SourceKind.POOL, SourceKind.KEYS})
EVERY_KIND = frozenset(SourceKind)


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
    always. `withheld` is why its price rule has it stand aside.
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
    withheld: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sourcing(Versioned):
    """All sources of a SKU, and how one of them is chosen. `min_margin` is what must be left of a piece's price."""

    sku_id: str
    strategy: Strategy = Strategy.PRIORITY
    min_margin: Money | None = None
    sources: tuple[Source, ...] = ()

    def source(self, source_id: str) -> Source | None:
        return next((each for each in self.sources if each.source_id == source_id), None)


def check_supplier_name(name: str) -> None:
    """Raises Invalid."""
    if not SUPPLIER_NAME.fullmatch(name):
        raise Invalid(FieldError("supplier", "not_a_name"))


@dataclass(frozen=True, kw_only=True)
class Sold:
    """What is sold: the currency of its price, and the kinds of source that can deliver it."""

    currency: str
    kinds: frozenset[SourceKind]


def check_sourcing(sourcing: Sourcing, sold: Sold, suppliers: Collection[str]) -> None:
    """Raises Invalid with one FieldError for each field that is beyond its limit or contradicts another.

    `suppliers` are those of the sources' suppliers that there are.
    """
    wrong = [FieldError(field, reason) for field, reason in _problems(sourcing, sold, suppliers)]
    if wrong:
        raise Invalid(*wrong)


_Problems = Iterator[tuple[str, str]]


def _problems(sourcing: Sourcing, sold: Sold, suppliers: Collection[str]) -> _Problems:
    if sourcing.min_margin is not None and sourcing.min_margin.currency != sold.currency:
        yield "min_margin.currency", "not_that_of_price"
    if len(sourcing.sources) > MAX_SOURCES_PER_SKU:
        yield "sources", f"more_than_{MAX_SOURCES_PER_SKU}"
    names = [each.source_id for each in sourcing.sources]
    for number, source in enumerate(sourcing.sources):
        if names.index(source.source_id) != number:
            yield f"sources.{number}.source_id", "named_twice"
        if source.kind not in sold.kinds:
            yield f"sources.{number}.kind", "does_not_deliver_this_sku"
        checks = (*_of_itself(source), *_of_supplier(source, suppliers), *_of_cost(source, sold.currency))
        yield from ((f"sources.{number}.{field}", reason) for field, reason in checks)


def _of_itself(source: Source) -> _Problems:
    if not _SLUG.fullmatch(source.source_id):
        yield "source_id", "not_a_slug"
    if not 0 <= source.priority <= MAX_PRIORITY:
        yield "priority", f"not_between_0_and_{MAX_PRIORITY}"
    if source.quota is not None and not 1 <= source.quota <= MAX_QUOTA:
        yield "quota", f"not_between_1_and_{MAX_QUOTA}"
    if (source.opens is None) != (source.closes is None):
        yield "closes", "not_without_each_other"
    elif source.opens is not None and source.closes is not None and not _are_hours(source.opens, source.closes):
        yield "closes", "no_hours_of_a_day"


def _are_hours(opens: int, closes: int) -> bool:
    """The same minute twice would be no time at all, or all of it: that is said by leaving both out."""
    return 0 <= opens < MINUTES_A_DAY and 0 < closes <= MINUTES_A_DAY and opens != closes


def _of_supplier(source: Source, suppliers: Collection[str]) -> _Problems:
    if not source.kind.is_bought:
        yield from ((name, "not_of_this_kind") for name in ("supplier", "item") if getattr(source, name) is not None)
        return
    if source.supplier is None:
        yield "supplier", "missing"
    elif source.supplier not in suppliers:
        yield "supplier", "unknown"
    if source.item is None:
        yield "item", "missing"
    elif not ITEM_NAME.fullmatch(source.item):
        yield "item", "not_the_name_of_an_item"


def _of_cost(source: Source, currency: str) -> _Problems:
    if source.cost is None:
        if source.kind.is_bought:
            yield "cost", "missing"
        return
    if source.cost.currency != currency:
        yield "cost.currency", "not_that_of_price"
    if source.kind.is_bought and source.cost.amount_minor < 1:
        yield "cost.amount_minor", "below_one"


def sourcing_events_between(old: Sourcing | None, new: Sourcing | None) -> list[Event]:
    if new is None:
        return []
    happened = "created" if old is None else "changed"
    enabled = sum(each.enabled for each in new.sources)
    data = {"strategy": new.strategy, "sources": len(new.sources), "enabled": enabled}
    return [Event(f"sourcing.{happened}", f"sourcing:{new.sku_id}", data)]
