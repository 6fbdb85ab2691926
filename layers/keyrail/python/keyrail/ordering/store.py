"""The `orders` table: one item an order. Nobody else talks to it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from keyrail.ordering.model.orders import Order, OrderStatus, email_key, phone_key
from keyrail.ordering.model.refund_requests import awaiting
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import (
    MAX_READS,
    ConditionFailed,
    IntegerAttribute,
    Read,
    Table,
    Write,
    read_together,
)
from keyrail.platform.ids import shard_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BY_STATUS = "by_status"
BY_PAID_REFERENCE = "by_paid_reference"
BY_EMAIL, BY_PHONE = "by_email", "by_phone"
BY_APPROVAL, BY_WORK = "by_approval", "by_work"
STATUS_SHARDS = 8
APPROVAL_SHARDS = 2
WORK_SHARDS = 4
MAX_OVERDUE = 1_000  # of a shard, that are counted

Place = tuple[int, str]  # in a buyer's orders: when one was created, epoch ms, and its id


class OrderItem(Model):
    order_id = UnicodeAttribute(hash_key=True)
    version = IntegerAttribute()
    status_partition = UnicodeAttribute()
    status_order = UnicodeAttribute()
    paid_reference = UnicodeAttribute()
    buyer_email = UnicodeAttribute()
    buyer_phone = UnicodeAttribute()
    approval = UnicodeAttribute()
    approval_order = UnicodeAttribute()
    work = UnicodeAttribute()
    work_order = UnicodeAttribute()


class OrderStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
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

    def changed_between(
        self, status: OrderStatus, shard: int, from_ms: int, before_ms: int, limit: int, behind: str | None = None
    ) -> tuple[list[str], str | None]:
        """A page of the ids of those with that status, in one of the shards of its index, that changed last in that
        time, the oldest change first; and where the next page begins. An index is a moment behind.
        """
        partition = f"{status}#{shard}"
        start = None
        if behind is not None:
            start = {
                "status_partition": {"S": partition},
                "status_order": {"S": behind},
                "order_id": {"S": behind.partition("#")[2]},
            }
        # `<time>` sorts before `<time>#<order>`, so that the upper bound is not in it.
        within = OrderItem.status_order.between(f"{from_ms:013d}", f"{before_ms:013d}")
        page = self._table.query(
            (OrderItem.status_partition == partition) & within, index=BY_STATUS, limit=limit, start=start
        )
        last = page.last_key
        return [item["order_id"]["S"] for item in page.items], last["status_order"]["S"] if last else None

    def by_paid_reference(self, provider: str, account: str, reference: str) -> list[Order]:
        """The orders that this payment of the provider paid: one, unless the provider repeats its numbers."""
        condition = OrderItem.paid_reference == paid_reference(provider, account, reference)
        return self._orders(self._table.query(condition, index=BY_PAID_REFERENCE).items)

    def some(self, order_ids: Sequence[str]) -> list[Order]:
        return self._orders([{"order_id": {"S": order_id}} for order_id in order_ids])

    def by_email(self, email: str, limit: int, start: Place | None) -> tuple[list[Order], Place | None]:
        """A page of the orders that gave this address (as `email_key` spells it), newest first."""
        return self._of_buyer(BY_EMAIL, OrderItem.buyer_email == email, {"buyer_email": {"S": email}}, limit, start)

    def by_phone(self, phone: str, limit: int, start: Place | None) -> tuple[list[Order], Place | None]:
        """A page of the orders that gave this number (as `phone_key` spells it), newest first."""
        return self._of_buyer(BY_PHONE, OrderItem.buyer_phone == phone, {"buyer_phone": {"S": phone}}, limit, start)

    def awaiting_approval(self, limit: int) -> list[Order]:
        """The `limit` orders of which a refund waits for a second person longest, first those."""
        keys = [
            item
            for shard in range(APPROVAL_SHARDS)
            for item in self._table.query(OrderItem.approval == _approval(shard), index=BY_APPROVAL, limit=limit).items
        ]
        return self._orders(sorted(keys, key=lambda item: str(item["approval_order"]["S"]))[:limit])

    def with_work(self, limit: int, behind: str | None) -> tuple[list[Order], str | None]:
        """A page of the orders of which a person is to see to a unit, first what is due first; and where it ends."""
        pages = [self._table.query(_behind(shard, behind), index=BY_WORK, limit=limit) for shard in range(WORK_SHARDS)]
        found = sorted((item for page in pages for item in page.items), key=lambda item: str(item["work_order"]["S"]))
        is_last = len(found) <= limit and all(page.last_key is None for page in pages)
        return self._orders(found[:limit]), None if is_last else found[limit - 1]["work_order"]["S"]

    def count_overdue(self, now_ms: int) -> int:
        """The orders with a job that was due before; at most MAX_OVERDUE of each shard."""
        return sum(
            self._table.query(
                (OrderItem.work == _work(shard)) & (OrderItem.work_order < f"{now_ms:013d}"),
                index=BY_WORK,
                limit=MAX_OVERDUE,
                count=True,
            ).count
            for shard in range(WORK_SHARDS)
        )

    def _of_buyer(
        self, index: str, buyer: Condition, partition: Attributes, limit: int, start: Place | None
    ) -> tuple[list[Order], Place | None]:
        behind = None
        if start is not None:
            behind = {**partition, "created_at_ms": {"N": str(start[0])}, "order_id": {"S": start[1]}}
        page = self._table.query(buyer, index=index, limit=limit, start=behind, newest_first=True)
        last = page.last_key
        return self._orders(page.items), (int(last["created_at_ms"]["N"]), last["order_id"]["S"]) if last else None

    def _orders(self, keys: list[Attributes]) -> list[Order]:
        """In the same order; an index shows an order for a moment longer or shorter than it is there."""
        reads = [self.reading(item["order_id"]["S"]) for item in keys]
        found = [
            self.order(attributes)
            for first in range(0, len(reads), MAX_READS)
            for attributes in read_together(self._client, reads[first : first + MAX_READS])
        ]
        return [order for order in found if order is not None]


def paid_reference(provider: str, account: str, reference: str) -> str:
    return f"{provider}#{account}#{reference}"


def _approval(shard: int) -> str:
    return f"awaiting#{shard}"


def _work(shard: int) -> str:
    return f"waiting#{shard}"


def _behind(shard: int, place: str | None) -> Condition:
    partition: Condition = OrderItem.work == _work(shard)
    return partition & (OrderItem.work_order > place) if place else partition


def _index_keys(order: Order) -> dict[str, str]:
    keys = {
        "status_partition": f"{order.status}#{shard_of(order.order_id, STATUS_SHARDS)}",
        "status_order": f"{order.changed_at_ms:013d}#{order.order_id}",
    }
    paid = order.paid_attempt()
    if paid and paid.reference:
        keys["paid_reference"] = paid_reference(paid.provider, paid.account, paid.reference)
    waiting = [refund.request.at_ms for refund in awaiting(order) if refund.request]
    if waiting:
        keys["approval"] = _approval(shard_of(order.order_id, APPROVAL_SHARDS))
        keys["approval_order"] = f"{min(waiting):013d}#{order.order_id}"
    due = [work.next_due_ms for _, work in order.waiting_jobs()]
    if due:
        keys["work"] = _work(shard_of(order.order_id, WORK_SHARDS))
        keys["work_order"] = f"{min(due):013d}#{order.order_id}"
    if order.contact.email:
        keys["buyer_email"] = email_key(order.contact.email)
    if order.contact.phone:
        keys["buyer_phone"] = phone_key(order.contact.phone)
    return keys
