"""Refunds that people ask for, decide about, and help where a provider refuses them."""

from typing import Annotated, Literal

from pydantic import Field

from functions.operator_api.schemas.common import Reason
from keyrail.ordering.model.orders import MAX_KEYS_PER_ORDER, MAX_LINES
from keyrail.payments.model.refunds import Refund, RefundStatus
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money

UnitId = Annotated[str, Field(max_length=64)]
KeyId = Annotated[str, Field(max_length=64)]


@incoming
class RefundIn:
    """`unit_ids`: delivered units of the order, or `key_ids`: some of their keys, or neither for all that it has.

    These keys end with it. Used keys stand in the way, unless the money is to go back `even_if_used`.
    """

    unit_ids: Annotated[tuple[UnitId, ...], Field(min_length=1, max_length=MAX_LINES)] | None = None
    key_ids: Annotated[tuple[KeyId, ...], Field(min_length=1, max_length=MAX_KEYS_PER_ORDER)] | None = None
    even_if_used: bool = False
    reason: Reason


@incoming
class RefundsQuery:
    """Only what waits for a second person is listed."""

    status: Literal["awaiting_approval"] = "awaiting_approval"
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@incoming
class GivenBackIn:
    """`reference` is where the payment shows: the number of a transfer, say."""

    reference: Annotated[str, Field(min_length=1, max_length=128)]
    reason: Reason


@outgoing
class RequestOut:
    """`keys_seen` and `keys_used` are as they were when it was asked for: with more of them nobody can approve it."""

    by: str
    at: str
    why: str
    keys_seen: int
    keys_used: int
    even_if_used: bool
    key_ids: tuple[str, ...] | None
    decided_by: str | None
    decided_at: str | None


@outgoing
class RefundOut:
    refund_id: str
    attempt_id: str
    payment_reference: str | None
    unit_ids: tuple[str, ...]
    amount: Money
    reason: str
    status: RefundStatus
    due_at: str | None
    asked_at: str | None
    reference: str | None
    said: str | None
    request: RequestOut | None

    @classmethod
    def of(cls, refund: Refund) -> "RefundOut":
        return view(cls, refund, request=view(RequestOut, refund.request) if refund.request else None)


@outgoing
class WaitingRefundOut:
    order_id: str
    refund: RefundOut


@outgoing
class RefundsOut:
    """Those that wait longest come first."""

    refunds: tuple[WaitingRefundOut, ...]
