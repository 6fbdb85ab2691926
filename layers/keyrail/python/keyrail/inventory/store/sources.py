"""The sources of our keys in the `keys` table, and the counts of what was charged back to them and their batches."""

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.inventory.model.faults import Source, SourceNotFound
from keyrail.inventory.store.keys import BY_BATCH, KeyStore, changed
from keyrail.platform.changes import Origin
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Table, Write, read_together

PREFIX = "source#"
SOURCES = "sources"  # their partition of the index; a batch's are named `bat_…`


class SourceItem(Model):
    """Sources stand in the index of keys out of the pool, in a partition of their own: so all of them are found."""

    key_id = UnicodeAttribute(hash_key=True)
    batch_partition = UnicodeAttribute()
    left_pool = UnicodeAttribute()
    charged_back = IntegerAttribute()
    version = IntegerAttribute()


class SourceStore:
    def __init__(self, keys: KeyStore) -> None:
        self._client = keys.client
        self._table = Table(keys.client, keys.table_name)

    def get(self, name: str) -> Source:
        """Raises SourceNotFound."""
        attributes = self._table.get(key_id=_key(name))
        if attributes is None:
            raise SourceNotFound
        return from_attributes(Source, attributes)

    def add(self, source: Source) -> Source | None:
        """None if it is in now, else the one that stands under its name."""
        return self._table.put_first(source, SourceItem.key_id.does_not_exist(), **_index_keys(source))

    def next(self, source: Source) -> Write:
        """The source's next version, on condition that the one before it stands."""
        return self._table.put(source, SourceItem.version == source.version - 1, **_index_keys(source))

    def replace(self, source: Source) -> bool:
        """False if the version before is no longer what stands there."""
        try:
            self._table.send(self.next(source))
        except ConditionFailed:
            return False
        return True

    def charge_of_batch(self, batch_id: str, origin: Origin, now_ms: int) -> Write:
        """One more key of the batch is charged back."""
        actions = [SourceItem.charged_back.set((SourceItem.charged_back | 0) + 1), *changed(origin, now_ms)]
        return self._table.update({"key_id": batch_id}, actions, SourceItem.key_id.exists())

    def page(self, limit: int, behind: str | None) -> tuple[list[Source], str | None]:
        """Those whose names follow `behind`, by name, and the name that the next page follows."""
        condition = SourceItem.batch_partition == SOURCES
        if behind:
            condition &= SourceItem.left_pool > behind
        page = self._table.query(condition, index=BY_BATCH, limit=limit)
        found = read_together(self._client, [self._table.read(key_id=item["key_id"]["S"]) for item in page.items])
        last = page.last_key["left_pool"]["S"] if page.last_key else None
        return [from_attributes(Source, attributes) for attributes in found if attributes], last


def _key(name: str) -> str:
    return f"{PREFIX}{name}"


def _index_keys(source: Source) -> dict[str, str]:
    return {"key_id": _key(source.name), "batch_partition": SOURCES, "left_pool": source.name}
