"""Files of our own with secrets in them, sealed for their one name: a bucket, or a copy of it, gives nothing back.

AES-256-GCM with a fresh 96-bit nonce; the key is derived from the fingerprint key and the name of the file's subject,
so that whoever imports can seal, and the operators' desk can open, without a right to unwrap what the vault wrapped.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keyrail.vault.model import SecretUnreadable

NONCE_BYTES = 12


def seal_file(key: bytes, name: str, content: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, name.encode())


def open_file(key: bytes, name: str, sealed: bytes) -> bytes:
    """Raises SecretUnreadable for what was sealed under another key or name, or was changed."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError):
        raise SecretUnreadable from None
