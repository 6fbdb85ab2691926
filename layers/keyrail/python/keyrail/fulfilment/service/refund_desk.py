"""What a person does about a refund that the provider refuses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keyrail.fulfilment.service.owing import Owing, owing
from keyrail.ordering.service.orders import Orders
from keyrail.payments.service.desk import Desk
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable

MAX_TRIES = 8


@dataclass(frozen=True)
class RefundDesk:
    """Both give the order or the payment that owes the refund, as it stands then.

    Both raise OrderNotFound, PaymentNotFound, RefundNotFound, RefundNotFailed, Unavailable.
    """

    orders: Orders
    desk: Desk
    now_ms: NowMs

    def ask_again(self, owner_id: str, refund_id: str, origin: Origin) -> Any:
        return self._change(owner_id, lambda of, owner: of.ask_again(owner, refund_id, origin, self.now_ms()))

    def give_by_hand(self, owner_id: str, refund_id: str, reference: str, origin: Origin) -> Any:
        """On record as given back. The same again is once."""
        return self._change(
            owner_id, lambda of, owner: of.give_by_hand(owner, refund_id, reference, origin, self.now_ms())
        )

    def _change(self, owner_id: str, change: Callable[[Owing[Any], Any], Any]) -> Any:
        of = owing(owner_id, self.orders, self.desk)
        for _ in range(MAX_TRIES):
            owner = of.read(owner_id)
            changed = change(of, owner)
            if changed is owner or of.replace(owner, changed):
                return changed
        raise StoreUnavailable
