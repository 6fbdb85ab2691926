"""The figures of each SKU, counted from the stream: each change of a key goes on record and is counted exactly once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from keyrail.catalog.model import Sku
from keyrail.inventory.model.batches import Batch, BatchNotFound
from keyrail.inventory.model.figures import Figures, is_moving, no_figures
from keyrail.inventory.model.keys import Key
from keyrail.inventory.model.moves import moves_between, total
from keyrail.inventory.store.figures import FigureStore, FiguresUnreadable
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform import logs
from keyrail.platform.audit import AuditRecord
from keyrail.platform.audit_lots import Lots
from keyrail.platform.audit_writing import AuditChain
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable, Write
from keyrail.platform.logs import Entry

MAX_REWRITES = 8
MAX_REMEMBERED_SOURCES = 1_000
UNKNOWN_SOURCE = "?"


@dataclass(frozen=True)
class KeyChange:
    """A change of a key, with the record of it."""

    record: AuditRecord
    old: Key | None
    new: Key


@dataclass
class Counting:
    """Remembers where batches come from, which never changes."""

    figures: FigureStore
    keys: KeyStore
    chain: AuditChain
    now_ms: NowMs
    _sources: dict[str, str] = field(default_factory=dict)

    def put_on_record(self, sku_id: str, changes: Sequence[KeyChange]) -> None:
        """Changes of the SKU's keys, at most MAX_LOT, in their order. Raises StoreUnavailable.

        Where nothing is to be counted, and where the figures cannot be read, they only go on record.
        """
        moves = [moves_between(c.old, c.new, self._source(c.new.batch_id)) for c in changes]

        def counted(positions: Sequence[int]) -> Write:
            figures, now_ms = self._figures(sku_id), self.now_ms()
            return self.figures.replacement(figures.after(total(moves[p] for p in positions), now_ms))

        if any(moves):
            try:
                return Lots(self.chain).put_on_record([(c.record, c.old) for c in changes], counted)
            except FiguresUnreadable:
                logs.warn(Entry.FIGURES_UNREADABLE, sku_id=sku_id)
        for change in changes:
            self.chain.write(change.record, change.old)
        return None

    def learn_threshold(self, old: Sku | None, new: Sku) -> None:
        """From which number on the SKU's stock is low. Raises StoreUnavailable."""
        if old is not None and old.low_stock == new.low_stock:
            return
        self._learn(new.sku_id, lambda known: known.with_threshold(new.low_stock, new.version, self.now_ms()))

    def learn_batch(self, old: Batch | None, new: Batch) -> None:
        """Whether the batch is on its way, so that nobody counts its SKU out. Raises StoreUnavailable."""
        if is_moving(new) != (old is not None and is_moving(old)):
            self._learn(new.sku_id, lambda known: known.with_batch(new))

    def _learn(self, sku_id: str, told: Callable[[Figures], Figures]) -> None:
        try:
            for _ in range(MAX_REWRITES):
                known = self._figures(sku_id)
                knowing = told(known)
                if knowing == known or self.figures.replace(knowing):
                    return
        except FiguresUnreadable:
            logs.warn(Entry.FIGURES_UNREADABLE, sku_id=sku_id)
            return
        raise StoreUnavailable

    def _figures(self, sku_id: str) -> Figures:
        return self.figures.get(sku_id) or no_figures(sku_id, self.now_ms())

    def _source(self, batch_id: str) -> str:
        source = self._sources.get(batch_id)
        if source is None:
            try:
                source = self.keys.get_batch(batch_id).source
            except BatchNotFound:
                source = UNKNOWN_SOURCE
            if len(self._sources) >= MAX_REMEMBERED_SOURCES:
                self._sources.clear()
            self._sources[batch_id] = source
        return source
