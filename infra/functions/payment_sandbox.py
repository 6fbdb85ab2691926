"""`functions/payment_sandbox`."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import WorkQueue
from infra.functions.parts import API_MEMORY_MB, Parts, secret, table

SANDBOX_TIMEOUT_S = 20
"""Time for two callbacks, one after the other."""


def payment_sandbox(scope: Construct, parts: Parts, books: dynamodb.Table, queue: WorkQueue) -> Function:
    """A payment provider without money, on the stages that have one: it touches no table of ours."""
    function = Function(
        scope,
        "PaymentSandbox",
        name="payment_sandbox",
        platform=parts.platform,
        timeout_s=SANDBOX_TIMEOUT_S,
        memory_mb=API_MEMORY_MB,
        environment={
            "SANDBOX_TABLE": books.table_name,
            "SANDBOX_QUEUE_URL": queue.queue.queue_url,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
            "PUBLIC_API_URL": parts.public_url,
        },
        in_slices=True,
    )
    table(function, books, "GetItem", "PutItem", "Scan")
    secret(function, parts.secrets.payment_accounts_arn)
    function.may(["sqs:SendMessage"], queue.queue.queue_arn)
    return function
