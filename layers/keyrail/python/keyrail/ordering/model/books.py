"""What one change of an order means in the books."""

from collections.abc import Iterator

from keyrail.ledger.model import Account, AccountKind, JournalEntry, Posting, clearing, credit, debit
from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.owed import is_surplus
from keyrail.payments.model.attempts import AttemptStatus, PaymentAttempt
from keyrail.payments.model.confirmations import DisputeState
from keyrail.payments.model.refunds import BY_HAND, Refund, RefundStatus
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import SupplyAttempt, SupplyState


def entries_between(old: Order | None, new: Order) -> tuple[JournalEntry, ...]:
    """What came in and what went back by this change, which is booked at its time.

    A payment that the order needs no more is no sale: it is in suspense from the change that owes it back until the
    provider has given it back. One that came from the desk is in suspense already, and leaves it. Raises ValueError for
    a refund of no attempt of the order.
    """
    return tuple(
        JournalEntry(
            source=f"order:{new.order_id}",
            version=new.version,
            what=what,
            number=number,
            at_ms=new.changed_at_ms,
            postings=postings,
        )
        for what, number, postings in (
            *_paid(old, new),
            *_refunds(old, new),
            *_lost(old, new),
            *_supplied(old, new),
        )
        if postings
    )


_Movements = Iterator[tuple[str, str, tuple[Posting, ...]]]


def _paid(old: Order | None, new: Order) -> _Movements:
    for attempt in new.attempts:
        before = old.attempt(attempt.attempt_id) if old else None
        if attempt.status is AttemptStatus.PAID and (before is None or before.status is not AttemptStatus.PAID):
            yield "sale", attempt.attempt_id, _sale(new, attempt)


def _sale(order: Order, attempt: PaymentAttempt) -> tuple[Posting, ...]:
    amount = attempt.came_in
    if attempt.payment_id is None:
        return _from_buyer(order, attempt.attempt_id, amount, AccountKind.SALES)
    suspense, income = (Account(kind, amount.currency) for kind in (AccountKind.SUSPENSE, AccountKind.SALES))
    return debit(suspense, amount), credit(income, amount)


def _refunds(old: Order | None, new: Order) -> _Movements:
    for refund in new.refunds:
        before = old.refund(refund.refund_id) if old else None
        surplus = is_surplus(new, refund)
        if surplus and before is None:
            yield "surplus", refund.refund_id, _from_buyer(new, refund.attempt_id, refund.amount, AccountKind.SUSPENSE)
        went, had_gone = _is_back(refund), before is not None and _is_back(before)
        out_of = AccountKind.SUSPENSE if surplus else AccountKind.REFUNDS
        if went and not had_gone:
            yield "refund", refund.refund_id, _to_buyer(new, refund, out_of)
        if had_gone and not went:
            yield "refund_returned", refund.refund_id, _from_buyer(new, refund.attempt_id, refund.amount, out_of)


def _lost(old: Order | None, new: Order) -> _Movements:
    """What a bank has taken back for good; until then it only says so."""
    lost_before = {each.dispute_id for each in (old.disputes if old else None) or () if each.state is DisputeState.LOST}
    for dispute in new.disputes or ():
        amount = dispute.amount
        if dispute.state is DisputeState.LOST and dispute.dispute_id not in lost_before and amount:
            loss, at_provider = (
                Account(AccountKind.DISPUTES, amount.currency),
                _clearing(new, dispute.attempt_id, amount.currency),
            )
            yield (
                "dispute_lost",
                dispute.refund_id,
                (debit(loss, amount), credit(at_provider, amount)) if amount.amount_minor else (),
            )


def _supplied(old: Order | None, new: Order) -> _Movements:
    """What a supplier took for what it supplied; nothing where it did not say, and keys are booked with their batch."""
    before = {each.reference for unit in (old.units if old else ()) for each in unit.attempts or () if _is_done(each)}
    for attempt in (each for unit in new.units for each in unit.attempts or () if _is_done(each)):
        cost = attempt.cost
        is_booked = attempt.reference in before or attempt.of_keys
        if is_booked or not attempt.supplier or cost is None or not cost.amount_minor:
            continue
        goods = Account(AccountKind.COST_OF_GOODS, cost.currency)
        payable = Account(AccountKind.SUPPLIER_PAYABLE, cost.currency, attempt.supplier)
        yield "unit_supplied", attempt.reference, (debit(goods, cost), credit(payable, cost))


def _is_done(attempt: SupplyAttempt) -> bool:
    return attempt.state is SupplyState.SUCCEEDED


def _is_back(refund: Refund) -> bool:
    return refund.status is RefundStatus.SUCCEEDED


def _from_buyer(order: Order, attempt_id: str, amount: Money, kind: AccountKind) -> tuple[Posting, ...]:
    """Nothing, where it was for nothing."""
    at_provider = _clearing(order, attempt_id, amount.currency)
    other = Account(kind, amount.currency)
    return (debit(at_provider, amount), credit(other, amount)) if amount.amount_minor else ()


def _to_buyer(order: Order, refund: Refund, kind: AccountKind) -> tuple[Posting, ...]:
    """What a person gave back by hand, the provider still has."""
    currency = refund.amount.currency
    at_provider = _clearing(order, refund.attempt_id, currency)
    given_from = Account(AccountKind.BANK, currency) if refund.said == BY_HAND else at_provider
    other = Account(kind, currency)
    return (debit(other, refund.amount), credit(given_from, refund.amount)) if refund.amount.amount_minor else ()


def _clearing(order: Order, attempt_id: str, currency: str) -> Account:
    attempt = order.attempt(attempt_id)
    if attempt is None:
        raise ValueError("a refund of no attempt of the order")
    return clearing(attempt.provider, attempt.account, currency)
