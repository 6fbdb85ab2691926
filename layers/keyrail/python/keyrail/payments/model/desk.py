"""Payments that fit nothing, on the operator's desk until somebody resolves them (promise I5)."""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.platform.changes import Event, Versioned
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money


class DeskStatus(StrEnum):
    WAITING = "waiting"


@dataclass(frozen=True, kw_only=True)
class UnmatchedPayment(Versioned):
    """A verified callback that paid no attempt: on the operator's desk until somebody resolves it."""

    payment_id: str
    provider: str
    account: str
    merchant: str
    attempt_id: str
    order_id: str | None = None
    reference: str
    amount: Money | None = None
    provider_status: str
    reason: Mismatch
    status: DeskStatus = DeskStatus.WAITING
    received_at_ms: int


def payment_id(said: Confirmation) -> str:
    """The same statement of a provider has the same id, however often it is delivered."""
    status = "paid" if said.paid else f"not paid: {said.status}"  # providers word the first anew months later
    amount = (str(said.amount.amount_minor), said.amount.currency) if said.amount else ("", "")
    return derived_id(
        "upm", said.provider, said.account, said.merchant, said.attempt_id, said.reference, status, *amount
    )


def events_between(old: UnmatchedPayment | None, new: UnmatchedPayment | None) -> list[Event]:
    if new is None or old is not None:
        return []
    # No money came with an unpaid one, so nobody is called out of bed for it.
    happened = "not_paid" if new.reason is Mismatch.NOT_PAID else "unmatched"
    data = {"reason": new.reason, "provider": new.provider, "account": new.account, "order_id": new.order_id}
    return [Event(f"payment.{happened}", f"payment:{new.payment_id}", data)]
