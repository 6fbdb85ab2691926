"""`functions/batch_follow`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import Parts, query, table

BATCHES = Work(
    construct_id="Batches",
    name="Batch",
    timeout_s=90,
    soon_again=True,
    patience_s=3600,
    meaning="keys wait longer than an hour to follow a command on their batch",
)


def batch_follow(scope: Construct, parts: Parts) -> Function:
    """Moves keys from one state to another and sees no secret: it may not decrypt."""
    function = Function(
        scope,
        "BatchFollow",
        name="batch_follow",
        platform=parts.platform,
        timeout_s=BATCHES.timeout_s,
        # A million keys are told apart by some 100 MB of hashes.
        memory_mb=1024,
        environment={
            "KEYS_TABLE": parts.tables.keys.table_name,
            "BATCH_QUEUE_URL": parts.queues[BATCHES].queue.queue_url,
        },
        in_slices=True,
    )
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "PutItem")
    query(function, parts.tables.keys, "claimable", "by_batch")
    function.may(["sqs:SendMessage"], parts.queues[BATCHES].queue.queue_arn)
    return function
