"""A day as a provider or a supplier counts it, and which of our entries are held against its statement."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from keyrail.platform.clock import epoch_ms, utc_date

SKEW_MS = 10 * 60 * 1000
"""An entry of the last minutes of a day may be of the provider's next: it is judged with that one."""
LOOK_BACK_DAYS = 3
"""We hear of a payment when we ask, of a refund when the bank is done: it stands in the statement of a day before."""
LOOK_AHEAD_DAYS = 2
"""What is booked, or given back, later than that is not looked for when an old day is compared anew."""
MAX_STATEMENTS = 10  # read for what one statement has not


@dataclass(frozen=True)
class Window:
    """A provider's day, from `begin_ms` until before `end_ms`."""

    day: date
    begin_ms: int
    end_ms: int

    def has(self, at_ms: int) -> bool:
        return self.begin_ms <= at_ms < self.end_ms

    def judges(self, at_ms: int) -> bool:
        """Whether an entry of this time has to be in this day's statement, or in an earlier one."""
        return self.begin_ms - SKEW_MS <= at_ms < self.end_ms - SKEW_MS

    def books(self, now_ms: int) -> list[str]:
        """The UTC days whose journal may have what the statement has."""
        first = date.fromisoformat(utc_date(self.begin_ms - SKEW_MS))
        until_ms = min(now_ms, self.end_ms + LOOK_AHEAD_DAYS * 24 * 60 * 60 * 1000)
        last = date.fromisoformat(utc_date(until_ms))
        return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]


def window(day: date, zone: tzinfo) -> Window:
    begin = datetime(day.year, day.month, day.day, tzinfo=zone)
    return Window(day, epoch_ms(begin), epoch_ms(begin + timedelta(days=1)))


def days_before(day: date, asked_at_ms: Iterable[int], zone: tzinfo) -> Iterator[date]:
    """In whose statements that is looked for which this day's has not, the latest first.

    `asked_at_ms`: when they were begun. A refund stands in the statement of the day on which it was taken, a payment by
    a slow method in that of the day on which the buyer gave their account, and we hear of either once it is done.
    """
    wanted = {day - timedelta(days=number) for number in range(1, LOOK_BACK_DAYS + 1)}
    for at_ms in asked_at_ms:
        asked = datetime.fromtimestamp(at_ms // 1000, zone).date()
        wanted |= {asked, asked + timedelta(days=1)}
    yield from sorted((each for each in wanted if each < day), reverse=True)[:MAX_STATEMENTS]


def days_after(day: date, now_ms: int, zone: tzinfo) -> list[date]:
    """In whose statements that may stand which was given back after the day, as far as there can be any by now."""
    today = datetime.fromtimestamp(now_ms // 1000, zone).date()
    following = (day + timedelta(days=number) for number in range(1, LOOK_AHEAD_DAYS + 1))
    return [each for each in following if each <= today]
