"""Goods that are taken back because their price goes back: what a sold key is then, and when it may be. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from keyrail.inventory.model.keys import Key, KeyRedeemed, KeyState, NotSold
from keyrail.inventory.model.redeeming import first_use
from keyrail.platform.changes import Origin, stamp


@dataclass(frozen=True)
class Condition:
    """Of keys in their buyer's hands: how many were looked at, and how many were used."""

    seen: int
    used: int


def condition_of(keys: Iterable[Key]) -> Condition:
    known = list(keys)
    return Condition(sum(key.revealed_at_ms is not None for key in known), sum(map(is_used, known)))


def is_used(key: Key) -> bool:
    """Of which our own books show a use."""
    return key.state is KeyState.REDEEMED or first_use(key) is not None


def withdraw(
    key: Key,
    refund_id: str,
    origin: Origin,
    now_ms: int,
    *,
    flags_seen: bool,
    even_if_used: bool = False,
    unit_id: str | None = None,
) -> Key:
    """The key once its price goes back: void, wherever it stood; flagged if its buyer has seen it and `flags_seen`.

    It is of `unit_id` then, where it was parted from others of its unit. Raises NotSold for one that no unit has, or
    had before it was replaced or taken back, and KeyRedeemed.
    """
    if key.sold_at_ms is None or key.replaced_by is not None or key.refund_id is not None:
        raise NotSold
    if is_used(key) and not even_if_used:
        raise KeyRedeemed
    return replace(
        key,
        state=KeyState.VOID,
        state_before=None,
        held_for=None,
        refund_id=refund_id,
        unit_id=unit_id or key.unit_id,
        flagged_at_ms=now_ms if flags_seen and key.revealed_at_ms is not None else None,
        **stamp(origin, now_ms, key.version + 1),
    )
