"""Partners' credentials, as an operator keeps them in a secret, and whose signature a request bears."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from keyrail.channels.model import (
    MAX_SECRETS,
    MIN_SECRET_LENGTH,
    Credential,
    Signed,
    check_signature,
)
from keyrail.platform.clock import NowMs
from keyrail.platform.config import ConfigError
from keyrail.platform.documents import adapter

CREDENTIALS_CACHE_MS = 60_000  # a credential that was taken away is refused after so long
_CREDENTIAL_ID = re.compile(r"[A-Za-z0-9_-]{4,32}")
_PARTNER = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass
class Partners:
    """`read` brings the secret; what is known of it is at most CREDENTIALS_CACHE_MS old."""

    read: Callable[[], str]
    now_ms: NowMs
    _known: Mapping[str, Credential] = field(default_factory=dict, init=False, repr=False)
    _read_at_ms: int | None = field(default=None, init=False)

    def signer(self, request: Signed) -> Credential:
        """Whose request it is. Raises SignatureInvalid, Unavailable; ConfigError for a secret that is none."""
        now_ms = self.now_ms()
        if self._read_at_ms is None or now_ms - self._read_at_ms >= CREDENTIALS_CACHE_MS:
            self._known, self._read_at_ms = partner_credentials(self.read()), now_ms
        return check_signature(request, self._known.get(request.credential_id), now_ms)


def partner_credentials(secret: str) -> dict[str, Credential]:
    """From the secret's JSON: `{"<credential id>": {"partner": "<slug>", "secrets": ["…", "…"]}}`; `{}` is nobody.

    Raises ConfigError, which never quotes the secret.
    """
    try:
        document = adapter(dict[str, _Entry]).validate_json(secret)
    except ValidationError:
        raise ConfigError("PARTNER_CREDENTIALS") from None
    if not all(_is_sound(credential_id, entry) for credential_id, entry in document.items()):
        raise ConfigError("PARTNER_CREDENTIALS")
    return {name: Credential(name, entry.partner, entry.secrets) for name, entry in document.items()}


@dataclass(frozen=True, repr=False)
class _Entry:
    partner: str
    secrets: tuple[str, ...]


def _is_sound(credential_id: str, entry: _Entry) -> bool:
    return (
        bool(_CREDENTIAL_ID.fullmatch(credential_id) and _PARTNER.fullmatch(entry.partner))
        and 1 <= len(entry.secrets) <= MAX_SECRETS
        and all(len(secret) >= MIN_SECRET_LENGTH and secret == secret.strip() for secret in entry.secrets)
    )
