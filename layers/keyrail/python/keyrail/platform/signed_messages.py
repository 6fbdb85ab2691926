"""Messages signed with a shared secret: HMAC-SHA256 in hex, each kind under a name of its own.

The header is `t=<epoch s>,v1=<signature>`, the signature over `<name>.<t>.` and the raw body. With the name in it no
message stands in for one of another kind.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

from keyrail.platform.errors import SignatureInvalid

TOLERANCE_S = 300

_HEADER = re.compile(r"t=([1-9][0-9]{0,11}),v1=([0-9a-f]{64})")


def signed_header(secret: str, name: str, at_s: int, raw: bytes) -> str:
    return f"t={at_s},v1={signature(secret, f'{name}.{at_s}.'.encode() + raw)}"


def verify(header: str, secrets: Iterable[str], name: str, raw: bytes, now_ms: int) -> None:
    """Raises SignatureInvalid, also for what is older or younger than TOLERANCE_S."""
    match = _HEADER.fullmatch(header)
    if match is None or abs(now_ms - int(match[1]) * 1000) > TOLERANCE_S * 1000:
        raise SignatureInvalid
    check(secrets, f"{name}.{match[1]}.".encode() + raw, match[2])


def check(secrets: Iterable[str], signed: bytes, claimed: str) -> None:
    """Raises SignatureInvalid unless one of `secrets` made it."""
    ours = claimed.encode()
    if not any([hmac.compare_digest(signature(secret, signed).encode(), ours) for secret in secrets]):  # noqa: C419 - compare all
        raise SignatureInvalid


def signature(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
