"""`functions/event_relay`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.workflow import workflow_arn
from infra.functions.batch_follow import BATCHES
from infra.functions.code_generation import CODES
from infra.functions.direct_recharge import DIRECT_RECHARGE
from infra.functions.key_export import EXPORT_FILES
from infra.functions.key_import import UPLOADS
from infra.functions.key_issuance import ISSUANCE
from infra.functions.parts import Parts, secret, table
from infra.functions.payment_inquiries import INQUIRIES
from infra.functions.reconciliation import RECONCILIATIONS
from infra.functions.refunds import REFUNDS
from infra.functions.supply import SUPPLY

_FED = (ISSUANCE, UPLOADS, CODES, EXPORT_FILES, BATCHES, REFUNDS, RECONCILIATIONS, INQUIRIES, SUPPLY)
"""Work that follows from a change."""


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
            "SUPPLIERS_TABLE": parts.tables.suppliers.table_name,
            "ACCOUNTS_TABLE": parts.tables.accounts.table_name,
            "AUDIT_TABLE": parts.tables.audit.table_name,
            "AUDIT_CHAIN_SECRET_ARN": parts.secrets.audit_chain_arn,
            "EVENT_BUS_NAME": parts.events.bus.event_bus_name,
            "DIRECT_RECHARGE_ARN": workflow_arn(scope, DIRECT_RECHARGE),
            "RELAY_DEAD_LETTER_QUEUE_URL": parts.relay_dead_letters.queue_url,
            **{work.variable: parts.queues[work].queue.queue_url for work in _FED},
        },
    )
    function.may(["events:PutEvents"], parts.events.bus.event_bus_arn)
    fed = [parts.queues[work].queue.queue_arn for work in _FED]
    function.may(["sqs:SendMessage"], *fed, parts.relay_dead_letters.queue_arn)
    # A record is chained to the one before it; one whose lot was broken off gets the name of another lot.
    table(function, parts.tables.audit, "BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")
    # An entry is put, and added to a page of the books and to what a holder has.
    table(function, parts.tables.accounts, "PutItem", "UpdateItem")
    # Figures, and the source of a batch.
    table(function, parts.tables.keys, "GetItem", "PutItem")
    # Each unit that is to be supplied has a workflow of its own.
    function.may(["states:StartExecution"], workflow_arn(scope, DIRECT_RECHARGE))
    secret(function, parts.secrets.audit_chain_arn)
    return function
