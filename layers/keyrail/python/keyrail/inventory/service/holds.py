"""Batches that stand still: the short list that rides in the condition of each lease, sale, reveal and redemption."""

from dataclasses import dataclass, field

from keyrail.inventory.model.batches import NOTHING_HELD, Held
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.clock import NowMs
from keyrail.platform.documents import Attributes
from keyrail.platform.dynamo import Read, read_together

HOLDS_CACHE_MS = 2_000  # a freeze works everywhere after so long


@dataclass
class Holds:
    """What `now` answers is at most HOLDS_CACHE_MS old, counted from before it was read; `known` is the last answer."""

    store: KeyStore
    now_ms: NowMs
    known: Held = field(default=NOTHING_HELD, init=False)
    _read_at_ms: int | None = field(default=None, init=False)

    def now(self) -> Held:
        """Reads the list if what is known is too old. Raises StoreUnavailable."""
        self.read_with()
        return self.known

    def read_with(self, *others: Read) -> list[Attributes | None]:
        """What `others` bring; the list comes along in the same request if it is due. Raises StoreUnavailable."""
        began_ms = self.now_ms()
        if self._read_at_ms is not None and began_ms - self._read_at_ms < HOLDS_CACHE_MS:
            return read_together(self.store.client, others)
        *found, held = read_together(self.store.client, [*others, self.store.holds()])
        self.known, self._read_at_ms = self.store.held(held), began_ms
        return found
