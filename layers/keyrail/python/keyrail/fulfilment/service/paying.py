"""From unpaid to delivered in one transaction where that can go through, else paid alone, and issued after it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.fulfilment.service.issuance import Issuance
from keyrail.inventory.service.claims import Claims
from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.steps import deliver
from keyrail.ordering.service.orders import Orders
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import TransactionFailed, Write, transact
from keyrail.platform.errors import KeyrailError
from keyrail.platform.logs import Entry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@dataclass(frozen=True)
class Paying:
    orders: Orders
    claims: Claims
    issuance: Issuance
    client: "DynamoDBClient"
    now_ms: NowMs

    def apply(self, order: Order, paid: Order, origin: Origin, *with_it: Write) -> bool:
        """Put `paid` in the place of `order`, delivered at once where its keys are still there.

        `with_it` (at most 9 writes: the keys are 90) stands or falls with the payment. False if somebody changed the
        order, or what is written with it, meanwhile.
        """
        delivered = deliver(paid, {unit.unit_id: unit.key_ids for unit in paid.units_to_issue()}, origin, self.now_ms())
        decisive = [self.orders.replacement(order, delivered), *with_it]
        sales = [
            sale
            for unit in order.units
            for sale in self.claims.sales(unit.key_ids, order.order_id, unit.unit_id, origin)
        ]
        try:
            transact(self.client, [*decisive, *sales])
        except TransactionFailed as refused:
            overtaken = any(at in refused.failed or at in refused.contended for at in range(len(decisive)))
            if overtaken or not refused.failed:
                return False
            return self._pay_then_issue(order, paid, origin, *with_it)
        logs.log(Entry.PAYMENT_SETTLED, order_id=order.order_id, status=delivered.status)
        return True

    def _pay_then_issue(self, order: Order, paid: Order, origin: Origin, *with_it: Write) -> bool:
        if not self._pay(order, paid, *with_it):
            return False
        logs.log(Entry.PAYMENT_SETTLED, order_id=order.order_id, status=paid.status)
        try:
            self.issuance.issue(order.order_id, origin)
        except KeyrailError as error:
            # The payment is stored, so it is acknowledged; the queue behind the stream issues the keys.
            logs.warn(Entry.NEIGHBOUR_UNAVAILABLE, refusal=error.code, order_id=order.order_id)
        return True

    def _pay(self, order: Order, paid: Order, *with_it: Write) -> bool:
        if not with_it:
            return self.orders.replace(order, paid)
        try:
            transact(self.client, [self.orders.replacement(order, paid), *with_it])
        except TransactionFailed:
            return False
        return True
