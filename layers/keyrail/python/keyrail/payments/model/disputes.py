"""Money that a buyer's bank takes back, as an order remembers it."""

from dataclasses import dataclass

from keyrail.payments.model.confirmations import DisputeState
from keyrail.platform.errors import NotFound
from keyrail.platform.money import Money


class DisputeNotFound(NotFound):
    code = "dispute_not_found"
    title = "The order has no such dispute."
    title_zh = "该订单没有此争议。"


@dataclass(frozen=True, kw_only=True)
class Dispute:
    """`dispute_id` is the provider's, `refund_id` ours for what is lost by it, and `said` the provider's word.

    `frozen`: what was sold stands still for it. `unit_ids` are those that gave up their goods because it was lost;
    those that it `awaits` do so once it is known that they were not supplied.
    """

    dispute_id: str
    refund_id: str
    attempt_id: str
    amount: Money | None = None
    state: DisputeState
    said: str
    heard_at_ms: int
    frozen: bool = False
    unit_ids: tuple[str, ...] = ()
    released_by: str | None = None
    awaits: tuple[str, ...] | None = None
