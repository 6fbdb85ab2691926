"""`functions/payment_inquiries`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.parts import Parts, query, secret, table

INQUIRIES = Work(
    construct_id="Inquiries",
    name="Inquiry",
    # For the attempts that an order may have, and the time that each provider may take.
    timeout_s=180,
    soon_again=True,
    patience_s=1800,
    meaning="providers are asked about unpaid orders more than half an hour late",
)


def payment_inquiries(scope: Construct, parts: Parts) -> Function:
    """May do what a callback may, and look through the orders that are not paid."""
    function = Function(
        scope,
        "PaymentInquiries",
        name="payment_inquiries",
        platform=parts.platform,
        timeout_s=INQUIRIES.timeout_s,
        memory_mb=512,
        environment={
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "GUARDS_TABLE": parts.tables.guards.table_name,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
            "INQUIRY_QUEUE_URL": parts.queues[INQUIRIES].queue.queue_url,
        },
        in_slices=True,
    )
    table(function, parts.tables.orders, "BatchGetItem", "GetItem", "PutItem")
    query(function, parts.tables.orders, "by_status")
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "UpdateItem")
    query(function, parts.tables.keys, "claimable")
    table(function, parts.tables.payments, "GetItem", "PutItem")
    table(function, parts.tables.guards, "GetItem", "PutItem")
    secret(function, parts.secrets.payment_accounts_arn)
    function.may(["sqs:SendMessage"], parts.queues[INQUIRIES].queue.queue_arn)
    return function
