"""Each change of what supply is about, as an item and what it is called."""

from collections.abc import Iterator
from dataclasses import replace

from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.suppliers.model.guarding import GuardMode, PriceGuard, guard_events_between
from keyrail.suppliers.model.offers import looked_at, new_watch, watch_events_between, watched
from keyrail.suppliers.model.outcomes import DefiniteFailure, Processing, Refusal, Success, Unknown
from keyrail.suppliers.model.purchases import (
    Budget,
    Purchase,
    PurchaseRule,
    PurchaseStatus,
    Resolution,
    Stocked,
    approved,
    begun,
    budget_events_between,
    heard,
    purchase_events_between,
    purchase_id,
    rejected,
    resolved,
    rule_events_between,
    stocked,
)

PRICE = Money(800, "CNY")
PIECES = 5
HOUR_MS = 60 * 60_000
BOSS = Origin("operator:boss", "192.0.2.9", "two persons")
Change = tuple[Versioned, list[Event]]


def waiting_purchase(origin: Origin, now_ms: int) -> Purchase:
    return Purchase(
        purchase_id=purchase_id("steam-100", "1"),
        sku_id="steam-100",
        number=1,
        supplier="house",
        item="card-100",
        pieces=PIECES,
        price=PRICE,
        max_price=PRICE,
        reserved=PRICE.times(PIECES),
        day="2026-01-01",
        status=PurchaseStatus.AWAITING_APPROVAL,
        requested_by=origin.by,
        created_at_ms=now_ms,
        **stamp(origin, now_ms),
    )


def stock_of(accepted: int) -> Stocked:
    return Stocked(batch_id=derived_id("bat", "a batch"), told=accepted, accepted=accepted, duplicate=0, rejected=0)


def supply_changes(origin: Origin, now_ms: int) -> Iterator[Change]:
    yield from _of_watches(origin, now_ms)
    yield from _of_rules(origin, now_ms)
    yield from _of_purchases(origin, now_ms)


def _of_watches(origin: Origin, now_ms: int) -> Iterator[Change]:
    new = new_watch("house", origin, now_ms)
    known = looked_at(new, PRICE, 1, origin, now_ms)
    told = watched(known, PRICE, origin, now_ms)
    low = looked_at(told, Money(799, "CNY"), 1, origin, now_ms)
    well = looked_at(low, PRICE, 1, origin, now_ms)
    for old, item in (
        (None, new),
        (new, known),
        (known, told),
        (told, low),
        (low, well),
        (well, looked_at(well, None, None, origin, now_ms)),
    ):
        yield item, watch_events_between(old, item)


def _of_rules(origin: Origin, now_ms: int) -> Iterator[Change]:
    known = stamp(origin, now_ms)
    guard = PriceGuard(sku_id="steam-100", mode=GuardMode.PAUSE, max_cost=PRICE, **known)
    held = replace(guard, withheld={"first": "too_dear"}, **stamp(origin, now_ms, 2))
    free = replace(guard, **stamp(origin, now_ms, 3))
    for old, item in ((None, guard), (guard, held), (held, free)):
        yield item, guard_events_between(old, item)
    rule = PurchaseRule(
        sku_id="steam-100", supplier="house", item="card-100", pieces=5, up_to=50, max_price=PRICE, **known
    )
    yield rule, rule_events_between(None, rule)
    budget = Budget(a_day=PRICE, alone=PRICE, **known)
    yield budget, budget_events_between(None, budget)


def _of_purchases(origin: Origin, now_ms: int) -> Iterator[Change]:
    waiting = waiting_purchase(origin, now_ms)
    agreed = approved(waiting, BOSS, now_ms)
    asked = begun(agreed, HOUR_MS, origin, now_ms)
    at_work = heard(asked, Processing(said="2"), origin, now_ms)
    nobody_knows = heard(asked, Unknown(said="no_answer"), origin, now_ms + HOUR_MS)
    done = Success(said="4", cost=PRICE.times(PIECES))
    other = stocked(asked, done, stock_of(PIECES - 1), origin, now_ms)
    for old, item in (
        (None, waiting),
        (waiting, rejected(waiting, BOSS, now_ms)),
        (waiting, agreed),
        (agreed, asked),
        (asked, at_work),
        (asked, nobody_knows),
        (asked, heard(asked, DefiniteFailure(said="5", refusal=Refusal.SOLD_OUT), origin, now_ms)),
        (at_work, stocked(at_work, done, stock_of(PIECES), origin, now_ms)),
        (at_work, other),
        (other, resolved(other, Resolution.SEEN, HOUR_MS, BOSS, now_ms)),
    ):
        yield item, purchase_events_between(old, item)
