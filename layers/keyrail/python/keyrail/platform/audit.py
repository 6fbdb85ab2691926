"""The audit trail: one record for each change of each item, written from the streams (promise I10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import ConditionFailed, Table

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class AuditItem(Model):
    subject = UnicodeAttribute(hash_key=True)
    at_id = UnicodeAttribute(range_key=True)


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """Who did what, when and from where; `at_id` is time and version, so the same change is recorded once."""

    subject: str
    at_id: str
    what: tuple[str, ...]
    by: str
    address: str
    at_ms: int
    version: int
    reason: str | None = None
    order_id: str | None = None


def audit_record(events: Sequence[Event], change: Versioned) -> AuditRecord:
    """Of the events of one change, which all have one subject."""
    return AuditRecord(
        subject=events[0].subject,
        at_id=f"{change.changed_at_ms:013d}#{change.version:08d}",
        what=tuple(event.name for event in events),
        by=change.changed_by,
        address=change.changed_from,
        at_ms=change.changed_at_ms,
        version=change.version,
        reason=change.changed_reason,
        order_id=next((e.data["order_id"] for e in events if e.data.get("order_id")), None),
    )


class AuditTrail:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._table = Table(client, table_name)

    def write(self, record: AuditRecord) -> None:
        """Once for each change, however often the stream brings it. Raises StoreUnavailable."""
        try:
            self._table.send(self._table.put(record, AuditItem.subject.does_not_exist()))
        except ConditionFailed:
            return

    def of(self, subject: str) -> list[AuditRecord]:
        """Everything that happened to the subject, oldest first."""
        return [from_attributes(AuditRecord, item) for item in self._table.query_all(AuditItem.subject == subject)]
