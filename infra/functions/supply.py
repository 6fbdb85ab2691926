"""`functions/supply`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.keys import allow
from infra.constructs.queues import Work
from infra.functions.parts import Parts, query, secret, table

SUPPLY = Work(
    construct_id="SupplyWork",
    name="Supply",
    # A whole catalogue, page by page, as long as a supplier takes.
    timeout_s=300,
    soon_again=True,
    patience_s=3600,
    meaning="what suppliers offer is not looked at, or keys that were approved are not bought, for an hour",
)


def supply(scope: Construct, parts: Parts) -> Function:
    """May wrap new data keys, may not unwrap any; may make the fingerprint key, if a bought key is the first."""
    function = Function(
        scope,
        "Supply",
        name="supply",
        platform=parts.platform,
        timeout_s=SUPPLY.timeout_s,
        memory_mb=1024,
        environment={
            "SUPPLIERS_TABLE": parts.tables.suppliers.table_name,
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "SUPPLIER_ACCOUNTS_SECRET_ARN": parts.secrets.supplier_accounts_arn,
            "VAULT_KEY_ARN": parts.keys.vault.key_arn,
            "FINGERPRINT_KEY_ARN": parts.keys.fingerprint.key_arn,
            "BUSINESS_TIME_ZONE": parts.platform.stage.business_time_zone,
            "PUBLIC_API_URL": parts.public_url,
            "SUPPLY_QUEUE_URL": parts.queues[SUPPLY].queue.queue_url,
        },
        in_slices=True,
    )
    table(function, parts.tables.suppliers, "BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")
    # A price that follows its suppliers'.
    table(function, parts.tables.catalog, "GetItem", "PutItem")
    # Batches and keys; a few keys are looked for before any is written.
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "PutItem")
    # Parts of a pool that are sold out are taken out of it when a batch joins.
    query(function, parts.tables.keys, "claimable")
    secret(function, parts.secrets.supplier_accounts_arn)
    allow(parts.keys.vault, function.role, "kms:GenerateDataKey")
    allow(parts.keys.fingerprint, function.role, "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext")
    function.may(["sqs:SendMessage"], parts.queues[SUPPLY].queue.queue_arn)
    return function
