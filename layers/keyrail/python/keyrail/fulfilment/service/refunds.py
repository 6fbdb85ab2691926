"""Give money back through the payment that brought it: under one number, until the provider says how it ended."""

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from keyrail.fulfilment.service.owing import Owing, owing, owner_of
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.attempts import order_id_of
from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.payments.model.refunds import Refund, RefundAnswer, RefundNotice, RefundOrder, RefundState, RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts, PaymentProvider
from keyrail.payments.service.desk import Desk
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import KeyrailError
from keyrail.platform.logs import Entry

T = TypeVar("T")
MAX_TRIES = 8
STUCK = "open_for_a_day"
GIVEN_ALL_THE_SAME = "given_all_the_same"
MADE_ELSEWHERE = "made_elsewhere"  # whatever the provider calls it from one notice to the next


@dataclass(frozen=True)
class Refunds:
    """What orders owe back, and payments on the desk that belong to none: an `owner_id` is the id of either.

    `public_api_url` is where providers reach us.
    """

    orders: Orders
    accounts: PaymentAccounts
    desk: Desk
    now_ms: NowMs
    public_api_url: str

    def settle(self, owner_id: str, origin: Origin) -> bool:
        """Ask for each refund that is due, and about each that was asked for; True if none is open then.

        Repeating it, or running it twice at once, moves the money once: the provider knows a refund by its number, and
        it is on record as asked for before it is. Raises OrderNotFound, PaymentNotFound, UnknownAccount,
        ProviderUnavailable, Unavailable.
        """
        return self._of(owner_id).settle(owner_id, origin)

    def look_again(self, owner_id: str, refund_id: str, origin: Origin) -> None:
        """What the provider says of a refund when it is asked counts, also of one that had gone back.

        Raises as `settle` does.
        """
        self._of(owner_id).look_again(owner_id, refund_id, origin)

    def hear_of(self, notice: RefundNotice, origin: Origin) -> bool:
        """The provider speaks of a refund. One of ours is a reason to ask it; False for what is no concern of ours.

        One that we did not order took money from a payment of ours all the same: on the desk, once. Raises as `settle`
        does.
        """
        owner_id = owner_of(notice, self.orders, self.desk)
        if owner_id is None:
            return notice.moved and self._made_elsewhere(notice, origin)
        self.look_again(owner_id, notice.refund_id, origin)
        return True

    def _made_elsewhere(self, notice: RefundNotice, origin: Origin) -> bool:
        """False for a payment of no order here: others may use the same account, another stage of ours for one."""
        attempt_id = notice.attempt_id
        if not attempt_id:
            orders = self.orders.paid_by(notice.provider, notice.account, notice.payment_reference)
            attempt_id = next((paid.attempt_id for order in orders if (paid := order.paid_attempt())), "")
        order_id = order_id_of(attempt_id)
        if order_id is None or self.orders.find(order_id) is None:
            return False
        said = Confirmation(
            provider=notice.provider,
            account=notice.account,
            merchant=self.accounts.at(notice.provider, notice.account).merchant,
            attempt_id=attempt_id,
            reference=notice.reference or notice.refund_id,
            amount=notice.amount,
            paid=False,
            status=MADE_ELSEWHERE,
        )
        if self.desk.put(said, Mismatch.FOREIGN_REFUND, origin):
            logs.warn(Entry.PAYMENT_UNMATCHED, reason=Mismatch.FOREIGN_REFUND, attempt_id=attempt_id)
        return True

    def _of(self, owner_id: str) -> "_Settling[Any]":
        return _Settling(
            owing(owner_id, self.orders, self.desk), self.accounts, self.desk, self.now_ms, self.public_api_url
        )


