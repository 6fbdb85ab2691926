"""What a payment on the operator's desk means in the books. Pure."""

from collections.abc import Iterator

from keyrail.ledger.model import Account, AccountKind, JournalEntry, Posting, clearing, credit, debit
from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment
from keyrail.payments.model.refunds import BY_HAND, Refund, RefundStatus
from keyrail.platform.money import Money


def entries_between(old: UnmatchedPayment | None, new: UnmatchedPayment) -> tuple[JournalEntry, ...]:
    """Money that comes onto the desk is in suspense until it is back at whoever paid.

    One that is found to pay an order leaves suspense with the sale, which the order's change books. One that is taken
    off the desk, since it stands in the books of an order, goes out as it came.
    """
    return tuple(
        JournalEntry(
            source=f"payment:{new.payment_id}",
            version=new.version,
            what=what,
            number=number,
            at_ms=new.changed_at_ms,
            postings=postings,
        )
        for what, number, postings in (*_came(old, new), *_dismissed(old, new), *_refund(old, new))
    )


_Movements = Iterator[tuple[str, str, tuple[Posting, ...]]]


def _came(old: UnmatchedPayment | None, new: UnmatchedPayment) -> _Movements:
    if old is None and new.money is not None:
        yield "unmatched", new.attempt_id, _from_payer(new, new.money)


def _dismissed(old: UnmatchedPayment | None, new: UnmatchedPayment) -> _Movements:
    dismissed = new.status is DeskStatus.DISMISSED and old is not None and old.status is not new.status
    if dismissed and new.money is not None:
        at_provider, suspense = _accounts(new, new.money.currency)
        yield "dismissed", new.attempt_id, (debit(suspense, new.money), credit(at_provider, new.money))


def _refund(old: UnmatchedPayment | None, new: UnmatchedPayment) -> _Movements:
    refund = new.refund
    if refund is None:
        return
    went, had_gone = _is_back(refund), old is not None and _is_back(old.refund)
    if went and not had_gone:
        yield "refund", refund.refund_id, _to_payer(new, refund)
    if had_gone and not went:
        yield "refund_returned", refund.refund_id, _from_payer(new, refund.amount)


def _is_back(refund: Refund | None) -> bool:
    return refund is not None and refund.status is RefundStatus.SUCCEEDED


def _from_payer(payment: UnmatchedPayment, amount: Money) -> tuple[Posting, ...]:
    at_provider, suspense = _accounts(payment, amount.currency)
    return debit(at_provider, amount), credit(suspense, amount)


def _to_payer(payment: UnmatchedPayment, refund: Refund) -> tuple[Posting, ...]:
    """What a person gave back by hand, the provider still has."""
    at_provider, suspense = _accounts(payment, refund.amount.currency)
    by_hand = refund.said == BY_HAND
    given_from = Account(AccountKind.BANK, refund.amount.currency) if by_hand else at_provider
    return debit(suspense, refund.amount), credit(given_from, refund.amount)


def _accounts(payment: UnmatchedPayment, currency: str) -> tuple[Account, Account]:
    return clearing(payment.provider, payment.account, currency), Account(AccountKind.SUSPENSE, currency)
