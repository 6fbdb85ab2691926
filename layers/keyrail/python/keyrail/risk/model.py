"""Guessing codes: how much failing is ordinary, and who has to wait after more of it.

Failed attempts count by who makes them (the credential of a signed call, else the address) and by the prefix of the
code that was tried, over a window of time. Whoever passes a limit is listed as blocked for a while; the list is one
short item, so that it is read in passing and looked at before any table is.

A code with a wrong check symbol is a slip of the hand: it cannot be a hit, so it weighs little. One that could have
been a hit and is none was guessed, or typed wrongly where no check symbol tells. So a clumsy shop goes on working, and
a guesser gets a handful of tries.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from keyrail.platform.errors import TooMany

WINDOW_MS = 10 * 60_000
BLOCK_MS = 15 * 60_000
COUNTER_OUTLIVES_WINDOW_MS = 10 * 60_000
MAX_BLOCKED = 200  # names on the list; about 60 bytes each
_IPV6_NETWORK_BITS = 64  # what one customer of a network has is one caller


class Weight:
    """What one failed attempt counts."""

    MISTYPED = 1
    UNKNOWN_WITHOUT_CHECK_SYMBOL = 5
    UNKNOWN = 10


class Dimension(StrEnum):
    CREDENTIAL = "credential"
    ADDRESS = "address"
    PREFIX = "prefix"


LIMITS = {Dimension.CREDENTIAL: 500, Dimension.ADDRESS: 100, Dimension.PREFIX: 2_000}
"""Weights within a window. A shop behind one credential has many hands; a prefix is tried from many addresses."""


class TooManyAttempts(TooMany):
    code = "too_many_attempts"
    title = "Too many wrong codes; please wait before you try again."
    title_zh = "错误的兑换码尝试过多，请稍后再试。"


@dataclass(frozen=True)
class Counted:
    """One of those that a failed attempt counts for."""

    dimension: Dimension
    name: str

    @property
    def listed_as(self) -> str:
        return f"{self.dimension}:{self.name}"

    def counter(self, now_ms: int) -> str:
        return f"guesses#{self.listed_as}#{now_ms // WINDOW_MS}"

    def is_over(self, weight: int) -> bool:
        return weight >= LIMITS[self.dimension]


def by_address(address: str) -> Counted:
    """Of IPv6 the network counts, since a caller has all of its addresses."""
    import ipaddress  # not paid for by those who sign

    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return Counted(Dimension.ADDRESS, address[:64])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        network = ipaddress.ip_network((int(parsed), _IPV6_NETWORK_BITS), strict=False)
        return Counted(Dimension.ADDRESS, str(network))
    return Counted(Dimension.ADDRESS, str(getattr(parsed, "ipv4_mapped", None) or parsed))


def counter_ends_ms(now_ms: int) -> int:
    """When nobody looks at the counter of this window any more."""
    return (now_ms // WINDOW_MS + 1) * WINDOW_MS + COUNTER_OUTLIVES_WINDOW_MS


@dataclass(frozen=True)
class Blocked:
    """Who has to wait, by name, until when. `version` 0: nobody was ever listed."""

    until_ms: dict[str, int] = field(default_factory=dict)
    version: int = 0

    def wait_ms(self, counted: Iterable[Counted], now_ms: int) -> int:
        """How long the longest of them still waits; 0 if none is listed."""
        return max(0, *(self.until_ms.get(one.listed_as, now_ms) - now_ms for one in counted), 0)

    def with_(self, counted: Iterable[Counted], now_ms: int) -> "Blocked":
        """The next version: these added, whose time is over left out; over MAX_BLOCKED the soonest to end go first."""
        added = dict.fromkeys((one.listed_as for one in counted), now_ms + BLOCK_MS)
        standing = {name: until_ms for name, until_ms in self.until_ms.items() if until_ms > now_ms}
        longest = sorted((standing | added).items(), key=lambda entry: entry[1], reverse=True)[:MAX_BLOCKED]
        return Blocked(dict(longest), self.version + 1)
