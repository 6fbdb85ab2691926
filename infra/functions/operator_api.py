"""`functions/operator_api`."""

from __future__ import annotations

import json
from dataclasses import asdict

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.imports import EXPORTS, REJECTED
from infra.constructs.keys import allow
from infra.functions.parts import API_MEMORY_MB, API_TIMEOUT_S, Parts, query, secret, table


def operator_api(scope: Construct, parts: Parts) -> Function:
    stage = parts.platform.stage
    function = Function(
        scope,
        "OperatorApi",
        name="operator_api",
        platform=parts.platform,
        timeout_s=API_TIMEOUT_S,
        memory_mb=API_MEMORY_MB,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "RECONCILIATION_TABLE": parts.tables.reconciliation.table_name,
            "SUPPLIERS_TABLE": parts.tables.suppliers.table_name,
            "ACCOUNTS_TABLE": parts.tables.accounts.table_name,
            "AUDIT_TABLE": parts.tables.audit.table_name,
            "AUDIT_CHAIN_SECRET_ARN": parts.secrets.audit_chain_arn,
            "IMPORT_BUCKET": parts.imports.bucket.bucket_name,
            "FINGERPRINT_KEY_ARN": parts.keys.fingerprint.key_arn,
            "DEFAULT_STORE_ID": "main",
            "BUSINESS_TIME_ZONE": stage.business_time_zone,
            "GUARDS_TABLE": parts.tables.guards.table_name,
            "REFUND_LIMITS": json.dumps({of: asdict(limit) for of, limit in stage.refund_limits.items()}),
        },
    )
    table(function, parts.tables.catalog, "GetItem", "PutItem")
    table(function, parts.tables.keys, "GetItem", "PutItem")
    query(function, parts.tables.keys, "claimable", "by_batch")
    # A bad key is replaced together with what its order says.
    table(function, parts.tables.orders, "BatchGetItem", "GetItem", "PutItem")
    query(function, parts.tables.orders, "by_status", "by_paid_reference", "by_email", "by_phone", "by_approval")
    query(function, parts.tables.orders, "by_work")
    # What operators decide about a payment on the desk.
    table(function, parts.tables.payments, "PutItem")
    # Counts what a person gives back on a day, in the transaction that owes it.
    table(function, parts.tables.guards, "GetItem", "UpdateItem")
    query(function, parts.tables.payments, "by_desk")
    table(function, parts.tables.accounts, "BatchGetItem", "GetItem", "Query")
    query(function, parts.tables.accounts, "by_holder")
    # A voucher is put together with its entry, which is added to a page of the books and to what a holder has.
    table(function, parts.tables.payments, "GetItem", "PutItem")
    table(function, parts.tables.accounts, "PutItem", "UpdateItem")
    # Asks for a day to be compared anew, and puts on record why a difference is none.
    table(function, parts.tables.reconciliation, "PutItem", "Query")
    query(function, parts.tables.reconciliation, "by_month")
    # Where SKUs come from; a supplier is put together with its name on the list of all.
    table(function, parts.tables.suppliers, "PutItem", "Query", "UpdateItem")
    table(function, parts.tables.audit, "Query")
    # Verifies the audit trail: all of its records, beside all items that they are about.
    for of in (parts.tables.audit, *parts.tables.with_stream.values()):
        table(function, of, "BatchGetItem", "GetItem", "Scan")
    secret(function, parts.secrets.audit_chain_arn)
    # Signs the address that a key file is uploaded to: the upload is made with the function's own right.
    function.may(["s3:PutObject"], parts.imports.objects_arn)
    parts.imports.acknowledge_objects(function.role)
    # Requests and approves exports, and signs the address that an encrypted file is fetched from.
    table(function, parts.tables.keys, "BatchGetItem", "UpdateItem")
    function.may(["s3:GetObject"], parts.imports.exports_arn)
    parts.imports.acknowledge_objects(function.role, EXPORTS)
    # Hands out the lines that an import did not take, which are sealed under names, and forgets them.
    function.may(["s3:GetObject", "s3:DeleteObject"], parts.imports.rejected_arn)
    parts.imports.acknowledge_objects(function.role, REJECTED)
    # A code that an operator looks for is found by its fingerprint.
    allow(parts.keys.fingerprint, function.role, "kms:Decrypt")
    return function
