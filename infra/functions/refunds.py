"""`functions/refunds`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.functions.parts import Parts, secret, table

REFUNDS_TIMEOUT_S = 60


def refunds(scope: Construct, parts: Parts) -> Function:
    """The one function that can have a provider give money back."""
    function = Function(
        scope,
        "Refunds",
        name="refunds",
        platform=parts.platform,
        timeout_s=REFUNDS_TIMEOUT_S,
        memory_mb=512,
        environment={
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
            "PUBLIC_API_URL": parts.public_url,
            "REFUND_QUEUE_URL": parts.refunds.queue.queue_url,
        },
        in_slices=True,
    )
    table(function, parts.tables.orders, "GetItem", "PutItem")
    table(function, parts.tables.payments, "GetItem", "PutItem")
    secret(function, parts.secrets.payment_accounts_arn)
    function.may(["sqs:SendMessage"], parts.refunds.queue.queue_arn)
    return function
