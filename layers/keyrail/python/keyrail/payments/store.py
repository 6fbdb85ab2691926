"""The `payments` table: verified payments that could not be applied, on the operator's desk."""

from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import ConditionFailed, Table
from keyrail.platform.ids import shard_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BY_DESK = "by_desk"
DESK_SHARDS = 4


class PaymentItem(Model):
    payment_id = UnicodeAttribute(hash_key=True)
    desk = UnicodeAttribute()
    desk_order = UnicodeAttribute()


class PaymentStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._table = Table(client, table_name)

    def add(self, payment: UnmatchedPayment) -> bool:
        """False if the same statement of the provider is on the desk already."""
        desk = f"{payment.status}#{shard_of(payment.payment_id, DESK_SHARDS)}"
        order = f"{payment.received_at_ms:013d}#{payment.payment_id}"
        write = self._table.put(payment, PaymentItem.payment_id.does_not_exist(), desk=desk, desk_order=order)
        try:
            self._table.send(write)
        except ConditionFailed:
            return False
        return True

    def desk(self, status: DeskStatus, limit: int) -> list[UnmatchedPayment]:
        """The newest `limit` payments with that status."""
        found = [
            from_attributes(UnmatchedPayment, item)
            for shard in range(DESK_SHARDS)
            for item in self._table.query(
                PaymentItem.desk == f"{status}#{shard}", index=BY_DESK, limit=limit, newest_first=True
            ).items
        ]
        return sorted(found, key=lambda payment: payment.received_at_ms, reverse=True)[:limit]
