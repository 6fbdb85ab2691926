"""`functions/scheduled_jobs`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.constructs.workflow import workflow_arn
from infra.functions.direct_recharge import DIRECT_RECHARGE
from infra.functions.parts import Parts, query, secret, table

JOBS = Work(
    construct_id="Jobs",
    name="Job",
    timeout_s=120,
    patience_s=3600,
    meaning="what is due by time alone waits longer than an hour to be done",
)


def scheduled_jobs(scope: Construct, parts: Parts) -> Function:
    """Looks at figures, never at keys, at when people's work is due, and asks suppliers; and looks for units that
    nobody is at work on.
    """
    workflow = workflow_arn(scope, DIRECT_RECHARGE)
    function = Function(
        scope,
        "ScheduledJobs",
        name="scheduled_jobs",
        platform=parts.platform,
        timeout_s=JOBS.timeout_s,
        memory_mb=512,
        environment={
            "KEYS_TABLE": parts.tables.keys.table_name,
            "SUPPLIERS_TABLE": parts.tables.suppliers.table_name,
            "SUPPLIER_ACCOUNTS_SECRET_ARN": parts.secrets.supplier_accounts_arn,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "GUARDS_TABLE": parts.tables.guards.table_name,
            "DIRECT_RECHARGE_ARN": workflow,
            JOBS.variable: parts.queues[JOBS].queue.queue_url,
        },
        in_slices=True,
    )
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "PutItem")
    query(function, parts.tables.keys, "by_batch")
    # Asks suppliers what we have with them.
    table(function, parts.tables.suppliers, "BatchGetItem", "GetItem", "UpdateItem")
    secret(function, parts.secrets.supplier_accounts_arn)
    # Units that nobody is at work on: finds them, starts them again, or leaves them to a person.
    table(function, parts.tables.orders, "BatchGetItem", "GetItem", "PutItem")
    query(function, parts.tables.orders, "by_status")
    table(function, parts.tables.guards, "GetItem")
    function.may(["states:StartExecution"], workflow)
    function.may(["sqs:SendMessage"], parts.queues[JOBS].queue.queue_arn)
    query(function, parts.tables.orders, "by_work")
    return function
