"""What a supplier's price does to a SKU: its sources are withheld while they are too dear, or its price follows. Pure.

Nothing is sold below what it costs because nobody looked: a source that costs more than the rule allows is passed over
until it costs less, or until the price has caught up with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import Conflict, FieldError, Invalid, NotFound
from keyrail.platform.money import Money
from keyrail.suppliers.model.offers import KnownOffer
from keyrail.suppliers.model.sources import Source, Sourcing

MAX_GUARDS = 1_000  # SKUs that are looked after


class GuardMode(StrEnum):
    """`pause`: a source that costs more than `max_cost` is withheld. `follow`: the price keeps `margin` over the
    cheapest source, by at most `max_step` a round of ten minutes and never above `ceiling`.
    """

    PAUSE = "pause"
    FOLLOW = "follow"


class Withheld(StrEnum):
    TOO_DEAR = "too_dear"
    NOT_ON_SALE = "not_on_sale"


class TooManyGuards(Conflict):
    code = "too_many_guards"
    title = "No more SKUs can have a price rule."
    title_zh = "价格保护规则数量已达上限。"


class NoGuard(NotFound):
    code = "no_price_guard"
    title = "This SKU has no price rule."
    title_zh = "该商品未设置价格保护规则。"


class WrongCurrency(Conflict):
    code = "wrong_currency"
    title = "The amounts are not in the currency of the SKU's price."
    title_zh = "金额币种与商品售价币种不一致。"


@dataclass(frozen=True, kw_only=True)
class PriceGuard(Versioned):
    """The rule of a SKU; all of its amounts are in the currency of the SKU's price.

    `fee` is what a piece costs to land on top of a supplier's price. `withheld` are the sources that stand aside now,
    with the reason.
    """

    sku_id: str
    mode: GuardMode
    enabled: bool = True
    max_cost: Money | None = None
    margin: Money | None = None
    max_step: Money | None = None
    ceiling: Money | None = None
    fee: Money | None = None
    withheld: dict[str, str] | None = None

    def amounts(self) -> list[Money]:
        every = (self.max_cost, self.margin, self.max_step, self.ceiling, self.fee)
        return [each for each in every if each is not None]


def check_guard(guard: PriceGuard) -> None:
    """Raises Invalid for a rule that lacks what its mode is about, or that no price could keep."""
    if not guard.enabled:
        return
    needed = {GuardMode.PAUSE: ("max_cost",), GuardMode.FOLLOW: ("margin", "max_step", "ceiling")}[guard.mode]
    wrong = [FieldError(name, "missing") for name in needed if getattr(guard, name) is None]
    if guard.max_step is not None and guard.max_step.amount_minor < 1:
        wrong.append(FieldError("max_step.amount_minor", "below_one"))
    if guard.mode is GuardMode.FOLLOW and guard.margin is not None and guard.ceiling is not None:
        kept_minor = guard.margin.amount_minor + (guard.fee.amount_minor if guard.fee else 0)
        if guard.ceiling.amount_minor <= kept_minor:  # no cost would do, and the price would go down for nothing
            wrong.append(FieldError("ceiling.amount_minor", "not_above_margin_and_fee", f"at least {kept_minor + 1}"))
    if wrong:
        raise Invalid(*wrong)


Offers = Mapping[tuple[str, str], KnownOffer]
"""By supplier and item."""


@dataclass(frozen=True)
class Guarded:
    """The sources and the price as the rule has them now, and which sources are withheld."""

    sources: tuple[Source, ...]
    price: Money
    withheld: dict[str, str]


def guarded(guard: PriceGuard, sourcing: Sourcing, price: Money, offers: Offers, *, may_move: bool = True) -> Guarded:
    """Sources that no catalogue tells of stay as they are, and so does the price unless it `may_move`.

    A rule that is switched off withholds nothing any more.
    """
    if not guard.enabled:
        return Guarded(tuple(replace(each, withheld=None) for each in sourcing.sources), price, {})
    costs = {
        source.source_id: _landed(guard, offer.price)
        for source, offer in _offered(sourcing, offers)
        if offer.price.currency == price.currency
    }
    if guard.mode is GuardMode.FOLLOW and may_move:
        price = _followed(guard, price, _cheapest(sourcing, offers, costs))
    withheld: dict[str, str] = {}
    for source, offer in _offered(sourcing, offers):
        reason = _reason(guard, offer, costs.get(source.source_id), price)
        if reason is not None:
            withheld[source.source_id] = reason
    told = {source.source_id for source, _ in _offered(sourcing, offers)}
    sources = tuple(
        replace(each, cost=costs.get(each.source_id, each.cost), withheld=withheld.get(each.source_id))
        if each.source_id in told
        else each
        for each in sourcing.sources
    )
    return Guarded(sources, price, withheld)


def _offered(sourcing: Sourcing, offers: Offers) -> list[tuple[Source, KnownOffer]]:
    named = ((each, offers.get((each.supplier or "", each.item or ""))) for each in sourcing.sources)
    return [(source, offer) for source, offer in named if offer is not None]


def _landed(guard: PriceGuard, asked: Money) -> Money:
    return asked + guard.fee if guard.fee is not None else asked


def _cheapest(sourcing: Sourcing, offers: Offers, costs: Mapping[str, Money]) -> Money | None:
    """Of those that can be had: one that is sold out moves no price."""
    open_ones = [
        costs[source.source_id].amount_minor
        for source, offer in _offered(sourcing, offers)
        if source.enabled and offer.can_be_had and source.source_id in costs
    ]
    currency = next((each.currency for each in costs.values()), None)
    return Money(min(open_ones), currency) if open_ones and currency else None


def _followed(guard: PriceGuard, price: Money, cost: Money | None) -> Money:
    """One bounded step towards what the cost and the margin come to; a price above the ceiling is let down to it."""
    if cost is None or guard.margin is None or guard.max_step is None or guard.ceiling is None:
        return price
    wanted = max(1, min(cost.amount_minor + guard.margin.amount_minor, guard.ceiling.amount_minor))
    step = max(-guard.max_step.amount_minor, min(guard.max_step.amount_minor, wanted - price.amount_minor))
    return Money(price.amount_minor + step, price.currency)


def _reason(guard: PriceGuard, offer: KnownOffer, cost: Money | None, price: Money) -> Withheld | None:
    if not offer.can_be_had:
        return Withheld.NOT_ON_SALE
    most_minor = _most_minor(guard, price)
    if cost is None or most_minor is None or cost.amount_minor > most_minor:
        return Withheld.TOO_DEAR
    return None


def _most_minor(guard: PriceGuard, price: Money) -> int | None:
    """What a piece may cost, below nothing while not even one for nothing would leave the margin.

    A price that follows may not have come as far yet, or not be allowed to.
    """
    if guard.mode is GuardMode.FOLLOW:
        return price.amount_minor - (guard.margin.amount_minor if guard.margin else 0)
    return guard.max_cost.amount_minor if guard.max_cost else None


def guard_events_between(old: PriceGuard | None, new: PriceGuard | None) -> list[Event]:
    if new is None:
        return []
    before, now = (set(each.withheld or ()) if each else set[str]() for each in (old, new))
    happened = "set"
    if old is not None and before != now:
        happened = "withheld" if now - before else "released"
    data = {"mode": new.mode, "enabled": new.enabled, "withheld": len(now)}
    return [Event(f"guard.{happened}", f"guard:{new.sku_id}", data)]
