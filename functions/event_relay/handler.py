"""DynamoDB streams: each change to the audit trail, to EventBridge, and to the work queues.

A record that cannot be understood is set aside, so that it neither stops its neighbours nor loops for ever. One that
could not be delivered is reported, and comes again with all that follow it; every consumer knows an event by its id.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.event_relay.app import Settings, settings
from functions.event_relay.recording import put_on_record
from functions.event_relay.stream import Change, understand
from functions.event_relay.work import starts_of, work_of
from keyrail.platform import logs, metrics, workflows
from keyrail.platform.aws import client
from keyrail.platform.errors import Unavailable
from keyrail.platform.logs import Entry
from keyrail.platform.metrics import Metric

__all__ = ["Settings", "handler"]

SOURCE = "keyrail"
MAX_ENTRIES = 10  # of one call of EventBridge
COUNTED = {
    "order.refund_failed": Metric.REFUND_FAILED,
    "payment.refund_failed": Metric.REFUND_FAILED,
    "payment.unmatched": Metric.UNMATCHED_PAYMENT,
    "reconciliation.difference": Metric.RECONCILIATION_DIFFERENCE,
    "reconciliation.given_up": Metric.RECONCILIATION_GIVEN_UP,
    "balance.low": Metric.BALANCE_LOW,
    "purchase.awaiting_approval": Metric.PURCHASE_WAITS,
    "purchase.undecided": Metric.PURCHASE_WAITS,
    "purchase.differs": Metric.PURCHASE_WAITS,
    "purchase.failed": Metric.PURCHASE_FAILED,
    "supplier.breaker_opened": Metric.SUPPLIER_SILENT,
    "stock.low": Metric.LOW_STOCK,
    "order.supply_overpaid": Metric.SUPPLY_OVERPAID,
    "order.work_contradicted": Metric.WORK_CONTRADICTED,
}


@dataclass(frozen=True)
class Poison:
    """A stream record that cannot be understood, now or ever."""

    record: dict[str, Any]


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    settings()  # without them nothing is understood, and everything would be set aside
    records = event["Records"]
    understood = [_understood(record) for record in records]
    changes = [None if isinstance(each, Poison) else each for each in understood]
    # Audit first: what cannot be put on record is not told to anybody either.
    recorded = put_on_record(changes)
    handed_over = _hand_over(understood[:recorded])
    relayed = _publish(changes[:handed_over])
    told = [change for change in changes[:relayed] if change]
    logs.log(Entry.EVENTS_RELAYED, records=len(records), events=sum(len(change.events) for change in told))
    if relayed == len(records):
        return {"batchItemFailures": []}
    return {"batchItemFailures": [{"itemIdentifier": records[relayed]["dynamodb"]["SequenceNumber"]}]}


def _understood(record: dict[str, Any]) -> Change | Poison | None:
    try:
        return understand(record)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is wrong for ever
        logs.log_failure(error, event_id=record.get("eventID"))
        return Poison(record)


def _hand_over(understood: Sequence[Change | Poison | None]) -> int:
    """To the queues, the workflows and the alarms; the position of the first that could not be, or their number."""
    for position, each in enumerate(understood):
        try:
            if isinstance(each, Poison):
                set_aside(each.record)
            elif each is not None:
                _put_to_work(each)
        except (ClientError, BotoCoreError, Unavailable) as error:
            logs.log_failure(error)
            return position
    return len(understood)


def _put_to_work(change: Change) -> None:
    for name, unit in starts_of(change):
        workflows.start(settings().direct_recharge_arn, name, unit)
    for queue_url, message in work_of(change):
        client("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(message))
    for event in change.events:
        if event.name in COUNTED:
            metrics.count(COUNTED[event.name])


def _publish(changes: Sequence[Change | None]) -> int:
    """The position of the first change whose events were not all taken, or their number."""
    waiting = [(position, entry) for position, change in enumerate(changes) if change for entry in entries(change)]
    for start in range(0, len(waiting), MAX_ENTRIES):
        some = waiting[start : start + MAX_ENTRIES]
        refused = publish([entry for _, entry in some])
        if refused is not None:
            return some[refused][0]
    return len(changes)


def entries(change: Change) -> list[Any]:
    """An event's id is its item's key and version, with its name: consumers deduplicate by it."""
    record = change.record
    return [
        {
            "Source": SOURCE,
            "DetailType": event.name,
            "Detail": json.dumps(
                {
                    "id": f"{record.subject}#{record.version}#{event.name}",
                    "subject": event.subject,
                    "at_ms": change.item.changed_at_ms,
                    "data": event.data,
                }
            ),
            "EventBusName": settings().event_bus_name,
        }
        for event in change.events
    ]


def publish(some: list[Any]) -> int | None:
    """At most MAX_ENTRIES; the position of the first that was not taken."""
    try:
        answer = client("events").put_events(Entries=some)
    except (ClientError, BotoCoreError) as error:
        logs.log_failure(error)
        return 0
    if not answer.get("FailedEntryCount"):
        return None
    logs.log_failure(Unavailable())
    return next((at for at, entry in enumerate(answer["Entries"]) if entry.get("ErrorCode")), 0)


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
