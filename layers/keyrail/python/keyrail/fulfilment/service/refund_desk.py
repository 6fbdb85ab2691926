"""What a person does about a refund that the provider refuses."""

from collections.abc import Callable
from dataclasses import dataclass

from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.refunds import ask_again, give_by_hand
from keyrail.ordering.service.orders import Orders
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable

MAX_TRIES = 8


@dataclass(frozen=True)
class RefundDesk:
    """Both raise OrderNotFound, RefundNotFound, RefundNotFailed, Unavailable."""

    orders: Orders
    now_ms: NowMs

    def ask_again(self, order_id: str, refund_id: str, origin: Origin) -> Order:
        return self._change(order_id, lambda order: ask_again(order, refund_id, origin, self.now_ms()))

    def give_by_hand(self, order_id: str, refund_id: str, reference: str, origin: Origin) -> Order:
        """On record as given back. The same again is once."""
        return self._change(order_id, lambda order: give_by_hand(order, refund_id, reference, origin, self.now_ms()))

    def _change(self, order_id: str, change: Callable[[Order], Order]) -> Order:
        for _ in range(MAX_TRIES):
            order = self.orders.of_operator(order_id)
            changed = change(order)
            if changed is order or self.orders.replace(order, changed):
                return changed
        raise StoreUnavailable
