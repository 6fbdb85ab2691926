"""Disputes: what a payment paid for stands still at once, comes back if we win, and is gone if we lose."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.fulfilment.model import Outcome, Settled, SettlementContended
from keyrail.inventory.model.keys import NotSold
from keyrail.inventory.service.withdrawals import Withdrawals
from keyrail.ordering.model.disputes import hear, is_frozen, release
from keyrail.ordering.model.orders import Order, UnitStatus
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.confirmations import Confirmation, DisputeNotice, DisputeState, Mismatch
from keyrail.payments.model.disputes import Dispute
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.payments.service.desk import Desk
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, Write, transact
from keyrail.platform.logs import Entry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_TRIES = 10


@dataclass(frozen=True)
class Freezing:
    """An order and its sold keys stand still, and go on, in one transaction."""

    orders: Orders
    withdrawals: Withdrawals
    client: "DynamoDBClient"
    now_ms: NowMs

    def unfreeze(self, order_id: str, dispute_id: str, origin: Origin) -> Order:
        """What a dispute froze goes on at once, whatever the bank says. The same again is once.

        Raises OrderNotFound, DisputeNotFound, Unavailable.
        """
        for number in range(MAX_TRIES):
            order = self.orders.of_operator(order_id)
            released = release(order, dispute_id, origin, self.now_ms())
            if released is order or self.replace(order, released, origin):
                return released
            let_others_go(number)
        raise StoreUnavailable

    def replace(self, order: Order, following: Order, origin: Origin) -> bool:
        """The order and what that means for its keys. False if somebody was faster: look again."""
        try:
            transact(self.client, [self.orders.replacement(order, following), *self._keys(order, following, origin)])
        except (TransactionFailed, NotSold):  # the order was read before somebody changed it together with its keys
            return False
        return True

    def _keys(self, order: Order, following: Order, origin: Origin) -> list[Write]:
        delivered = [key for unit in order.units if unit.status is UnitStatus.DELIVERED for key in unit.key_ids]
        if lost := _newly_lost(order, following):
            keys = self.withdrawals.keys(delivered)
            return self.withdrawals.writes(keys, lost.refund_id, origin, even_if_used=True)
        if is_frozen(following) and not is_frozen(order):
            held_for = next(each.dispute_id for each in following.disputes or () if each.frozen)
            return self.withdrawals.holds(delivered, order.order_id, held_for, origin)
        if is_frozen(order) and not is_frozen(following):
            return self.withdrawals.releases(delivered, order.order_id, origin)
        return []


@dataclass(frozen=True)
class Disputes:
    orders: Orders
    accounts: PaymentAccounts
    desk: Desk
    freezing: Freezing
    now_ms: NowMs

    def hear(self, notice: DisputeNotice, origin: Origin) -> Settled:
        """The order's goods follow, and it is on the desk, since a person has to answer the bank in time.

        Once, however often and in whatever order it is told. Raises Unavailable; then it is told again.
        """
        order = self._follow(notice, origin)
        if order is None or notice.state is not DisputeState.WON:
            self._to_desk(notice, order, origin)
        return Settled(Outcome.UNMATCHED, order.order_id if order else None, Mismatch.DISPUTED)

    def _follow(self, notice: DisputeNotice, origin: Origin) -> Order | None:
        """None where no order was paid with the payment, or more than one."""
        for number in range(MAX_TRIES):
            found = self.orders.paid_by(notice.provider, notice.account, notice.reference)
            if len(found) != 1:
                return None
            (order,) = found
            heard = hear(order, notice, origin, self.now_ms())
            if heard is order:
                return order
            if self.freezing.replace(order, heard, origin):
                logs.warn(
                    Entry.DISPUTE_HEARD, order_id=order.order_id, dispute_id=notice.dispute_id, state=notice.state
                )
                return heard
            let_others_go(number)
        raise SettlementContended

    def _to_desk(self, notice: DisputeNotice, order: Order | None, origin: Origin) -> None:
        paid = order.paid_attempt() if order else None
        said = Confirmation(
            provider=notice.provider,
            account=notice.account,
            merchant=self.accounts.at(notice.provider, notice.account).merchant,
            attempt_id=notice.attempt_id or (paid.attempt_id if paid else ""),
            reference=notice.reference,
            amount=notice.amount,
            paid=False,
            status=f"{notice.dispute_id} {notice.state}",  # once for each, however the provider words its way there
        )
        if self.desk.put(said, Mismatch.DISPUTED, origin):
            logs.warn(
                Entry.PAYMENT_UNMATCHED,
                reason=Mismatch.DISPUTED,
                attempt_id=said.attempt_id,
                order_id=order.order_id if order else None,
            )


def _newly_lost(order: Order, following: Order) -> Dispute | None:
    """The dispute by which the buyer's units are given up in this step."""
    before = {each.dispute_id for each in order.disputes or () if each.unit_ids}
    return next((each for each in following.disputes or () if each.unit_ids and each.dispute_id not in before), None)
