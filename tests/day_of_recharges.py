"""A day of recharges at five suppliers: units come in through checkout, workflows step, suppliers break and come back.

Time is simulated: the next event is taken off a heap and the clock is put to it. Chance has a seed, so one day is like
the other. Suppliers know the truth, and object when a unit is ordered that somebody else has done, or may do yet.

A supplier that is silent keeps its caller waiting, while others come and call: so what may call one has a thread of its
own then. Only one of all threads ever runs.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from threading import Semaphore, Thread
from typing import Any

from keyrail.fulfilment.service.recharging import Next, Turn
from keyrail.inventory.model.keys import SoldOut
from keyrail.ordering.model.orders import Line, Order, Unit, UnitStatus
from keyrail.platform.documents import from_attributes
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import unit_of
from keyrail.suppliers.model.outcomes import Outcome, Unknown
from keyrail.suppliers.providers import Placed, Wanted
from tests.in_memory import engine_in_memory, without_chance
from tests.quick_tables import QuickTables
from tests.recharging import BEGIN, PHONE, recharge, sell, take
from tests.supplier import Plan, Wholesaler
from tests.world import World

BEGIN_MS = 1_784_000_000_000  # midnight of some day
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
HANGS_MS = 30_000  # a call to a supplier that is silent
SHARES = (80, 15, 5)  # of the units that all five can supply, only the first, only the last two
NAMES = ("alpha", "beta", "gamma", "delta", "omega")
USUAL = {
    Plan.DONE: 880,
    Plan.SLOW: 60,
    Plan.SLOW_THEN_FAILED: 15,
    Plan.REFUSED: 25,
    Plan.LOST: 10,
    Plan.LOST_REFUSED: 5,
    Plan.UNHEARD: 3,
    Plan.STUCK: 1,
    Plan.CRASHES: 1,
}
"""How often, of a thousand orders, a supplier that works does what."""


@dataclass(frozen=True)
class Outage:
    """From one time of the day until another all that a supplier is sent becomes of `plan`."""

    begin_ms: int
    end_ms: int
    plan: Plan = Plan.NOT_SENT

    @property
    def silent(self) -> bool:
        return self.plan is Plan.UNHEARD

    @property
    def answers(self) -> bool:
        return self.plan is Plan.SLOW_THEN_FAILED

    def holds(self, at_ms: int) -> bool:
        return self.begin_ms <= at_ms < self.end_ms


OUTAGES = {
    "alpha": (Outage(9 * HOUR_MS, 9 * HOUR_MS + 600_000), Outage(20 * HOUR_MS, 21 * HOUR_MS, Plan.UNHEARD)),
    "beta": (Outage(13 * HOUR_MS, 14 * HOUR_MS, Plan.UNHEARD),),
    "gamma": (Outage(9 * HOUR_MS, 10 * HOUR_MS),),
    "delta": (Outage(15 * HOUR_MS, 16 * HOUR_MS, Plan.SLOW_THEN_FAILED),),
    "omega": (Outage(0, 6 * HOUR_MS),),
}


@dataclass
class Street:
    """What the suppliers of a day know together. `broken` is every time that one was asked for what another had."""

    now_ms: Callable[[], int]
    chance: Random
    hang: Callable[[], None]
    may_have: dict[str, set[str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


@dataclass
class House(Wholesaler):
    """One of them. `during` counts what it was sent in each of its outages."""

    name: str = ""
    street: Street | None = None
    outages: tuple[Outage, ...] = ()
    during: Counter[int] = field(default_factory=Counter)

    @property
    def _street(self) -> Street:
        assert self.street is not None
        return self.street

    def _outage(self) -> int | None:
        at_ms = self._street.now_ms() - BEGIN_MS
        return next((number for number, each in enumerate(self.outages) if each.holds(at_ms)), None)

    def place(self, wanted: Wanted) -> Outcome:
        outage, unit = self._outage(), str(unit_of(wanted.reference))
        if self._street.may_have.get(unit):
            self._street.broken.append(unit)
        if outage is None:
            plan = self._street.chance.choices(list(USUAL), list(USUAL.values()))[0]
        else:
            self.during[outage] += 1
            plan = self.outages[outage].plan
        self.plans = [plan]
        if plan not in {Plan.REFUSED, Plan.NOT_SENT, Plan.LOST_REFUSED, Plan.SLOW_THEN_FAILED}:
            self._street.may_have.setdefault(unit, set()).add(wanted.reference)
        if plan is Plan.UNHEARD and outage is not None:
            self._street.hang()
            self.plans = [plan]
        return super().place(wanted)

    def query(self, placed: Placed) -> Outcome:
        outage = self._outage()
        if outage is not None and not self.outages[outage].answers:
            return Unknown(said="no_answer")
        return super().query(placed)


@dataclass(order=True)
class _Event:
    at_ms: int
    number: int
    act: Callable[[], None] = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Day:
    """What came of it: buyers who were turned away before they paid, units by how they ended, and what was wrong."""

    units: int
    turned_away: int
    ended: Counter[str]
    attempts: Counter[str]
    during: dict[str, Counter[int]]
    broken: list[str]


@dataclass
class Clock:
    """The day's; what a world takes for the system's."""

    at_ms: int = BEGIN_MS

    def __call__(self) -> int:
        return self.at_ms


class Simulation:
    """`run` handles the events of the day and of what follows of it; then `day` says what came of it."""

    def __init__(self, kms: Any, clock: Clock, units: int, seed: int = 5) -> None:
        self.clock, self.chance = clock, Random(seed)
        self.world = World(QuickTables(), kms)
        self.street = Street(clock, self.chance, self._hang)
        for name in NAMES:
            self.world.wholesalers[name] = House(name=name, street=self.street, outages=OUTAGES[name])
        sources = [recharge(name, priority=number) for number, name in enumerate(NAMES)]
        self.skus = [sell(self.world, *some) for some in (sources, sources[:1], sources[3:])]
        self.bought, self.turned_away, self._numbers = 0, 0, itertools.count()
        self._events: list[_Event] = []
        self._turn, self._broken = Semaphore(0), list[BaseException]()
        for moment in sorted(self.chance.randrange(DAY_MS) for _ in range(units)):
            self._at(BEGIN_MS + moment, partial(self._may_hang, self._buy))

    def run(self) -> Iterator[int]:
        """Until nothing is due any more; says how many events were handled, from time to time."""
        handled = 0
        while self._events:
            event = heapq.heappop(self._events)
            self.clock.at_ms = max(self.clock.at_ms, event.at_ms)
            event.act()
            handled += 1
            if handled % 1_000 == 0:
                yield handled
        yield handled

    def _at(self, at_ms: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, _Event(at_ms, next(self._numbers), act))

    def _may_hang(self, act: Callable[[], None]) -> None:
        """Until it is done, or hangs."""
        at_ms = self.clock.at_ms - BEGIN_MS
        if not any(each.silent and each.holds(at_ms) for outages in OUTAGES.values() for each in outages):
            act()
            return

        def run() -> None:
            try:
                act()
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                self._broken.append(error)
            self._turn.release()

        Thread(target=run, daemon=True).start()
        self._wait_for_turn()

    def _hang(self) -> None:
        """Others go on meanwhile."""
        answered = Semaphore(0)

        def go_on() -> None:
            answered.release()
            self._wait_for_turn()

        self._at(self.clock.at_ms + HANGS_MS, go_on)
        self._turn.release()
        answered.acquire()

    def _wait_for_turn(self) -> None:
        self._turn.acquire()
        if self._broken:
            raise self._broken.pop()

    def _buy(self) -> None:
        sku_id = self.chance.choices(self.skus, SHARES)[0]
        lines = (Line(sku_id, 1, recharge_account={"phone": PHONE}),)
        try:
            placed = self.world.order(lines=lines, idempotency_key=f"an order with number {self.bought}")
        except SoldOut:
            self.turned_away += 1
            return
        self.world.pay(placed.attempt)
        self.bought += 1
        order = placed.order
        self._step(order.order_id, order.units[0].unit_id, BEGIN)

    def _step(self, order_id: str, unit_id: str, following: Next) -> None:
        """As the workflow does: at once, or when its wait is over, or sooner where a supplier calls back."""
        while following.turn in {Turn.PLACE, Turn.WAIT, Turn.ASK}:
            if following.wait_s:
                turn, wait_ms = following.turn, following.wait_s * 1000
                if turn is Turn.ASK:
                    wait_ms = min(wait_ms, self.chance.choice([wait_ms, wait_ms, 2_000]))
                resume = partial(self._resume, order_id, unit_id, turn)
                self._at(self.clock.at_ms + wait_ms, partial(self._may_hang, resume))
                return
            following = take(self.world, order_id, unit_id, following.turn)

    def _resume(self, order_id: str, unit_id: str, turn: Turn) -> None:
        self._step(order_id, unit_id, take(self.world, order_id, unit_id, turn))

    def day(self) -> Day:
        """Reads how everything ended off the tables, and compares it with what the suppliers know."""
        tables: Any = self.world.dynamodb
        orders = [from_attributes(Order, item) for item in tables.items(self.world.names["orders"])]
        ended, attempts, broken = Counter[str](), Counter[str](), list(self.street.broken)
        for order in orders:
            for unit in order.units:
                ended[self._end(order, unit)] += 1
                attempts.update(attempt.supplier for attempt in unit.attempts or ())
                broken += self._wrong(order, unit)
        houses: dict[str, Any] = self.world.wholesalers
        broken += [f"{name}: a reference twice" for name, each in houses.items() if _repeats(each.placed)]
        return Day(
            units=len(orders),
            turned_away=self.turned_away,
            ended=ended,
            attempts=attempts,
            during={name: each.during for name, each in houses.items()},
            broken=broken,
        )

    def _end(self, order: Order, unit: Unit) -> str:
        if unit.status is UnitStatus.DELIVERED:
            return "delivered"
        if unit.status in {UnitStatus.FAILED, UnitStatus.REFUNDED}:
            return "refunded"
        return "queued" if unit.work is not None else "forgotten"

    def _wrong(self, order: Order, unit: Unit) -> Iterator[str]:
        """What a promise forbids, in words."""
        credited = [
            attempt.reference
            for attempt in unit.attempts or ()
            if attempt.reference in self.world.wholesalers[attempt.supplier].credited
        ]
        back = sum(refund.amount.amount_minor for refund in order.refunds if unit.unit_id in refund.unit_ids)
        end = self._end(order, unit)
        if len(credited) > 1:
            yield f"{unit.unit_id}: supplied twice"
        if end == "delivered" and (len(credited) != 1 or back):
            yield f"{unit.unit_id}: delivered, and not supplied once and paid"
        if end == "refunded" and (credited or Money(back, unit.amount.currency) != unit.amount):
            yield f"{unit.unit_id}: given back, and supplied or not in full"
        if end == "queued" and (back or unit.open_attempt() is None):
            yield f"{unit.unit_id}: with a person, and given back or known"
        if end == "forgotten":
            yield f"{unit.unit_id}: forgotten as {unit.status}"


def _repeats(placed: list[Wanted]) -> bool:
    return len({each.reference for each in placed}) != len(placed)


@contextmanager
def simulation(units: int) -> Iterator[Simulation]:
    clock = Clock()
    with engine_in_memory() as engine, without_chance(clock):
        yield Simulation(engine.kms(), clock, units)
