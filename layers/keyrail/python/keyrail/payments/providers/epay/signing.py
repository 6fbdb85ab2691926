"""How messages are signed: one text for both versions, MD5 with a shared key in the first, RSA in the second.

The text is the non-empty parameters except `sign` and `sign_type`, sorted by name and joined as `a=b&c=d`, their
values not URL-encoded. MD5 is the first version's choice, not ours.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

UNSIGNED = frozenset({"sign", "sign_type"})
MIN_KEY_BITS = 2048
MAX_PLATFORM_KEY_BITS = 3072  # its signature is as long as a value of a callback may be


class Signing(Protocol):
    sign_type: str

    def sign(self, parameters: Mapping[str, str]) -> str: ...

    def verifies(self, parameters: Mapping[str, str], signature: str) -> bool: ...


def signed_text(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{n}={v}" for n, v in sorted(parameters.items()) if v and n not in UNSIGNED)


@dataclass(frozen=True)
class Md5Signing:
    """Lower-case hex MD5 of the text with the merchant's key behind it; `joint` stands between the two."""

    key: str = field(repr=False)
    joint: str

    sign_type = "MD5"

    def sign(self, parameters: Mapping[str, str]) -> str:
        keyed = signed_text(parameters) + self.joint + self.key
        return hashlib.md5(keyed.encode(), usedforsecurity=False).hexdigest()

    def verifies(self, parameters: Mapping[str, str], signature: str) -> bool:
        return hmac.compare_digest(self.sign(parameters).encode(), signature.encode())


@dataclass(frozen=True)
class RsaSigning:
    """SHA256WithRSA (PKCS #1 v1.5), in base64: ours with the merchant's key, theirs by any of the platform's."""

    merchant_key: "RSAPrivateKey" = field(repr=False)
    platform_keys: "tuple[RSAPublicKey, ...]" = field(repr=False)

    sign_type = "RSA"

    def sign(self, parameters: Mapping[str, str]) -> str:
        from keyrail.payments.providers.rsa import sign

        return sign(self.merchant_key, signed_text(parameters).encode())

    def verifies(self, parameters: Mapping[str, str], signature: str) -> bool:
        from keyrail.payments.providers.rsa import is_signed

        return is_signed(self.platform_keys, signed_text(parameters).encode(), signature)


def private_key_of(text: str) -> "RSAPrivateKey":
    """From PEM, or the bare base64 that gateways show. Raises ValueError, which never quotes it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    try:
        key = load_pem_private_key(text.encode(), None) if _is_pem(text) else load_der_private_key(_der(text), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("no private key") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError("no RSA key of at least 2048 bits")
    return key


def public_key_of(text: str) -> "RSAPublicKey":
    """As `private_key_of` reads it. Raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

    try:
        key = load_pem_public_key(text.encode()) if _is_pem(text) else load_der_public_key(_der(text))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("no public key") from None
    if not isinstance(key, RSAPublicKey) or not MIN_KEY_BITS <= key.key_size <= MAX_PLATFORM_KEY_BITS:
        raise ValueError("no RSA key of a usable size")
    return key


def _is_pem(text: str) -> bool:
    return "-----BEGIN" in text


def _der(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)
