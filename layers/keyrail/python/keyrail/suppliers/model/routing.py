"""Which of a SKU's sources a unit comes from, and why from none of the others. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from keyrail.platform.money import Money, total
from keyrail.suppliers.model.breaker import Health
from keyrail.suppliers.model.sources import Source, SourceKind, Sourcing, Strategy


class PassedOver(StrEnum):
    """Why a unit does not come from a source: the first rule, in this order, that the source breaks.

    `later_in_line` and `does_poorly` break none; the one that was chosen comes first. `keys_leased` and `sold_out` are
    found out when a pool is asked for keys: enough of them may come free, or there are none.
    """

    DISABLED = "disabled"
    DOES_NOT_FIT = "does_not_fit"
    TRIED = "tried"
    TOO_DEAR = "too_dear"
    NOT_ON_SALE = "not_on_sale"
    OUT_OF_HOURS = "out_of_hours"
    BELOW_MARGIN = "below_margin"
    QUOTA_USED_UP = "quota_used_up"
    UNKNOWN_SUPPLIER = "unknown_supplier"
    SUPPLIER_DISABLED = "supplier_disabled"
    BREAKER_OPEN = "breaker_open"
    BALANCE_SHORT = "balance_short"
    UNANSWERED = "unanswered"
    KEYS_LEASED = "keys_leased"
    SOLD_OUT = "sold_out"
    DOES_POORLY = "does_poorly"
    LATER_IN_LINE = "later_in_line"


PASSING = frozenset({PassedOver.BREAKER_OPEN, PassedOver.BALANCE_SHORT, PassedOver.UNANSWERED, PassedOver.KEYS_LEASED})
"""What may be over in minutes, without anybody having meant it so."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """What is to be supplied for a unit: `quantity` pieces of the SKU, for which its buyer paid `paid` in all.

    `kinds` are those that fit its delivery. `tried` are the sources that definitely failed it. `reference` is the one
    under which it would be asked for. From `patient_until_ms` on it waits for nobody; None: it has not had to wait yet.
    """

    sku_id: str
    quantity: int
    paid: Money
    kinds: frozenset[SourceKind]
    reference: str
    tried: frozenset[str] = frozenset()
    patient_until_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known at `now_ms`, the `minute` of the day where the business is: suppliers' health, and of sources with
    a quota how many pieces came from there today. Beside them the attempt itself `holds` some, if it was chosen before
    by who was killed then.
    """

    now_ms: int
    minute: int
    health: Mapping[str, Health] = field(default_factory=dict)
    taken: Mapping[str, int] = field(default_factory=dict)
    holds: Mapping[str, int] = field(default_factory=dict)

    def health_of(self, source: Source) -> Health | None:
        """Of its supplier; None where it has none, or nobody made that known."""
        return self.health.get(source.supplier or "") if source.kind.is_bought else None


@dataclass(frozen=True)
class Routed:
    """`source` None: each of them was passed over."""

    source: Source | None
    passed_over: dict[str, PassedOver]


def route(sourcing: Sourcing, need: Need, known: Known) -> Routed:
    """The first in line of those that break no rule, and a reason for each other one."""
    broken = {each.source_id: rule_broken(sourcing, each, need, known) for each in sourcing.sources}
    line = _line(sourcing, known)
    chosen = next((each for each in line if broken[each.source_id] is None), None)
    may_wait = need.patient_until_ms is None or known.now_ms < need.patient_until_ms
    if chosen is not None and chosen.kind is SourceKind.MANUAL and may_wait:
        before = line[: line.index(chosen)]
        if any(broken[each.source_id] is PassedOver.UNANSWERED for each in before):
            chosen = None  # a person is given nothing that a supplier may do in a moment
    passed_over = {
        each.source_id: broken[each.source_id] or _comes_later(each, known)
        for each in sourcing.sources
        if chosen is None or each.source_id != chosen.source_id
    }
    return Routed(chosen, passed_over)


def rule_broken(sourcing: Sourcing, source: Source, need: Need, known: Known) -> PassedOver | None:
    """The first rule that the source breaks for this unit; None if it may come from there."""
    return next((reason for is_broken, reason in _rules(sourcing, source, need, known) if is_broken), None)


