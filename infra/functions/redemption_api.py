"""`functions/redemption_api`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.keys import allow
from infra.functions.parts import API_MEMORY_MB, API_TIMEOUT_S, Parts, secret, table


def redemption_api(scope: Construct, parts: Parts) -> Function:
    """Finds a key by its code's fingerprint; may open none."""
    function = Function(
        scope,
        "RedemptionApi",
        name="redemption_api",
        platform=parts.platform,
        timeout_s=API_TIMEOUT_S,
        memory_mb=API_MEMORY_MB,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "GUARDS_TABLE": parts.tables.guards.table_name,
            "FINGERPRINT_KEY_ARN": parts.keys.fingerprint.key_arn,
            "PARTNER_CREDENTIALS_SECRET_ARN": parts.secrets.partner_credentials_arn,
            "BUSINESS_TIME_ZONE": parts.platform.stage.business_time_zone,
        },
    )
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "PutItem", "UpdateItem")
    table(function, parts.tables.guards, "BatchGetItem", "GetItem", "PutItem", "UpdateItem")
    # Whether case tells the codes of an issuer apart.
    table(function, parts.tables.catalog, "GetItem")
    allow(parts.keys.fingerprint, function.role, "kms:Decrypt")
    secret(function, parts.secrets.partner_credentials_arn)
    return function
