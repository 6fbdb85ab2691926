"""Whoever a day is compared with: their statement, and how our side of it is gathered."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from functools import partial
from typing import Protocol, TypeVar

from keyrail.ledger.service import Books
from keyrail.ordering.service.orders import Orders
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.payments.service.desk import Desk
from keyrail.reconciliation.model.comparing import OurSide
from keyrail.reconciliation.model.days import Window
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.movements import Line
from keyrail.reconciliation.model.runs import MAX_LINES, StatementTooLong
from keyrail.reconciliation.model.supplies import netted
from keyrail.reconciliation.service.asking import Interview
from keyrail.reconciliation.service.gathering import PaymentGathering
from keyrail.reconciliation.service.supply_gathering import SupplyGathering
from keyrail.suppliers.service.accounts import Supplier, SupplierAccounts
from keyrail.suppliers.service.purchases import PurchaseRecords

T = TypeVar("T")


class Gathering(Protocol):
    def our_side(self, window: Window, lines: Sequence[Line], now_ms: int) -> OurSide:
        """Raises StoreUnavailable."""
        ...

    def looked_further(self, ours: OurSide, lines: Sequence[Line]) -> OurSide:
        """Our side with what is known of lines that nothing else explains."""
        ...


@dataclass(frozen=True)
class Counterpart:
    """`zone` is where the days of their statements begin and end; None where they make none, and cannot be asked. With
    an `interview` they make none either, and are asked about our orders of a day of the books.
    """

    zone: tzinfo | None
    statement: Callable[[date], Iterable[Line]]
    gathering: Gathering
    interview: Interview | None = None


@dataclass(frozen=True)
class Counterparts:
    """Our suppliers are had where one of them is asked for: whatever is wrong with those, accounts are compared."""

    accounts: PaymentAccounts
    suppliers: Callable[[], SupplierAccounts]
    orders: Orders
    desk: Desk
    purchases: PurchaseRecords
    books: Books

    def of(self, holder: Holder) -> Counterpart:
        """Raises UnknownAccount, UnknownSupplier."""
        if holder.provider is None:
            return self._supplier(holder.account)
        provider = self.accounts.at(holder.provider, holder.account)
        gathering = PaymentGathering(
            self.orders, self.desk, self.books, holder.provider, holder.account, provider.merchant
        )
        return Counterpart(provider.statement_zone, provider.statement, gathering)

    def _supplier(self, name: str) -> Counterpart:
        """Raises UnknownSupplier."""
        known = self.suppliers()
        supplier = known.at(name)
        zone, gathering = supplier.statement_zone, SupplyGathering(self.orders, self.purchases, self.books, name)
        interview = None if zone else Interview(gathering.questions, partial(known.query, name))
        return Counterpart(zone or UTC, lambda day: _of_supplier(supplier, day), gathering, interview)

    def accounts_to_compare(self) -> list[Holder]:
        return [Holder(account, provider) for provider, account in self.accounts.names()]

    def suppliers_to_compare(self) -> list[Holder]:
        return [Holder(name) for name in self.suppliers().names()]


def _of_supplier(supplier: Supplier, day: date) -> Iterable[Line]:
    """To its end: what was given back may stand behind all else."""
    return netted(bounded(supplier.statement(day)))


def bounded(statement: Iterable[T]) -> Iterator[T]:
    """Raises StatementTooLong, and what is raised on the way."""
    for count, line in enumerate(statement):
        if count == MAX_LINES:
            raise StatementTooLong
        yield line
