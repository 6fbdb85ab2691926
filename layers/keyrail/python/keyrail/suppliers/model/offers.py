"""What suppliers sell us, and whether what we have with them will do. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.money import Money

MAX_OFFERS = 20_000  # of one supplier; whether there are those that come behind them nobody knows
MAX_ITEM_LENGTH = 128
MAX_NAME_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class KnownOffer:
    """An item of a supplier's catalogue as it was when it changed last. `stock` None: they do not say."""

    item: str
    name: str
    price: Money
    on_sale: bool
    stock: int | None = None
    changed_at_ms: int

    @property
    def can_be_had(self) -> bool:
        """Nobody sells for nothing: a price of nothing is one that is not there yet, or a slip."""
        return self.on_sale and self.stock != 0 and self.price.amount_minor > 0


@dataclass(frozen=True, kw_only=True)
class Watch(Versioned):
    """How it went when the supplier was asked last, and below which `threshold` our balance there is `low`.

    `revision` counts the writes; `version` only what is told: a threshold, and that the balance crossed it.
    `unreached` is how often in a row the supplier could not be asked; then what was known before stays.
    """

    supplier: str
    revision: int = 0
    threshold: Money | None = None
    low: bool = False
    balance: Money | None = None
    synced_at_ms: int | None = None
    offers: int | None = None
    unreached: int = 0
    unreached_at_ms: int | None = None


def new_watch(supplier: str, origin: Origin, now_ms: int) -> Watch:
    """Of a supplier that nothing was told about yet."""
    return Watch(supplier=supplier, **stamp(origin, now_ms, version=0))


def watched(watch: Watch, threshold: Money | None, origin: Origin, now_ms: int) -> Watch:
    changed = replace(watch, threshold=threshold, **stamp(origin, now_ms, watch.version + 1))
    return replace(changed, low=_is_low(changed), revision=watch.revision + 1)


def looked_at(watch: Watch, balance: Money | None, offers: int | None, origin: Origin, now_ms: int) -> Watch:
    """With the balance as it is known now (None: as before) and how many offers there are (None: nobody knows)."""
    changed = replace(watch, balance=balance or watch.balance, revision=watch.revision + 1)
    if offers is None:
        changed = replace(changed, unreached=watch.unreached + 1, unreached_at_ms=now_ms)
    else:
        changed = replace(changed, synced_at_ms=now_ms, offers=offers, unreached=0, unreached_at_ms=None)
    low = _is_low(changed)
    return changed if low is watch.low else replace(changed, low=low, **stamp(origin, now_ms, watch.version + 1))


def _is_low(watch: Watch) -> bool:
    """In another currency it is no balance that the threshold is about, and so it is none that would do."""
    if watch.threshold is None or watch.balance is None:
        return False
    if watch.balance.currency != watch.threshold.currency:
        return True
    return watch.balance.amount_minor < watch.threshold.amount_minor


def watch_events_between(old: Watch | None, new: Watch | None) -> list[Event]:
    """What is counted under one version is nobody's event."""
    if new is None or new.version == (old.version if old else 0):
        return []
    was_low = old is not None and old.low
    happened = "watched"
    if new.low is not was_low:
        happened = "low" if new.low else "recovered"
    data: dict[str, object] = {"supplier": new.supplier}
    if new.balance is not None:
        data["balance"] = new.balance.plain()
    if new.threshold is not None:
        data["threshold"] = new.threshold.plain()
    return [Event(f"balance.{happened}", f"balance:{new.supplier}", data)]


def changes(known: Mapping[str, KnownOffer], told: Iterable[KnownOffer], *, whole: bool = True) -> list[KnownOffer]:
    """What of a catalogue is otherwise than it was known; what a `whole` one has no more is not on sale."""
    now = {each.item: each for each in told}
    changed = [each for item, each in now.items() if not _is_same(known.get(item), each)]
    at_ms = max((each.changed_at_ms for each in now.values()), default=None)
    if at_ms is None or not whole:
        return changed
    gone = (each for item, each in known.items() if item not in now and each.on_sale)
    return [*changed, *(replace(each, on_sale=False, stock=None, changed_at_ms=at_ms) for each in gone)]


def _is_same(known: KnownOffer | None, told: KnownOffer) -> bool:
    return known is not None and replace(known, changed_at_ms=told.changed_at_ms) == told
