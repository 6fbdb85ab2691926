"""The audit trail: one record for each change of each item, written from the streams (promise I10).

`audit_chain` says how a record vouches for itself and for the one before it, `audit_writing` writes them and
`audit_verification` reads all of a subject again and judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.platform.changes import Event, Versioned
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import Table

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_TRACE_RECORDS = 1_000  # of the longest reasons they fit into a function's answer, which may have 6 MB


class AuditItem(Model):
    subject = UnicodeAttribute(hash_key=True)
    at_id = UnicodeAttribute(range_key=True)
    lot = UnicodeAttribute()


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """Who did what, when and from where; `at_id` is time and version, so the same change is recorded once.

    Of a redemption it says which one, where, and what was taken of a value card.
    `follows` is the version that was changed, since some writes take an item on by more than one. `mac` vouches for all
    of the record, and for the one of that version, whose MAC is `previous`.
    """

    subject: str
    at_id: str
    what: tuple[str, ...]
    by: str
    address: str
    at_ms: int
    version: int
    reason: str | None = None
    order_id: str | None = None
    redemption_id: str | None = None
    place: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    follows: int | None = None
    previous: bytes | None = None
    mac: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What happened to a subject, oldest first. Of a long one the two ends, and then it is not `complete`."""

    records: tuple[AuditRecord, ...]
    complete: bool


def at_id(at_ms: int, version: int) -> str:
    """Sort key of the record of the change that made this version at that time."""
    return f"{at_ms:013d}#{version:08d}"


def audit_record(events: Sequence[Event], change: Versioned) -> AuditRecord:
    """Of the events of one change, which all have one subject."""
    data = {name: value for event in reversed(events) for name, value in event.data.items() if value is not None}
    # A redemption's alone: other amounts are in the item, where they stay.
    amount = data.get("amount", {}) if "redemption_id" in data else {}
    return AuditRecord(
        subject=events[0].subject,
        at_id=at_id(change.changed_at_ms, change.version),
        what=tuple(event.name for event in events),
        by=change.changed_by,
        address=change.changed_from,
        at_ms=change.changed_at_ms,
        version=change.version,
        reason=change.changed_reason,
        order_id=data.get("order_id"),
        redemption_id=data.get("redemption_id"),
        place=data.get("place"),
        amount_minor=amount.get("amount_minor"),
        currency=amount.get("currency"),
    )


class AuditTrail:
    """The trail as people read it."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._table = Table(client, table_name)

    def of(self, subject: str) -> Trace:
        """What happened to the subject, at most MAX_TRACE_RECORDS of it: the beginning, and how it ended.

        A buyer may look at a key as often as they like, and every look is a record.
        """
        half = MAX_TRACE_RECORDS // 2
        first = self._table.query(AuditItem.subject == subject, limit=half)
        if first.last_key is None:
            return Trace(records=_records(first.items), complete=True)
        behind = (AuditItem.subject == subject) & (AuditItem.at_id > first.last_key["at_id"]["S"])
        # One more than is shown tells whether anything lies between.
        last = self._table.query(behind, limit=half + 1, newest_first=True)
        complete = len(last.items) <= half and last.last_key is None
        return Trace(records=_records([*first.items, *reversed(last.items[:half])]), complete=complete)


def _records(items: Sequence[Attributes]) -> tuple[AuditRecord, ...]:
    return tuple(from_attributes(AuditRecord, item) for item in items)
