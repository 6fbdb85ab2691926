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

    def is_stale(self, now_ms: int) -> bool:
        return self.uses >= MAX_USES_OF_CACHED_KEY or now_ms - self.since_ms > MAX_AGE_OF_CACHED_KEY_MS


def new_batch_key(wrapper: KeyWrapper, batch_id: str, sku_id: str) -> BatchKey:
    """One KMS call. Raises Unavailable."""
    return BatchKey(*wrapper.generate(Place("", batch_id, sku_id).context()))


def seal(key: BatchKey, place: Place, secret: Secret) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    plain = json.dumps([secret.code, secret.password], ensure_ascii=False, separators=(",", ":")).encode()
    return nonce + AESGCM(key.plain).encrypt(nonce, plain, place.aad())


class Opener:
    """Opens sealed secrets, with unwrapped data keys kept for a while: bounded by count, uses and minutes.

    Every call first forgets all that are stale, its own or not: none outlives its minutes by more than the pause
    until the next call.
    """

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
        now_ms = self._now_ms()
        for stale in [name for name, held in self._cached.items() if held.is_stale(now_ms)]:
            del self._cached[stale]
        cached = self._cached.get(wrapped)
        if cached is None:
            cached = _Cached(AESGCM(self._wrapper.unwrap(wrapped, place.context())), now_ms)
            self._cached[wrapped] = cached
            while len(self._cached) > MAX_CACHED_KEYS:
                self._cached.popitem(last=False)
        cached.uses += 1
        return cached.cipher
