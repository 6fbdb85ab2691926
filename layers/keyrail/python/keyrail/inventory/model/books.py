"""What a change of a batch means in the books: what we owe its source for its keys. Pure.

Keys are a cost from the moment on at which we know how many came in; that some of them are never sold, or void, changes
nothing (ADR 47). A bad key that is charged back to the source is one that it has not delivered.
"""

from collections.abc import Iterator

from keyrail.inventory.model.batches import Batch, Filling
from keyrail.ledger.model import Account, AccountKind, JournalEntry, Posting, credit, debit
from keyrail.platform.money import MAX_AMOUNT_MINOR, Money


def entries_between(old: Batch | None, new: Batch) -> tuple[JournalEntry, ...]:
    """Nothing for codes of our own, which nobody is owed for, nor for keys of an unknown cost."""
    cost = new.unit_cost
    if cost is None or new.filling is Filling.OWN_CODES:
        return ()
    delivered = _delivered(new) - (_delivered(old) if old else 0)
    charged_back = new.charged_back - (old.charged_back if old else 0)
    return tuple(
        JournalEntry(
            source=f"batch:{new.batch_id}",
            version=new.version,
            what=what,
            number=number,
            at_ms=new.changed_at_ms,
            postings=postings,
        )
        for what, keys in (("keys_delivered", delivered), ("keys_charged_back", -charged_back))
        for number, postings in _owed(new, cost, keys)
    )


def _delivered(batch: Batch) -> int:
    """A run that comes back late may count in some more."""
    return batch.key_count or 0


def _owed(batch: Batch, cost: Money, keys: int) -> Iterator[tuple[str, tuple[Posting, ...]]]:
    """For that many keys more, or fewer. What is more than an amount may be is owed in several entries.

    What was bought is booked under our reference with the supplier, by which its statement names it.
    """
    payable = Account(AccountKind.SUPPLIER_PAYABLE, cost.currency, batch.source)
    goods = Account(AccountKind.COST_OF_GOODS, cost.currency)
    name = batch.purchase or batch.batch_id
    left, part = abs(keys) * cost.amount_minor, 1
    while left:
        amount = Money(min(left, MAX_AMOUNT_MINOR), cost.currency)
        bought, returned = (
            (debit(goods, amount), credit(payable, amount)),
            (debit(payable, amount), credit(goods, amount)),
        )
        yield name if part == 1 else f"{name}/{part}", bought if keys > 0 else returned
        left, part = left - amount.amount_minor, part + 1
