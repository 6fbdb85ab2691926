"""`functions/reconciliation`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import Parts, query, secret, table

RECONCILIATIONS = Work(
    construct_id="Reconciliations",
    name="Reconciliation",
    timeout_s=900,
    soon_again=True,
    patience_s=7200,
    meaning="a day waits longer than two hours to be compared with a provider's or a supplier's statement",
)


def reconciliation(scope: Construct, parts: Parts) -> Function:
    """Reads orders, payments, purchases and books, and asks providers and suppliers; it changes its own table alone."""
    function = Function(
        scope,
        "Reconciliation",
        name="reconciliation",
        platform=parts.platform,
        timeout_s=RECONCILIATIONS.timeout_s,
        # A statement of 100,000 lines and what we know of them.
        memory_mb=2048,
        environment={
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "ACCOUNTS_TABLE": parts.tables.accounts.table_name,
            "SUPPLIERS_TABLE": parts.tables.suppliers.table_name,
            "RECONCILIATION_TABLE": parts.tables.reconciliation.table_name,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
            "SUPPLIER_ACCOUNTS_SECRET_ARN": parts.secrets.supplier_accounts_arn,
            "RECONCILIATION_QUEUE_URL": parts.queues[RECONCILIATIONS].queue.queue_url,
        },
        in_slices=True,
    )
    table(function, parts.tables.orders, "BatchGetItem", "GetItem")
    # By their status: of a supplier without a statement, which is asked about each of our orders.
    query(function, parts.tables.orders, "by_paid_reference", "by_status")
    table(function, parts.tables.payments, "BatchGetItem", "GetItem")
    table(function, parts.tables.accounts, "Query")
    # Purchases of keys that a supplier's statement names.
    table(function, parts.tables.suppliers, "BatchGetItem", "GetItem")
    table(function, parts.tables.reconciliation, "BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")
    secret(function, parts.secrets.payment_accounts_arn)
    secret(function, parts.secrets.supplier_accounts_arn)
    function.may(["sqs:SendMessage"], parts.queues[RECONCILIATIONS].queue.queue_arn)
    return function
