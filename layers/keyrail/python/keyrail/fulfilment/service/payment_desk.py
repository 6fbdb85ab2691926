"""What operators decide about payments that fit nothing: each once, by one write that its order may not overtake where
money moves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.fulfilment.service.paying import Paying
from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.placing import (
    NotAcceptable,
    OrderPaid,
    TooMuchMissing,
    accept,
    assign,
    note_sent_away,
    waived,
    was_sent_away,
)
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.desk import (
    DeskStatus,
    UnmatchedPayment,
    approve,
    dismiss,
    is_decided,
    place,
    reject,
    send_back,
)
from keyrail.payments.service.desk import Desk
from keyrail.payments.service.refund_limits import GivenToday
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, Write, transact
from keyrail.platform.errors import Conflict
from keyrail.platform.logs import Entry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_TRIES = 10


class PaysAnOrder(Conflict):
    """The provider has told of it twice, the second time as the order asked for it."""

    code = "payment_pays_an_order"
    title = "This very payment has paid an order, or is on its way back; it can only be taken off the desk."
    title_zh = "该笔付款已用于订单或正在退回，只能从待办中移除。"


@dataclass(frozen=True)
class PaymentDesk:
    """Each command of the same operator once more gives what was decided; of another one it is refused.

    All raise PaymentNotFound, AlreadyDecided (whose facts name what stands), Unavailable.
    """

    orders: Orders
    desk: Desk
    paying: Paying
    given_today: GivenToday
    client: "DynamoDBClient"
    now_ms: NowMs

    def accept(self, payment_id: str, origin: Origin) -> UnmatchedPayment:
        """It pays the order that it names, though it is of another sum; the order is delivered, or its money owed back.

        Raises NotAcceptable, OrderPaid, OtherCurrency, TooMuchMissing.
        """

        def decide(payment: UnmatchedPayment) -> UnmatchedPayment | None:
            if is_decided(payment, DeskStatus.ACCEPTED, origin, payment.order_id):
                return payment
            order = self._named_by(payment)
            if order is None:
                raise NotAcceptable
            paid = accept(order, payment, origin, self.now_ms())
            return self._pay(payment, DeskStatus.ACCEPTED, order, paid, origin)

        return self._until_decided(payment_id, decide)

    def assign(self, payment_id: str, order_id: str, origin: Origin, *, accept_amount: bool) -> UnmatchedPayment:
        """It pays that order, which gets an attempt more; `accept_amount` though it is of another sum.

        Raises OrderNotFound, OrderPaid, OtherCurrency, OtherSum, PaysAnOrder, TooMuchMissing.
        """

        def decide(payment: UnmatchedPayment) -> UnmatchedPayment | None:
            if is_decided(payment, DeskStatus.ASSIGNED, origin, order_id):
                return payment
            order, named = self.orders.of_operator(order_id), self._named_by(payment)
            paid = assign(order, payment, origin, self.now_ms(), accept_amount=accept_amount)
            self._check_unused(payment, named)
            told = [] if named and named.order_id == order_id else self._told(payment, named, origin)
            return self._pay(payment, DeskStatus.ASSIGNED, order, paid, origin, *told)

        return self._until_decided(payment_id, decide)

    def refund(self, payment_id: str, origin: Origin) -> UnmatchedPayment:
        """Its money is owed back to whoever paid; the queue behind the stream has the provider give it back.

        Above what the operator may give back alone it waits for a second person. Raises NoMoneyInIt, PaysAnOrder.
        """
        over_the_day = False

        def decide(payment: UnmatchedPayment) -> UnmatchedPayment | None:
            nonlocal over_the_day
            now_ms = self.now_ms()
            decided = send_back(payment, origin, now_ms)
            if decided is payment or decided.refund is None:
                return payment
            named, amount = self._named_by(payment), decided.refund.amount
            self._check_unused(payment, named)
            if over_the_day or self.given_today.limits.needs_second_person(amount, 0):
                return self._put(payment, send_back(payment, origin, now_ms, alone=False))
            counted = self.given_today.counting(amount, origin, now_ms)
            done, over_the_day = self._counted(payment, decided, self._told(payment, named, origin), counted)
            return done

        return self._until_decided(payment_id, decide)

    def approve_refund(self, payment_id: str, origin: Origin) -> UnmatchedPayment:
        """The second person's word: it is owed back. Raises RefundNotFound, OwnRequest, RefundDecided, PaysAnOrder."""

        def decide(payment: UnmatchedPayment) -> UnmatchedPayment | None:
            approved = approve(payment, origin, self.now_ms())
            if approved is payment:
                return payment
            named = self._named_by(payment)
            self._check_unused(payment, named)
            return self._put(payment, approved, self._told(payment, named, origin))

        return self._until_decided(payment_id, decide)

    def reject_refund(self, payment_id: str, origin: Origin) -> UnmatchedPayment:
        """Nothing comes of the request, and the payment waits anew. Raises RefundNotFound, RefundDecided."""

        def decide(payment: UnmatchedPayment) -> UnmatchedPayment | None:
            rejected = reject(payment, origin, self.now_ms())
            return payment if rejected is payment else self._put(payment, rejected)

        return self._until_decided(payment_id, decide)

    def dismiss(self, payment_id: str, origin: Origin) -> UnmatchedPayment:
        """Off the desk, since there is no money of ours in it that is not booked elsewhere. Raises MoneyInIt."""

        def decide(payment: UnmatchedPayment) -> UnmatchedPayment | None:
            named = self._named_by(payment)
            decided = dismiss(payment, origin, self.now_ms(), is_booked=self._used_by(payment, named) is not None)
            return payment if decided is payment else self._put(payment, decided)

        return self._until_decided(payment_id, decide)

    def _until_decided(
        self, payment_id: str, decide: Callable[[UnmatchedPayment], UnmatchedPayment | None]
    ) -> UnmatchedPayment:
        """Anew on what stands there, as long as somebody else was faster."""
        for number in range(MAX_TRIES):
            payment = self.desk.payment(payment_id)
            try:
                decided = decide(payment)
            except (OrderPaid, PaysAnOrder, TooMuchMissing):
                if self.desk.payment(payment_id) == payment:
                    raise
                decided = None  # the order is paid, or the day is full, since somebody placed this very payment
            if decided is not None:
                return decided
            let_others_go(number)
        raise StoreUnavailable

    def _named_by(self, payment: UnmatchedPayment) -> Order | None:
        return self.orders.find(payment.order_id) if payment.order_id else None

    def _check_unused(self, payment: UnmatchedPayment, named: Order | None) -> None:
        used_by = self._used_by(payment, named)
        if used_by is not None:
            raise PaysAnOrder(facts={"order_id": used_by.order_id})

    def _used_by(self, payment: UnmatchedPayment, named: Order | None) -> Order | None:
        """The order that this very payment pays: the one that it names, or that it was assigned to by other words.

        A provider may repeat its number of a payment, but not for another number of the merchant's.
        """
        paid_by_it = self.orders.paid_by(payment.provider, payment.account, payment.reference)
        used_by = next((order for order in paid_by_it if _known_as(order) == payment.attempt_id), None)
        return used_by or (named if _is_used(payment, named) else None)

    def _pay(
        self, payment: UnmatchedPayment, what: DeskStatus, order: Order, paid: Order, origin: Origin, *besides: Write
    ) -> UnmatchedPayment | None:
        """Both in one transaction. None if the order or the payment was changed meanwhile.

        What is missing counts as given away by the operator. Raises TooMuchMissing.
        """
        attempt = paid.paid_attempt()
        if attempt is None:
            raise ValueError("an order that is paid has an attempt that is")
        decided = place(payment, what, order.order_id, attempt.attempt_id, origin, self.now_ms())
        missing, given, now_ms = waived(paid), self.given_today, self.now_ms()
        if missing and given.limits.needs_second_person(missing, 0):
            raise TooMuchMissing
        counted = [given.counting(missing, origin, now_ms)] if missing else []
        if self.paying.apply(order, paid, origin, self.desk.replacement(payment, decided), *besides, *counted):
            return self._logged(decided)
        if missing and not given.has_room(missing, origin, now_ms):
            raise TooMuchMissing
        return None

    def _told(self, payment: UnmatchedPayment, named: Order | None, origin: Origin) -> list[Write]:
        """The order that the payment names knows that it goes elsewhere."""
        if named is None:
            return []
        return [self.orders.replacement(named, note_sent_away(named, payment, origin, self.now_ms()))]

    def _put(
        self, payment: UnmatchedPayment, decided: UnmatchedPayment, with_it: Sequence[Write] = ()
    ) -> UnmatchedPayment | None:
        """On condition that neither the payment nor what is written with it was changed meanwhile; None if one was.

        A decision that moves no money needs nothing with it: a payment that is used up stays so, and whoever approves a
        refund looks anew.
        """
        try:
            transact(self.client, [self.desk.replacement(payment, decided), *with_it])
        except TransactionFailed:
            return None
        return self._logged(decided)

    def _counted(
        self, payment: UnmatchedPayment, decided: UnmatchedPayment, with_it: list[Write], counted: Write
    ) -> tuple[UnmatchedPayment | None, bool]:
        """As `_put`, with what the operator has given back today; and whether their day is full."""
        try:
            transact(self.client, [counted, self.desk.replacement(payment, decided), *with_it])
        except TransactionFailed as refused:
            return None, 0 in refused.failed
        return self._logged(decided), False

    def _logged(self, decided: UnmatchedPayment) -> UnmatchedPayment:
        logs.log(Entry.PAYMENT_DECIDED, payment_id=decided.payment_id, status=decided.status)
        return decided


def _known_as(order: Order) -> str | None:
    """The number that its provider has for what paid it."""
    paid = order.paid_attempt()
    return (paid.known_as or paid.attempt_id) if paid else None


def _is_used(payment: UnmatchedPayment, named: Order | None) -> bool:
    """Whether the order was paid by this very payment, or it went elsewhere, since the provider told of it anew."""
    if named is None:
        return False
    if was_sent_away(named, payment.provider, payment.account, payment.reference):
        return True
    paid = named.paid_attempt()
    owed = ((named.attempt(refund.attempt_id), refund.payment_reference) for refund in named.refunds)
    known = [(paid, paid.reference if paid else None), *owed]
    of_it = (payment.provider, payment.account, payment.reference)
    return any(attempt and (attempt.provider, attempt.account, reference) == of_it for attempt, reference in known)
