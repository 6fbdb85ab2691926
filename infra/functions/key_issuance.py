"""`functions/key_issuance`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import Parts, query, table

ISSUANCE = Work(
    construct_id="Issuance",
    name="Issuance",
    timeout_s=30,
    meaning="paid orders wait longer than five minutes for their keys",
    # The callback itself issues at once; the queue comes after it, not beside it.
    delay_s=5,
    batch_size=10,
)


def key_issuance(scope: Construct, parts: Parts) -> Function:
    function = Function(
        scope,
        "KeyIssuance",
        name="key_issuance",
        platform=parts.platform,
        timeout_s=ISSUANCE.timeout_s,
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
