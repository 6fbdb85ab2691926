"""The functions of the stack, each with what it is given and what it may do.

A grant stands beside the function that needs it, action by action. A `TransactWriteItems` is authorised by the
actions of its parts, and no transaction here carries a part that only checks.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.constructs.alarms import Alarms
from infra.constructs.events import Events
from infra.constructs.function import Function, Platform
from infra.constructs.imports import Imports
from infra.constructs.keys import Keys, allow
from infra.constructs.queues import DeadLetterQueue, WorkQueue
from infra.constructs.secrets import Secrets
from infra.constructs.tables import Tables

ISSUANCE_TIMEOUT_S = 30
_API_TIMEOUT_S = 15
_API_MEMORY_MB = 1024
"""A function's processor share grows with its memory; a cold start of 1 GB costs less than one of 256 MB."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The resources that functions are given; who gets what is decided below."""

    platform: Platform
    tables: Tables
    keys: Keys
    secrets: Secrets
    imports: Imports
    events: Events
    issuance: WorkQueue
    relay_dead_letters: DeadLetterQueue
    import_dead_letters: DeadLetterQueue
    public_url: str

    @property
    def alarms(self) -> Alarms:
        return self.platform.alarms


def storefront_api(scope: Construct, parts: Parts) -> Function:
    function = Function(
        scope,
        "StorefrontApi",
        name="storefront_api",
        platform=parts.platform,
        timeout_s=_API_TIMEOUT_S,
        memory_mb=_API_MEMORY_MB,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "ACCESS_TOKEN_SECRET_ARN": parts.secrets.access_token_arn,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
            "PUBLIC_API_URL": parts.public_url,
            "DEFAULT_STORE_ID": "main",
        },
    )
    _table(function, parts.tables.catalog, "GetItem")
    _query(function, parts.tables.catalog, "by_listing")
    _table(function, parts.tables.keys, "GetItem", "UpdateItem")
    _query(function, parts.tables.keys, "claimable")
    _table(function, parts.tables.orders, "GetItem", "PutItem")
    _secret(function, parts.secrets.access_token_arn, parts.secrets.payment_accounts_arn)
    return function


def delivery_api(scope: Construct, parts: Parts) -> Function:
    """The only function that may unwrap the data keys of the merchant's secrets."""
    function = Function(
        scope,
        "DeliveryApi",
        name="delivery_api",
        platform=parts.platform,
        timeout_s=_API_TIMEOUT_S,
        memory_mb=_API_MEMORY_MB,
        environment={
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "VAULT_KEY_ARN": parts.keys.vault.key_arn,
        },
    )
    _table(function, parts.tables.orders, "GetItem")
    _table(function, parts.tables.keys, "GetItem", "UpdateItem")
    allow(parts.keys.vault, function.role, "kms:Decrypt")
    return function


def operator_api(scope: Construct, parts: Parts) -> Function:
    function = Function(
        scope,
        "OperatorApi",
        name="operator_api",
        platform=parts.platform,
        timeout_s=_API_TIMEOUT_S,
        memory_mb=_API_MEMORY_MB,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "AUDIT_TABLE": parts.tables.audit.table_name,
            "IMPORT_BUCKET": parts.imports.bucket.bucket_name,
            "FINGERPRINT_KEY_ARN": parts.keys.fingerprint.key_arn,
            "DEFAULT_STORE_ID": "main",
        },
    )
    _table(function, parts.tables.catalog, "GetItem", "PutItem")
    _table(function, parts.tables.keys, "GetItem", "PutItem")
    _query(function, parts.tables.keys, "claimable")
    _table(function, parts.tables.orders, "GetItem")
    _query(function, parts.tables.orders, "by_status", "by_paid_reference")
    _query(function, parts.tables.payments, "by_desk")
    _table(function, parts.tables.audit, "Query")
    # Signs the address that a key file is uploaded to: the upload is made with the function's own right.
    function.may(["s3:PutObject"], parts.imports.objects_arn)
    parts.imports.acknowledge_objects(function.role)
    # A code that an operator looks for is found by its fingerprint.
    allow(parts.keys.fingerprint, function.role, "kms:Decrypt")
    return function


def payment_webhook(scope: Construct, parts: Parts) -> Function:
    function = Function(
        scope,
        "PaymentWebhook",
        name="payment_webhook",
        platform=parts.platform,
        timeout_s=_API_TIMEOUT_S,
        memory_mb=_API_MEMORY_MB,
        environment={
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "PAYMENT_ACCOUNTS_SECRET_ARN": parts.secrets.payment_accounts_arn,
        },
    )
    _table(function, parts.tables.orders, "GetItem", "PutItem")
    _table(function, parts.tables.keys, "GetItem", "UpdateItem")
    _query(function, parts.tables.keys, "claimable")
    _table(function, parts.tables.payments, "PutItem")
    _secret(function, parts.secrets.payment_accounts_arn)
    return function


def key_import(scope: Construct, parts: Parts) -> Function:
    """May wrap new data keys, may not unwrap any; may make the fingerprint key, since the first import does."""
    function = Function(
        scope,
        "KeyImport",
        name="key_import",
        platform=parts.platform,
        timeout_s=900,
        memory_mb=2048,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "VAULT_KEY_ARN": parts.keys.vault.key_arn,
            "FINGERPRINT_KEY_ARN": parts.keys.fingerprint.key_arn,
        },
        on_failure=parts.import_dead_letters,
    )
    _table(function, parts.tables.catalog, "GetItem")
    _table(function, parts.tables.keys, "GetItem", "PutItem")
    # Parts of a pool that are sold out are taken out of it when a batch joins.
    _query(function, parts.tables.keys, "claimable")
    allow(parts.keys.vault, function.role, "kms:GenerateDataKey")
    allow(parts.keys.fingerprint, function.role, "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext")
    parts.imports.deliver_to(function)
    return function


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
    _table(function, parts.tables.orders, "GetItem", "PutItem")
    _table(function, parts.tables.keys, "GetItem", "UpdateItem")
    _query(function, parts.tables.keys, "claimable")
    return function


def event_relay(scope: Construct, parts: Parts) -> Function:
    function = Function(
        scope,
        "EventRelay",
        name="event_relay",
        platform=parts.platform,
        timeout_s=60,
        memory_mb=512,
        environment={
            # Names only, to tell from whose stream a record comes; it reads none of these tables.
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "ORDERS_TABLE": parts.tables.orders.table_name,
            "PAYMENTS_TABLE": parts.tables.payments.table_name,
            "AUDIT_TABLE": parts.tables.audit.table_name,
            "EVENT_BUS_NAME": parts.events.bus.event_bus_name,
            "ISSUANCE_QUEUE_URL": parts.issuance.queue.queue_url,
            "RELAY_DEAD_LETTER_QUEUE_URL": parts.relay_dead_letters.queue_url,
        },
    )
    function.may(["events:PutEvents"], parts.events.bus.event_bus_arn)
    function.may(["sqs:SendMessage"], parts.issuance.queue.queue_arn, parts.relay_dead_letters.queue_arn)
    _table(function, parts.tables.audit, "PutItem")
    return function


def _table(function: Function, table: dynamodb.Table, *actions: str) -> None:
    function.may([f"dynamodb:{action}" for action in actions], table.table_arn)


def _query(function: Function, table: dynamodb.Table, *indexes: str) -> None:
    function.may(["dynamodb:Query"], *(f"{table.table_arn}/index/{index}" for index in indexes))


def _secret(function: Function, *arns: str) -> None:
    function.may(["secretsmanager:GetSecretValue"], *arns)
