"""What other contexts may ask of ordering."""

from keyrail.ordering.service.checkout import Checkout, Placed, Wanted
from keyrail.ordering.service.orders import Orders

__all__ = ["Checkout", "Orders", "Placed", "Wanted"]
