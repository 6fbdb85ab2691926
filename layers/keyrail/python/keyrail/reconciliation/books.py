"""What a reconciled day means in the books: the provider's fees. A supplier takes its price and no more. Pure."""

from keyrail.ledger.model import Account, AccountKind, JournalEntry, clearing, credit, debit
from keyrail.platform.money import Money
from keyrail.reconciliation.model.runs import Run


def entries_between(old: Run | None, new: Run) -> tuple[JournalEntry, ...]:
    """The fees of the day, booked when they are learnt; where the day is compared anew, what they differ by."""
    before = {fee.currency: fee.kept_minor for fee in old.fees} if old else {}
    after = {fee.currency: fee.kept_minor for fee in new.fees}
    return tuple(
        _entry(new, clearing(new.provider, new.account, currency), more)
        for currency in sorted({*before, *after})
        if new.provider and (more := after.get(currency, 0) - before.get(currency, 0))
    )


def _entry(run: Run, at_provider: Account, more_minor: int) -> JournalEntry:
    currency = at_provider.currency
    fees, amount = Account(AccountKind.FEES, currency), Money(abs(more_minor), currency)
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
