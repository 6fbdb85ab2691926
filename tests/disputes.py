"""A bank's word on a payment that its payer takes back."""

from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import DisputeNotice, DisputeState
from keyrail.platform.money import Money


def dispute_of(placed: Placed, state: DisputeState = DisputeState.OPEN) -> DisputeNotice:
    """Of all that was paid for it, as `World.pay` pays."""
    return dispute(f"ref-{placed.attempt.attempt_id}", placed.order.total, state)


def dispute(
    reference: str,
    amount: Money,
    state: DisputeState = DisputeState.OPEN,
    dispute_id: str = "dp_1",
    provider: str = "epay",
    account: str = "main",
) -> DisputeNotice:
    return DisputeNotice(
        provider=provider,
        account=account,
        dispute_id=dispute_id,
        reference=reference,
        attempt_id=None,
        amount=amount,
        status=f"as the bank says {state}",
        state=state,
    )
