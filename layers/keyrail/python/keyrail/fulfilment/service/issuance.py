"""Issue keys to the units of a paid order: called inline by the payment, and again from the queue, to one effect."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.inventory.model.keys import LabelTaken, SoldOut
from keyrail.inventory.service.claims import Claims
from keyrail.ordering.model.disputes import is_frozen
from keyrail.ordering.model.orders import Order, Unit
from keyrail.ordering.model.steps import deliver, fail_unit, reserve
from keyrail.ordering.service.orders import Orders
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

        While it is frozen nothing is. Repeating it, or running it twice at once, has the effect of once.
        Raises OrderNotFound, Unavailable.
        """
        order = self.orders.of_operator(order_id)
        if order.paid_attempt() is None:
            return order
        for unit in order.units_to_issue():
            order = self._issue_unit(order, unit.unit_id, origin)
        return order

    def _issue_unit(self, order: Order, unit_id: str, origin: Origin) -> Order:
        """The unit's own leases first, lapsed or not; whatever a sale refuses is replaced by a key from the pool."""
        lost: set[str] = set()
        for _ in range(MAX_TRIES):
            unit = next(u for u in order.units if u.unit_id == unit_id)
            if unit not in order.units_to_issue() or is_frozen(order):
                return order
            keys = tuple(key for key in unit.key_ids if key not in lost)
            if len(keys) < unit.quantity:
                order = self._replace_lost(order, unit, keys, origin)
                lost.clear()  # a key that was lost may be among the fresh ones: it came free again
                continue
            delivered = deliver(order, {unit_id: keys}, origin, self.now_ms())
            writes = [
                self.orders.replacement(order, delivered),
                *self.claims.sales(keys, order.order_id, unit_id, origin),
            ]
            try:
                transact(self.client, writes)
            except TransactionFailed as refused:
                lost |= {keys[position - 1] for position in refused.failed if position > 0}
                order = self.orders.of_operator(order.order_id)
            else:
                logs.log(Entry.UNITS_ISSUED, order_id=order.order_id, unit_ids=[unit_id])
                return delivered
        raise StoreUnavailable

    def _replace_lost(self, order: Order, unit: Unit, held: tuple[str, ...], origin: Origin) -> Order:
        """Nobody gets another number than the one that they chose and paid for."""
        if unit.label is not None:
            return self._give_up(order, unit, held, origin, LabelTaken.code)
        return self._lease_missing(order, unit, held, origin)

    def _lease_missing(self, order: Order, unit: Unit, held: tuple[str, ...], origin: Origin) -> Order:
        """The order as it stands then: the unit counts on enough keys, or has failed, or somebody else was faster.

        The order is told of the keys before they are sold: a second run of the same work finds them there, and does
        not take a pool for empty that this run has just emptied.
        """
        until_ms = self.now_ms() + ISSUE_LEASE_MS
        missing = unit.quantity - len(held)
        others = [key for each in order.units if each.sku_id == unit.sku_id and each != unit for key in each.key_ids]
        try:
            fresh = self.claims.lease(unit.sku_id, missing, order.order_id, until_ms, origin, (*held, *others))
        except SoldOut:
            return self._give_up(order, unit, held, origin, SoldOut.code)
        reserved = reserve(order, unit.unit_id, (*held, *fresh), origin, self.now_ms())
        if self.orders.replace(order, reserved):
            return reserved
        self.claims.release(fresh, order.order_id, origin)
        return self.orders.of_operator(order.order_id)

    def _give_up(self, order: Order, unit: Unit, held: tuple[str, ...], origin: Origin, reason: str) -> Order:
        failed = fail_unit(order, unit.unit_id, reason, origin, self.now_ms())
        if not self.orders.replace(order, failed):
            return self.orders.of_operator(order.order_id)
        self.claims.release(held, order.order_id, origin)
        logs.warn(Entry.REFUND_DUE, order_id=order.order_id, unit_id=unit.unit_id, reason=reason)
        return failed
