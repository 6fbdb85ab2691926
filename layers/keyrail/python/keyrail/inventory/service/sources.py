"""Who we have keys from."""

from dataclasses import dataclass

from keyrail.inventory.model.faults import Source, SourceNotFound, new_source
from keyrail.inventory.source_store import SourceStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.cursor import decode_cursor, encode_cursor


@dataclass(frozen=True)
class Sources:
    store: SourceStore
    now_ms: NowMs

    def known(self, name: str, origin: Origin) -> Source:
        """The source as it stands; from now on, if it is new."""
        try:
            return self.store.get(name)
        except SourceNotFound:
            source = new_source(name, origin, self.now_ms())
            return self.store.add(source) or source

    def named(self, name: str) -> Source:
        """Raises SourceNotFound."""
        return self.store.get(name)

    def page(self, limit: int, cursor: str | None) -> tuple[list[Source], str | None]:
        """A page of all of them by name, and the next one's cursor. Raises Invalid for a cursor of no page of ours."""
        found, behind = self.store.page(limit, decode_cursor(cursor))
        return found, encode_cursor(behind)
