"""What the functions of both sandboxes are: somebody outside, who touches no table of ours."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import API_MEMORY_MB, Parts, secret, table


def sandbox(
    scope: Construct,
    construct_id: str,
    parts: Parts,
    *,
    name: str,
    work: Work,
    books: dynamodb.Table,
    accounts_arn: str,
    variables: tuple[str, str, str],
) -> Function:
    """With books and a queue of its own, and our accounts with it. `variables` are what its settings call the three."""
    queue = parts.queues[work].queue
    function = Function(
        scope,
        construct_id,
        name=name,
        platform=parts.platform,
        timeout_s=work.timeout_s,
        memory_mb=API_MEMORY_MB,
        environment={
            **dict(zip(variables, (books.table_name, queue.queue_url, accounts_arn), strict=True)),
            "PUBLIC_API_URL": parts.public_url,
        },
        in_slices=True,
    )
    table(function, books, "GetItem", "PutItem", "Scan")
    secret(function, accounts_arn)
    function.may(["sqs:SendMessage"], queue.queue_arn)
    return function
