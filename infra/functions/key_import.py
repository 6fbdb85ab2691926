"""`functions/key_import`."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.imports import REJECTED
from infra.constructs.keys import allow
from infra.constructs.queues import Work
from infra.functions.parts import Parts, query, table

UPLOADS = Work(
    construct_id="Uploads",
    name="Import",
    timeout_s=180,
    soon_again=True,
    patience_s=900,
    meaning="a key file waits longer than a quarter of an hour to be imported",
)


def key_import(scope: Construct, parts: Parts) -> Function:
    """May wrap new data keys, may not unwrap any; may make the fingerprint key, since the first import does."""
    function = Function(
        scope,
        "KeyImport",
        name="key_import",
        platform=parts.platform,
        timeout_s=UPLOADS.timeout_s,
        # One whole processor and a bit: a file is parsed on one.
        memory_mb=2048,
        environment={
            "CATALOG_TABLE": parts.tables.catalog.table_name,
            "KEYS_TABLE": parts.tables.keys.table_name,
            "IMPORT_BUCKET": parts.imports.bucket.bucket_name,
            "IMPORT_QUEUE_URL": parts.queues[UPLOADS].queue.queue_url,
            "VAULT_KEY_ARN": parts.keys.vault.key_arn,
            "FINGERPRINT_KEY_ARN": parts.keys.fingerprint.key_arn,
        },
        in_slices=True,
    )
    table(function, parts.tables.catalog, "GetItem")
    table(function, parts.tables.keys, "BatchGetItem", "GetItem", "PutItem")
    # Parts of a pool that are sold out are taken out of it when a batch joins.
    query(function, parts.tables.keys, "claimable")
    function.may(["s3:GetObject", "s3:DeleteObject"], parts.imports.objects_arn)
    # Without it S3 does not say of a file whether it is gone or may not be read.
    function.may(["s3:ListBucket"], parts.imports.bucket.bucket_arn)
    parts.imports.acknowledge_objects(function.role)
    function.may(["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], parts.imports.rejected_arn)
    parts.imports.acknowledge_objects(function.role, REJECTED)
    function.may(["sqs:SendMessage"], parts.queues[UPLOADS].queue.queue_arn)
    allow(parts.keys.vault, function.role, "kms:GenerateDataKey")
    allow(parts.keys.fingerprint, function.role, "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext")
    return function
