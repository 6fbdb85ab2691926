"""`functions/refunds`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import Parts, secret, table

REFUNDS = Work(
    construct_id="RefundQueue",
    name="Refund",
    timeout_s=60,
    patience_s=1800,
    meaning="money that is owed back waits longer than half an hour to be asked for",
)


def refunds(scope: Construct, parts: Parts) -> Function:
    """The one function that can have a provider give money back."""
    function = Function(
        scope,
        "Refunds",
        name="refunds",
        platform=parts.platform,
        timeout_s=REFUNDS.timeout_s,
        memory_mb=512,
        environment={
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
            "PUBLIC_API_URL": parts.public_url,
            "REFUND_QUEUE_URL": parts.queues[REFUNDS].queue.queue_url,
        },
        in_slices=True,
    )
    table(function, parts.tables.orders, "GetItem", "PutItem")
    table(function, parts.tables.payments, "GetItem", "PutItem")
    secret(function, parts.secrets.payment_accounts_arn)
    function.may(["sqs:SendMessage"], parts.queues[REFUNDS].queue.queue_arn)
    return function
