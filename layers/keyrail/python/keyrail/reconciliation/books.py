"""What a reconciled day means in the books: the provider's fees. Pure."""

from keyrail.ledger.model import Account, AccountKind, JournalEntry, clearing, credit, debit
from keyrail.platform.money import Money
from keyrail.reconciliation.model.runs import Run


def entries_between(old: Run | None, new: Run) -> tuple[JournalEntry, ...]:
    """The fees of the day, booked when they are learnt; where the day is compared anew, what they differ by."""
    before = {fee.currency: fee.kept_minor for fee in old.fees} if old else {}
    after = {fee.currency: fee.kept_minor for fee in new.fees}
    return tuple(
        _entry(new, currency, more)
        for currency in sorted({*before, *after})
        if (more := after.get(currency, 0) - before.get(currency, 0))
    )


def _entry(run: Run, currency: str, more_minor: int) -> JournalEntry:
    amount = Money(abs(more_minor), currency)
    fees, at_provider = Account(AccountKind.FEES, currency), clearing(run.provider, run.account, currency)
    kept = (debit(fees, amount), credit(at_provider, amount))
    returned = (debit(at_provider, amount), credit(fees, amount))
    return JournalEntry(
        source=f"reconciliation:{run.run_id}",
        version=run.version,
        what="fees",
        number=f"{run.day}:{currency}",
        at_ms=run.changed_at_ms,
        postings=kept if more_minor > 0 else returned,
    )
