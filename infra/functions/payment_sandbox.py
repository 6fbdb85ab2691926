"""`functions/payment_sandbox`."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import Parts
from infra.functions.sandboxes import sandbox

SANDBOX = Work(
    construct_id="SandboxQueue",
    name="Sandbox",
    # Time for two callbacks, one after the other.
    timeout_s=20,
    patience_s=1800,
    meaning="callbacks of the payment sandbox wait longer than half an hour to be sent",
)


def payment_sandbox(scope: Construct, parts: Parts, books: dynamodb.Table) -> Function:
    """A payment provider without money, on the stages that have one."""
    return sandbox(
        scope,
        "PaymentSandbox",
        parts,
        name="payment_sandbox",
        work=SANDBOX,
        books=books,
        accounts_arn=parts.secrets.payment_accounts_arn,
        variables=("SANDBOX_TABLE", "SANDBOX_QUEUE_URL", "PAYMENT_ACCOUNTS_SECRET_ARN"),
    )
