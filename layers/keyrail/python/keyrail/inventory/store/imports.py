"""Imports in the `keys` table: how far each has come, and which codes are in already."""

from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.inventory.model.imports import ImportProgress
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import IntegerAttribute, Table


class ImportItem(Model):
    key_id = UnicodeAttribute(hash_key=True)
    version = IntegerAttribute()


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What an import has to know of a key that is in already."""

    key_id: str
    batch_id: str
    line: int
    sold_at_ms: int | None = None


_OF_STANDING = tuple(Standing.__dataclass_fields__)


class ImportStore:
    def __init__(self, keys: KeyStore) -> None:
        self._table = Table(keys.client, keys.table_name)

    def progress(self, batch_id: str) -> ImportProgress | None:
        attributes = self._table.get(key_id=_import_key(batch_id))
        return from_attributes(ImportProgress, attributes) if attributes else None

    def begin(self, progress: ImportProgress) -> ImportProgress:
        """The first one stored stays; returns the one that stands."""
        name = _import_key(progress.batch_id)
        return self._table.put_first(progress, ImportItem.key_id.does_not_exist(), key_id=name) or progress

    def advance(self, progress: ImportProgress) -> None:
        """Store the next version. Raises ConditionFailed if another run of the same import stored one meanwhile."""
        unchanged = ImportItem.version == progress.version - 1
        self._table.send(self._table.put(progress, unchanged, key_id=_import_key(progress.batch_id)))

    def known(self, key_ids: Sequence[str]) -> dict[str, Standing]:
        """Those of at most MAX_READS keys that are seen to be in, eventually consistent: who is missing may be, too.

        A key never goes away again, so whatever is found is there.
        """
        items = self._table.look_up([{"key_id": key_id} for key_id in key_ids], _OF_STANDING)
        return {item["key_id"]["S"]: from_attributes(Standing, item) for item in items}


def _import_key(batch_id: str) -> str:
    return f"import#{batch_id}"
