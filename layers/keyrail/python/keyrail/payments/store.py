"""The `payments` table: verified payments that could not be applied, on the operator's desk."""

from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Table, Write
from keyrail.platform.ids import shard_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BY_DESK = "by_desk"
DESK_SHARDS = 4


class PaymentItem(Model):
    payment_id = UnicodeAttribute(hash_key=True)
    version = IntegerAttribute()
    desk = UnicodeAttribute()
    desk_order = UnicodeAttribute()


class PaymentStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._table = Table(client, table_name)

    def add(self, payment: UnmatchedPayment) -> bool:
        """False if the same statement of the provider is on the desk already."""
        return self._sent(self._table.put(payment, PaymentItem.payment_id.does_not_exist(), **_index_keys(payment)))

    def get(self, payment_id: str) -> UnmatchedPayment | None:
        attributes = self._table.get(payment_id=payment_id)
        return from_attributes(UnmatchedPayment, attributes) if attributes else None

    def replacement(self, standing: UnmatchedPayment, payment: UnmatchedPayment) -> Write:
        """The write that puts `payment` in the place of `standing`, on condition that it still stands."""
        return self._table.put(payment, PaymentItem.version == standing.version, **_index_keys(payment))

    def replace(self, standing: UnmatchedPayment, payment: UnmatchedPayment) -> bool:
        """False if `standing` is no longer what stands there."""
        return self._sent(self.replacement(standing, payment))

    def _sent(self, write: Write) -> bool:
        try:
            self._table.send(write)
        except ConditionFailed:
            return False
        return True

    def desk(self, status: DeskStatus, limit: int, behind: str | None = None) -> list[UnmatchedPayment]:
        """The newest `limit` payments with that status, of those behind the place (`place_of`), if one is given."""
        found = [
            from_attributes(UnmatchedPayment, item)
            for shard in range(DESK_SHARDS)
            for item in self._table.query(
                _in_shard(status, shard, behind), index=BY_DESK, limit=limit, newest_first=True
            ).items
        ]
        return sorted(found, key=place_of, reverse=True)[:limit]


def place_of(payment: UnmatchedPayment) -> str:
    """Where it stands among those of its status: by the time that it came."""
    return f"{payment.received_at_ms:013d}#{payment.payment_id}"


def _in_shard(status: DeskStatus, shard: int, behind: str | None) -> Condition:
    partition = PaymentItem.desk == f"{status}#{shard}"
    return partition & (PaymentItem.desk_order < behind) if behind else partition


def _index_keys(payment: UnmatchedPayment) -> dict[str, str]:
    desk = f"{payment.status}#{shard_of(payment.payment_id, DESK_SHARDS)}"
    return {"desk": desk, "desk_order": place_of(payment)}
