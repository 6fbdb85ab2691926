"""A relay for worlds without functions: it reads the streams of their tables and books what they show."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.books import entries_between as batch_entries_between
from keyrail.ledger.model import JournalEntry
from keyrail.ordering.model.books import entries_between as order_entries_between
from keyrail.ordering.model.orders import Order
from keyrail.payments.books import entries_between as payment_entries_between
from keyrail.payments.model.desk import UnmatchedPayment
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.reconciliation.books import entries_between as fee_entries_between
from keyrail.reconciliation.model.runs import Run
from tests.local_cloud import LocalCloud
from tests.world import World

BOOKED: dict[str, tuple[str, str, type[Any], Any]] = {
    "orders": ("order_id", "ord_", Order, order_entries_between),
    "payments": ("payment_id", "upm_", UnmatchedPayment, payment_entries_between),
    "keys": ("key_id", "bat_", Batch, batch_entries_between),
    "reconciliation": ("sk", "run", Run, fee_entries_between),
}


@dataclass
class BookKeeper:
    """`streams` is a client; the world is a streamed one. Each record comes twice, and the last first."""

    streams: Any
    world: World
    _places: dict[str, str] = field(default_factory=dict)

    def catch_up(self) -> None:
        entries = [entry for kind in BOOKED for record in self._records(kind) for entry in _booked(kind, record)]
        self.world.books.post(reversed(entries))
        self.world.books.post(entries)

    def _records(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        place = self._places.get(kind) or self._beginning(kind)
        while True:
            answer = self.streams.get_records(ShardIterator=place)
            place = self._places[kind] = answer["NextShardIterator"]
            if not answer["Records"]:
                return found
            found += [record["dynamodb"] for record in answer["Records"]]

    def _beginning(self, kind: str) -> str:
        table = self.world.dynamodb.describe_table(TableName=self.world.names[kind])["Table"]
        stream = table["LatestStreamArn"]
        (shard,) = self.streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        place: str = self.streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return place


@cache
def streams_of(tables: LocalCloud) -> Any:
    return tables.client("dynamodbstreams")


def _booked(kind: str, images: dict[str, Attributes]) -> tuple[JournalEntry, ...]:
    key, prefix, cls, entries_between = BOOKED[kind]
    if "NewImage" not in images or not images["Keys"][key]["S"].startswith(prefix):
        return ()
    old = from_attributes(cls, images["OldImage"]) if "OldImage" in images else None
    found: tuple[JournalEntry, ...] = entries_between(old, from_attributes(cls, images["NewImage"]))
    return found
