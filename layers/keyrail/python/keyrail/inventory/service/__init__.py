"""What other contexts may ask of the inventory."""

from keyrail.inventory.service.batches import Batches, NewBatch
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.service.sold_keys import SoldKey, SoldKeys

__all__ = ["Batches", "Claims", "NewBatch", "SoldKey", "SoldKeys"]
