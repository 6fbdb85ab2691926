"""`functions/delivery_api`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.keys import allow
from infra.functions.parts import API_MEMORY_MB, API_TIMEOUT_S, Parts, table


def delivery_api(scope: Construct, parts: Parts) -> Function:
    """The only function that may unwrap the data keys of the merchant's secrets."""
    function = Function(
        scope,
        "DeliveryApi",
        name="delivery_api",
        platform=parts.platform,
        timeout_s=API_TIMEOUT_S,
        memory_mb=API_MEMORY_MB,
        environment={
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "VAULT_KEY_ARN": parts.keys.vault.key_arn,
        },
    )
    table(function, parts.tables.orders, "BatchGetItem", "GetItem")
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "UpdateItem")
    allow(parts.keys.vault, function.role, "kms:Decrypt")
    return function
