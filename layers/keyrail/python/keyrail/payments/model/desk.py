"""Payments that fit nothing, on the operator's desk until somebody decides what becomes of them (promise I5).

waiting → accepted | assigned (it pays an order) | refunding → refunded | dismissed (there is no money of ours in it).
A payment is decided about once; above a limit its refund is awaiting_approval, and a rejection lets it wait anew. A
payment in, the next one out.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.payments.model import refunds
from keyrail.payments.model.attempts import AttemptStatus, PaymentAttempt
from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.payments.model.refunds import Refund, RefundAnswer, RefundNotFound, RefundRequest, RefundStatus
from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.clock import rfc3339
from keyrail.platform.errors import Conflict, NotFound
from keyrail.platform.ids import body_of, derived_id
from keyrail.platform.money import Money

CAME_IN = frozenset(
    {
        Mismatch.UNKNOWN_ATTEMPT,
        Mismatch.WRONG_ACCOUNT,
        Mismatch.WRONG_CURRENCY,
        Mismatch.UNDER_PAID,
        Mismatch.OVER_PAID,
        Mismatch.DOUBLE_PAYMENT,
    }
)
"""With these reasons money stands in the account that the payment names. One for another merchant does not, nor one
that is not paid; a dispute and a refund are about money that is in the books already."""


class DeskStatus(StrEnum):
    """Where a payment on the desk stands. `refunding` until the provider has said that the money is back, and from when
    nobody but the provider has a say any more: one that is `awaiting_approval` needs a second person.
    """

    WAITING = "waiting"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    AWAITING_APPROVAL = "awaiting_approval"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    DISMISSED = "dismissed"


class PaymentNotFound(NotFound):
    code = "payment_not_found"
    title = "There is no such payment on the desk."
    title_zh = "没有此笔待处理的付款。"


class AlreadyDecided(Conflict):
    """`facts` name what was decided, by whom and when."""

    code = "payment_already_decided"
    title = "Somebody has decided about this payment already."
    title_zh = "该笔付款已被处理。"


class NoMoneyInIt(Conflict):
    """Nothing was paid to us by it, or nobody can read how much; it can only be taken off the desk."""

    code = "no_money_in_payment"
    title = "No money of ours is known to be in this; it can only be taken off the desk."
    title_zh = "该记录没有可处理的款项，只能从待办中移除。"


class MoneyInIt(Conflict):
    """Promise I5: money leaves the desk as goods or back to whoever paid."""

    code = "money_in_payment"
    title = "There is money in this payment: accept, assign or refund it."
    title_zh = "该笔付款含有款项，请接受、指派或退款。"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What an operator made of a payment, and why. `order_id` and `attempt_id` are what it pays from then on."""

    what: DeskStatus
    by: str
    at_ms: int
    reason: str | None = None
    order_id: str | None = None
    attempt_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class UnmatchedPayment(Versioned):
    """A verified callback that paid no attempt. `reference` is the provider's number of the payment, `attempt_id` the
    number of the merchant's that the provider has for it, which may be none of ours.
    """

    payment_id: str
    provider: str
    account: str
    merchant: str
    attempt_id: str
    order_id: str | None = None
    reference: str
    amount: Money | None = None
    provider_status: str
    reason: Mismatch
    status: DeskStatus = DeskStatus.WAITING
    received_at_ms: int
    decision: Decision | None = None
    refund: Refund | None = None

    @property
    def money(self) -> Money | None:
        """What it brought us; None where that is nothing, or cannot be read."""
        return self.amount if self.reason in CAME_IN and self.amount and self.amount.amount_minor else None


def payment_id(said: Confirmation, occasion: str = "") -> str:
    """The same statement of a provider has the same id, however often it is delivered.

    `occasion` tells apart what is said twice and is two cases: a refund that is refused anew.
    """
    status = "paid" if said.paid else f"not paid: {said.status}"  # providers word the first anew months later
    amount = (str(said.amount.amount_minor), said.amount.currency) if said.amount else ("", "")
    names = (said.provider, said.account, said.merchant, said.attempt_id, said.reference, status, *amount)
    return derived_id("upm", *names, *((occasion,) if occasion else ()))


def refund_id(payment: str) -> str:
    """A payment goes back once, whole: the number of its refund is its own, so that either leads to the other."""
    return f"ref_{body_of(payment, 'upm')}"


def refunded_by(refund: str) -> str | None:
    """The payment that a refund of this number would be of; None where it is no refund's."""
    body = body_of(refund, "ref")
    return None if body is None or refund != f"ref_{body}" else f"upm_{body}"


