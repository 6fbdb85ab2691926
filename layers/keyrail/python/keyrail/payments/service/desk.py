"""The desk for payments that fit nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from keyrail.payments.model.attempts import order_id_of
from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.payments.model.desk import DeskStatus, PaymentNotFound, UnmatchedPayment, payment_id
from keyrail.payments.store import PaymentStore, place_of
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.cursor import decode_cursor, encode_cursor
from keyrail.platform.dynamo import Write
from keyrail.platform.errors import FieldError, Invalid

_PLACE = re.compile(r"[0-9]{13}#upm_[0-9A-HJKMNP-TV-Z]{26}")


@dataclass(frozen=True)
class Desk:
    """Where payments wait that bind to no attempt: seen by an operator, never dropped (promise I5)."""

    store: PaymentStore
    now_ms: NowMs

    def put(self, said: Confirmation, reason: Mismatch, origin: Origin, occasion: str = "") -> bool:
        """Record it once; False if this very statement was recorded before, on this `occasion`.

        Raises StoreUnavailable.
        """
        now_ms = self.now_ms()
        return self.store.add(
            UnmatchedPayment(
                payment_id=payment_id(said, occasion),
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

    def some(self, payment_ids: Sequence[str]) -> list[UnmatchedPayment]:
        """Those of them that there are, many in one request."""
        return self.store.some(payment_ids)

    def waiting(self, limit: int) -> list[UnmatchedPayment]:
        return self.store.desk(DeskStatus.WAITING, limit)

    def page(self, status: DeskStatus, limit: int, cursor: str | None) -> tuple[list[UnmatchedPayment], str | None]:
        """Payments with that status, newest first, and the next page's cursor. Raises Invalid for no cursor of ours."""
        behind = decode_cursor(cursor)
        if behind is not None and not _PLACE.fullmatch(behind):
            raise Invalid(FieldError("cursor", "unknown"))
        found = self.store.desk(status, limit, behind)
        return found, encode_cursor(place_of(found[-1]) if len(found) == limit else None)

    def find(self, payment_id: str) -> UnmatchedPayment | None:
        return self.store.get(payment_id)

    def payment(self, payment_id: str) -> UnmatchedPayment:
        """Raises PaymentNotFound."""
        payment = self.store.get(payment_id)
        if payment is None:
            raise PaymentNotFound
        return payment

    def replacement(self, standing: UnmatchedPayment, payment: UnmatchedPayment) -> Write:
        """For the caller's transaction: holds only while `standing` is what stands there."""
        return self.store.replacement(standing, payment)

    def replace(self, standing: UnmatchedPayment, payment: UnmatchedPayment) -> bool:
        """False if somebody was faster: read again and decide anew."""
        return self.store.replace(standing, payment)
