"""The writing end of the chain: each record is sealed behind the one of the version before, and written once."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from keyrail.platform.audit import AuditItem, AuditRecord, at_id
from keyrail.platform.audit_chain import sealed
from keyrail.platform.changes import Versioned
from keyrail.platform.documents import Attributes
from keyrail.platform.dynamo import ConditionFailed, Table, Write, read_together

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_REMEMBERED_MACS = 4_096
LOOKED_BACK = 10  # records; only behind a gap, where clocks that disagree may have put the last one further back


class AuditChain:
    """Remembers the MACs of the last records, since most changes of an item follow each other soon.

    A record never changes once it is written, so what is remembered of it stays true.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str, secret: str) -> None:
        self.client = client
        self._table = Table(client, table_name)
        self._secret = secret.encode()
        self._macs: OrderedDict[str, tuple[int, bytes | None]] = OrderedDict()

    def write(self, record: AuditRecord, before: Versioned | None) -> None:
        """Once for each change, however often the stream brings it. `before` is the item as it was.

        Raises StoreUnavailable.
        """
        self.add(self.sealed(record, before))

    def sealed(self, record: AuditRecord, before: Versioned | None) -> AuditRecord:
        """The record behind its predecessor. Reads that one unless it is the first, or is remembered.

        Raises StoreUnavailable.
        """
        follows = before.version if before else None
        chained = sealed(record, follows, self._previous(record, before), self._secret)
        self.remember(chained.subject, chained.version, chained.mac)
        return chained

    def add(self, record: AuditRecord, **beside: str) -> Attributes | None:
        """None if it is in now, else what stands in its place. `beside` are attributes that it does not vouch for.

        Raises StoreUnavailable.
        """
        try:
            self._table.send(self.put(record, **beside))
        except ConditionFailed as refused:
            self.learn(record, refused.current)
            return refused.current
        return None

    def put(self, record: AuditRecord, **beside: str) -> Write:
        return self._table.put(record, AuditItem.subject.does_not_exist(), **beside)

    def relabel(self, record: AuditRecord, old: str, new: str) -> Write:
        """Of the lot that stands beside the record."""
        key = {"subject": record.subject, "at_id": record.at_id}
        return self._table.update(key, [AuditItem.lot.set(new)], AuditItem.lot == old)

    def standing(self, records: Sequence[AuditRecord]) -> list[Attributes | None]:
        """What stands in the places of the records (at most MAX_READS), strongly consistent."""
        return self.standing_at([(record.subject, record.at_id) for record in records])

    def standing_at(self, places: Sequence[tuple[str, str]]) -> list[Attributes | None]:
        reads = [self._table.read(subject=subject, at_id=at) for subject, at in places]
        return read_together(self.client, reads)

    def learn(self, record: AuditRecord, standing: Attributes | None) -> None:
        """The record that stands in its place is the one that the next one follows."""
        if standing is not None:
            self.remember(record.subject, record.version, _mac(standing))

    def remember(self, subject: str, version: int, mac: bytes | None) -> None:
        self._macs[subject] = (version, mac)
        self._macs.move_to_end(subject)
        if len(self._macs) > MAX_REMEMBERED_MACS:
            self._macs.popitem(last=False)

    def _previous(self, record: AuditRecord, before: Versioned | None) -> bytes | None:
        if before is None:
            return None
        version, mac = self._macs.get(record.subject, (0, None))
        if version == before.version:
            return mac
        standing = self._table.get(subject=record.subject, at_id=at_id(before.changed_at_ms, before.version))
        return _mac(standing) if standing is not None else self._last_before(record)

    def _last_before(self, record: AuditRecord) -> bytes | None:
        """Behind a gap: the record of the change before was set aside, so the chain goes on from the last one."""
        page = self._table.query(
            AuditItem.subject == record.subject, limit=LOOKED_BACK, newest_first=True, consistent=True
        )
        earlier = [item for item in page.items if int(item["version"]["N"]) < record.version]
        return _mac(max(earlier, key=lambda item: int(item["version"]["N"]), default={}))


def _mac(standing: Attributes) -> bytes | None:
    mac: bytes | None = standing.get("mac", {}).get("B")
    return mac
