"""Stock figures of a SKU: what the changes of its keys add up to, and when it runs low."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from keyrail.inventory.model.batches import Batch, BatchStatus
from keyrail.inventory.model.last_days import LastDays
from keyrail.inventory.model.moves import MAX_SOURCES, OTHER_SOURCES, Moves, OfSource, Tally
from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.clock import utc_date
from keyrail.platform.errors import Conflict

MAX_SALES_DAYS = 30
MAX_MOVING_BATCHES = 100  # of one SKU; read in one request
RELAY = Origin("system:event_relay", "stream")
CLOCK = Origin("system:scheduled_jobs", "schedule")


class StockMoving(Conflict):
    """Keys are changing right now, so that a count and the figures would be of different moments.

    Also while a batch is on its way, even if it stands still: its keys were counted and are not where a count looks.
    """

    code = "stock_moving"
    title = "The stock is changing at this moment; count it again when it is quiet."
    title_zh = "库存正在变动，请稍后在销售空闲时重新盘点。"


@dataclass(frozen=True, kw_only=True)
class CountedOut:
    """Keys that may be sold, how many there are under a lease, and those that have a last day by that day.

    `last_days` has keys past theirs as well, as many as the count met.
    """

    on_hand: int
    leased: int
    last_days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Figures(Versioned):
    """The stock of a SKU, counted change by change.

    `since_ms` is when the first key came in. `revision` counts the writes. `version` counts only what is told and put
    on record: that the stock ran low or recovered, and corrections; the fields beside it say who did that and when.
    `sales` are keys sold on the UTC day `sales_day` and the days before it. `low`: no more than `low_stock` may be
    sold, as the shelf says it; the threshold is None until it is known, and `sku_version` is the SKU's version that it
    is from. `moving` are batches that are on their way, as far as the stream has told; each is to be asked.
    """

    sku_id: str
    revision: int = 0
    since_ms: int
    counted_at_ms: int
    tally: Tally = field(default_factory=Tally)
    last_days: LastDays = field(default_factory=LastDays)
    sources: Mapping[str, OfSource] = field(default_factory=dict)
    sales: tuple[int, ...] = ()
    sales_day: str = ""
    low: bool = False
    low_stock: int | None = None
    sku_version: int = 0
    moving: tuple[str, ...] = ()
    corrections: int = 0

    def past_last_day(self, now_ms: int) -> int:
        """Keys on hand that nobody can be sold any more: no claim has met them since their last day went by."""
        return self.last_days.over(utc_date(now_ms))

    def on_hand(self, now_ms: int) -> int:
        """Keys that may be sold, now or once they are released."""
        return max(0, self.tally.on_hand - self.past_last_day(now_ms))

    def after(self, moves: Moves, now_ms: int) -> "Figures":
        """With these moves counted. Stock that goes down, or went by time, may run low; stock that comes in cannot.

        What came in and was sold in one stroke went down, too: how changes are put together tells nothing.
        """
        day, sales = _with_sales(self.sales_day, self.sales, moves.sales)
        moved = replace(
            self,
            revision=self.revision + 1,
            since_ms=self.since_ms if self.tally.imported else now_ms,
            counted_at_ms=now_ms,
            tally=self.tally.plus(moves.tally),
            last_days=self.last_days.after(moves.last_days, utc_date(now_ms)),
            sources=_with_sources(self.sources, moves.sources),
            sales=sales,
            sales_day=day,
        )
        went_down = moves.tally.on_hand < 0 or bool(moves.sales)
        return _judged(moved, now_ms, may_run_low=went_down or self._lost_some_by(now_ms))

    def after_time(self, now_ms: int) -> "Figures":
        """Judged by what time alone took off the shelf since the last count; the same figures if nothing is to tell."""
        if self.low or not self._lost_some_by(now_ms):
            return self
        timely = replace(self, revision=self.revision + 1, counted_at_ms=now_ms)
        judged = _judged(timely, now_ms, may_run_low=True, origin=CLOCK)
        return judged if judged.low else self

    def _lost_some_by(self, now_ms: int) -> bool:
        return self.past_last_day(now_ms) > self.past_last_day(self.counted_at_ms)

    def with_threshold(self, low_stock: int, sku_version: int, now_ms: int) -> "Figures":
        """Judged anew by the threshold of a later version of the SKU. One that never had a key does not run low."""
        if sku_version <= self.sku_version:
            return self
        known = replace(self, revision=self.revision + 1, low_stock=low_stock, sku_version=sku_version)
        return _judged(known, now_ms, may_run_low=self.tally.imported > 0)

    def with_batch(self, batch: Batch) -> "Figures":
        """Knowing whether the batch is on its way. Of too many the latest are known."""
        others = tuple(batch_id for batch_id in self.moving if batch_id != batch.batch_id)
        known, moving = len(others) < len(self.moving), is_moving(batch)
        if known is moving:
            return self
        told = (*others, batch.batch_id)[-MAX_MOVING_BATCHES:] if moving else others
        return replace(self, revision=self.revision + 1, moving=told)

    def corrected(
        self, counted: CountedOut, origin: Origin, now_ms: int, low_stock: int | None = None, sku_version: int = 0
    ) -> "Figures":
        """As somebody had them counted out.

        With the threshold of this version of the SKU, if it is a later one. The same figures if they are right.
        """
        today = utc_date(now_ms)
        known = self.last_days.after({}, today)
        last_days = known.counted_out(counted.last_days, today)
        on_hand, leased = counted.on_hand + last_days.over(today), counted.leased
        is_wrong = (on_hand, leased, last_days) != (self.tally.on_hand, self.tally.leased, known)
        is_later = sku_version > self.sku_version
        if not is_wrong and not is_later:
            return self
        right = replace(
            self,
            revision=self.revision + 1,
            tally=replace(self.tally, on_hand=on_hand, leased=leased),
            last_days=last_days,
            low_stock=low_stock if is_later else self.low_stock,
            sku_version=max(sku_version, self.sku_version),
        )
        low = _is_low(right, now_ms, may_run_low=is_wrong or self.tally.imported > 0)
        if low is self.low and not is_wrong:
            return right
        corrections = self.corrections + int(is_wrong)
        stamped = stamp(origin, now_ms, self.version + 1)
        return replace(right, low=low, counted_at_ms=now_ms, corrections=corrections, **stamped)

    def sold_since(self, first_day: str) -> int:
        """Keys sold on this UTC day and later, as far back as the figures go."""
        return sum(sold for day, sold in self.sales_by_day() if day >= first_day)

    def sales_by_day(self) -> tuple[tuple[str, int], ...]:
        """Newest first."""
        return tuple((_days_before(self.sales_day, back), sold) for back, sold in enumerate(self.sales))


def _judged(figures: Figures, now_ms: int, *, may_run_low: bool, origin: Origin = RELAY) -> Figures:
    low = _is_low(figures, now_ms, may_run_low=may_run_low)
    if low is figures.low:
        return figures
    return replace(figures, low=low, **stamp(origin, now_ms, figures.version + 1))


def _is_low(figures: Figures, now_ms: int, *, may_run_low: bool) -> bool:
    if figures.low_stock is None:
        return figures.low
    return figures.on_hand(now_ms) <= figures.low_stock and (figures.low or may_run_low)


def is_moving(batch: Batch) -> bool:
    """Its keys are counted as they come and as they follow; a count finds them where the pool has the batch.

    That is so once it has all of its keys and all of them follow it. Keys for print are in no pool.
    """
    if batch.status is BatchStatus.AWAITING_UPLOAD or batch.for_print:
        return False
    return not batch.is_settled or batch.followed < batch.generation


def no_figures(sku_id: str, now_ms: int) -> Figures:
    """Of a SKU of which nothing was counted yet."""
    return Figures(sku_id=sku_id, since_ms=now_ms, counted_at_ms=now_ms, **stamp(RELAY, now_ms, version=0))


def _with_sales(day: str, sales: tuple[int, ...], more: Mapping[str, int]) -> tuple[str, tuple[int, ...]]:
    """Buckets for the newest day and those before it, at most MAX_SALES_DAYS; what is older is forgotten."""
    if not more:
        return day, sales
    newest = max(day, *more)
    by_day = {_days_before(day, back): sold for back, sold in enumerate(sales)} if day else {}
    buckets = [
        by_day.get(each, 0) + more.get(each, 0)
        for each in (_days_before(newest, back) for back in range(MAX_SALES_DAYS))
    ]
    while buckets and buckets[-1] == 0:
        buckets.pop()
    return newest, tuple(buckets)


def _days_before(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()


def _with_sources(known: Mapping[str, OfSource], more: Mapping[str, OfSource]) -> dict[str, OfSource]:
    """Those that are known keep their names; what comes from too many is counted together."""
    room = max(0, MAX_SOURCES - len({*known} - {OTHER_SOURCES}))
    named = {*known, *sorted({*more} - {*known})[:room]}
    sources = dict(known)
    for name, of_source in more.items():
        place = name if name in named else OTHER_SOURCES
        sources[place] = sources.get(place, OfSource()).plus(of_source)
    return sources


def figures_events_between(old: Figures | None, new: Figures | None) -> list[Event]:
    """Only what is put on record is told; that something was sold or came in is told by the keys themselves."""
    if new is None or new.version == (old.version if old else 0):
        return []
    before = (old.low, old.corrections) if old else (False, 0)
    happened = ["low" if new.low else "recovered"] if new.low is not before[0] else []
    happened += ["corrected"] if new.corrections != before[1] else []
    data = {"sku_id": new.sku_id, "on_hand": new.on_hand(new.counted_at_ms), "low_stock": new.low_stock}
    return [Event(f"stock.{name}", f"stock:{new.sku_id}", dict(data)) for name in happened]
