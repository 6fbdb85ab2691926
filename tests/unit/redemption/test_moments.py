"""A time as the business's clocks and calendar show it, on the days on which clocks are changed, too."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from keyrail.inventory.model.uses import Moment, moment


def at(text: str, zone: str) -> Moment:
    return moment(int(datetime.fromisoformat(text).timestamp()) * 1_000, ZoneInfo(zone))


MOMENTS = [
    # Shanghai has no summer time; its Monday begins at 16:00 UTC on Sunday.
    ("2026-01-04T15:59:59+00:00", "Asia/Shanghai", ("2026-01-04", 7, 23 * 60 + 59)),
    ("2026-01-04T16:00:00+00:00", "Asia/Shanghai", ("2026-01-05", 1, 0)),
    # In Berlin 02:00 to 03:00 is left out on 29 March 2026, and comes twice on 25 October.
    ("2026-03-29T00:59:00+00:00", "Europe/Berlin", ("2026-03-29", 7, 119)),
    ("2026-03-29T01:00:00+00:00", "Europe/Berlin", ("2026-03-29", 7, 180)),
    ("2026-10-25T00:30:00+00:00", "Europe/Berlin", ("2026-10-25", 7, 150)),
    ("2026-10-25T01:30:00+00:00", "Europe/Berlin", ("2026-10-25", 7, 150)),
    # Half-hour and far zones.
    ("2026-06-30T20:00:00+00:00", "Asia/Kolkata", ("2026-07-01", 3, 90)),
    ("2025-12-31T10:30:00+00:00", "Pacific/Kiritimati", ("2026-01-01", 4, 30)),
    ("2026-01-01T04:00:00+00:00", "America/New_York", ("2025-12-31", 3, 23 * 60)),
]


@pytest.mark.parametrize(("text", "zone", "shown"), MOMENTS)
def test_date_weekday_and_minute_are_those_of_the_business(text: str, zone: str, shown: tuple[str, int, int]) -> None:
    found = at(text, zone)
    assert (found.date, found.weekday, found.minute) == shown
    assert found.weekday_before == (found.weekday - 2) % 7 + 1


def test_the_millisecond_is_kept() -> None:
    assert moment(1_767_225_600_999, ZoneInfo("Asia/Shanghai")).now_ms == 1_767_225_600_999
