"""`functions/payment_sandbox`."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import API_MEMORY_MB, Parts, secret, table

SANDBOX = Work(
    construct_id="SandboxQueue",
    name="Sandbox",
    # Time for two callbacks, one after the other.
    timeout_s=20,
    patience_s=1800,
    meaning="callbacks of the payment sandbox wait longer than half an hour to be sent",
)


def payment_sandbox(scope: Construct, parts: Parts, books: dynamodb.Table) -> Function:
    """A payment provider without money, on the stages that have one: it touches no table of ours."""
    queue = parts.queues[SANDBOX].queue
    function = Function(
        scope,
        "PaymentSandbox",
        name="payment_sandbox",
        platform=parts.platform,
        timeout_s=SANDBOX.timeout_s,
        memory_mb=API_MEMORY_MB,
        environment={
            "SANDBOX_TABLE": books.table_name,
            "SANDBOX_QUEUE_URL": queue.queue_url,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
            "PUBLIC_API_URL": parts.public_url,
        },
        in_slices=True,
    )
    table(function, books, "GetItem", "PutItem", "Scan")
    secret(function, parts.secrets.payment_accounts_arn)
    function.may(["sqs:SendMessage"], queue.queue_arn)
    return function
