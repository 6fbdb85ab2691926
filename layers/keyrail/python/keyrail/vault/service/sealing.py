"""Sealing and opening secrets (promise I8).

AES-256-GCM with a fresh 96-bit nonce for each secret; the data key is its batch's own, wrapped by KMS with the batch
and SKU as encryption context.
"""

import json
import os
from collections import OrderedDict
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keyrail.platform.clock import NowMs
from keyrail.vault.model import Place, Secret, SecretUnreadable
from keyrail.vault.providers import KeyWrapper

NONCE_BYTES = 12
MAX_CACHED_KEYS = 64
MAX_USES_OF_CACHED_KEY = 1000
MAX_AGE_OF_CACHED_KEY_MS = 5 * 60 * 1000


@dataclass(frozen=True)
class BatchKey:
    """A data key while its batch is being written: `plain` never leaves the process, `wrapped` goes to the batch."""

    plain: bytes = field(repr=False)
    wrapped: bytes


@dataclass
class _Cached:
    cipher: AESGCM
    since_ms: int
    uses: int = 0


def new_batch_key(wrapper: KeyWrapper, batch_id: str, sku_id: str) -> BatchKey:
    """One KMS call. Raises Unavailable."""
    return BatchKey(*wrapper.generate(Place("", batch_id, sku_id).context()))


def seal(key: BatchKey, place: Place, secret: Secret) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    plain = json.dumps([secret.code, secret.password], ensure_ascii=False, separators=(",", ":")).encode()
    return nonce + AESGCM(key.plain).encrypt(nonce, plain, place.aad())


class Opener:
    """Opens sealed secrets, with unwrapped data keys kept for a while: bounded by count, uses and minutes."""

    def __init__(self, wrapper: KeyWrapper, now_ms: NowMs) -> None:
        self._wrapper = wrapper
        self._now_ms = now_ms
        self._cached: OrderedDict[bytes, _Cached] = OrderedDict()

    def open(self, wrapped: bytes, place: Place, sealed: bytes) -> Secret:
        """Raises SecretUnreadable, Unavailable."""
        cipher = self._cipher(wrapped, place)
        try:
            plain = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.aad())
        except (InvalidTag, ValueError):
            raise SecretUnreadable from None
        code, password = json.loads(plain)
        return Secret(code, password)

    def _cipher(self, wrapped: bytes, place: Place) -> AESGCM:
        now = self._now_ms()
        cached = self._cached.get(wrapped)
        stale = cached is None or cached.uses >= MAX_USES_OF_CACHED_KEY
        if cached is None or stale or now - cached.since_ms > MAX_AGE_OF_CACHED_KEY_MS:
            cached = _Cached(AESGCM(self._wrapper.unwrap(wrapped, place.context())), now)
            self._cached[wrapped] = cached
            while len(self._cached) > MAX_CACHED_KEYS:
                self._cached.popitem(last=False)
        cached.uses += 1
        return cached.cipher
