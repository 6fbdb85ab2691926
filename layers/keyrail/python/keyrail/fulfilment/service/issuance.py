"""Issue keys to the units of a paid order: called inline by the payment, and again from the queue, to one effect."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.inventory.model import SoldOut
from keyrail.inventory.service import Claims
from keyrail.ordering.model import Order, OrderNotFound, Unit, deliver, fail_unit
from keyrail.ordering.service import Orders
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, transact
from keyrail.platform.logs import Entry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ISSUE_LEASE_MS = 60_000  # from claiming a key for a paid unit to selling it
MAX_TRIES = 8


@dataclass(frozen=True)
class Issuance:
    orders: Orders
    claims: Claims
    client: "DynamoDBClient"
    now_ms: NowMs

    def issue(self, order_id: str, origin: Origin) -> Order:
        """Deliver each open unit of a paid order, or record that its money is due back.

        Repeating it, or running it twice at once, has the effect of once. Raises OrderNotFound, Unavailable.
        """
        order = self._order(order_id)
        if order.paid_attempt() is None:
            return order
        for unit in order.open_units():
            order = self._issue_unit(order, unit.unit_id, origin)
        return order

    def _order(self, order_id: str) -> Order:
        order = self.orders.find(order_id)
        if order is None:
            raise OrderNotFound
        return order

    def _issue_unit(self, order: Order, unit_id: str, origin: Origin) -> Order:
        """The unit's own leases first, lapsed or not; whatever a sale refuses is replaced by a key from the pool."""
        keys = next(u for u in order.units if u.unit_id == unit_id).key_ids
        for _ in range(MAX_TRIES):
            unit = next(u for u in order.units if u.unit_id == unit_id)
            if unit not in order.open_units():
                self.claims.release([key for key in keys if key not in unit.key_ids], order.order_id, origin)
                return order
            try:
                keys += self._lease_missing(order, unit, keys, origin)
            except SoldOut:
                if failed := self._give_up(order, unit, keys, origin):
                    return failed
                order = self._order(order.order_id)
                continue
            delivered = deliver(order, {unit_id: keys}, origin, self.now_ms())
            writes = [
                self.orders.replacement(order, delivered),
                *self.claims.sales(keys, order.order_id, unit_id, origin),
            ]
            try:
                transact(self.client, writes)
            except TransactionFailed as refused:
                keys = tuple(key for position, key in enumerate(keys, 1) if position not in refused.failed)
                order = self._order(order.order_id)
            else:
                logs.log(Entry.UNITS_ISSUED, order_id=order.order_id, unit_ids=[unit_id])
                return delivered
        raise StoreUnavailable

    def _lease_missing(self, order: Order, unit: Unit, held: tuple[str, ...], origin: Origin) -> tuple[str, ...]:
        missing = unit.quantity - len(held)
        if missing <= 0:
            return ()
        until_ms = self.now_ms() + ISSUE_LEASE_MS
        return self.claims.lease(unit.sku_id, missing, order.order_id, until_ms, origin, besides=held)

    def _give_up(self, order: Order, unit: Unit, held: tuple[str, ...], origin: Origin) -> Order | None:
        """None if somebody else decided about the order meanwhile."""
        failed = fail_unit(order, unit.unit_id, "sold_out", origin, self.now_ms())
        if not self.orders.replace(order, failed):
            return None
        self.claims.release(held, order.order_id, origin)
        logs.warn(Entry.REFUND_DUE, order_id=order.order_id, unit_id=unit.unit_id, reason="sold_out")
        return failed
