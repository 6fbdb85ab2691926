"""The tables as the stores need them, for tests that run without the stack; `tests/infra` compares them with it."""

from contextlib import suppress
from typing import Any

Index = tuple[str, str | None, str]  # hash key, range key, projection with the attributes that it names
STREAMED = {"orders", "payments", "keys", "reconciliation"}  # what means something in the books
NUMBERS = {"created_at_ms"}  # of the keys; the others are texts

TABLES: dict[str, tuple[str, str | None, dict[str, Index]]] = {
    "catalog": ("pk", "sk", {"by_listing": ("listing", "listing_order", "ALL")}),
    "keys": (
        "key_id",
        None,
        {
            "claimable": ("claim_partition", "claim_order", "INCLUDE follows"),
            "by_batch": ("batch_partition", "left_pool", "INCLUDE follows"),
        },
    ),
    "orders": (
        "order_id",
        None,
        {
            "by_status": ("status_partition", "status_order", "KEYS_ONLY"),
            "by_paid_reference": ("paid_reference", None, "KEYS_ONLY"),
            "by_email": ("buyer_email", "created_at_ms", "KEYS_ONLY"),
            "by_phone": ("buyer_phone", "created_at_ms", "KEYS_ONLY"),
            "by_approval": ("approval", "approval_order", "KEYS_ONLY"),
            "by_work": ("work", "work_order", "KEYS_ONLY"),
        },
    ),
    "payments": ("payment_id", None, {"by_desk": ("desk", "desk_order", "ALL")}),
    "accounts": ("account_id", "sk", {"by_holder": ("holder", "holder_order", "KEYS_ONLY")}),
    "reconciliation": ("pk", "sk", {"by_month": ("month", "place", "ALL")}),
    "suppliers": ("pk", "sk", {}),
    "guards": ("pk", None, {}),
    "audit": ("subject", "at_id", {}),
}

# On stages that are not production: the books of the payment provider without money and of the supplier without goods.
PRETENDED: dict[str, tuple[str, str | None, dict[str, Index]]] = {
    "sandbox": ("trade_id", None, {}),
    "house": ("sale_id", None, {}),
}


def create_table(client: Any, kind: str, name: str, *, streamed: bool = False) -> None:
    hash_key, range_key, indexes = (TABLES | PRETENDED)[kind]
    names = {hash_key, range_key, *(key for index in indexes.values() for key in index[:2])} - {None}
    table: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema(hash_key, range_key),
        "AttributeDefinitions": [
            {"AttributeName": key, "AttributeType": "N" if key in NUMBERS else "S"} for key in sorted(map(str, names))
        ],
    }
    if indexes:
        table["GlobalSecondaryIndexes"] = [
            {"IndexName": index, "KeySchema": _schema(ihash, irange), "Projection": _projection(projection)}
            for index, (ihash, irange, projection) in indexes.items()
        ]
    if streamed and kind in STREAMED:
        table["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    # Nobody else knows the name: what stands there already was made by a request that was sent again.
    with suppress(client.exceptions.ResourceInUseException):
        client.create_table(**table)


def _projection(said: str) -> dict[str, Any]:
    kind, *names = said.split()
    return {"ProjectionType": kind} | ({"NonKeyAttributes": names} if names else {})


def _schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return keys + ([{"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else [])
