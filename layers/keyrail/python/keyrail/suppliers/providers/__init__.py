"""The port to suppliers. One package an adapter; a supplier whose adapter is not in the table does not exist."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Protocol

from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import Outcome
from keyrail.suppliers.model.statements import SupplierLine


@dataclass(frozen=True)
class Callback:
    """A supplier's callback as it came: nothing decoded, nothing believed, nothing printed.

    Header names are in lower case.
    """

    method: str
    raw_query: str = field(repr=False)
    raw_body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Acknowledgement:
    """The supplier's own words for "heard, do not send it again"."""

    body: str
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for, under a `reference` of ours that is used for nothing else, ever.

    `account` is whom to credit, by the names of the SKU's account fields; nothing for keys. `limit` is what it may cost
    in all; `callback_url` is where news may go.
    """

    reference: str
    item: str
    quantity: int
    limit: Money
    callback_url: str
    account: Mapping[str, str] = field(default_factory=dict, repr=False)

    def placed(self, *, of_keys: bool) -> "Placed":
        """As it is asked about when nothing of theirs is known yet."""
        return Placed(
            reference=self.reference,
            their_reference=None,
            quantity=self.quantity,
            of_keys=of_keys,
            item=self.item,
        )


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An order with a supplier, to be asked about. `their_reference` None: the supplier never told us its own.

    One that is `of_keys` is done only with `quantity` cards: a supplier says the same of both kinds. What is said of
    another `item` is of another order; None is held against nothing.
    """

    reference: str
    their_reference: str | None
    quantity: int
    of_keys: bool = False
    item: str | None = None


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One item of a supplier's catalogue. `stock` None: it does not say how many there are."""

    item: str
    name: str
    price: Money
    on_sale: bool
    stock: int | None = None


class Supplier(Protocol):
    """One account with one supplier. Nothing it raises or prints has a secret, or an account, in it."""

    @property
    def acknowledgement(self) -> Acknowledgement: ...

    @property
    def settlement_ms(self) -> int:
        """How long after it was placed the supplier is asked what became of an order; then a person is."""
        ...

    def place(self, wanted: Wanted) -> Outcome:
        """Have the buyer's account credited. It is sent once: whatever is not surely refused is not sent again."""
        ...

    def buy_keys(self, wanted: Wanted) -> Outcome:
        """Buy keys; a success has exactly `quantity` cards."""
        ...

    def query(self, placed: Placed) -> Outcome:
        """Ask what became of it, by our reference. Not to be reached is `Unknown`, and so is one they do not know."""
        ...

    def balance(self) -> Money:
        """What we have with them. Raises SupplierUnavailable."""
        ...

    def catalog(self) -> Iterator[Offer]:
        """All they sell us, page by page. Raises SupplierUnavailable."""
        ...

    def parse_callback(self, callback: Callback, now_ms: int) -> str:
        """Which of our references there is news of; what the news is, only `query` tells.

        Raises SignatureInvalid for anything that is forged, stale or not understood.
        """
        ...

    @property
    def statement_zone(self) -> tzinfo | None:
        """Where the days of its statements begin and end; None where it makes none that can be read."""
        ...

    def statement(self, day: date) -> Iterator[SupplierLine]:
        """What it took and gave back on a day. Raises SupplierStatementMissing, and SupplierUnavailable and
        SupplierStatementUnreadable also while it is read.
        """
        ...
