"""A payment from the desk pays an order after all, because an operator says so. An order in, the next one out."""

from dataclasses import replace

from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.steps import pay
from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.model.desk import NoMoneyInIt, UnmatchedPayment
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import Conflict
from keyrail.platform.money import Money

ACCEPTABLE = frozenset({Mismatch.UNDER_PAID, Mismatch.OVER_PAID})


class NotAcceptable(Conflict):
    code = "payment_not_acceptable"
    title = "Only a payment of another sum than its own order asked for is accepted; assign or refund it."
    title_zh = "只有金额不符的付款可以接受，请指派给订单或退款。"


class OrderPaid(Conflict):
    code = "order_already_paid"
    title = "The order is paid already, and needs no other payment."
    title_zh = "订单已支付，无需其他付款。"


class OtherCurrency(Conflict):
    code = "payment_in_other_currency"
    title = "The payment is in another currency than the order."
    title_zh = "付款币种与订单币种不一致。"


class OtherSum(Conflict):
    """`facts` are what was asked for and what came."""

    code = "payment_of_other_sum"
    title = "The payment is of another sum than the order; say that you accept that."
    title_zh = "付款金额与订单金额不一致，如接受请明确确认。"


class TooMuchMissing(Conflict):
    """What is missing is given to the buyer, as a refund is."""

    code = "payment_too_small"
    title = "More is missing from this payment than one person may waive; give it back instead."
    title_zh = "付款差额超过个人可豁免的上限，请改为退款。"


def accept(order: Order, payment: UnmatchedPayment, origin: Origin, now_ms: int) -> Order:
    """The order, of which it names an attempt, as paid by it, though it is of another sum.

    Raises NotAcceptable, OrderPaid, OtherCurrency, NoMoneyInIt.
    """
    attempt = _its_attempt(order, payment)
    if attempt is None or payment.reason not in ACCEPTABLE:
        raise NotAcceptable
    return _paid(order, attempt, payment, origin, now_ms)


def assign(order: Order, payment: UnmatchedPayment, origin: Origin, now_ms: int, *, accept_amount: bool) -> Order:
    """The order as paid by it: with an attempt more, unless it names one of the order's own.

    Raises OrderPaid, OtherCurrency, OtherSum unless `accept_amount`, NoMoneyInIt.
    """
    attempt = _its_attempt(order, payment) or PaymentAttempt(
        attempt_id=attempt_id(order.order_id, len(order.attempts) + 1),
        provider=payment.provider,
        account=payment.account,
        merchant=payment.merchant,
        amount=order.total,
    )
    paid = _paid(order, attempt, payment, origin, now_ms)
    came = _money(payment)
    if came != order.total and not accept_amount:
        asked = order.total
        raise OtherSum(facts={"asked_minor": asked.amount_minor, "received_minor": came.amount_minor})
    return paid


def payment_name(provider: str, account: str, reference: str) -> str:
    return f"{provider}/{account}/{reference}"


def note_sent_away(order: Order, payment: UnmatchedPayment, origin: Origin, now_ms: int) -> Order:
    """The order, which this payment of the desk names, knows that it goes elsewhere: told anew, it pays for nothing."""
    name = payment_name(payment.provider, payment.account, payment.reference)
    return replace(order, sent_away=(*(order.sent_away or ()), name), **stamp(origin, now_ms, order.version + 1))


def was_sent_away(order: Order, provider: str, account: str, reference: str) -> bool:
    return payment_name(provider, account, reference) in (order.sent_away or ())


def waived(paid: Order) -> Money | None:
    """What an order that was paid with too little is delivered for all the same; None where nothing is missing."""
    attempt = paid.paid_attempt()
    came = attempt.received if attempt else None
    if came is None or came.amount_minor >= paid.total.amount_minor:
        return None
    return Money(paid.total.amount_minor - came.amount_minor, paid.total.currency)


def _its_attempt(order: Order, payment: UnmatchedPayment) -> PaymentAttempt | None:
    attempt = order.attempt(payment.attempt_id)
    if attempt is None or attempt.merchant not in {None, payment.merchant}:
        return None
    return attempt if (attempt.provider, attempt.account) == (payment.provider, payment.account) else None


def _paid(order: Order, attempt: PaymentAttempt, payment: UnmatchedPayment, origin: Origin, now_ms: int) -> Order:
    if order.paid_attempt() is not None:
        raise OrderPaid
    came = _money(payment)
    if came.currency != order.total.currency:
        raise OtherCurrency
    said = replace(
        attempt,
        payment_id=payment.payment_id,
        received=None if came == attempt.amount else came,
        known_as=None if payment.attempt_id == attempt.attempt_id else payment.attempt_id,
    )
    attempts = tuple(said if each.attempt_id == said.attempt_id else each for each in order.attempts)
    known = order.attempt(said.attempt_id) is not None
    widened = replace(order, attempts=attempts if known else (*attempts, said))
    return pay(widened, said.attempt_id, payment.reference, origin, now_ms)


def _money(payment: UnmatchedPayment) -> Money:
    if payment.money is None:
        raise NoMoneyInIt
    return payment.money
