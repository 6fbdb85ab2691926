"""The desk for payments that fit nothing."""

from dataclasses import dataclass

from keyrail.payments.model.attempts import order_id_of
from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment, payment_id
from keyrail.payments.store import PaymentStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs


@dataclass(frozen=True)
class Desk:
    """Where payments wait that bind to no attempt: seen by an operator, never dropped (promise I5)."""

    store: PaymentStore
    now_ms: NowMs

    def put(self, said: Confirmation, reason: Mismatch, origin: Origin) -> bool:
        """Record it once; False if this very statement was recorded before. Raises StoreUnavailable."""
        now_ms = self.now_ms()
        return self.store.add(
            UnmatchedPayment(
                payment_id=payment_id(said),
                provider=said.provider,
                account=said.account,
                merchant=said.merchant,
                attempt_id=said.attempt_id,
                order_id=order_id_of(said.attempt_id),
                reference=said.reference,
                amount=said.amount,
                provider_status=said.status,
                reason=reason,
                received_at_ms=now_ms,
                **stamp(origin, now_ms),
            )
        )

    def waiting(self, limit: int) -> list[UnmatchedPayment]:
        return self.store.desk(DeskStatus.WAITING, limit)
