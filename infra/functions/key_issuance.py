"""`functions/key_issuance`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.functions.parts import Parts, query, table

ISSUANCE_TIMEOUT_S = 30


def key_issuance(scope: Construct, parts: Parts) -> Function:
    function = Function(
        scope,
        "KeyIssuance",
        name="key_issuance",
        platform=parts.platform,
        timeout_s=ISSUANCE_TIMEOUT_S,
        memory_mb=512,
        environment={
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
        },
    )
    table(function, parts.tables.orders, "GetItem", "PutItem")
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "UpdateItem")
    query(function, parts.tables.keys, "claimable")
    return function
