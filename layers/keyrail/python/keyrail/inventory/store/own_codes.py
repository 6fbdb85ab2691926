"""Codes of our own and their exports in the `keys` table: how many were made, and who may print them."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.inventory.model.batches import Batch, Standing
from keyrail.inventory.model.exports import Export, ExportNotFound, ExportStatus
from keyrail.inventory.model.keys import BATCH_SHARDS, Key
from keyrail.platform.changes import Origin
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import MAX_READS, ConditionFailed, IntegerAttribute, Table, read_together, transact

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BY_BATCH = "by_batch"
EXPORT_PREFIX = "exp_"


class OwnCodeItem(Model):
    """What the conditions of both use; the rest of an item is its dataclass."""

    key_id = UnicodeAttribute(hash_key=True)
    batch_partition = UnicodeAttribute()
    standing = UnicodeAttribute()
    generated = IntegerAttribute()
    status = UnicodeAttribute()
    requested_by = UnicodeAttribute()
    requested_at_ms = IntegerAttribute()
    approved_by = UnicodeAttribute()
    approved_at_ms = IntegerAttribute()
    version = IntegerAttribute()
    changed_by = UnicodeAttribute()
    changed_from = UnicodeAttribute()
    changed_at_ms = IntegerAttribute()
    changed_reason = UnicodeAttribute()


class OwnCodeStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = Table(client, table_name)

    # codes

    def generated(self, batch_id: str) -> int:
        """How many codes were made for the batch so far."""
        item = self._table.get(key_id=_count_key(batch_id))
        return int(item["generated"]["N"]) if item else 0

    def add_generated(self, batch_id: str, generated: int, keys: Sequence[Key]) -> None:
        """Store the keys behind the first `generated` ones of their batch, and count them: all or nothing.

        Raises TransactionFailed if the batch has another number of them by now, or no longer stands open.
        """
        as_counted = OwnCodeItem.generated == generated if generated else OwnCodeItem.key_id.does_not_exist()
        more = [OwnCodeItem.generated.set(generated + len(keys))]
        new = OwnCodeItem.key_id.does_not_exist()
        writes = [
            self._table.update({"key_id": _count_key(batch_id)}, more, as_counted),
            self._table.check({"key_id": batch_id}, OwnCodeItem.standing == Standing.OPEN),
            *(self._table.put(key, new) for key in keys),
        ]
        transact(self._client, writes)

    def out_of_pool(self, batch_id: str) -> Iterator[list[Key]]:
        """The keys of a batch that nobody may claim, some at a time. The index that names them lags behind."""
        for shard in range(BATCH_SHARDS):
            here = OwnCodeItem.batch_partition == f"{batch_id}#{shard}"
            names = (item["key_id"]["S"] for item in self._table.query_all(here, index=BY_BATCH))
            while some := list(islice(names, MAX_READS)):
                found = read_together(self._client, [self._table.read(key_id=name) for name in some])
                yield [from_attributes(Key, attributes) for attributes in found if attributes]

    # exports

    def get_export(self, export_id: str) -> Export:
        """Raises ExportNotFound."""
        attributes = self._table.get(key_id=export_id) if export_id.startswith(EXPORT_PREFIX) else None
        if attributes is None:
            raise ExportNotFound
        return from_attributes(Export, attributes)

    def get_exports(self, export_ids: Sequence[str]) -> list[Export]:
        """Those of one batch, which are never more than a request reads."""
        found = read_together(self._client, [self._table.read(key_id=export_id) for export_id in export_ids])
        return [from_attributes(Export, attributes) for attributes in found if attributes]

    def add_export(self, export: Export, batch: Batch) -> None:
        """Store the request together with the next version of its batch.

        Raises TransactionFailed: 0 for an export that stands under this id, 1 for a batch that changed meanwhile.
        """
        writes = [
            self._table.put(export, OwnCodeItem.key_id.does_not_exist(), key_id=export.export_id),
            self._table.put(batch, OwnCodeItem.version == batch.version - 1, key_id=batch.batch_id),
        ]
        transact(self._client, writes)

    def approve(self, export_id: str, requested_since_ms: int, origin: Origin, now_ms: int) -> tuple[bool, Export]:
        """On condition that it waits, was requested since then, and by somebody else.

        Whether it is approved by this, and the export as it stands. Raises ExportNotFound.
        """
        if not export_id.startswith(EXPORT_PREFIX):
            raise ExportNotFound
        waits = (OwnCodeItem.status == ExportStatus.REQUESTED) & (OwnCodeItem.requested_at_ms > requested_since_ms)
        reason = OwnCodeItem.changed_reason
        actions = [
            OwnCodeItem.status.set(ExportStatus.APPROVED),
            OwnCodeItem.approved_by.set(origin.by),
            OwnCodeItem.approved_at_ms.set(now_ms),
            OwnCodeItem.version.set(OwnCodeItem.version + 1),
            OwnCodeItem.changed_by.set(origin.by),
            OwnCodeItem.changed_from.set(origin.address),
            OwnCodeItem.changed_at_ms.set(now_ms),
            reason.set(origin.reason) if origin.reason else reason.remove(),
        ]
        approval = self._table.update({"key_id": export_id}, actions, waits & (OwnCodeItem.requested_by != origin.by))
        try:
            return True, from_attributes(Export, self._table.send(approval))
        except ConditionFailed as refused:
            if refused.current is None:
                raise ExportNotFound from None
            return False, from_attributes(Export, refused.current)

    def replace_export(self, export: Export) -> None:
        """Store the next version. Raises ConditionFailed if somebody else stored one meanwhile."""
        unchanged = OwnCodeItem.version == export.version - 1
        self._table.send(self._table.put(export, unchanged, key_id=export.export_id))


def _count_key(batch_id: str) -> str:
    return f"generated#{batch_id}"
