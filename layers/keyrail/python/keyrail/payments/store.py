"""The `payments` table: verified payments that could not be applied, on the operator's desk; and vouchers, by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment
from keyrail.payments.model.vouchers import Voucher, voucher_id
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Table, Write
from keyrail.platform.ids import shard_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BY_DESK = "by_desk"
DESK_SHARDS = 4
ON_DESK = "upm_"
REVERSED = "reversed#"


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
        attributes = self._table.get(payment_id=payment_id) if payment_id.startswith(ON_DESK) else None
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

    def some(self, payment_ids: Sequence[str]) -> list[UnmatchedPayment]:
        found = self._table.get_all([{"payment_id": payment_id} for payment_id in payment_ids])
        return [from_attributes(UnmatchedPayment, item) for item in found]

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


class VoucherStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self.client = client
        self._table = Table(client, table_name)

    def find(self, voucher_no: str) -> Voucher | None:
        found = self._table.get(payment_id=voucher_id(voucher_no))
        return from_attributes(Voucher, found) if found else None

    def writes(self, voucher: Voucher) -> list[Write]:
        """The voucher, on condition that its number is free, or that it waits; if it is a reversal, then on condition
        that it is the only one of the voucher that it names. In this order.
        """
        free = PaymentItem.payment_id.does_not_exist()
        unchanged = free if voucher.version == 1 else PaymentItem.version == voucher.version - 1
        place = {"payment_id": voucher.voucher_id, "desk": _of_day(voucher.day), "desk_order": _in_day(voucher)}
        writes = [self._table.put(voucher, unchanged, **place)]
        if voucher.reverses is not None and not voucher.waits:
            mark = f"{REVERSED}{voucher_id(voucher.reverses)}"
            writes.append(self._table.put(ReversedBy(voucher.voucher_no), free, payment_id=mark))
        return writes

    def of_day(self, day: str, limit: int, behind: str | None) -> tuple[list[Voucher], str | None]:
        """Those of the UTC day from behind that place on, oldest first, and behind which place the next are.

        A voucher is found a moment after it was posted.
        """
        condition = PaymentItem.desk == _of_day(day)
        if behind is not None:
            condition &= PaymentItem.desk_order > behind
        page = self._table.query(condition, index=BY_DESK, limit=limit)
        found = [from_attributes(Voucher, item) for item in page.items]
        return found, page.last_key["desk_order"]["S"] if page.last_key else None


@dataclass(frozen=True)
class ReversedBy:
    """Stands beside a voucher that was reversed, so that it is reversed once."""

    voucher_no: str


def _of_day(day: str) -> str:
    """People write vouchers: a partition of the index takes all of a day."""
    return f"vouchers#{day}"


def _in_day(voucher: Voucher) -> str:
    return f"{voucher.changed_at_ms:013d}#{voucher.voucher_id}"
