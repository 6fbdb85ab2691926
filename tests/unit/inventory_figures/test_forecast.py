"""How long the stock lasts, in words and in hours."""

from dataclasses import replace

import pytest

from keyrail.inventory.model.figures import Figures, no_figures
from keyrail.inventory.model.forecast import forecast
from keyrail.inventory.model.last_days import LastDays
from keyrail.inventory.model.moves import Tally
from keyrail.platform.clock import utc_date

HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS
MIDNIGHT_MS = 1_767_225_600_000
NOON_MS = MIDNIGHT_MS + DAY_MS // 2


def figures(on_hand: int, sales: tuple[int, ...], since_ms: int = 0, now_ms: int = NOON_MS) -> Figures:
    return replace(
        no_figures("game-100", since_ms),
        tally=Tally(imported=10_000, on_hand=on_hand),
        sales=sales,
        sales_day=utc_date(now_ms),
    )


def hours(given: Figures, now_ms: int = NOON_MS) -> int:
    said = forecast(given, now_ms)
    assert said is not None
    return said.sold_out_in_hours


@pytest.mark.parametrize("sales", [(), (0, 0, 0), (0,) * 7 + (100,)])
def test_without_sales_in_the_last_week_there_is_nothing_to_say(sales: tuple[int, ...]) -> None:
    assert forecast(figures(50, sales), NOON_MS) is None


def test_the_rate_is_by_the_time_that_passed_and_not_by_calendar_days() -> None:
    # Six days and a half have passed since the window began: 65 sold are ten a day.
    assert hours(figures(30, (5, 10, 10, 10, 10, 10, 10))) == 72
    # At the first moment of a day nothing of that day has passed yet.
    assert hours(figures(30, (0, 10, 10, 10, 10, 10, 10), now_ms=MIDNIGHT_MS), MIDNIGHT_MS) == 72


def test_only_the_last_seven_days_count() -> None:
    assert hours(figures(30, (5, 10, 10, 10, 10, 10, 10, 9_999))) == 72


def test_what_came_in_this_morning_is_judged_by_this_morning() -> None:
    assert hours(figures(30, (10,), since_ms=NOON_MS - 5 * HOUR_MS)) == 15


def test_the_first_minutes_are_taken_for_an_hour() -> None:
    assert hours(figures(30, (10,), since_ms=NOON_MS - 1)) == 3


def test_days_without_figures_since_the_last_sale_count_as_time() -> None:
    sold_three_days_ago = replace(figures(35, (65,)), sales_day=utc_date(NOON_MS - 3 * DAY_MS))
    assert hours(sold_three_days_ago) == 84


@pytest.mark.parametrize(
    ("on_hand", "text", "text_zh"),
    [
        (0, "Sold out.", "已售罄。"),
        (1, "Sold out within the hour.", "预计 1 小时内售罄。"),
        (4, "Sold out in about 1 hour.", "预计约 1 小时后售罄。"),
        (4 * 47, "Sold out in about 47 hours.", "预计约 47 小时后售罄。"),
        (4 * 48, "Sold out in about 2 days.", "预计约 2 天后售罄。"),
        (4 * 72, "Sold out in about 3 days.", "预计约 3 天后售罄。"),
        (96 * 59, "Sold out in about 59 days.", "预计约 59 天后售罄。"),
        (96 * 60, "Sold out in about 2 months.", "预计约 2 个月后售罄。"),
        (96 * 720, "Sold out in about 24 months.", "预计约 24 个月后售罄。"),
        (96 * 750, "Lasts for more than two years.", "预计可售两年以上。"),
    ],
)
def test_it_is_said_in_words(on_hand: int, text: str, text_zh: str) -> None:
    four_an_hour = (48, *(96,) * 6)
    said = forecast(figures(on_hand, four_an_hour), NOON_MS)
    assert said is not None
    assert (said.text, said.text_zh) == (text, text_zh)


def test_keys_past_their_last_day_last_nobody() -> None:
    alive = figures(30, (5, 10, 10, 10, 10, 10, 10))
    assert hours(replace(alive, last_days=LastDays(days="2025-12-31:20 365:5"))) == 24
