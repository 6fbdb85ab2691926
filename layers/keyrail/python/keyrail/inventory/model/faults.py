"""Bad keys: when another one may stand in for a key, and what its source owes us for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from keyrail.inventory.model.keys import Fault, Key, KeyFrozen, KeyRedeemed, KeyState, NotSold
from keyrail.inventory.model.redeeming import first_use
from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.errors import NotFound
from keyrail.platform.money import Money

MAX_SKUS = 1_000  # at most 64 bytes each


class SourceNotFound(NotFound):
    code = "source_not_found"
    title = "There is no such source of keys."
    title_zh = "供货来源不存在。"


@dataclass(frozen=True, kw_only=True)
class Source(Versioned):
    """Who we have keys from, by the name that batches carry.

    `charged_back` keys were bad and were charged to the source, each once. `charged_money` is what they had cost us,
    one amount a currency; a key of a batch without a known cost counts among the keys and adds nothing here. `sku_ids`
    are what it ever supplied, at most MAX_SKUS of them.
    """

    name: str
    sku_ids: tuple[str, ...] = ()
    charged_back: int = 0
    charged_money: tuple[Money, ...] = ()


def check_replaceable(key: Key) -> None:
    """Raises NotSold, KeyFrozen, KeyRedeemed.

    A key that died with its batch may be replaced: its buyer has nothing. What we redeemed ourselves was good, whoever
    says otherwise: the way back is to reverse the redemption. A frozen key waits for what comes of the freeze.
    """
    if key.sold_at_ms is None or key.order_id is None or key.unit_id is None:
        raise NotSold
    if key.state is KeyState.FROZEN or key.held_for is not None:
        raise KeyFrozen
    if key.state is KeyState.REDEEMED or first_use(key) is not None:
        raise KeyRedeemed


def retire(key: Key, by: str, fault: Fault, origin: Origin, now_ms: int, *, charge_back: bool) -> Key:
    """The bad key once `by` stands in for it: void for good. Raises as `check_replaceable`."""
    check_replaceable(key)
    if key.replaced_by is not None:
        raise ValueError("a key is replaced once")
    return replace(
        key,
        state=KeyState.VOID,
        fault=fault,
        replaced_by=by,
        charged_back_at_ms=now_ms if charge_back and key.charged_back_at_ms is None else key.charged_back_at_ms,
        **stamp(origin, now_ms, key.version + 1),
    )


def charge_back(key: Key, origin: Origin, now_ms: int) -> Key:
    """The bad key once its source owes us for it."""
    if key.state is not KeyState.VOID or key.charged_back_at_ms is not None:
        raise ValueError("a void key is charged back once")
    return replace(key, charged_back_at_ms=now_ms, **stamp(origin, now_ms, key.version + 1))


def source_events_between(old: Source | None, new: Source | None) -> list[Event]:
    if new is None:
        return []
    data: dict[str, Any] = {"name": new.name, "sku_ids": list(new.sku_ids)}
    happened = "created" if old is None else "changed"
    if old is not None and old.charged_back != new.charged_back:
        happened = "charged_back"
        money = [amount.plain() for amount in new.charged_money]
        data = {"name": new.name, "charged_back": new.charged_back, "charged_money": money}
    return [Event(f"source.{happened}", f"source:{new.name}", data)]


def new_source(name: str, sku_id: str, origin: Origin, now_ms: int) -> Source:
    return Source(name=name, sku_ids=(sku_id,), **stamp(origin, now_ms))


def supplying(source: Source, sku_id: str, origin: Origin, now_ms: int) -> Source:
    """The very source if that is known of it, or if it supplies more than can be listed."""
    if sku_id in source.sku_ids or len(source.sku_ids) >= MAX_SKUS:
        return source
    return replace(source, sku_ids=(*source.sku_ids, sku_id), **stamp(origin, now_ms, source.version + 1))


def charge(source: Source, cost: Money | None, origin: Origin, now_ms: int) -> Source:
    """One key more, and what it had cost us."""
    money = _added(source.charged_money, cost) if cost else source.charged_money
    counted = source.charged_back + 1
    return replace(source, charged_back=counted, charged_money=money, **stamp(origin, now_ms, source.version + 1))


def _added(amounts: Sequence[Money], cost: Money) -> tuple[Money, ...]:
    sums = {amount.currency: amount for amount in amounts}
    sums[cost.currency] = sums[cost.currency] + cost if cost.currency in sums else cost
    return tuple(sums[currency] for currency in sorted(sums))