@dataclass(frozen=True)
class _Settling(Generic[T]):
    owing: Owing[T]
    accounts: PaymentAccounts
    desk: Desk
    now_ms: NowMs
    public_api_url: str

    def settle(self, owner_id: str, origin: Origin) -> bool:
        owner, trouble = self.owing.read(owner_id), None
        for refund in self.owing.refunds(owner):
            try:
                owner = self._settle(owner_id, owner, refund.refund_id, origin)
            except KeyrailError as error:  # of one provider; the others shall not wait for it
                trouble = trouble or error
                owner = self.owing.read(owner_id)
        self._tell_of_stuck(owner, origin)
        if trouble is not None:
            raise trouble
        return not any(refund.is_open for refund in self.owing.refunds(owner))

    def look_again(self, owner_id: str, refund_id: str, origin: Origin) -> None:
        owner = self.owing.read(owner_id)
        refund = self._find(owner, refund_id)
        if refund is not None and refund.status is not RefundStatus.DUE:
            answer = self._asked_about(owner, refund)
            if refund.is_contradicted_by(answer):
                self._to_desk(owner, refund, Mismatch.FOREIGN_REFUND, GIVEN_ALL_THE_SAME, origin)
            self._heard(owner_id, owner, answer, origin)

    def _tell_of_stuck(self, owner: T, origin: Origin) -> None:
        for refund in self.owing.refunds(owner):
            if refund.is_stuck(self.now_ms()):
                self._to_desk(owner, refund, Mismatch.REFUND_STUCK, STUCK, origin)

    def _settle(self, owner_id: str, owner: T, refund_id: str, origin: Origin) -> T:
        refund = self._find(owner, refund_id)
        if refund is None or not refund.is_open:
            return owner
        if refund.status is not RefundStatus.DUE:
            owner = self._heard(owner_id, owner, self._asked_about(owner, refund), origin)
        refund = self._still(owner, refund_id)
        if not refund.may_be_asked_for(self.now_ms()) or not self.owing.may_go_back(owner, refund):
            return owner
        if refund.status is RefundStatus.UNKNOWN and not self._may_repeat(owner, refund):
            return owner
        return self._ask(owner_id, owner, refund_id, origin)

    def _ask(self, owner_id: str, owner: T, refund_id: str, origin: Origin) -> T:
        """On record first; whoever finds it there asks about it and not for it. Raises AccountGone, and nothing is on
        record then.
        """
        refund = self._still(owner, refund_id)
        provider, repeated = self._provider(owner, refund), refund.status is RefundStatus.UNKNOWN
        asked = self.owing.ask(owner, refund_id, origin, self.now_ms())
        if not self.owing.replace(owner, asked):
            return self.owing.read(owner_id)
        refund = self._still(asked, refund_id)
        answer = provider.refund(replace(self._wanted(asked, refund), repeated=repeated))
        return self._heard(owner_id, asked, replace(answer, round=refund.round), origin)

    def _asked_about(self, owner: T, refund: Refund) -> RefundAnswer:
        answer = self._provider(owner, refund).query_refund(self._wanted(owner, refund))
        return replace(answer, round=refund.round)

    def _may_repeat(self, owner: T, refund: Refund) -> bool:
        return self._provider(owner, refund).may_repeat(self._wanted(owner, refund))

    def _provider(self, owner: T, refund: Refund) -> PaymentProvider:
        return self.accounts.of(self.owing.payment(owner, refund))

    def _to_desk(self, owner: T, refund: Refund, reason: Mismatch, status: str, origin: Origin) -> None:
        """Before its owner says so: what is owed and refused is never only in an item that nobody looks at.

        One that is refused anew after somebody had it asked for again is another case, whatever became of the first.
        """
        payment = self.owing.payment(owner, refund)
        said = Confirmation(
            provider=payment.provider,
            account=payment.account,
            merchant=self.accounts.merchant_of(payment),
            attempt_id=refund.attempt_id,
            reference=refund.refund_id,
            amount=refund.amount,
            paid=False,
            status=status,
        )
        self.desk.put(said, reason, origin, occasion=str(refund.due_at_ms))

    def _heard(self, owner_id: str, owner: T, answer: RefundAnswer, origin: Origin) -> T:
        for _ in range(MAX_TRIES):
            heard = self.owing.hear(owner, answer, origin, self.now_ms())
            if heard is owner:
                return owner
            if answer.state is RefundState.FAILED:
                refund = self._still(owner, answer.refund_id)
                self._to_desk(owner, refund, Mismatch.REFUND_FAILED, answer.status, origin)
            if self.owing.replace(owner, heard):
                log = logs.warn if answer.state is RefundState.FAILED else logs.log
                log(Entry.REFUND_HEARD, owner_id=owner_id, refund_id=answer.refund_id, status=answer.state)
                return heard
            owner = self.owing.read(owner_id)
        raise StoreUnavailable

    def _find(self, owner: T, refund_id: str) -> Refund | None:
        return next((refund for refund in self.owing.refunds(owner) if refund.refund_id == refund_id), None)

    def _still(self, owner: T, refund_id: str) -> Refund:
        return next(refund for refund in self.owing.refunds(owner) if refund.refund_id == refund_id)

    def _wanted(self, owner: T, refund: Refund) -> RefundOrder:
        payment = self.owing.payment(owner, refund)
        return RefundOrder(
            refund_id=refund.refund_id,
            attempt=payment,
            amount=refund.amount,
            reason=refund.reason,
            round=refund.round,
            notify_url=f"{self.public_api_url}/webhooks/payments/{payment.provider}/{payment.account}",
        )
