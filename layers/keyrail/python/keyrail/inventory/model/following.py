"""How a key follows the commands on its batch: frozen, unfrozen, void, closed, extended. Pure.

Each command counts the batch's `generation` up, and each key notes in `follows` which one it follows. That number only
grows: a key that has the last one needs no second look, and whoever still works for an earlier command writes to a
version of the key that is gone.
"""

from dataclasses import replace

from keyrail.inventory.model.batches import Batch, Standing
from keyrail.inventory.model.keys import AVAILABLE_FROM_S, Key, KeyState, claim_order, left_pool
from keyrail.platform.clock import utc_date

_NEVER_AGAIN = {KeyState.VOID, KeyState.REDEEMED}
_UNSOLD = {KeyState.AVAILABLE, KeyState.LEASED, KeyState.EXPIRED}
_CLAIMABLE = {KeyState.AVAILABLE, KeyState.LEASED}


def follow(batch: Batch, key: Key, now_ms: int) -> Key:
    """The key as its batch says now; the very key if it follows already."""
    if key.follows >= batch.generation:
        return key
    following = replace(key, follows=batch.generation)
    if key.state in _NEVER_AGAIN:
        return following
    if batch.extended_to is not None:
        following = _extended(following, batch.extended_to, batch.extended_to_ms or 0, now_ms)
    match batch.standing:
        case Standing.FROZEN:
            return _frozen(following, now_ms)
        case Standing.OPEN:
            return _unfrozen(following, now_ms)
        case Standing.CLOSED:
            return _void(following, now_ms) if _is_for_sale(following) else _unfrozen(following, now_ms)
        case Standing.VOID:
            return _void(following, now_ms)


def calls_for_followers(old: Batch | None, new: Batch) -> bool:
    """Whether this change of a batch is one after which its keys have to be looked through."""
    if new.generation == new.followed:
        return False
    return old is None or new.generation != old.generation or (new.is_settled and not old.is_settled)


def _is_for_sale(key: Key) -> bool:
    """Unsold. Of a key for print nobody knows: it may have gone over any counter. A used one is in somebody's hands."""
    return (key.state_before or key.state) in _UNSOLD and key.claim_partition is not None and not key.uses


def _frozen(key: Key, now_ms: int) -> Key:
    if key.state is KeyState.FROZEN:
        return key
    return replace(_out_of_pool(key, now_ms), state=KeyState.FROZEN, state_before=key.state)


def _unfrozen(key: Key, now_ms: int) -> Key:
    """What it was. A lease has lapsed meanwhile: its order may still buy the key if nobody else took it."""
    if key.state is not KeyState.FROZEN or key.state_before is None:
        return key
    moving = replace(key, state=key.state_before, state_before=None)
    if moving.state not in _CLAIMABLE:
        return moving
    return _into_pool(moving, now_ms // 1000 if moving.state is KeyState.LEASED else AVAILABLE_FROM_S)


def _void(key: Key, now_ms: int) -> Key:
    return replace(_out_of_pool(key, now_ms), state=KeyState.VOID, state_before=None)


def _extended(key: Key, to: str, over_ms: int, now_ms: int) -> Key:
    """A later last day; what expired before it is available again."""
    terms = key.terms
    if terms and terms.valid_to_ms is not None:
        terms = replace(terms, valid_to_ms=max(terms.valid_to_ms, over_ms))
    if key.expires_on is None or key.expires_on >= to:
        return replace(key, terms=terms)
    extended = replace(key, expires_on=to, terms=terms)
    if to < utc_date(now_ms):
        return extended
    if key.state_before is KeyState.EXPIRED:
        return replace(extended, state_before=KeyState.AVAILABLE, order_id=None)
    if key.state is KeyState.EXPIRED:
        return _into_pool(replace(extended, state=KeyState.AVAILABLE, order_id=None), AVAILABLE_FROM_S)
    return extended


def _into_pool(key: Key, claimable_from_s: int) -> Key:
    """Unless it never was in it, a key for print, or somebody out there has used it without buying it."""
    if key.claim_partition is None or key.uses:
        return key
    return replace(key, claim_order=claim_order(claimable_from_s, key.label), left_pool=None)


def _out_of_pool(key: Key, now_ms: int) -> Key:
    return replace(key, claim_order=None, left_pool=key.left_pool or left_pool(now_ms))
