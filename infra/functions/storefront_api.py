"""`functions/storefront_api`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.functions.parts import API_MEMORY_MB, API_TIMEOUT_S, Parts, query, secret, table


def storefront_api(scope: Construct, parts: Parts) -> Function:
    function = Function(
        scope,
        "StorefrontApi",
        name="storefront_api",
        platform=parts.platform,
        timeout_s=API_TIMEOUT_S,
        memory_mb=API_MEMORY_MB,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "SUPPLIERS_TABLE": parts.tables.suppliers.table_name,
            "ACCESS_TOKEN_SECRET_ARN": parts.secrets.access_token_arn,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
            "PUBLIC_API_URL": parts.public_url,
            "DEFAULT_STORE_ID": "main",
            "BUSINESS_TIME_ZONE": parts.platform.stage.business_time_zone,
        },
    )
    table(function, parts.tables.catalog, "GetItem")
    query(function, parts.tables.catalog, "by_listing")
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "UpdateItem")
    query(function, parts.tables.keys, "claimable")
    table(function, parts.tables.orders, "GetItem", "PutItem")
    table(function, parts.tables.suppliers, "BatchGetItem", "GetItem")
    secret(function, parts.secrets.access_token_arn, parts.secrets.payment_accounts_arn)
    return function
