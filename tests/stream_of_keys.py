"""Changes of keys as the stream brings them: each with the key before and after it, and its record."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from keyrail.inventory.model.keys import Key, KeyState, events_between
from keyrail.inventory.model.moves import Moves, counted, total
from keyrail.inventory.service.counting import KeyChange
from keyrail.platform.audit import audit_record
from keyrail.platform.changes import Origin, stamp

SYSTEM = Origin("system:test", "test")
SKU = "game-100"
BATCH = "bat_" + "0" * 26
SOURCE = "ACME"
NOW_MS = 1_767_225_600_000  # the first moment of 2026


def new_key(number: int, sku_id: str = SKU, **said: Any) -> Key:
    fresh = Key(
        key_id=f"key_01{number:026d}",
        batch_id=BATCH,
        sku_id=sku_id,
        state=KeyState.AVAILABLE,
        sealed=b"sealed",
        data_key=0,
        mask="••••",
        line=number,
        claim_partition=f"{sku_id}#{BATCH}##0",
        claim_order="0000000000#A",
        **stamp(SYSTEM, NOW_MS),
    )
    return replace(fresh, **said)


def leased(key: Key) -> Key:
    return after(key, state=KeyState.LEASED, claim_order="1767225600#A")


def sold(key: Key, at_ms: int = NOW_MS) -> Key:
    return after(key, state=KeyState.SOLD, claim_order=None, left_pool=f"{at_ms:013d}", sold_at_ms=at_ms)


def looked_at(key: Key) -> Key:
    return after(key, revealed_at_ms=NOW_MS)


def after(key: Key, **said: Any) -> Key:
    """The key's next version, a second later."""
    return replace(key, **said, **stamp(SYSTEM, key.changed_at_ms + 1_000, key.version + 1))


def change(old: Key | None, new: Key) -> KeyChange:
    return KeyChange(audit_record(events_between(old, new), new), old, new)


def changes(*versions: Key) -> list[KeyChange]:
    """A key's life from its import on."""
    return [change(old, new) for old, new in zip([None, *versions], versions, strict=False)]


def stands(keys: Iterable[Key], source: str = SOURCE) -> Moves:
    """What these keys count for as they stand."""
    return total(counted(key, source) for key in keys)
