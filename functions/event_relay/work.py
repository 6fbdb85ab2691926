"""What a change leaves to be done in the background, and by which queue it is asked for."""

from collections.abc import Iterator

from functions.event_relay.app import settings
from functions.event_relay.stream import Change
from keyrail.inventory.model.batches import Batch, calls_for_importer
from keyrail.inventory.model.exports import Export, ExportStatus
from keyrail.inventory.model.following import calls_for_followers
from keyrail.inventory.model.own_codes import calls_for_maker
from keyrail.ordering.model.orders import Order, order_of
from keyrail.ordering.model.supplying import starts_between
from keyrail.payments.model.attempts import AttemptStatus
from keyrail.platform.changes import Event
from keyrail.reconciliation.model.differences import (
    Difference,
    calls_for_inquiry,
    calls_for_question,
    calls_for_refunds,
)
from keyrail.suppliers.model.attempts import unit_of
from keyrail.suppliers.model.purchases import purchase_of

Work = tuple[str, dict[str, str | int]]


def work_of(change: Change) -> Iterator[Work]:
    """Address of the queue and message: ids alone, since whoever works reads how things stand by then."""
    for event in change.events:
        yield from _after(event)
        if event.name == "order.paid" and _may_be_paid_again(change):
            yield settings().inquiry_queue_url, {"order_id": event.subject.partition(":")[2], "asked": 0}
    match change.item:
        case Batch() as batch:
            yield from _of_batch(change, batch)
        case Export(status=ExportStatus.APPROVED) as export:
            yield settings().export_queue_url, {"export_id": export.export_id}
        case Difference(order_id=str() as order_id) as difference if calls_for_inquiry(difference):
            yield settings().inquiry_queue_url, {"order_id": order_id}
        case Difference(order_id=str() as order_id) as difference if calls_for_refunds(difference):
            yield settings().refund_queue_url, {"order_id": order_id}
        case Difference() as difference if asked_about := purchase_of(calls_for_question(difference) or ""):
            yield settings().supply_queue_url, {"purchase_id": asked_about}


def starts_of(change: Change) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and input of the workflow of each unit that is to be supplied, or asked about, from this change on."""
    item, before = change.item, change.before
    if isinstance(item, Order):
        for unit_id, name in starts_between(before if isinstance(before, Order) else None, item):
            yield name, {"order_id": item.order_id, "unit_id": unit_id}
    if isinstance(item, Difference) and (open_yet := unit_of(calls_for_question(item) or "")):
        yield f"{open_yet}-{item.difference_id}-{item.version}", {"order_id": order_of(open_yet), "unit_id": open_yet}


def _after(event: Event) -> Iterator[Work]:
    of = event.subject.partition(":")[2]
    match event.name:
        case "order.paid" | "order.dispute_won" | "order.dispute_released" if event.data["open"]:
            yield settings().issuance_queue_url, {"order_id": of}
        case "order.refund_due":
            yield settings().refund_queue_url, {"order_id": of}
        case "payment.refund_due":
            yield settings().refund_queue_url, {"payment_id": of}
        case "stock.low":
            yield settings().supply_queue_url, {"sku_id": of}
        case "purchase.approved":
            yield settings().supply_queue_url, {"purchase_id": of}
        case "reconciliation.requested":
            yield settings().reconciliation_queue_url, {"run_id": of}


def _may_be_paid_again(change: Change) -> bool:
    """Another way that the order's buyer started can still be paid, and its callback be lost."""
    return isinstance(change.item, Order) and any(a.status is AttemptStatus.OPEN for a in change.item.attempts)


def _of_batch(change: Change, batch: Batch) -> Iterator[Work]:
    before = change.before if isinstance(change.before, Batch) else None
    if calls_for_maker(before, batch):
        yield settings().code_queue_url, {"batch_id": batch.batch_id}
    if calls_for_importer(before, batch):
        yield settings().import_queue_url, {"batch_id": batch.batch_id}
    if calls_for_followers(before, batch):
        yield settings().batch_queue_url, {"batch_id": batch.batch_id}
