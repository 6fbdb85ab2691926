"""What functions may ask of fulfilment. `delivery` is imported by itself: only one function may decrypt."""

from keyrail.fulfilment.service.issuance import Issuance
from keyrail.fulfilment.service.settlement import Settlement

__all__ = ["Issuance", "Settlement"]
