"""`functions/code_generation`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.keys import allow
from infra.constructs.queues import Work
from infra.functions.parts import Parts, query, table

CODES = Work(
    construct_id="Codes",
    name="Code",
    timeout_s=120,
    soon_again=True,
    patience_s=3600,
    meaning="codes of our own wait longer than an hour to be made",
)


def code_generation(scope: Construct, parts: Parts) -> Function:
    """May wrap new data keys, may not unwrap any; may make the fingerprint key, since the first code needs it."""
    function = Function(
        scope,
        "CodeGeneration",
        name="code_generation",
        platform=parts.platform,
        timeout_s=CODES.timeout_s,
        memory_mb=1024,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "VAULT_KEY_ARN": parts.keys.vault.key_arn,
            "FINGERPRINT_KEY_ARN": parts.keys.fingerprint.key_arn,
            "CODE_QUEUE_URL": parts.queues[CODES].queue.queue_url,
        },
        in_slices=True,
    )
    table(function, parts.tables.catalog, "GetItem")
    # A chunk of codes depends on its batch, which it does not write.
    table(function, parts.tables.keys, "ConditionCheckItem", "GetItem", "PutItem", "UpdateItem")
    # Parts of a pool that are sold out are taken out of it when a batch joins.
    query(function, parts.tables.keys, "claimable")
    allow(parts.keys.vault, function.role, "kms:GenerateDataKey")
    allow(parts.keys.fingerprint, function.role, "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext")
    function.may(["sqs:SendMessage"], parts.queues[CODES].queue.queue_arn)
    return function
