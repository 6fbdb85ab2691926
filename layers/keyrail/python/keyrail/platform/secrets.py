"""Secrets of our own, read from Secrets Manager when first needed. An empty one is a start-up error."""

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.platform.aws import client
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import Unavailable


class SecretsUnavailable(Unavailable):
    code = "secrets_unavailable"


def read_secret(arn: str) -> str:
    """Raises SecretsUnavailable; ConfigError (naming the ARN) if it is empty."""
    try:
        secret = client("secretsmanager").get_secret_value(SecretId=arn).get("SecretString", "")
    except (ClientError, BotoCoreError) as error:
        raise SecretsUnavailable from error
    if not secret.strip():
        raise ConfigError(arn)
    return secret
