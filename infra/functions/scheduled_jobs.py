"""`functions/scheduled_jobs`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import Parts, query, secret, table

JOBS = Work(
    construct_id="Jobs",
    name="Job",
    timeout_s=120,
    patience_s=3600,
    meaning="what is due by time alone waits longer than an hour to be done",
)


def scheduled_jobs(scope: Construct, parts: Parts) -> Function:
    """Looks at figures, never at keys, and asks suppliers."""
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
        },
    )
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "PutItem")
    query(function, parts.tables.keys, "by_batch")
    # Asks suppliers what we have with them.
    table(function, parts.tables.suppliers, "BatchGetItem", "GetItem", "UpdateItem")
    secret(function, parts.secrets.supplier_accounts_arn)
    return function
