"""The one clock port. Times are UTC epoch milliseconds; the API renders them as RFC 3339."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

NowMs = Callable[[], int]

_EPOCH = datetime.fromtimestamp(0, UTC)


def system_now_ms() -> int:
    return time.time_ns() // 1_000_000


def rfc3339(epoch_ms: int) -> str:
    moment = datetime.fromtimestamp(epoch_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{epoch_ms % 1000:03d}Z"


def epoch_ms(moment: datetime) -> int:
    """Of a time that knows its zone."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def end_of_day_ms(day: str, zone: tzinfo) -> int:
    """When the ISO date `day` is over there."""
    following = datetime.fromisoformat(day) + timedelta(days=1)
    return epoch_ms(following.replace(tzinfo=zone))


def utc_date(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms // 1000, UTC).date().isoformat()
