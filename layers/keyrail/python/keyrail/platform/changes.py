"""Who changed what, when and from where (promise I10), and the events that follow from a change.

Every stored item is `Versioned`. Its table's stream carries the old and the new image to the event relay, which asks
the owning context's pure `events_between(old, new)` what happened. So there is no event without its change.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Origin:
    """Who acts (`buyer`, `operator:alice`, `provider:epay/main`, `system:key_import`) and from where (an address)."""

    by: str
    address: str
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Versioned:
    """`version` is a counter, never a clock; an item's key and version name each of its changes for ever."""

    version: int = 1
    changed_by: str
    changed_from: str
    changed_at_ms: int
    changed_reason: str | None = None


def stamp(origin: Origin, now_ms: int, version: int = 1) -> dict[str, Any]:
    """The five fields of `Versioned` for a change by `origin`, for a constructor or `dataclasses.replace`."""
    return {
        "version": version,
        "changed_by": origin.by,
        "changed_from": origin.address,
        "changed_at_ms": now_ms,
        "changed_reason": origin.reason,
    }


@dataclass(frozen=True)
class Event:
    """`name` is `<what>.<happened>`; `data` is thin: ids, states and amounts, never a secret and no contact."""

    name: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)
