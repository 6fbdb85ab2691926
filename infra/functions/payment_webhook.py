"""`functions/payment_webhook`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.functions.parts import API_MEMORY_MB, API_TIMEOUT_S, Parts, query, secret, table


def payment_webhook(scope: Construct, parts: Parts) -> Function:
    function = Function(
        scope,
        "PaymentWebhook",
        name="payment_webhook",
        platform=parts.platform,
        timeout_s=API_TIMEOUT_S,
        memory_mb=API_MEMORY_MB,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
            "PUBLIC_API_URL": parts.public_url,
        },
    )
    table(function, parts.tables.orders, "BatchGetItem", "GetItem", "PutItem")
    # A dispute names the payment, not the order; what becomes of keys where it is lost, their SKUs say.
    table(function, parts.tables.catalog, "GetItem")
    query(function, parts.tables.orders, "by_paid_reference")
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "UpdateItem")
    query(function, parts.tables.keys, "claimable")
    table(function, parts.tables.payments, "GetItem", "PutItem")
    secret(function, parts.secrets.payment_accounts_arn)
    return function
