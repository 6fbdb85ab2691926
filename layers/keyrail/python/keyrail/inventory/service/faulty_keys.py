"""Bad keys: their end, and what their sources owe us for them; counted in the write that ends them."""

from dataclasses import dataclass

from keyrail.inventory.model.faults import charge, charge_back, retire
from keyrail.inventory.model.keys import Fault, Key
from keyrail.inventory.service.sources import Sources
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.sources import SourceStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import Write


@dataclass(frozen=True)
class FaultyKeys:
    store: KeyStore
    now_ms: NowMs

    def retirement(self, key: Key, by: str, fault: Fault, origin: Origin, *, charged: bool) -> list[Write]:
        """The writes that end the key in favour of `by`, and charge it to its batch and source if so wished and due.

        For the caller's transaction: they hold only while everything stands as it was read. Raises NotSold, KeyFrozen,
        KeyRedeemed, Unavailable.
        """
        retired = retire(key, by, fault, origin, self.now_ms(), charge_back=charged)
        due = charged and key.charged_back_at_ms is None
        return [self.store.next_of_key(retired), *(self._charges(key, origin) if due else ())]

    def charge(self, key: Key, origin: Origin) -> list[Write]:
        """The writes that charge a key that is void already and was not charged before. Raises Unavailable."""
        return [self.store.next_of_key(charge_back(key, origin, self.now_ms())), *self._charges(key, origin)]

    def _charges(self, key: Key, origin: Origin) -> list[Write]:
        batch, now_ms, store = self.store.get_batch(key.batch_id), self.now_ms(), SourceStore(self.store)
        source = Sources(store, self.now_ms).supplying(batch.source, batch.sku_id, origin)
        return [
            store.charge_of_batch(batch.batch_id, origin, now_ms),
            store.next(charge(source, batch.unit_cost, origin, now_ms)),
        ]
