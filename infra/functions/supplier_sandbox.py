"""`functions/supplier_sandbox`."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import API_MEMORY_MB, Parts, secret, table

SUPPLIER_SANDBOX = Work(
    construct_id="SupplierSandboxQueue",
    name="SupplierSandbox",
    # It lets wait whom it does not answer, at most 20 seconds.
    timeout_s=25,
    patience_s=1800,
    meaning="callbacks of the supplier sandbox wait longer than half an hour to be sent",
)


def supplier_sandbox(scope: Construct, parts: Parts, books: dynamodb.Table) -> Function:
    """A supplier without goods, on the stages that have one: it touches no table of ours."""
    queue = parts.queues[SUPPLIER_SANDBOX].queue
    function = Function(
        scope,
        "SupplierSandbox",
        name="supplier_sandbox",
        platform=parts.platform,
        timeout_s=SUPPLIER_SANDBOX.timeout_s,
        memory_mb=API_MEMORY_MB,
        environment={
            "HOUSE_TABLE": books.table_name,
            "SUPPLIER_SANDBOX_QUEUE_URL": queue.queue_url,
            "SUPPLIER_ACCOUNTS_SECRET_ARN": parts.secrets.supplier_accounts_arn,
            "PUBLIC_API_URL": parts.public_url,
        },
        in_slices=True,
    )
    table(function, books, "GetItem", "PutItem", "Scan")
    secret(function, parts.secrets.supplier_accounts_arn)
    function.may(["sqs:SendMessage"], queue.queue_arn)
    return function
