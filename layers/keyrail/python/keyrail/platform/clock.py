"""The one clock port. Times are UTC epoch milliseconds; the API renders them as RFC 3339."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

NowMs = Callable[[], int]


def system_now_ms() -> int:
    return time.time_ns() // 1_000_000


def rfc3339(epoch_ms: int) -> str:
    moment = datetime.fromtimestamp(epoch_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{epoch_ms % 1000:03d}Z"


def utc_date(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms // 1000, UTC).date().isoformat()
