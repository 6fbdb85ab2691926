"""Identifiers: ULIDs with a type prefix, and ids derived from what a caller named (STYLE rule 5).

A derived id makes "does not exist yet" the idempotency check: the same name leads to the same primary key.
"""

import hashlib
import secrets

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BODY_LENGTH = 26
_BODY_BITS = 128


def _body(value: int) -> str:
    return "".join(CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def new_id(prefix: str, now_ms: int) -> str:
    """`<prefix>_<ULID>`: sorts by time, 80 bits of chance."""
    return f"{prefix}_{_body((now_ms << 80) | secrets.randbits(80))}"


def derived_id(prefix: str, *names: str) -> str:
    """`<prefix>_<26 characters>` that depends on nothing but `names`, in order."""
    digest = hashlib.sha256()
    for name in names:
        raw = name.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return f"{prefix}_{_body(int.from_bytes(digest.digest()[: _BODY_BITS // 8], 'big'))}"


def random_suffix() -> str:
    """Ten characters, 50 bits: spreads sort keys, guards nothing."""
    return _body(secrets.randbits(50))[-10:]


def body_of(identifier: str, prefix: str) -> str | None:
    """The 26 characters behind `prefix`, or None where `identifier` is not of that form."""
    head, _, body = identifier.partition("_")
    if head != prefix or len(body) < BODY_LENGTH or any(c not in CROCKFORD for c in body):
        return None
    return body[:BODY_LENGTH]


def shard_of(identifier: str, shards: int) -> int:
    """The same shard for the same id, on every machine."""
    return int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:4], "big") % shards
