"""What we hold: keys, batches and pools, and the rules of the claim."""

from keyrail.inventory.model.batches import (
    Batch,
    BatchNotFound,
    BatchNotWaiting,
    BatchStatus,
    ImportReport,
    LineProblem,
    Pool,
    PoolPart,
)
from keyrail.inventory.model.exports import Export, ExportStatus, export_events_between
from keyrail.inventory.model.keys import Key, KeyNotFound, KeyState, SoldOut, Stock, StockLevel, events_between

__all__ = [
    "Batch",
    "BatchNotFound",
    "BatchNotWaiting",
    "BatchStatus",
    "Export",
    "ExportStatus",
    "ImportReport",
    "Key",
    "KeyNotFound",
    "KeyState",
    "LineProblem",
    "Pool",
    "PoolPart",
    "SoldOut",
    "Stock",
    "StockLevel",
    "events_between",
    "export_events_between",
]
