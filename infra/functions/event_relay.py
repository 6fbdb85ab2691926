"""`functions/event_relay`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.functions.parts import Parts, secret, table


def event_relay(scope: Construct, parts: Parts) -> Function:
    function = Function(
        scope,
        "EventRelay",
        name="event_relay",
        platform=parts.platform,
        timeout_s=60,
        memory_mb=512,
        environment={
            # Names to tell from whose stream a record comes; of these tables it reads and writes figures only.
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "RECONCILIATION_TABLE": parts.tables.reconciliation.table_name,
            "ACCOUNTS_TABLE": parts.tables.accounts.table_name,
            "AUDIT_TABLE": parts.tables.audit.table_name,
            "AUDIT_CHAIN_SECRET_ARN": parts.secrets.audit_chain_arn,
            "EVENT_BUS_NAME": parts.events.bus.event_bus_name,
            "ISSUANCE_QUEUE_URL": parts.issuance.queue.queue_url,
            "IMPORT_QUEUE_URL": parts.uploads.queue.queue_url,
            "CODE_QUEUE_URL": parts.codes.queue.queue_url,
            "EXPORT_QUEUE_URL": parts.exports.queue.queue_url,
            "BATCH_QUEUE_URL": parts.batches.queue.queue_url,
            "REFUND_QUEUE_URL": parts.refunds.queue.queue_url,
            "RECONCILIATION_QUEUE_URL": parts.reconciliations.queue.queue_url,
            "INQUIRY_QUEUE_URL": parts.inquiries.queue.queue_url,
            "RELAY_DEAD_LETTER_QUEUE_URL": parts.relay_dead_letters.queue_url,
        },
    )
    function.may(["events:PutEvents"], parts.events.bus.event_bus_arn)
    function.may(["sqs:SendMessage"], parts.issuance.queue.queue_arn, parts.relay_dead_letters.queue_arn)
    function.may(["sqs:SendMessage"], parts.codes.queue.queue_arn, parts.exports.queue.queue_arn)
    function.may(["sqs:SendMessage"], parts.batches.queue.queue_arn, parts.uploads.queue.queue_arn)
    function.may(["sqs:SendMessage"], parts.refunds.queue.queue_arn, parts.reconciliations.queue.queue_arn)
    function.may(["sqs:SendMessage"], parts.inquiries.queue.queue_arn)
    # A record is chained to the one before it; one whose lot was broken off gets the name of another lot.
    table(function, parts.tables.audit, "BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")
    # An entry is put, and added to a page of the books and to what a holder has.
    table(function, parts.tables.accounts, "PutItem", "UpdateItem")
    # Figures, and the source of a batch.
    table(function, parts.tables.keys, "GetItem", "PutItem")
    secret(function, parts.secrets.audit_chain_arn)
    return function
