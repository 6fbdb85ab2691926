"""What changes of keys do to the figures of their SKU.

A change moves them by what the key counts for after it, less what it counted for before. So the figures depend on which
changes were counted, and not on their order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from keyrail.inventory.model.keys import Key, KeyState
from keyrail.platform.clock import utc_date

MAX_SOURCES = 50  # of one SKU; what comes from more is counted under OTHER_SOURCES
OTHER_SOURCES = "*"


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Numbers of keys. Each key is in exactly one of on_hand, unpooled, sold, frozen, void, expired and redeemed.

    `on_hand` may be claimed now or later (leased and held-back ones, too), `unpooled` never (for print). `issued` were
    ever sold, whatever became of them; `revealed` were looked at.
    """

    imported: int = 0
    on_hand: int = 0
    leased: int = 0
    unpooled: int = 0
    sold: int = 0
    frozen: int = 0
    void: int = 0
    expired: int = 0
    redeemed: int = 0
    issued: int = 0
    revealed: int = 0

    def plus(self, other: "Tally", times: int = 1) -> "Tally":
        names = (each.name for each in fields(self))
        return Tally(**{name: getattr(self, name) + times * getattr(other, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class OfSource:
    """Numbers of keys that came from one source; `flagged` were seen by buyers who have their money back."""

    imported: int = 0
    issued: int = 0
    flagged: int = 0

    def plus(self, other: "OfSource", times: int = 1) -> "OfSource":
        names = (each.name for each in fields(self))
        return OfSource(**{name: getattr(self, name) + times * getattr(other, name) for name in names})


@dataclass(frozen=True)
class Moves:
    """What some changes of keys do to the figures.

    `sales` are keys sold by UTC day, `last_days` keys on hand by their last day of use, where they have one.
    """

    tally: Tally = Tally()
    sales: Mapping[str, int] = field(default_factory=dict)
    last_days: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, OfSource] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self != Moves()

    def plus(self, other: "Moves", times: int = 1) -> "Moves":
        return Moves(
            self.tally.plus(other.tally, times),
            sums(self.sales, other.sales, times),
            sums(self.last_days, other.last_days, times),
            _of_sources(self.sources, other.sources, times),
        )


def sums(some: Mapping[str, int], more: Mapping[str, int], times: int = 1) -> dict[str, int]:
    """What adds up to nothing is left out."""
    added = {name: some.get(name, 0) + times * more.get(name, 0) for name in {*some, *more}}
    return {name: number for name, number in added.items() if number}


def _of_sources(some: Mapping[str, OfSource], more: Mapping[str, OfSource], times: int = 1) -> dict[str, OfSource]:
    nothing = OfSource()
    added = {name: some.get(name, nothing).plus(more.get(name, nothing), times) for name in {*some, *more}}
    return {name: of_source for name, of_source in added.items() if of_source != nothing}


_PLACE = {
    KeyState.SOLD: "sold",
    KeyState.FROZEN: "frozen",
    KeyState.VOID: "void",
    KeyState.EXPIRED: "expired",
    KeyState.REDEEMED: "redeemed",
}


def counted(key: Key | None, source: str) -> Moves:
    """What a key counts for as it stands; nothing before it was imported."""
    if key is None:
        return Moves()
    # Available and leased keys may be claimed, unless they were never in the pool.
    place = _PLACE.get(key.state) or ("unpooled" if key.claim_order is None else "on_hand")
    issued = 0 if key.sold_at_ms is None else 1
    flagged = 0 if key.flagged_at_ms is None else 1
    return Moves(
        Tally(
            imported=1,
            leased=int(key.state is KeyState.LEASED),
            issued=issued,
            revealed=int(key.revealed_at_ms is not None),
            **{place: 1},
        ),
        sales={} if key.sold_at_ms is None else {utc_date(key.sold_at_ms): 1},
        last_days={key.expires_on: 1} if place == "on_hand" and key.expires_on else {},
        sources={source: OfSource(imported=1, issued=issued, flagged=flagged)},
    )


def moves_between(old: Key | None, new: Key, source: str) -> Moves:
    return counted(new, source).plus(counted(old, source), -1)


def total(moves: Iterable[Moves]) -> Moves:
    """Of many moves at once."""
    whole = Moves()
    for each in moves:
        whole = whole.plus(each)
    return whole
