"""Stock figures in the operator's hands: of one SKU, of all, and counted out against what is really there."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import NEVER, PoolPart, days_of
from keyrail.inventory.model.figures import CountedOut, Figures, StockMoving, is_moving, no_figures
from keyrail.inventory.service.claims import partitions
from keyrail.inventory.store.figures import ENOUGH, LOW, FigureStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.dynamo import MAX_READS
from keyrail.platform.errors import FieldError, Invalid

MAX_PARALLEL_READS = 16
QUIET_MS = 10_000  # what changed longer ago has gone through the stream and the index, unless the relay is in trouble
_FIRST_ENOUGH = f"{ENOUGH}#"


@dataclass(frozen=True)
class StockFigures:
    store: FigureStore
    keys: KeyStore
    catalog: Catalog
    now_ms: NowMs

    def of(self, sku_id: str) -> Figures:
        """As the stream has counted them so far. Raises UnknownSku."""
        self.catalog.sku(sku_id)
        return self.store.get(sku_id) or no_figures(sku_id, self.now_ms())

    def is_bare(self, figures: Figures) -> bool:
        """It never had a key: none was counted, none is on its way, and the pool, which is not behind, has none."""
        return not figures.tally.imported and not figures.moving and self.keys.get_pool(figures.sku_id) is None

    def page(self, limit: int, after: str | None) -> tuple[list[Figures], str | None]:
        """SKUs that had keys or a threshold, those whose stock is low first, from behind the position `after` on."""
        level, behind = _position(after)
        sku_ids, last = self.store.listed(level, limit, behind)
        following = f"{level}#{last}" if last else _FIRST_ENOUGH if level == LOW else None
        return [figures for figures in self.store.get_all(sku_ids) if figures], following

    def recount(self, sku_id: str, origin: Origin) -> Figures:
        """Counted out from the index of claimable keys, and corrected where the figures say something else.

        The figures of keys that have left the pool stay as they are. Raises UnknownSku, StockMoving.
        """
        sku, now_ms = self.catalog.sku(sku_id), self.now_ms()
        figures = self.store.get(sku_id) or no_figures(sku_id, now_ms)
        if figures.revision and now_ms - figures.counted_at_ms < QUIET_MS:
            raise StockMoving
        # Before the pool is read: a batch joins it before it says that it is there.
        if any(is_moving(batch) for batch in self.keys.get_batches(figures.moving)):
            raise StockMoving
        right = figures.corrected(self._count(sku_id, utc_date(now_ms)), origin, now_ms, sku.low_stock, sku.version)
        if right != figures and not self.store.replace(right):
            raise StockMoving
        return right

    def _count(self, sku_id: str, today: str) -> CountedOut:
        """Keys in the parts of the pool that are not past their last day.

        Where all keys of a part expire together they are counted in the index. Else each is asked for its last day.
        """
        pool, leased, by_day = self.keys.get_pool(sku_id), 0, Counter[str]()
        with ThreadPoolExecutor(MAX_PARALLEL_READS, "recount") as readers:
            for part in pool.usable(today) if pool else ():
                for partition in partitions(sku_id, part):
                    if _is_of_one_day(part):
                        keys, of_orders = self.store.pooled(partition)
                        by_day[part.last_expiry] += keys
                    else:
                        days, of_orders = self._by_day(partition, readers)
                        by_day.update(days)
                    leased += of_orders
        on_hand = sum(keys for day, keys in by_day.items() if day >= today)
        by_day.pop(NEVER, None)
        return CountedOut(on_hand=on_hand, leased=leased, last_days=by_day)

    def _by_day(self, partition: str, readers: ThreadPoolExecutor) -> tuple[Counter[str], int]:
        key_ids, leased = self.store.pooled_keys(partition)
        lots = [key_ids[first : first + MAX_READS] for first in range(0, len(key_ids), MAX_READS)]
        by_day = Counter[str]()
        for days in readers.map(self.store.last_days, lots):
            by_day.update(days)
        return by_day, leased


def _is_of_one_day(part: PoolPart) -> bool:
    """Its group is named by a whole day, and not by a month or a year, as those of a file with very many days are."""
    first, last = days_of(part.group)
    return first == last


def _position(after: str | None) -> tuple[str, str | None]:
    """Level and SKU behind which a page begins. Raises Invalid for what we never gave out."""
    level, _, sku_id = (after or f"{LOW}#").partition("#")
    if level not in {LOW, ENOUGH}:
        raise Invalid(FieldError("cursor", "unknown"))
    return level, sku_id or None
