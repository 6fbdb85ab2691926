"""Genuine news of a supplier's for which nobody waits and somebody should know: kept, and nothing is moved by it."""

from dataclasses import dataclass
from enum import StrEnum

NOTICE_LASTS_MS = 90 * 24 * 60 * 60_000


class NoticeReason(StrEnum):
    """`no_reference`: it has not the form of ours. `no_attempt`: nobody was ever asked under it. `other_supplier`:
    somebody was, and it was not this supplier. `decided`: a person has said how it ended, without the supplier.
    """

    NO_REFERENCE = "no_reference"
    NO_ATTEMPT = "no_attempt"
    OTHER_SUPPLIER = "other_supplier"
    DECIDED = "decided"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """The first of all that came under this `reference`, which is the supplier's word for it.

    `expires_at` is the table's time to live, in epoch seconds.
    """

    supplier: str
    reference: str
    reason: NoticeReason
    heard_at_ms: int
    expires_at: int
    order_id: str | None = None