def at_provider(payment: UnmatchedPayment) -> PaymentAttempt:
    """The payment as its provider knows it, by its numbers, its account and its sum. Raises NoMoneyInIt."""
    return PaymentAttempt(
        attempt_id=payment.attempt_id,
        provider=payment.provider,
        account=payment.account,
        merchant=payment.merchant,
        amount=_money(payment),
        status=AttemptStatus.PAID,
        reference=payment.reference,
    )


# what operators decide


def send_back(payment: UnmatchedPayment, origin: Origin, now_ms: int, *, alone: bool = True) -> UnmatchedPayment:
    """Its money is owed back to whoever paid, or will be once a second person agrees, unless one may do that `alone`.

    The very payment if that was decided by the same operator before. Raises AlreadyDecided, NoMoneyInIt.
    """
    if is_decided(payment, DeskStatus.REFUNDING, origin):
        return payment
    due = Refund(
        refund_id=refund_id(payment.payment_id),
        attempt_id=payment.attempt_id,
        payment_reference=payment.reference,
        amount=_money(payment),
        reason=payment.reason,
        due_at_ms=now_ms,
    )
    refunding = _decided(payment, DeskStatus.REFUNDING, origin, now_ms, refund=due)
    return refunding if alone else _waiting_for_approval(refunding, due, origin, now_ms)


def _waiting_for_approval(refunding: UnmatchedPayment, due: Refund, origin: Origin, now_ms: int) -> UnmatchedPayment:
    asked = RefundRequest(by=origin.by, at_ms=now_ms, why=origin.reason or "", fingerprint=refunding.payment_id)
    refund = replace(due, status=RefundStatus.AWAITING_APPROVAL, due_at_ms=None, request=asked)
    return replace(refunding, status=DeskStatus.AWAITING_APPROVAL, refund=refund)


def approve(payment: UnmatchedPayment, origin: Origin, now_ms: int) -> UnmatchedPayment:
    """A second person agrees to the refund; the very payment if they did before.

    Raises RefundNotFound, OwnRequest, refunds.AlreadyDecided.
    """
    refund = _asked_for(payment)
    if _was_decided_by(refund, origin) and refund.is_owed:
        return payment
    approved = refunds.approve(refund, origin.by, now_ms)
    changed = stamp(origin, now_ms, payment.version + 1)
    return replace(payment, status=DeskStatus.REFUNDING, refund=approved, **changed)


def reject(payment: UnmatchedPayment, origin: Origin, now_ms: int) -> UnmatchedPayment:
    """Nothing comes of the request, and the payment waits anew; the very payment if the same person said so before.

    Raises RefundNotFound, refunds.AlreadyDecided.
    """
    refund = _asked_for(payment)
    if _was_decided_by(refund, origin) and not refund.is_owed:
        return payment
    rejected = refunds.reject(refund, origin.by, now_ms)
    changed = stamp(origin, now_ms, payment.version + 1)
    return replace(payment, status=DeskStatus.WAITING, decision=None, refund=rejected, **changed)


def _asked_for(payment: UnmatchedPayment) -> Refund:
    if payment.refund is None:
        raise RefundNotFound
    return payment.refund


def _was_decided_by(refund: Refund, origin: Origin) -> bool:
    return refund.request is not None and refund.request.decided_by == origin.by


def dismiss(payment: UnmatchedPayment, origin: Origin, now_ms: int, *, is_booked: bool = False) -> UnmatchedPayment:
    """Off the desk, since there is no money of ours in it, or it is one that is booked elsewhere (`is_booked`).

    The very payment if the same operator did that before. Raises AlreadyDecided, MoneyInIt.
    """
    if is_decided(payment, DeskStatus.DISMISSED, origin):
        return payment
    if payment.money is not None and not is_booked:
        raise MoneyInIt
    return _decided(payment, DeskStatus.DISMISSED, origin, now_ms)


def place(
    payment: UnmatchedPayment, what: DeskStatus, order_id: str, attempt_id: str, origin: Origin, now_ms: int
) -> UnmatchedPayment:
    """It pays that attempt of the order from now on: `what` is accepted or assigned.

    The very payment if the same operator decided that before. Raises AlreadyDecided, NoMoneyInIt.
    """
    if is_decided(payment, what, origin, order_id):
        return payment
    _money(payment)
    return _decided(payment, what, origin, now_ms, order_id=order_id, attempt_id=attempt_id)


