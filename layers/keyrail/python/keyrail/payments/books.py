"""What a payment on the operator's desk means in the books. Pure."""

from keyrail.ledger.model import Account, AccountKind, JournalEntry, clearing, credit, debit
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.model.desk import UnmatchedPayment

CAME_IN = frozenset(
    {
        Mismatch.UNKNOWN_ATTEMPT,
        Mismatch.WRONG_CURRENCY,
        Mismatch.UNDER_PAID,
        Mismatch.OVER_PAID,
        Mismatch.DOUBLE_PAYMENT,
    }
)
"""With these reasons money stands in our account. One for another merchant does not, nor one that is not paid; what
binds to another of our accounts is booked where it belongs."""


def entries_between(old: UnmatchedPayment | None, new: UnmatchedPayment) -> tuple[JournalEntry, ...]:
    """Of a payment that comes onto the desk: in suspense until somebody says what it was for."""
    if old is not None or new.reason not in CAME_IN or new.amount is None or new.amount.amount_minor == 0:
        return ()
    at_provider = clearing(new.provider, new.account, new.amount.currency)
    suspense = Account(AccountKind.SUSPENSE, new.amount.currency)
    return (
        JournalEntry(
            source=f"payment:{new.payment_id}",
            version=new.version,
            what="unmatched",
            number=new.attempt_id,
            at_ms=new.changed_at_ms,
            postings=(debit(at_provider, new.amount), credit(suspense, new.amount)),
        ),
    )
