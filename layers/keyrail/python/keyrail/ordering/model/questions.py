"""When the providers of an unpaid order are asked about it: at certain ages, whatever came of the question before.

The age of an order counts from its last change: when it was placed, got another attempt, or was cancelled.
"""

from dataclasses import dataclass

from keyrail.ordering.model.orders import OrderStatus

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS

EVERY_MS = 5 * _MINUTE_MS
"""From one look for orders that are due to the next, as the clock asks for it."""

WHILE_OPEN_MS = (2 * _MINUTE_MS, 7 * _MINUTE_MS, 12 * _MINUTE_MS)
"""While it can be paid: at the latest EVERY_MS later, so that all three questions are asked before its leases end."""

ONCE_OVER_MS = (17 * _MINUTE_MS, 30 * _MINUTE_MS, _HOUR_MS, 3 * _HOUR_MS, 12 * _HOUR_MS, 24 * _HOUR_MS, 72 * _HOUR_MS)
"""After its end: a buyer may have paid in the last second, a slow method takes days, and some pages never close."""

AGES_MS = (*WHILE_OPEN_MS, *ONCE_OVER_MS)

MAX_BEHIND_MS = 72 * _HOUR_MS
"""What was due longer ago, after an outage that long, is not caught up: it is left to the provider's statement."""

UNPAID = (OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED)
"""A cancelled order can still be paid, on the provider's page that the buyer has open."""


@dataclass(frozen=True)
class Window:
    """Orders that changed last from `from_ms` on and before `before_ms`."""

    from_ms: int
    before_ms: int


def due_between(since_ms: int, now_ms: int) -> tuple[Window, ...]:
    """Of the orders that came to one of AGES_MS from `since_ms` on and before `now_ms`, the youngest first.

    No order is in two of them, however long ago `since_ms` is. Empty where that is not before `now_ms`.
    """
    windows: list[Window] = []
    begin_ms = max(since_ms, now_ms - MAX_BEHIND_MS)
    for age_ms in AGES_MS if begin_ms < now_ms else ():
        window = Window(begin_ms - age_ms, now_ms - age_ms)
        if windows and window.before_ms >= windows[-1].from_ms:
            windows[-1] = Window(window.from_ms, windows[-1].before_ms)
        else:
            windows.append(window)
    return tuple(windows)
