"""Who we have keys from: what they supplied, what of it was sold, and what of it was bad."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keyrail.inventory.model.faults import MAX_SKUS, Source, SourceNotFound, new_source, supplying
from keyrail.inventory.model.figures import Figures
from keyrail.inventory.model.moves import OTHER_SOURCES, OfSource
from keyrail.inventory.store.figures import FigureStore
from keyrail.inventory.store.sources import SourceStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.cursor import decode_cursor, encode_cursor
from keyrail.platform.dynamo import MAX_READS, StoreUnavailable

MAX_TRIES = 8


@dataclass(frozen=True)
class Sources:
    store: SourceStore
    now_ms: NowMs

    def supplying(self, name: str, sku_id: str, origin: Origin) -> Source:
        """The source as it stands, known from now on to supply this SKU. Raises Unavailable."""
        for _ in range(MAX_TRIES):
            standing = self._standing(name, sku_id, origin)
            source = supplying(standing, sku_id, origin, self.now_ms())
            if source is standing or self.store.replace(source):
                return source
        raise StoreUnavailable

    def _standing(self, name: str, sku_id: str, origin: Origin) -> Source:
        try:
            return self.store.get(name)
        except SourceNotFound:
            source = new_source(name, sku_id, origin, self.now_ms())
            return self.store.add(source) or source


@dataclass(frozen=True)
class SourceReport:
    """`supplied` is None where more came from the source than is counted by source."""

    source: Source
    supplied: OfSource | None

    @property
    def charged_share(self) -> float | None:
        """Of the keys that were ever sold; None before the first was."""
        if self.supplied is None or self.supplied.issued == 0:
            return None
        return round(self.source.charged_back / self.supplied.issued, 4)


@dataclass(frozen=True)
class SourceReports:
    store: SourceStore
    figures: FigureStore

    def of(self, name: str) -> SourceReport:
        """Raises SourceNotFound."""
        source = self.store.get(name)
        return SourceReport(source, self._supplied(source))

    def page(self, limit: int, cursor: str | None) -> tuple[list[SourceReport], str | None]:
        """A page of all of them by name, and the next one's cursor. Raises Invalid for a cursor of no page of ours."""
        found, behind = self.store.page(limit, decode_cursor(cursor))
        return [SourceReport(source, self._supplied(source)) for source in found], encode_cursor(behind)

    def _supplied(self, source: Source) -> OfSource | None:
        """As the stream has counted it so far, over all its SKUs."""
        whole = OfSource()
        for figures in self._figures(source.sku_ids):
            if source.name not in figures.sources and OTHER_SOURCES in figures.sources:
                return None
            whole = whole.plus(figures.sources.get(source.name, OfSource()))
        return whole if len(source.sku_ids) < MAX_SKUS else None

    def _figures(self, sku_ids: Sequence[str]) -> Iterator[Figures]:
        """Of those SKUs that had keys."""
        for first in range(0, len(sku_ids), MAX_READS):
            yield from filter(None, self.figures.get_all(list(sku_ids[first : first + MAX_READS])))
