"""Botocore clients, built on first use with bounded patience. boto3 itself is never imported: it doubles the start."""

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    import botocore.session
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_kms.client import KMSClient
    from types_boto3_s3.client import S3Client
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sqs.client import SQSClient

# All attempts of one call together end before the API functions' time-out, so that a caller is told.
CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 3
TOTAL_ATTEMPTS = 3
MAX_POOL_CONNECTIONS = 64


@cache
def session() -> "botocore.session.Session":
    import botocore.session

    return botocore.session.get_session()


@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["events"]) -> "EventBridgeClient": ...
@overload
def client(service: Literal["kms"]) -> "KMSClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client(service: Literal["stepfunctions"]) -> Any: ...


@cache
def client(service: str) -> Any:
    """One client a service and process. A request that timed out is repeated: every write here can be (I11)."""
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": TOTAL_ATTEMPTS},
        max_pool_connections=MAX_POOL_CONNECTIONS,
        s3={"addressing_style": "path"},
        signature_version="s3v4" if service == "s3" else None,
    )
    return session().create_client(service, config=config)
