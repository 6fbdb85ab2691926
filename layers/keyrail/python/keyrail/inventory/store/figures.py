"""The figures of each SKU in the `keys` table, and what the index of claimable keys says about it."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.inventory.model.batches import NEVER
from keyrail.inventory.model.figures import Figures
from keyrail.inventory.model.keys import AVAILABLE_FROM_S
from keyrail.inventory.store.keys import BY_BATCH, CLAIMABLE
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Table, Write, read_together

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PREFIX = "figures#"
LOW, ENOUGH = "low", "enough"
_LEASED_FROM = f"{AVAILABLE_FROM_S + 1:010d}#"


class FiguresUnreadable(Exception):
    """What stands there is none of ours: somebody wrote it by hand."""


class FiguresItem(Model):
    """Figures stand in the index of keys out of the pool, in two partitions of their own: low first, then the others.

    They change their place there only when the stock runs low or recovers, so counting costs the index nothing.
    """

    key_id = UnicodeAttribute(hash_key=True)
    batch_partition = UnicodeAttribute()
    left_pool = UnicodeAttribute()
    revision = IntegerAttribute()
    claim_partition = UnicodeAttribute()
    claim_order = UnicodeAttribute()


class FigureStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self.client = client
        self._table = Table(client, table_name)

    def get(self, sku_id: str) -> Figures | None:
        return self.get_all([sku_id])[0]

    def get_all(self, sku_ids: list[str]) -> list[Figures | None]:
        """Of at most MAX_READS SKUs, in their order. Raises FiguresUnreadable."""
        found = read_together(self.client, [self._table.read(key_id=_key(sku_id)) for sku_id in sku_ids])
        return [_figures(attributes) if attributes else None for attributes in found]

    def replacement(self, figures: Figures) -> Write:
        """The write of the next revision, on condition that nobody wrote one meanwhile."""
        first = figures.revision == 1
        condition = FiguresItem.key_id.does_not_exist() if first else FiguresItem.revision == figures.revision - 1
        place = {"batch_partition": _partition(LOW if figures.low else ENOUGH), "left_pool": figures.sku_id}
        return self._table.put(figures, condition, key_id=_key(figures.sku_id), **place)

    def replace(self, figures: Figures) -> bool:
        """False if somebody else wrote a revision meanwhile."""
        try:
            self._table.send(self.replacement(figures))
        except ConditionFailed:
            return False
        return True

    def listed(self, level: str, limit: int, after: str | None) -> tuple[list[str], str | None]:
        """A page of the SKUs of that level by their ids, from behind `after` on, and where the next page begins."""
        condition = FiguresItem.batch_partition == _partition(level)
        if after is not None:
            condition &= FiguresItem.left_pool > after
        page = self._table.query(condition, index=BY_BATCH, limit=limit)
        sku_ids = [item["key_id"]["S"].removeprefix(PREFIX) for item in page.items]
        return sku_ids, sku_ids[-1] if page.last_key else None

    def pooled(self, partition: str) -> tuple[int, int]:
        """Keys in an index partition of the pool, and how many of them are leased, lapsed or not. Counts them all."""
        here = FiguresItem.claim_partition == partition
        leased = self._table.count(here & (FiguresItem.claim_order >= _LEASED_FROM), index=CLAIMABLE)
        available = self._table.count(here & (FiguresItem.claim_order < _LEASED_FROM), index=CLAIMABLE)
        return available + leased, leased

    def pooled_keys(self, partition: str) -> tuple[list[str], int]:
        """The ids of the keys in an index partition of the pool, and how many of them are leased, lapsed or not."""
        items = list(self._table.query_all(FiguresItem.claim_partition == partition, index=CLAIMABLE))
        leased = sum(item["claim_order"]["S"] >= _LEASED_FROM for item in items)
        return [item["key_id"]["S"] for item in items], leased

    def last_days(self, key_ids: Sequence[str]) -> Counter[str]:
        """How many of at most MAX_READS keys have which last day, an ISO date or NEVER; eventually consistent."""
        items = self._table.look_up([{"key_id": key_id} for key_id in key_ids], ["key_id", "expires_on"])
        return Counter(item["expires_on"]["S"] if "expires_on" in item else NEVER for item in items)


def _figures(attributes: Attributes) -> Figures:
    try:
        return from_attributes(Figures, attributes)
    except ValidationError as error:
        raise FiguresUnreadable from error


def _partition(level: str) -> str:
    return f"stock#{level}"


def _key(sku_id: str) -> str:
    return f"{PREFIX}{sku_id}"
