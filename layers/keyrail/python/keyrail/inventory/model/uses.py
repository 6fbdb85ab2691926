"""The account of uses that a key keeps while we redeem it ourselves.

A use is an entry that is never changed: what is given back is a further entry with what it spends below zero. So what
was left after any entry can be told at any time, and the same call gets the same answer however late it comes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from keyrail.platform.ids import derived_id

MAX_ENTRIES = 400  # uses, parts of a value and reversals of one key; an item holds 400 KB
USE_ID_CHARACTERS = 16  # 80 bits, among at most MAX_ENTRIES


@dataclass(frozen=True, kw_only=True)
class Use:
    """`name` is what its caller `by` called it. `spent` counts uses (1) or minor units of the key's value."""

    name: str
    by: str
    at_ms: int
    spent: int
    place: str | None = None


def use_id(by: str, name: str) -> str:
    """Short for the caller's name of a use; different callers' names never meet."""
    return derived_id("use", by, name)[-USE_ID_CHARACTERS:]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A time, and what calendar and clock show where the business is: an ISO date, ISO weekdays, minute of the day."""

    now_ms: int
    date: str
    weekday: int
    weekday_before: int
    minute: int


def moment(now_ms: int, zone: tzinfo) -> Moment:
    shown = datetime.fromtimestamp(now_ms // 1000, zone)
    return Moment(
        now_ms=now_ms,
        date=shown.date().isoformat(),
        weekday=shown.isoweekday(),
        weekday_before=(shown.date() - timedelta(days=1)).isoweekday(),
        minute=shown.hour * 60 + shown.minute,
    )
