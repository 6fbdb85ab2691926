"""`functions/key_import`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.keys import allow
from infra.functions.parts import Parts, query, table


def key_import(scope: Construct, parts: Parts) -> Function:
    """May wrap new data keys, may not unwrap any; may make the fingerprint key, since the first import does."""
    function = Function(
        scope,
        "KeyImport",
        name="key_import",
        platform=parts.platform,
        timeout_s=900,
        memory_mb=2048,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "VAULT_KEY_ARN": parts.keys.vault.key_arn,
            "FINGERPRINT_KEY_ARN": parts.keys.fingerprint.key_arn,
        },
        on_failure=parts.import_dead_letters,
    )
    table(function, parts.tables.catalog, "GetItem")
    table(function, parts.tables.keys, "GetItem", "PutItem")
    # Parts of a pool that are sold out are taken out of it when a batch joins.
    query(function, parts.tables.keys, "claimable")
    allow(parts.keys.vault, function.role, "kms:GenerateDataKey")
    allow(parts.keys.fingerprint, function.role, "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext")
    parts.imports.deliver_to(function)
    return function
