"""`functions/key_export`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.imports import EXPORTS
from infra.constructs.keys import allow
from infra.constructs.queues import Work
from infra.functions.parts import Parts, query, table

EXPORT_FILES = Work(
    construct_id="Exports",
    name="Export",
    timeout_s=900,
    soon_again=True,
    patience_s=3600,
    meaning="an approved export waits longer than an hour for its file",
)


def key_export(scope: Construct, parts: Parts) -> Function:
    """With `delivery_api` the only function that may unwrap the data keys of the merchant's secrets."""
    function = Function(
        scope,
        "KeyExport",
        name="key_export",
        platform=parts.platform,
        timeout_s=EXPORT_FILES.timeout_s,
        # A file of a million codes is in memory as a whole, four times over.
        memory_mb=1769,
        environment={
            "KEYS_TABLE": parts.tables.keys.table_name,
            "VAULT_KEY_ARN": parts.keys.vault.key_arn,
            "IMPORT_BUCKET": parts.imports.bucket.bucket_name,
        },
    )
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "PutItem")
    query(function, parts.tables.keys, "by_batch")
    allow(parts.keys.vault, function.role, "kms:Decrypt")
    function.may(["s3:PutObject"], parts.imports.exports_arn)
    parts.imports.acknowledge_objects(function.role, EXPORTS)
    return function
