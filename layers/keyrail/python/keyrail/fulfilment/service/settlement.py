"""Settle a verified payment: bind it, then pay and deliver."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.fulfilment.model import Outcome, Settled, SettlementContended
from keyrail.fulfilment.service.issuance import Issuance
from keyrail.fulfilment.service.paying import Paying
from keyrail.inventory.service.claims import Claims
from keyrail.ordering.model.orders import MAX_SECOND_PAYMENTS, Order
from keyrail.ordering.model.placing import was_sent_away
from keyrail.ordering.model.refunds import give_back
from keyrail.ordering.model.steps import pay
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.attempts import order_id_of
from keyrail.payments.model.confirmations import Confirmation, Mismatch, mismatch
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.payments.service.desk import Desk
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.logs import Entry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_TRIES = 10


@dataclass(frozen=True)
class Settlement:
    orders: Orders
    claims: Claims
    accounts: PaymentAccounts
    desk: Desk
    issuance: Issuance
    client: "DynamoDBClient"
    now_ms: NowMs

    def settle(self, said: Confirmation, origin: Origin) -> Settled:
        """Apply a verified confirmation once, however often it comes. It is stored when this returns.

        A second payment of an order is owed back; what binds to no attempt, and what was sent back or to another order
        when it was told of in other words, goes to the desk with its reason. Raises Unavailable; then nothing is
        acknowledged and the provider sends it again.
        """
        order_id = order_id_of(said.attempt_id)
        for number in range(MAX_TRIES):
            order = self.orders.find_with(self.claims.holds, order_id) if order_id else None
            reason = self._why_not(said, order)
            if order is None or reason not in {None, Mismatch.DOUBLE_PAYMENT}:
                return self._to_desk(said, order_id, reason or Mismatch.UNKNOWN_ATTEMPT, origin)
            if was_sent_away(order, said.provider, said.account, said.reference):
                return self._to_desk(said, order_id, Mismatch.DOUBLE_PAYMENT, origin)
            if reason is Mismatch.DOUBLE_PAYMENT:
                if given := self._give_back(order, said, origin):
                    return given
            elif order.paid_attempt() is not None:
                return Settled(Outcome.DUPLICATE, order_id)
            elif self._apply(order, said, origin):
                return Settled(Outcome.APPLIED, order_id)
            let_others_go(number)
        raise SettlementContended

    def _why_not(self, said: Confirmation, order: Order | None) -> Mismatch | None:
        """None for the payment of an unpaid order, and for the very payment that paid it."""
        attempt = order.attempt(said.attempt_id) if order else None
        reason = mismatch(said, attempt, self.accounts.at(said.provider, said.account).merchant)
        paid = order.paid_attempt() if order else None
        if reason is None and paid and (paid.attempt_id, paid.reference) != (said.attempt_id, said.reference):
            return Mismatch.DOUBLE_PAYMENT
        return reason

    def _give_back(self, order: Order, said: Confirmation, origin: Origin) -> Settled | None:
        """The order is paid already, so this payment is owed back; one of very many is a person's to look at.

        None if somebody changed the order meanwhile.
        """
        owing = give_back(order, said.attempt_id, said.reference, origin, self.now_ms())
        if owing is order:
            return Settled(Outcome.DUPLICATE, order.order_id)
        if sum(not refund.unit_ids for refund in owing.refunds) > MAX_SECOND_PAYMENTS:
            return self._to_desk(said, order.order_id, Mismatch.DOUBLE_PAYMENT, origin)
        if not self.orders.replace(order, owing):
            return None
        logs.warn(Entry.REFUND_DUE, order_id=order.order_id, unit_id=None, reason=Mismatch.DOUBLE_PAYMENT)
        return Settled(Outcome.GIVEN_BACK, order.order_id, Mismatch.DOUBLE_PAYMENT)

    def _to_desk(self, said: Confirmation, order_id: str | None, reason: Mismatch, origin: Origin) -> Settled:
        if self.desk.put(said, reason, origin):
            logs.warn(Entry.PAYMENT_UNMATCHED, reason=reason, attempt_id=said.attempt_id, order_id=order_id)
        return Settled(Outcome.UNMATCHED, order_id, reason)

    def _apply(self, order: Order, said: Confirmation, origin: Origin) -> bool:
        """False if somebody changed the order meanwhile."""
        paid = pay(order, said.attempt_id, said.reference, origin, self.now_ms())
        paying = Paying(self.orders, self.claims, self.issuance, self.client, self.now_ms)
        return paying.apply(order, paid, origin)
