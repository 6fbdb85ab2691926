"""Stream records, understood: which item changed, and what its context says happened to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.event_relay.app import settings
from keyrail.catalog import model as catalog
from keyrail.inventory.model.batches import Batch, batch_events_between
from keyrail.inventory.model.books import entries_between as batch_entries_between
from keyrail.inventory.model.exports import Export, export_events_between
from keyrail.inventory.model.faults import Source, source_events_between
from keyrail.inventory.model.figures import Figures, figures_events_between
from keyrail.inventory.model.keys import Key
from keyrail.inventory.model.keys import events_between as key_events_between
from keyrail.ledger.model import JournalEntry
from keyrail.ordering.model.books import entries_between as order_entries_between
from keyrail.ordering.model.events import events_between as order_events_between
from keyrail.ordering.model.orders import Order
from keyrail.payments import books as desk_books
from keyrail.payments.model import desk as payment_desk
from keyrail.payments.model.vouchers import Voucher, voucher_events_between
from keyrail.platform.audit import AuditRecord, audit_record
from keyrail.platform.changes import Event, Versioned
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.reconciliation import books as reconciliation_books
from keyrail.reconciliation.model.differences import Difference
from keyrail.reconciliation.model.differences import events_between as difference_events_between
from keyrail.reconciliation.model.runs import Run
from keyrail.reconciliation.model.runs import events_between as run_events_between
from keyrail.suppliers.model.breaker import Health, health_events_between
from keyrail.suppliers.model.guarding import PriceGuard, guard_events_between
from keyrail.suppliers.model.offers import Watch, watch_events_between
from keyrail.suppliers.model.purchases import (
    Budget,
    Purchase,
    PurchaseRule,
    budget_events_between,
    purchase_events_between,
    rule_events_between,
)
from keyrail.suppliers.model.sources import Sourcing, sourcing_events_between


@dataclass(frozen=True)
class Change:
    """The item as it stands and as it was, what happened to it, and what that means in the books."""

    item: Versioned
    events: list[Event]
    before: Versioned | None = None
    booked: tuple[JournalEntry, ...] = ()

    @property
    def record(self) -> AuditRecord:
        return audit_record(self.events, self.item)


def understand(record: dict[str, Any]) -> Change | None:
    """None for a change that means nothing to anybody: pools, the fingerprint key, a removal."""
    images = record["dynamodb"]
    old, new = images.get("OldImage"), images.get("NewImage")
    if new is None:
        return None
    known = _kind(record["eventSourceARN"].split("/")[1], images["Keys"])
    if known is None:
        return None
    cls, events_between = known
    before = from_attributes(cls, _readable(old)) if old else None
    item = from_attributes(cls, _readable(new))
    events = events_between(before, item)
    return Change(item, events, before, _booked(before, item)) if events else None


def _booked(before: Any, item: Versioned) -> tuple[JournalEntry, ...]:
    match item:
        case Order():
            return order_entries_between(before, item)
        case payment_desk.UnmatchedPayment():
            return desk_books.entries_between(before, item)
        case Run():
            return reconciliation_books.entries_between(before, item)
        case Batch():
            return batch_entries_between(before, item)
        case _:
            return ()


_Kind = tuple[type[Versioned], Callable[[Any, Any], list[Event]]]
_IN_KEYS_TABLE: dict[str, _Kind] = {
    "key_": (Key, key_events_between),
    "bat_": (Batch, batch_events_between),
    "exp_": (Export, export_events_between),
    "figures#": (Figures, figures_events_between),
    "source#": (Source, source_events_between),
}

_IN_PAYMENTS_TABLE: dict[str, _Kind] = {
    "upm_": (payment_desk.UnmatchedPayment, payment_desk.events_between),
    # Its entry is in the books already: both are one transaction.
    "vch_": (Voucher, voucher_events_between),
}

_IN_CATALOG_TABLE: dict[str, _Kind] = {
    "product": (catalog.Product, catalog.events_between),
    "sku": (catalog.Sku, catalog.events_between),
    "issuer": (catalog.Issuer, catalog.issuer_events_between),
}

_IN_RECONCILIATION_TABLE: dict[str, _Kind] = {
    "run": (Run, run_events_between),
    "dif_": (Difference, difference_events_between),
}

_IN_SUPPLIERS_TABLE: dict[str, _Kind] = {
    "sourcing": (Sourcing, sourcing_events_between),
    "health": (Health, health_events_between),
    "watch": (Watch, watch_events_between),
    "guard": (PriceGuard, guard_events_between),
    "purchasing": (PurchaseRule, rule_events_between),
    "purchase": (Purchase, purchase_events_between),
    "budget": (Budget, budget_events_between),
}


def _kind(table: str, key: Attributes) -> _Kind | None:
    """What the table holds under such a key, and who says what happened to it."""
    if table == settings().orders_table:
        return Order, order_events_between
    if table == settings().payments_table:
        return _named(_IN_PAYMENTS_TABLE, key["payment_id"]["S"])
    if table == settings().reconciliation_table:
        return _named(_IN_RECONCILIATION_TABLE, key["sk"]["S"])
    if table == settings().suppliers_table:
        return _IN_SUPPLIERS_TABLE.get(key["sk"]["S"])
    if table == settings().catalog_table:
        return _IN_CATALOG_TABLE[key["sk"]["S"]]
    if table == settings().keys_table:
        return _named(_IN_KEYS_TABLE, key["key_id"]["S"])
    raise ValueError("a stream of no table of ours")


def _named(kinds: dict[str, _Kind], name: str) -> _Kind | None:
    return next((kind for prefix, kind in kinds.items() if name.startswith(prefix)), None)


def _readable(image: Attributes) -> Attributes:
    """A Lambda event carries binary attributes as base64 text; the stores carry bytes."""
    import base64

    def readable(attribute: Attributes) -> Attributes:
        ((tag, value),) = attribute.items()
        match tag:
            case "B":
                return {"B": base64.b64decode(value)}
            case "L":
                return {"L": [readable(item) for item in value]}
            case "M":
                return {"M": _readable(value)}
            case _:
                return attribute

    return {name: readable(attribute) for name, attribute in image.items()}
