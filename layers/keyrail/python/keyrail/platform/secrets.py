"""Secrets of our own, read from Secrets Manager when first needed. An empty one is a start-up error."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.platform import logs
from keyrail.platform.aws import client
from keyrail.platform.clock import NowMs
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import Unavailable
from keyrail.platform.logs import Entry


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


@dataclass
class WatchedSecret:
    """A secret that a process looks at again while it lives. Of what it read last it keeps no more than a digest."""

    read: Callable[[], str]
    now_ms: NowMs
    _digest: bytes = field(default=b"", init=False, repr=False)
    _looked_at_ms: int = field(default=0, init=False)

    def first(self) -> str:
        """Raises SecretsUnavailable, ConfigError."""
        self._looked_at_ms = self.now_ms()
        secret = self.read()
        self._digest = _digest(secret)
        return secret

    def changed(self, pause_ms: int) -> str | None:
        """The secret, where it is another than it was; it is looked at only where that was last done `pause_ms` ago.

        One that is empty or cannot be had right now has not changed: a process goes on with what it knows.
        """
        now_ms = self.now_ms()
        if now_ms - self._looked_at_ms < pause_ms:
            return None
        self._looked_at_ms = now_ms
        try:
            secret = self.read()
        except (SecretsUnavailable, ConfigError) as error:
            logs.warn(Entry.SECRET_UNREADABLE, error=type(error).__name__)
            return None
        known, self._digest = self._digest, _digest(secret)
        return None if self._digest == known else secret


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
