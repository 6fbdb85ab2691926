"""RSA2: RSASSA-PKCS1-v1_5 with SHA-256, over parameters sorted by name and joined as `a=b&c=d`, in Base64.

Sources: opendocs.alipay.com/common/02kf5q (signing and verifying), /common/02kipl (keys).
"""

import base64
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

SIGN_TYPE = "RSA2"
MIN_KEY_BITS = 2048
MAX_KEY_BITS = 4096
MAX_KEY_LENGTH = 8192


def private_key_of(text: str) -> RSAPrivateKey:
    """As Alipay's key tool writes it, PKCS#8 or PKCS#1, with PEM's first and last lines or without.

    Raises ValueError.
    """
    try:
        key = load_der_private_key(_der_of(text), password=None)
    except (TypeError, UnsupportedAlgorithm):
        raise ValueError("not a key, or one behind a password") from None
    if not isinstance(key, RSAPrivateKey) or not MIN_KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        raise ValueError("no RSA key of a usable size")
    return key


def public_key_of(text: str) -> RSAPublicKey:
    """As Alipay's console shows it, with PEM's first and last lines or without. Raises ValueError."""
    try:
        key = load_der_public_key(_der_of(text))
    except UnsupportedAlgorithm:
        raise ValueError("not a key") from None
    if not isinstance(key, RSAPublicKey) or not MIN_KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        raise ValueError("no RSA key of a usable size")
    return key


def joined(parameters: Mapping[str, str]) -> str:
    """What is signed of `parameters`: those that are not empty, not URL-encoded."""
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if value)


def _der_of(text: str) -> bytes:
    """Raises ValueError."""
    if len(text) > MAX_KEY_LENGTH:
        raise ValueError("no key")
    lines = [line.strip() for line in text.split("\n")]
    return base64.b64decode("".join(line for line in lines if not line.startswith("-----")), validate=True)