def usable_kinds(sourcing: Sourcing, need: Need, known: Known) -> frozenset[SourceKind]:
    """Of the sources that break no rule, or have only to answer others first."""
    usable = (None, PassedOver.UNANSWERED)
    return frozenset(each.kind for each in sourcing.sources if rule_broken(sourcing, each, need, known) in usable)


def _rules(sourcing: Sourcing, source: Source, need: Need, known: Known) -> Iterator[tuple[bool, PassedOver]]:
    yield not source.enabled, PassedOver.DISABLED
    yield source.kind not in need.kinds, PassedOver.DOES_NOT_FIT
    yield source.source_id in need.tried, PassedOver.TRIED
    yield source.withheld == PassedOver.TOO_DEAR, PassedOver.TOO_DEAR
    yield source.withheld == PassedOver.NOT_ON_SALE, PassedOver.NOT_ON_SALE
    yield not is_open_at(source, known.minute), PassedOver.OUT_OF_HOURS
    yield not leaves_margin(sourcing, source, need), PassedOver.BELOW_MARGIN
    yield not has_quota(source, need, known), PassedOver.QUOTA_USED_UP
    if not source.kind.is_bought:
        return
    health = known.health_of(source)
    if health is None:
        yield True, PassedOver.UNKNOWN_SUPPLIER
        return
    yield health.disabled, PassedOver.SUPPLIER_DISABLED
    yield not health.lets_through(need.reference, known.now_ms), PassedOver.BREAKER_OPEN
    cost = source.cost.times(need.quantity) if source.cost else None
    yield not health.covers(cost, known.now_ms), PassedOver.BALANCE_SHORT
    yield health.is_awaited(known.now_ms), PassedOver.UNANSWERED


def has_quota(source: Source, need: Need, known: Known) -> bool:
    return source.quota is None or known.taken.get(source.source_id, 0) + need.quantity <= source.quota


def is_open_at(source: Source, minute: int) -> bool:
    """Hours that end after midnight are those from `opens` on and those before `closes`."""
    if source.opens is None or source.closes is None:
        return True
    if source.opens < source.closes:
        return source.opens <= minute < source.closes
    return minute >= source.opens or minute < source.closes


def leaves_margin(sourcing: Sourcing, source: Source, need: Need) -> bool:
    """Without a floor anything does, and without a cost nothing more is paid; two currencies cannot be compared."""
    parts = [each for each in (source.cost, sourcing.min_margin) if each is not None]
    if {each.currency for each in parts} - {need.paid.currency}:
        return False
    if sourcing.min_margin is None:
        return True
    return total(parts).times(need.quantity).amount_minor <= need.paid.amount_minor


def limit_of(sourcing: Sourcing, source: Source, need: Need) -> Money:
    """What it may cost in all: a dearer piece is still bought while the margin's floor is kept, or the price is.

    Of a source that leaves its margin.
    """
    floor_minor = sourcing.min_margin.times(need.quantity).amount_minor if sourcing.min_margin else 0
    cost_minor = source.cost.times(need.quantity).amount_minor if source.cost else 0
    return Money(max(cost_minor, need.paid.amount_minor - floor_minor), need.paid.currency)


def _line(sourcing: Sourcing, known: Known) -> list[Source]:
    """By strategy; whose supplier does poorly stands aside for others, but not for a person, who would have to work."""
    line = sorted(sourcing.sources, key=_place(sourcing.strategy))
    between_people = groupby(line, key=lambda source: source.kind is SourceKind.MANUAL)
    return [each for _, some in between_people for each in sorted(some, key=lambda one: _does_poorly(one, known))]


def _comes_later(source: Source, known: Known) -> PassedOver:
    return PassedOver.DOES_POORLY if _does_poorly(source, known) else PassedOver.LATER_IN_LINE


def _does_poorly(source: Source, known: Known) -> bool:
    health = known.health_of(source)
    return health is not None and health.does_poorly(known.now_ms)


def _place(strategy: Strategy) -> Callable[[Source], tuple[int, ...]]:
    """Those in one place stay as they are listed. A source without a cost costs nothing more."""
    if strategy is Strategy.CHEAPEST:
        return lambda source: (source.cost.amount_minor if source.cost else 0, source.priority)
    return lambda source: (source.priority,)
