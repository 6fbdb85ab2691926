"""How long the stock of a SKU lasts, if it goes on selling as it did in the last week."""

from dataclasses import dataclass

from keyrail.inventory.model.figures import Figures
from keyrail.platform.clock import utc_date

WINDOW_DAYS = 7  # today and the six days before it
MIN_ELAPSED_MS = 60 * 60 * 1000  # the first sales of a new SKU say little about the next hour
HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS
MONTH_DAYS = 30
HOURS_UP_TO = 48
DAYS_UP_TO = 60
MONTHS_UP_TO = 24


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """`sold_out_in_hours` is rounded, and 0 for what is sold out or nearly so."""

    sold_out_in_hours: int
    text: str
    text_zh: str


def forecast(figures: Figures, now_ms: int) -> Forecast | None:
    """None where nothing was sold in the window: then there is nothing to say.

    The rate is what was sold in the window by the time that passed in it, which is less than a week where the first key
    came in later. On hand is what a claim may get, so keys under a lease are not counted as sold.
    """
    window_starts_ms = now_ms - now_ms % DAY_MS - (WINDOW_DAYS - 1) * DAY_MS
    sold = figures.sold_since(utc_date(window_starts_ms))
    if sold <= 0:
        return None
    elapsed_ms = max(MIN_ELAPSED_MS, now_ms - max(window_starts_ms, figures.since_ms))
    on_hand = max(0, figures.on_hand(now_ms))
    lasts_ms = on_hand * elapsed_ms // sold
    text, text_zh = ("Sold out.", "已售罄。") if on_hand == 0 else _texts(lasts_ms)
    return Forecast(sold_out_in_hours=_rounded(lasts_ms, HOUR_MS), text=text, text_zh=text_zh)


def _texts(lasts_ms: int) -> tuple[str, str]:
    hours, days = _rounded(lasts_ms, HOUR_MS), _rounded(lasts_ms, DAY_MS)
    months = _rounded(lasts_ms, MONTH_DAYS * DAY_MS)
    if hours == 0:
        return "Sold out within the hour.", "预计 1 小时内售罄。"
    if hours < HOURS_UP_TO:
        return _about(hours, "hour", "小时")
    if days < DAYS_UP_TO:
        return _about(days, "day", "天")
    if months <= MONTHS_UP_TO:
        return _about(months, "month", "个月")
    return "Lasts for more than two years.", "预计可售两年以上。"


def _about(number: int, unit: str, unit_zh: str) -> tuple[str, str]:
    plural = "" if number == 1 else "s"
    return f"Sold out in about {number} {unit}{plural}.", f"预计约 {number} {unit_zh}后售罄。"


def _rounded(amount: int, unit: int) -> int:
    """To the nearest whole unit, halves up."""
    return (amount + unit // 2) // unit
