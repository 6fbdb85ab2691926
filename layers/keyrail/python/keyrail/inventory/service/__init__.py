"""What other contexts may ask of the inventory."""

from keyrail.inventory.service.batches import Batches, NewBatch
from keyrail.inventory.service.claims import Claims

__all__ = ["Batches", "Claims", "NewBatch"]
