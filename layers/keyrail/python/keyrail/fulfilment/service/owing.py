"""Whoever owes money back: an order, and a payment on the desk that belongs to no order. Each is one item."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from keyrail.ordering.model import refunds as of_order
from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.owed import may_go_back
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model import desk as of_payment
from keyrail.payments.model.attempts import PaymentAttempt, as_paid, order_id_of
from keyrail.payments.model.desk import UnmatchedPayment
from keyrail.payments.model.refunds import Refund, RefundAnswer, RefundNotice
from keyrail.payments.service.desk import Desk
from keyrail.platform.changes import Origin

T = TypeVar("T")


class Owing(Protocol[T]):
    """One kind of item with refunds. Its steps are pure: an item in, the next one out."""

    def ask(self, owner: T, refund_id: str, origin: Origin, now_ms: int, /) -> T: ...

    def hear(self, owner: T, answer: RefundAnswer, origin: Origin, now_ms: int, /) -> T: ...

    def ask_again(self, owner: T, refund_id: str, origin: Origin, now_ms: int, /) -> T: ...

    def give_by_hand(self, owner: T, refund_id: str, reference: str, origin: Origin, now_ms: int, /) -> T: ...

    def read(self, owner_id: str) -> T:
        """Raises NotFound."""
        ...

    def replace(self, standing: T, changed: T) -> bool:
        """False if somebody was faster."""
        ...

    def refunds(self, owner: T) -> tuple[Refund, ...]: ...

    def may_go_back(self, owner: T, refund: Refund, /) -> bool:
        """False where it would be given back twice: the provider is not asked for it then."""
        ...

    def payment(self, owner: T, refund: Refund) -> PaymentAttempt:
        """What goes back, as its provider knows it: by its numbers, its account and its whole sum."""
        ...


@dataclass(frozen=True)
class OwedByOrders:
    orders: Orders

    may_go_back = staticmethod(may_go_back)
    ask = staticmethod(of_order.ask)
    hear = staticmethod(of_order.hear)
    ask_again = staticmethod(of_order.ask_again)
    give_by_hand = staticmethod(of_order.give_by_hand)

    def read(self, owner_id: str) -> Order:
        """Raises OrderNotFound."""
        return self.orders.of_operator(owner_id)

    def replace(self, standing: Order, changed: Order) -> bool:
        return self.orders.replace(standing, changed)

    def refunds(self, owner: Order) -> tuple[Refund, ...]:
        return owner.refunds

    def payment(self, owner: Order, refund: Refund) -> PaymentAttempt:
        attempt = next(attempt for attempt in owner.attempts if attempt.attempt_id == refund.attempt_id)
        return as_paid(attempt, refund.payment_reference)


@dataclass(frozen=True)
class OwedByPayments:
    desk: Desk

    ask = staticmethod(of_payment.ask)
    hear = staticmethod(of_payment.hear)
    ask_again = staticmethod(of_payment.ask_again)
    give_by_hand = staticmethod(of_payment.give_by_hand)

    def read(self, owner_id: str) -> UnmatchedPayment:
        """Raises PaymentNotFound."""
        return self.desk.payment(owner_id)

    def replace(self, standing: UnmatchedPayment, changed: UnmatchedPayment) -> bool:
        return self.desk.replace(standing, changed)

    def refunds(self, owner: UnmatchedPayment) -> tuple[Refund, ...]:
        return (owner.refund,) if owner.refund else ()

    def may_go_back(self, owner: UnmatchedPayment, refund: Refund) -> bool:  # noqa: ARG002 - it has no disputes
        return True

    def payment(self, owner: UnmatchedPayment, refund: Refund) -> PaymentAttempt:  # noqa: ARG002 - it has one payment
        return of_payment.at_provider(owner)


def owing(owner_id: str, orders: Orders, desk: Desk) -> Owing[Any]:
    """An item's kind is in its id."""
    return OwedByPayments(desk) if owner_id.startswith("upm_") else OwedByOrders(orders)


def owner_of(notice: RefundNotice, orders: Orders, desk: Desk) -> str | None:
    """Whose refund a provider speaks of: an order's, or that of a payment on the desk, by its number."""
    for order in _orders_of(notice, orders):
        if order.refund(notice.refund_id) is not None:
            return order.order_id
    payment_id = of_payment.refunded_by(notice.refund_id)
    payment = desk.find(payment_id) if payment_id else None
    return payment.payment_id if payment is not None and payment.refund is not None else None


def _orders_of(notice: RefundNotice, orders: Orders) -> Iterator[Order]:
    """By the attempt that was paid, else by the payment: an assigned one goes by another number than its attempt."""
    order_id = order_id_of(notice.attempt_id)
    order = orders.find(order_id) if order_id else None
    if order is not None:
        yield order
    if notice.refund_id and notice.payment_reference:
        yield from orders.paid_by(notice.provider, notice.account, notice.payment_reference)
