"""`functions/direct_recharge` and the workflow whose steps it takes."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.keys import allow
from infra.constructs.workflow import workflow_arn
from infra.functions.parts import Parts, query, secret, table

DIRECT_RECHARGE = "direct_recharge"
RECHARGE_TIMEOUT_S = 90
"""For one supplier, who may take his time to say no."""


def direct_recharge(scope: Construct, parts: Parts) -> Function:
    """The one function that can have a supplier credit an account, or sell keys for a unit. May wrap new data keys, may
    not unwrap any; may make the fingerprint key, if a bought key is the first.
    """
    function = Function(
        scope,
        "DirectRecharge",
        name=DIRECT_RECHARGE,
        platform=parts.platform,
        timeout_s=RECHARGE_TIMEOUT_S,
        memory_mb=512,
        environment={
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "GUARDS_TABLE": parts.tables.guards.table_name,
            "SUPPLIERS_TABLE": parts.tables.suppliers.table_name,
            "SUPPLIER_ACCOUNTS_SECRET_ARN": parts.secrets.supplier_accounts_arn,
            "VAULT_KEY_ARN": parts.keys.vault.key_arn,
            "FINGERPRINT_KEY_ARN": parts.keys.fingerprint.key_arn,
            "PUBLIC_API_URL": parts.public_url,
            "BUSINESS_TIME_ZONE": parts.platform.stage.business_time_zone,
        },
    )
    table(function, parts.tables.orders, "GetItem", "PutItem")
    # A unit that may be either is a key of the pool where one is the better source; keys that are bought for a unit,
    # with their batch, come in by what their SKU says of them.
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "PutItem", "UpdateItem")
    table(function, parts.tables.catalog, "GetItem")
    query(function, parts.tables.keys, "claimable")
    # Who waits for news of a unit.
    table(function, parts.tables.guards, "UpdateItem")
    # Quotas, and what is learnt of a supplier when it is asked.
    table(function, parts.tables.suppliers, "BatchGetItem", "GetItem", "UpdateItem")
    secret(function, parts.secrets.supplier_accounts_arn)
    allow(parts.keys.vault, function.role, "kms:GenerateDataKey")
    allow(parts.keys.fingerprint, function.role, "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext")
    function.may(["states:SendTaskSuccess"], workflow_arn(scope, DIRECT_RECHARGE))
    return function
