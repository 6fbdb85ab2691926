"""Stock that runs low by time alone: nobody sold anything, but the last day of keys went by.

Keys that are held back for a later stage are on hand all the while, so that nothing is to be told when they go on sale.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from keyrail.inventory.model.figures import Figures
from keyrail.inventory.store.figures import ENOUGH, FigureStore, FiguresUnreadable
from keyrail.platform import logs
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import MAX_READS, StoreUnavailable
from keyrail.platform.logs import Entry

MAX_REWRITES = 8


@dataclass(frozen=True)
class ShelfWatch:
    figures: FigureStore
    now_ms: NowMs

    def go_round(self) -> tuple[int, int]:
        """How many SKUs were looked at, and how many of them were found to have run low. Raises StoreUnavailable.

        Low ones are passed over: time brings no stock. Safe to repeat, and to run twice at once: a crossing is one
        conditional write.
        """
        looked_at = ran_low = 0
        for figures in self._enough():
            looked_at += 1
            ran_low += self._ran_low(figures)
        return looked_at, ran_low

    def _enough(self) -> Iterator[Figures]:
        behind: str | None = None
        while True:
            sku_ids, behind = self.figures.listed(ENOUGH, MAX_READS, behind)
            yield from self._all_of(sku_ids)
            if behind is None:
                return

    def _all_of(self, sku_ids: list[str]) -> Iterator[Figures]:
        try:
            found = self.figures.get_all(sku_ids)
        except FiguresUnreadable:
            found = [self._readable(sku_id) for sku_id in sku_ids]
        yield from (figures for figures in found if figures)

    def _readable(self, sku_id: str) -> Figures | None:
        try:
            return self.figures.get(sku_id)
        except FiguresUnreadable:
            logs.warn(Entry.FIGURES_UNREADABLE, sku_id=sku_id)
            return None

    def _ran_low(self, figures: Figures) -> bool:
        """Whether this very call told so; whoever counts a change meanwhile may be first."""
        standing: Figures | None = figures
        for _ in range(MAX_REWRITES):
            if standing is None:
                return False
            judged = standing.after_time(self.now_ms())
            if judged is standing:
                return False
            if self.figures.replace(judged):
                return True
            standing = self._readable(figures.sku_id)
        raise StoreUnavailable
