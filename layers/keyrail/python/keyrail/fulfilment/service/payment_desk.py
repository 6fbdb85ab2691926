"""What operators decide about payments that fit nothing: each once, by one write that its order may not overtake."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING

from keyrail.ordering.model.orders import Order
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.desk import UnmatchedPayment, dismiss, send_back
from keyrail.payments.service.desk import Desk
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, transact
from keyrail.platform.errors import Conflict
from keyrail.platform.logs import Entry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_TRIES = 10
MAX_BACKOFF_S = 0.2


class PaysAnOrder(Conflict):
    """The provider has told of it twice, the second time as the order asked for it."""

    code = "payment_pays_an_order"
    title = "This very payment has paid its order, or is on its way back from it; it can only be taken off the desk."
    title_zh = "该笔付款已用于订单或正在退回，只能从待办中移除。"


@dataclass(frozen=True)
class PaymentDesk:
    """Each command of the same operator once more gives what was decided; of another one it is refused.

    All raise PaymentNotFound, AlreadyDecided (whose facts name what stands), Unavailable.
    """

    orders: Orders
    desk: Desk
    client: "DynamoDBClient"
    now_ms: NowMs

    def refund(self, payment_id: str, origin: Origin) -> UnmatchedPayment:
        """Its money is owed back to whoever paid; the queue behind the stream has the provider give it back.

        Raises NoMoneyInIt, PaysAnOrder.
        """

        def decide(payment: UnmatchedPayment, order: Order | None) -> UnmatchedPayment:
            decided = send_back(payment, origin, self.now_ms())
            if decided is not payment and order is not None and _is_booked(payment, order):
                raise PaysAnOrder(facts={"order_id": order.order_id})
            return decided

        return self._decide(payment_id, decide)

    def dismiss(self, payment_id: str, origin: Origin) -> UnmatchedPayment:
        """Off the desk, since there is no money of ours in it that is not booked elsewhere. Raises MoneyInIt."""

        def decide(payment: UnmatchedPayment, order: Order | None) -> UnmatchedPayment:
            is_booked = order is not None and _is_booked(payment, order)
            return dismiss(payment, origin, self.now_ms(), is_booked=is_booked)

        return self._decide(payment_id, decide)

    def _decide(
        self, payment_id: str, decide: Callable[[UnmatchedPayment, Order | None], UnmatchedPayment]
    ) -> UnmatchedPayment:
        """By one write, on condition that neither the payment nor the order that it names was changed meanwhile."""
        for number in range(MAX_TRIES):
            payment = self.desk.payment(payment_id)
            order = self.orders.find(payment.order_id) if payment.order_id else None
            decided = decide(payment, order)
            if decided is payment or self._replace(payment, decided, order):
                return decided
            time.sleep(SystemRandom().uniform(0, min(MAX_BACKOFF_S, 0.01 * 2**number)))
        raise StoreUnavailable

    def _replace(self, payment: UnmatchedPayment, decided: UnmatchedPayment, order: Order | None) -> bool:
        writes = [self.desk.replacement(payment, decided)]
        if order is not None:
            writes.append(self.orders.unchanged(order))
        try:
            transact(self.client, writes)
        except TransactionFailed:
            return False
        logs.log(Entry.PAYMENT_DECIDED, payment_id=payment.payment_id, status=decided.status)
        return True


def _is_booked(payment: UnmatchedPayment, order: Order) -> bool:
    """Whether the order was paid by this very payment, or gives it back, since the provider told of it once more."""
    paid = order.paid_attempt()
    owed = ((order.attempt(refund.attempt_id), refund.payment_reference) for refund in order.refunds)
    known = [(paid, paid.reference if paid else None), *owed]
    of_it = (payment.provider, payment.account, payment.reference)
    return any(attempt and (attempt.provider, attempt.account, reference) == of_it for attempt, reference in known)
