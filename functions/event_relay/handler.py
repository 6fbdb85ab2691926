"""DynamoDB streams: each change to the audit trail, to EventBridge, and to the work queues.

A record that cannot be understood is set aside, so that it neither stops its neighbours nor loops for ever. One that
could not be delivered is reported, and comes again with all that follow it; every consumer knows an event by its id.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.catalog import model as catalog
from keyrail.inventory import model as inventory
from keyrail.inventory.model.batches import batch_events_between
from keyrail.ordering import model as ordering
from keyrail.payments import model as payments
from keyrail.platform import logs, metrics
from keyrail.platform.audit import AuditTrail, audit_record
from keyrail.platform.aws import client
from keyrail.platform.changes import Event, Versioned
from keyrail.platform.config import load
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.errors import Unavailable
from keyrail.platform.logs import Entry
from keyrail.platform.metrics import Metric

SOURCE = "keyrail"
COUNTED = {"order.refund_due": Metric.REFUND_DUE, "payment.unmatched": Metric.UNMATCHED_PAYMENT}


@dataclass(frozen=True)
class Settings:
    catalog_table: str
    keys_table: str
    orders_table: str
    payments_table: str
    audit_table: str
    event_bus_name: str
    issuance_queue_url: str
    relay_dead_letter_queue_url: str


@dataclass(frozen=True)
class Change:
    """One stream record, understood: the item as it stands, and what happened to it."""

    item: Versioned
    events: list[Event]


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def audit() -> AuditTrail:
    return AuditTrail(client("dynamodb"), settings().audit_table)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    relayed = 0
    for record in event["Records"]:
        try:
            change = understand(record)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is wrong for ever
            logs.log_failure(error, event_id=record.get("eventID"))
            set_aside(record)
            continue
        try:
            if change is not None:
                relay(change)
                relayed += len(change.events)
        except (Unavailable, ClientError, BotoCoreError) as error:
            logs.log_failure(error, event_id=record.get("eventID"))
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    logs.log(Entry.EVENTS_RELAYED, records=len(event["Records"]), events=relayed)
    return {"batchItemFailures": []}


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
    item = from_attributes(cls, _readable(new))
    events = events_between(from_attributes(cls, _readable(old)) if old else None, item)
    return Change(item, events) if events else None


_Kind = tuple[type[Versioned], Callable[[Any, Any], list[Event]]]
_IN_KEYS_TABLE: dict[str, _Kind] = {
    "key": (inventory.Key, inventory.events_between),
    "bat": (inventory.Batch, batch_events_between),
}

_IN_CATALOG_TABLE: dict[str, _Kind] = {
    "product": (catalog.Product, catalog.events_between),
    "sku": (catalog.Sku, catalog.events_between),
    "issuer": (catalog.Issuer, catalog.issuer_events_between),
}


def _kind(table: str, key: Attributes) -> _Kind | None:
    """What the table holds under such a key, and who says what happened to it."""
    if table == settings().orders_table:
        return ordering.Order, ordering.events_between
    if table == settings().payments_table:
        return payments.UnmatchedPayment, payments.events_between
    if table == settings().catalog_table:
        return _IN_CATALOG_TABLE[key["sk"]["S"]]
    if table == settings().keys_table:
        return _IN_KEYS_TABLE.get(key["key_id"]["S"].partition("_")[0])
    raise ValueError("a stream of no table of ours")


def relay(change: Change) -> None:
    """Audit first: what cannot be put on record is not told to anybody either."""
    record = audit_record(change.events, change.item)
    audit().write(record)
    for event in change.events:
        if event.name == "order.paid" and event.data["open"]:
            order_id = event.subject.partition(":")[2]
            body = json.dumps({"order_id": order_id})
            client("sqs").send_message(QueueUrl=settings().issuance_queue_url, MessageBody=body)
        if event.name in COUNTED:
            metrics.count(COUNTED[event.name])
    publish(change, f"{record.subject}#{record.version}")


def publish(change: Change, change_id: str) -> None:
    """An event's id is its item's key and version, with its name: consumers deduplicate by it."""
    entries: list[Any] = [
        {
            "Source": SOURCE,
            "DetailType": event.name,
            "Detail": json.dumps(
                {
                    "id": f"{change_id}#{event.name}",
                    "subject": event.subject,
                    "at_ms": change.item.changed_at_ms,
                    "data": event.data,
                }
            ),
            "EventBusName": settings().event_bus_name,
        }
        for event in change.events
    ]
    answer = client("events").put_events(Entries=entries)
    if answer.get("FailedEntryCount"):
        raise Unavailable


def set_aside(record: dict[str, Any]) -> None:
    """Where the record is and not what is in it: an operator reads the item itself."""
    where = {
        "event_id": record.get("eventID"),
        "source": record.get("eventSourceARN"),
        "keys": record.get("dynamodb", {}).get("Keys"),
        "sequence_number": record.get("dynamodb", {}).get("SequenceNumber"),
    }
    client("sqs").send_message(QueueUrl=settings().relay_dead_letter_queue_url, MessageBody=json.dumps(where))
    logs.warn(Entry.RECORD_SET_ASIDE, event_id=record.get("eventID"))


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
