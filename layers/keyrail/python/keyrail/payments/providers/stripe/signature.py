"""The `Stripe-Signature` header: HMAC-SHA256 over the time and the raw body.

Source: docs.stripe.com/webhooks/signature. While an endpoint's secret is rolled, Stripe signs with each that is valid.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

from keyrail.platform.errors import SignatureInvalid

SIGNATURE_TOLERANCE_S = 300
MAX_SIGNATURE_HEADER_LENGTH = 2048

_SIGNED_AT = re.compile(r"[1-9][0-9]{0,11}")


def verify(header: str, raw_body: bytes, secrets: Iterable[str], now_ms: int) -> None:
    """Stripe signs each delivery anew, so an old time stamp is a replay; one from the future is refused as well.

    Raises SignatureInvalid unless one of the signatures was made with one of the secrets.
    """
    signed_at, signatures = _parse_header(header)
    if abs(now_ms - int(signed_at) * 1000) > SIGNATURE_TOLERANCE_S * 1000:
        raise SignatureInvalid
    signed = signed_at.encode() + b"." + raw_body
    expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in signatures]
    if not any(matches):
        raise SignatureInvalid


def _parse_header(header: str) -> tuple[str, list[str]]:
    """`t=1492774577,v1=5257a8…,v1=…,v0=…` → the time as it was signed, and each `v1`. Raises SignatureInvalid."""
    if len(header) > MAX_SIGNATURE_HEADER_LENGTH or not header.isascii():
        raise SignatureInvalid
    times: list[str] = []
    signatures: list[str] = []
    for element in header.split(","):
        name, equals, value = element.partition("=")
        if not equals:
            raise SignatureInvalid
        if name == "t":
            times.append(value)
        elif name == "v1":
            signatures.append(value)
    if len(times) != 1 or not _SIGNED_AT.fullmatch(times[0]) or not signatures:
        raise SignatureInvalid
    return times[0], signatures
