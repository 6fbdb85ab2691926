"""`functions/supplier_sandbox`."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import Parts
from infra.functions.sandboxes import sandbox

SUPPLIER_SANDBOX = Work(
    construct_id="SupplierSandboxQueue",
    name="SupplierSandbox",
    # It lets wait whom it does not answer, at most 20 seconds.
    timeout_s=25,
    patience_s=1800,
    meaning="callbacks of the supplier sandbox wait longer than half an hour to be sent",
)


def supplier_sandbox(scope: Construct, parts: Parts, books: dynamodb.Table) -> Function:
    """A supplier without goods, on the stages that have one."""
    return sandbox(
        scope,
        "SupplierSandbox",
        parts,
        name="supplier_sandbox",
        work=SUPPLIER_SANDBOX,
        books=books,
        accounts_arn=parts.secrets.supplier_accounts_arn,
        variables=("HOUSE_TABLE", "SUPPLIER_SANDBOX_QUEUE_URL", "SUPPLIER_ACCOUNTS_SECRET_ARN"),
    )
