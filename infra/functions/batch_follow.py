"""`functions/batch_follow`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.functions.parts import Parts, query, table

FOLLOW_TIMEOUT_S = 90


def batch_follow(scope: Construct, parts: Parts) -> Function:
    """Moves keys from one state to another and sees no secret: it may not decrypt."""
    function = Function(
        scope,
        "BatchFollow",
        name="batch_follow",
        platform=parts.platform,
        timeout_s=FOLLOW_TIMEOUT_S,
        # A million keys are told apart by some 100 MB of hashes.
        memory_mb=1024,
        environment={
            "KEYS_TABLE": parts.tables.keys.table_name,
            "BATCH_QUEUE_URL": parts.batches.queue.queue_url,
        },
        in_slices=True,
    )
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "PutItem")
    query(function, parts.tables.keys, "claimable", "by_batch")
    function.may(["sqs:SendMessage"], parts.batches.queue.queue_arn)
    return function
