"""Fingerprints: HMAC-SHA256 of issuer and normalised code, under a key that KMS wraps.

Without that key, knowing the format of a PIN and having the whole table gives nothing back (promise I8).
"""

import hashlib
import hmac

from keyrail.platform.ids import CROCKFORD
from keyrail.vault.codes import OWN_ISSUER, folded
from keyrail.vault.model import normalised
from keyrail.vault.providers import KeyWrapper

FINGERPRINT_CONTEXT = {"purpose": "fingerprint"}
FINGERPRINT_CHARACTERS = 26  # 130 bits


class Fingerprints:
    """Names codes without knowing them: the name is the primary key, so that no code can be stored twice."""

    def __init__(self, wrapper: KeyWrapper, version: int, wrapped: bytes) -> None:
        self._version = version
        self._key = wrapper.unwrap(wrapped, FINGERPRINT_CONTEXT)

    def key_id(self, issuer: str, code: str, *, case_sensitive: bool) -> str:
        """`key_` + two digits of the fingerprint key's version + 26 characters.

        `case_sensitive` is a rule of the issuer and the same for ever (`catalog.model.Issuer`). In codes of our own,
        letters that are taken for digits are those digits.
        """
        own = issuer == OWN_ISSUER
        spelled = normalised(folded(code) if own else code, case_sensitive=case_sensitive and not own)
        message = f"{issuer}\n{spelled}".encode()
        value = int.from_bytes(hmac.digest(self._key, message, hashlib.sha256), "big")
        body = "".join(CROCKFORD[(value >> (5 * i)) & 31] for i in range(FINGERPRINT_CHARACTERS))
        return f"key_{self._version:02d}{body}"

    def file_key(self, name: str) -> bytes:
        """256 bits for the file of that name: whoever may name codes may open it. No issuer's name begins like this."""
        return hmac.digest(self._key, b"\0file\n" + name.encode(), hashlib.sha256)