def is_decided(payment: UnmatchedPayment, what: DeskStatus, origin: Origin, order_id: str | None = None) -> bool:
    """Whether this operator has decided just that before. Raises AlreadyDecided if anything else was decided."""
    standing = payment.decision
    if standing is None:
        return False
    if (standing.what, standing.by, standing.order_id) == (what, origin.by, order_id):
        return True
    facts = {"status": str(payment.status), "by": standing.by, "at": rfc3339(standing.at_ms)}
    raise AlreadyDecided(facts=facts | ({"order_id": standing.order_id} if standing.order_id else {}))


def _decided(
    payment: UnmatchedPayment,
    what: DeskStatus,
    origin: Origin,
    now_ms: int,
    *,
    refund: Refund | None = None,
    order_id: str | None = None,
    attempt_id: str | None = None,
) -> UnmatchedPayment:
    decision = Decision(
        what=what, by=origin.by, at_ms=now_ms, reason=origin.reason, order_id=order_id, attempt_id=attempt_id
    )
    changed = stamp(origin, now_ms, payment.version + 1)
    return replace(payment, status=what, decision=decision, refund=refund, **changed)


def _money(payment: UnmatchedPayment) -> Money:
    if payment.money is None:
        raise NoMoneyInIt
    return payment.money


# how its money goes back


def ask(payment: UnmatchedPayment, refund_id: str, origin: Origin, now_ms: int) -> UnmatchedPayment:
    """The provider is about to be asked for the refund."""
    return _with(payment, refunds.ask(_refund(payment, refund_id), now_ms), origin, now_ms)


def hear(payment: UnmatchedPayment, answer: RefundAnswer, origin: Origin, now_ms: int) -> UnmatchedPayment:
    """The payment as the provider's answer leaves it; the very payment where that says nothing new."""
    asked = _refund(payment, answer.refund_id)
    heard = refunds.hear(asked, answer)
    return payment if heard is asked else _with(payment, heard, origin, now_ms)


def ask_again(payment: UnmatchedPayment, refund_id: str, origin: Origin, now_ms: int) -> UnmatchedPayment:
    """A refused refund is due again, under its own number. Raises RefundNotFound, RefundNotFailed."""
    return _with(payment, refunds.ask_again(_refund(payment, refund_id), now_ms), origin, now_ms)


def give_by_hand(
    payment: UnmatchedPayment, refund_id: str, reference: str, origin: Origin, now_ms: int
) -> UnmatchedPayment:
    """Somebody has given back what the provider did not; the very payment if that is on record.

    Raises RefundNotFound, RefundNotFailed.
    """
    known = _refund(payment, refund_id)
    given = refunds.give_by_hand(known, reference, now_ms)
    return payment if given is known else _with(payment, given, origin, now_ms)


def _refund(payment: UnmatchedPayment, refund_id: str) -> Refund:
    if payment.refund is None or payment.refund.refund_id != refund_id:
        raise RefundNotFound
    return payment.refund


def _with(payment: UnmatchedPayment, refund: Refund, origin: Origin, now_ms: int) -> UnmatchedPayment:
    is_back = refund.status is RefundStatus.SUCCEEDED
    status = DeskStatus.REFUNDED if is_back else DeskStatus.REFUNDING
    return replace(payment, status=status, refund=refund, **stamp(origin, now_ms, payment.version + 1))


# what its changes are called


def events_between(old: UnmatchedPayment | None, new: UnmatchedPayment | None) -> list[Event]:
    """What happened to a payment on the desk: one event for each change."""
    if new is None:
        return []
    name, data = _came(new) if old is None else _happened(old, new)
    whose = {"provider": new.provider, "account": new.account}
    return [Event(f"payment.{name}", f"payment:{new.payment_id}", data | whose)]


_Happened = tuple[str, dict[str, object]]


def _came(new: UnmatchedPayment) -> _Happened:
    # No money came with an unpaid one, so nobody is called out of bed for it.
    happened = "not_paid" if new.reason is Mismatch.NOT_PAID else "unmatched"
    return happened, {"reason": new.reason, "order_id": new.order_id}


def _happened(old: UnmatchedPayment, new: UnmatchedPayment) -> _Happened:
    if new.refund is not None and (old.refund is None or new.refund.status is not old.refund.status):
        of = new.refund
        return f"refund_{of.status}", {"refund_id": of.refund_id, "amount": of.amount.plain(), "reason": of.reason}
    if new.decision is not None and old.decision is None:
        return str(new.decision.what), {"reason": new.reason, **_paid_by(new, new.decision)}
    return "changed", {"status": new.status}


def _paid_by(new: UnmatchedPayment, decision: Decision) -> dict[str, object]:
    if decision.order_id is None or new.amount is None:
        return {}
    return {"order_id": decision.order_id, "attempt_id": decision.attempt_id, "amount": new.amount.plain()}
