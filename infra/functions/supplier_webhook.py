"""`functions/supplier_webhook`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.workflow import workflow_arn
from infra.functions.direct_recharge import DIRECT_RECHARGE
from infra.functions.parts import API_MEMORY_MB, API_TIMEOUT_S, Parts, secret, table
from infra.functions.supply import SUPPLY


def supplier_webhook(scope: Construct, parts: Parts) -> Function:
    """It reads orders and changes none: a callback is a reason to ask, and others ask."""
    workflow = workflow_arn(scope, DIRECT_RECHARGE)
    function = Function(
        scope,
        "SupplierWebhook",
        name="supplier_webhook",
        platform=parts.platform,
        timeout_s=API_TIMEOUT_S,
        memory_mb=API_MEMORY_MB,
        environment={
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "GUARDS_TABLE": parts.tables.guards.table_name,
            "SUPPLIERS_TABLE": parts.tables.suppliers.table_name,
            "SUPPLIER_ACCOUNTS_SECRET_ARN": parts.secrets.supplier_accounts_arn,
            "DIRECT_RECHARGE_ARN": workflow,
            "SUPPLY_QUEUE_URL": parts.queues[SUPPLY].queue.queue_url,
        },
    )
    table(function, parts.tables.orders, "GetItem")
    # That there is news, and who waits for it.
    table(function, parts.tables.guards, "UpdateItem")
    # What is about no order of ours; and which purchase of keys a callback is about, which is asked about then.
    table(function, parts.tables.suppliers, "GetItem", "PutItem")
    function.may(["sqs:SendMessage"], parts.queues[SUPPLY].queue.queue_arn)
    secret(function, parts.secrets.supplier_accounts_arn)
    # Whoever waits is woken; what a person has is asked about by a workflow of its own.
    function.may(["states:SendTaskSuccess", "states:StartExecution"], workflow)
    return function
