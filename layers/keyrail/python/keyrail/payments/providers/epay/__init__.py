"""易支付 (epay), versions 1 and 2 of its protocol.

Sources: the documentation that gateways of the Rainbow family (彩虹易支付) publish below `/doc/`: page and API payment,
order query, notification, refund, refund query, merchant's orders, and how messages are signed.
"""

from keyrail.payments.providers.epay.account import MAX_NAME_BYTES, METHODS, Epay
from keyrail.payments.providers.epay.messages import PAID_STATUSES

__all__ = ["MAX_NAME_BYTES", "METHODS", "PAID_STATUSES", "Epay"]
