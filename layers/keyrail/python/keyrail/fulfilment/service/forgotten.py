"""Units of paid orders that nobody is at work on: they are started again, or left to a person."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from keyrail.ordering.model.orders import Order, OrderStatus, Unit
from keyrail.ordering.model.questions import Window
from keyrail.ordering.model.supplying import again, hand_over, may_go_on
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import STATUS_SHARDS
from keyrail.platform import logs, metrics
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.errors import Unavailable
from keyrail.platform.logs import Entry
from keyrail.platform.metrics import Metric
from keyrail.risk.service import News

STALE_MS = 60 * 60_000
"""A workflow that is at work moves its unit, or waits again, sooner than that, however often its steps are repeated."""

PAGE_LENGTH = 50
MAX_PAGES = 40  # of one part of a round
_OPEN = (OrderStatus.PAID, OrderStatus.FULFILLING)
_PARTITIONS = tuple((status, shard) for status in _OPEN for shard in range(STATUS_SHARDS))


@dataclass(frozen=True)
class Round:
    """Of all orders that changed last before `before_ms`; the rest of one begins behind a place in its partition
    `number`.
    """

    before_ms: int
    number: int = 0
    behind: str | None = None


@dataclass(frozen=True, kw_only=True)
class Swept:
    """How many orders were looked at, how many units started again and left to a person, and what is left to do."""

    orders: int = 0
    started: int = 0
    left: int = 0
    rest: Round | None = None


@dataclass(frozen=True)
class ForgottenUnits:
    """`start` begins to supply a unit under a name, with the ids of order and unit; False if that began before."""

    orders: Orders
    news: News
    start: Callable[[str, str, str], bool]
    now_ms: NowMs

    def new_round(self) -> Round:
        return Round(self.now_ms() - STALE_MS)

    def sweep(self, part: Round, origin: Origin) -> Swept:
        """What is started again and comes to nothing again is a person's the next time. Raises Unavailable."""
        swept = Swept()
        for number, (ids, rest) in enumerate(self._pages(part), start=1):
            found = self._understood(ids)
            swept = replace(swept, orders=swept.orders + len(found), rest=rest)
            for order in found:
                for unit in order.units_to_supply():
                    swept = self._see_to(order, unit, swept, origin)
            if number == MAX_PAGES:
                break
        return swept

    def _understood(self, ids: list[str]) -> list[Order]:
        """One that cannot be understood keeps nobody from those behind it. Raises Unavailable."""
        try:
            return self.orders.some(ids)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one of them
            if len(ids) > 1:
                return [order for order_id in ids for order in self._understood([order_id])]
            logs.log_failure(error, order_id=ids[0])
            metrics.count(Metric.ORDER_UNREADABLE)
            return []

    def _see_to(self, order: Order, unit: Unit, swept: Swept, origin: Origin) -> Swept:
        if not self._is_forgotten(order, unit):
            return swept
        if self.start(again(order, unit), order.order_id, unit.unit_id):
            return replace(swept, started=swept.started + 1)
        left = hand_over(order, unit.unit_id, origin, self.now_ms())
        if left is order or not self.orders.replace(order, left):  # somebody is at work on it after all
            return swept
        logs.warn(Entry.UNIT_LEFT, order_id=order.order_id, unit_id=unit.unit_id)
        return replace(swept, left=swept.left + 1)

    def _is_forgotten(self, order: Order, unit: Unit) -> bool:
        """It could go on, and has not for long; or it is not known, and nobody waits to ask any more."""
        stale_ms = self.now_ms() - STALE_MS
        if order.changed_at_ms > stale_ms or unit.work is not None:
            return False
        if unit.open_attempt() is None:
            return may_go_on(order, unit)
        return (self.news.waits_until_ms(unit.unit_id) or 0) <= stale_ms

    def _pages(self, part: Round) -> Iterator[tuple[list[str], Round | None]]:
        """Each page with what is left behind it."""
        window, behind = Window(0, part.before_ms), part.behind
        for number in range(part.number, len(_PARTITIONS)):
            status, shard = _PARTITIONS[number]
            while True:
                ids, behind = self.orders.changed_between(status, shard, window, PAGE_LENGTH, behind)
                if behind is None:
                    break
                yield ids, replace(part, number=number, behind=behind)
            is_last = number + 1 == len(_PARTITIONS)
            yield ids, None if is_last else replace(part, number=number + 1, behind=None)
