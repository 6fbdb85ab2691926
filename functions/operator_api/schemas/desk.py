"""The desk of unmatched payments."""

from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.model.desk import DeskStatus
from keyrail.platform.documents import outgoing
from keyrail.platform.money import Money


@outgoing
class UnmatchedOut:
    payment_id: str
    provider: str
    account: str
    merchant: str
    attempt_id: str
    order_id: str | None
    reference: str
    amount: Money | None
    provider_status: str
    reason: Mismatch
    status: DeskStatus
    received_at: str


@outgoing
class UnmatchedPageOut:
    payments: tuple[UnmatchedOut, ...]
