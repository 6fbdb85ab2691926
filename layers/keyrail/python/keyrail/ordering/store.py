"""The `orders` table: one item an order. Nobody else talks to it."""

from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.ordering.model import Order, OrderStatus
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Read, Table, Write
from keyrail.platform.ids import shard_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BY_STATUS = "by_status"
BY_PAID_REFERENCE = "by_paid_reference"
STATUS_SHARDS = 8


class OrderItem(Model):
    order_id = UnicodeAttribute(hash_key=True)
    version = IntegerAttribute()
    status_partition = UnicodeAttribute()
    status_order = UnicodeAttribute()
    paid_reference = UnicodeAttribute()


class OrderStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._table = Table(client, table_name)

    def get(self, order_id: str) -> Order | None:
        return self.order(self._table.get(order_id=order_id))

    def reading(self, order_id: str) -> Read:
        """The read of an order, to be sent together with others; `order` understands what it brings."""
        return self._table.read(order_id=order_id)

    @staticmethod
    def order(attributes: Attributes | None) -> Order | None:
        return from_attributes(Order, attributes) if attributes else None

    def add(self, order: Order) -> Order | None:
        """None if the order is in now, else the one that stands under its id."""
        return self._table.put_first(order, OrderItem.order_id.does_not_exist(), **_index_keys(order))

    def replacement(self, standing: Order, order: Order) -> Write:
        """The write that puts `order` in the place of `standing`, on condition that it still stands."""
        return self._table.put(order, OrderItem.version == standing.version, **_index_keys(order))

    def replace(self, standing: Order, order: Order) -> bool:
        """False if `standing` is no longer what stands there."""
        try:
            self._table.send(self.replacement(standing, order))
        except ConditionFailed:
            return False
        return True

    def by_status(self, status: OrderStatus, limit: int, until_ms: int) -> list[Order]:
        """The `limit` orders that came into that status last, but not after `until_ms`; newest first."""
        until = f"{until_ms:013d}~"
        keys = [
            item
            for shard in range(STATUS_SHARDS)
            for item in self._table.query(
                (OrderItem.status_partition == f"{status}#{shard}") & (OrderItem.status_order <= until),
                index=BY_STATUS,
                limit=limit,
                newest_first=True,
            ).items
        ]
        newest = sorted(keys, key=lambda item: str(item["status_order"]["S"]), reverse=True)[:limit]
        return self._orders(newest)

    def by_paid_reference(self, provider: str, account: str, reference: str) -> list[Order]:
        """The orders that this payment of the provider paid: one, unless the provider repeats its numbers."""
        condition = OrderItem.paid_reference == paid_reference(provider, account, reference)
        return self._orders(self._table.query(condition, index=BY_PAID_REFERENCE).items)

    def _orders(self, keys: list[Attributes]) -> list[Order]:
        found = (self.get(item["order_id"]["S"]) for item in keys)
        return [order for order in found if order is not None]


def paid_reference(provider: str, account: str, reference: str) -> str:
    return f"{provider}#{account}#{reference}"


def _index_keys(order: Order) -> dict[str, str]:
    keys = {
        "status_partition": f"{order.status}#{shard_of(order.order_id, STATUS_SHARDS)}",
        "status_order": f"{order.changed_at_ms:013d}#{order.order_id}",
    }
    paid = order.paid_attempt()
    if paid and paid.reference:
        keys["paid_reference"] = paid_reference(paid.provider, paid.account, paid.reference)
    return keys
