"""Give money back through the payment that brought it: under one number, until the provider says how it ended."""

from dataclasses import dataclass, replace

from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.refunds import ask, hear
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.payments.model.refunds import Refund, RefundAnswer, RefundOrder, RefundState, RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts, PaymentProvider
from keyrail.payments.service.desk import Desk
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import KeyrailError
from keyrail.platform.logs import Entry

MAX_TRIES = 8
STUCK = "open_for_a_day"


@dataclass(frozen=True)
class Refunds:
    orders: Orders
    accounts: PaymentAccounts
    desk: Desk
    now_ms: NowMs

    def settle(self, order_id: str, origin: Origin) -> bool:
        """Ask for each refund of the order that is due, and about each that was asked for; True if none is open then.

        Repeating it, or running it twice at once, moves the money once: the provider knows a refund by its number, and
        it is on record as asked for before it is. Raises OrderNotFound, UnknownAccount, ProviderUnavailable,
        Unavailable.
        """
        order, trouble = self.orders.of_operator(order_id), None
        for refund in order.refunds:
            try:
                order = self._settle(order, refund.refund_id, origin)
            except KeyrailError as error:  # of one provider; the others shall not wait for it
                trouble = trouble or error
                order = self.orders.of_operator(order_id)
        self._tell_of_stuck(order, origin)
        if trouble is not None:
            raise trouble
        return not any(refund.is_open for refund in order.refunds)

    def look_again(self, order_id: str, refund_id: str, origin: Origin) -> None:
        """The provider speaks of a refund: what it says when it is asked counts, also of one that had gone back.

        Raises as `settle` does.
        """
        order = self.orders.of_operator(order_id)
        refund = order.refund(refund_id)
        if refund is not None and refund.status is not RefundStatus.DUE:
            self._heard(order, self._provider(order, refund).query_refund(_wanted(order, refund)), origin)

    def _tell_of_stuck(self, order: Order, origin: Origin) -> None:
        for refund in order.refunds:
            if refund.is_stuck(self.now_ms()):
                self._to_desk(order, refund, Mismatch.REFUND_STUCK, STUCK, origin)

    def _settle(self, order: Order, refund_id: str, origin: Origin) -> Order:
        refund = order.refund(refund_id)
        if refund is None or not refund.is_open:
            return order
        if refund.status is not RefundStatus.DUE:
            known = self._provider(order, refund).query_refund(_wanted(order, refund))
            order = self._heard(order, known, origin)
        refund = _still(order, refund_id)
        if not refund.may_be_asked_for(self.now_ms()):
            return order
        if refund.status is RefundStatus.UNKNOWN and not self._may_repeat(order, refund):
            return order
        return self._ask(order, refund_id, origin)

    def _ask(self, order: Order, refund_id: str, origin: Origin) -> Order:
        """On record first; whoever finds it there asks about it and not for it."""
        asked = ask(order, refund_id, origin, self.now_ms())
        if not self.orders.replace(order, asked):
            return self.orders.of_operator(order.order_id)
        refund = _still(asked, refund_id)
        return self._heard(asked, self._provider(asked, refund).refund(_wanted(asked, refund)), origin)

    def _may_repeat(self, order: Order, refund: Refund) -> bool:
        return self._provider(order, refund).may_repeat(_wanted(order, refund))

    def _provider(self, order: Order, refund: Refund) -> PaymentProvider:
        return self.accounts.of(_attempt(order, refund))

    def _to_desk(self, order: Order, refund: Refund, reason: Mismatch, status: str, origin: Origin) -> None:
        """Before the order says so: what is owed and refused is never only in an order that nobody looks at."""
        attempt = _attempt(order, refund)
        said = Confirmation(
            provider=attempt.provider,
            account=attempt.account,
            merchant=self.accounts.merchant_of(attempt),
            attempt_id=attempt.attempt_id,
            reference=refund.refund_id,
            amount=refund.amount,
            paid=False,
            status=status,
        )
        self.desk.put(said, reason, origin)

    def _heard(self, order: Order, answer: RefundAnswer, origin: Origin) -> Order:
        for _ in range(MAX_TRIES):
            heard = hear(order, answer, origin, self.now_ms())
            if heard is order:
                return order
            if answer.state is RefundState.FAILED:
                refund = _still(order, answer.refund_id)
                self._to_desk(order, refund, Mismatch.REFUND_FAILED, answer.status, origin)
            if self.orders.replace(order, heard):
                log = logs.warn if answer.state is RefundState.FAILED else logs.log
                log(Entry.REFUND_HEARD, order_id=order.order_id, refund_id=answer.refund_id, status=answer.state)
                return heard
            order = self.orders.of_operator(order.order_id)
        raise StoreUnavailable


def _attempt(order: Order, refund: Refund) -> PaymentAttempt:
    return next(attempt for attempt in order.attempts if attempt.attempt_id == refund.attempt_id)


def _still(order: Order, refund_id: str) -> Refund:
    return next(refund for refund in order.refunds if refund.refund_id == refund_id)


def _wanted(order: Order, refund: Refund) -> RefundOrder:
    attempt = _attempt(order, refund)
    paid = replace(attempt, reference=refund.payment_reference or attempt.reference)
    return RefundOrder(refund_id=refund.refund_id, attempt=paid, amount=refund.amount, reason=refund.reason)
