"""RSASSA-PKCS1-v1_5 with SHA-256, in Base64: how every provider signs that signs with RSA."""

import base64
import binascii
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

MAX_SIGNATURE_LENGTH = 1024


def sign(key: RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def is_signed(keys: Iterable[RSAPublicKey], message: bytes, signature: str) -> bool:
    """Whether any of `keys` made `signature`. A signature has one spelling here: unused bits of Base64 must be zero."""
    raw = _exact_base64(signature)
    return raw is not None and any(_made_by(key, raw, message) for key in keys)


def _exact_base64(text: str) -> bytes | None:
    if len(text) > MAX_SIGNATURE_LENGTH:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None


def _made_by(key: RSAPublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
