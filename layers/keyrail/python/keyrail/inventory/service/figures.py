"""Stock figures in the operator's hands: of one SKU, of all, and counted out against what is really there."""

from collections import Counter
from dataclasses import dataclass

from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import NEVER
from keyrail.inventory.model.figures import CountedOut, Figures, StockMoving, no_figures
from keyrail.inventory.service.claims import partitions
from keyrail.inventory.store.figures import ENOUGH, LOW, FigureStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.errors import FieldError, Invalid

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
        right = figures.corrected(self._count(sku_id), origin, now_ms, sku.low_stock, sku.version)
        if right != figures and not self.store.replace(right):
            raise StockMoving
        return right

    def _count(self, sku_id: str) -> CountedOut:
        """Keys in the parts of the pool that are not past their last day.

        A part of several last days, as a file with very many of them has, counts whole until the last one is over, and
        says nothing of how many keys have which.
        """
        pool = self.keys.get_pool(sku_id)
        parts = pool.usable(utc_date(self.now_ms())) if pool else ()
        on_hand, leased, last_days = 0, 0, Counter[str]()
        for part in parts:
            counts = [self.store.pooled(partition) for partition in partitions(sku_id, part)]
            on_hand += sum(all_of_it for all_of_it, _ in counts)
            leased += sum(of_orders for _, of_orders in counts)
            last_days[part.last_expiry] += sum(all_of_it for all_of_it, _ in counts)
        last_days.pop(NEVER, None)
        of_one_day = all(part.first_expiry == part.last_expiry for part in parts)
        return CountedOut(on_hand=on_hand, leased=leased, last_days=last_days if of_one_day else None)


def _position(after: str | None) -> tuple[str, str | None]:
    """Level and SKU behind which a page begins. Raises Invalid for what we never gave out."""
    level, _, sku_id = (after or f"{LOW}#").partition("#")
    if level not in {LOW, ENOUGH}:
        raise Invalid(FieldError("cursor", "unknown"))
    return level, sku_id or None
