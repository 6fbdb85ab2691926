"""What is on record of a sold key, for whoever has to answer a buyer."""

from dataclasses import dataclass

from keyrail.fulfilment.model import ends_like
from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.keys import Key, KeyNotFound
from keyrail.inventory.service.lookup import KeyLookup
from keyrail.ordering.model.orders import Order
from keyrail.ordering.service.orders import Orders
from keyrail.platform.audit import AuditTrail, Trace


@dataclass(frozen=True, kw_only=True)
class KeyStory:
    """All that is on record of a key. `order` is whose it is or was; `slots` are all sales of a secret sold often."""

    key: Key
    batch: Batch
    order: Order | None
    slots: tuple[Key, ...]
    trace: Trace


@dataclass(frozen=True)
class Tracing:
    orders: Orders
    lookup: KeyLookup
    audit: AuditTrail

    def story(self, key: Key, sold_to: str | None = None) -> KeyStory:
        """Of this sale of the key's secret, or of that to the order `sold_to`. Raises KeyNotFound if there is none."""
        batch = self.lookup.batch(key.batch_id)
        slots = self.lookup.slots(key, batch)
        if sold_to not in {None, key.order_id}:
            key = _sold_to(slots, sold_to)
        return KeyStory(
            key=key,
            batch=batch,
            order=self.orders.find(key.order_id) if key.order_id else None,
            slots=tuple(slots),
            trace=self.audit.of(f"key:{key.key_id}"),
        )

    def of_order(self, order_id: str) -> list[Key]:
        """The keys of all units, behind each unit's the bad ones that they stand in for. Raises OrderNotFound."""
        order = self.orders.of_operator(order_id)
        return self.lookup.keys([key for unit in order.units for key in (*unit.key_ids, *unit.replaced)])

    def with_mask(self, order_id: str, said: str) -> list[Key]:
        """The order's keys that may be the one of which a buyer can read the end. Raises OrderNotFound."""
        return [key for key in self.of_order(order_id) if ends_like(key.mask, said)]


def _sold_to(slots: list[Key], order_id: str | None) -> Key:
    for slot in slots:
        if slot.order_id == order_id:
            return slot
    raise KeyNotFound
