"""Keys on hand by their last day of use, in few bytes: whoever counts a change writes all of it again.

A day is counted whole or not at all: what comes in under a day goes out under the same one, however many there are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from keyrail.inventory.model.moves import sums

MAX_LAST_DAYS = 4_000  # of one SKU, eleven years of them without a gap: at most 25 KB


@dataclass(frozen=True, kw_only=True)
class LastDays:
    """`past` are keys whose day was over when it was last counted: no claim has met them since.

    `days` are the others: `2026-06-30:4 1:3 31:7` is four keys of that day, three of the next one and seven of the day
    31 days after that. Where there are too many days, those from `later_from` (an ISO date, or nothing) on are one
    number, `later`, and their keys count as if they had no last day, until the last of them is gone.
    """

    past: int = 0
    days: str = ""
    later_from: str = ""
    later: int = 0

    def over(self, today: str) -> int:
        """Keys on hand whose last day lies before `today`, an ISO date."""
        return max(0, self.past + sum(keys for day, keys in self._by_day() if day < today))

    def after(self, moves: Mapping[str, int], today: str) -> "LastDays":
        """With so many keys more, or fewer, of each day."""
        later_from = self.later_from
        singly = {day: keys for day, keys in moves.items() if not later_from or day < later_from}
        later = self.later + sum(keys for day, keys in moves.items() if day not in singly)
        days = sums(dict(self._by_day()), singly)
        past = self.past + sum(keys for day, keys in days.items() if day < today)
        coming = sorted(day for day in days if day >= today)
        if len(coming) > MAX_LAST_DAYS:
            later_from = coming[MAX_LAST_DAYS]
            later += sum(days[day] for day in coming[MAX_LAST_DAYS:])
        return LastDays(
            past=past,
            days=_written((day, days[day]) for day in coming[:MAX_LAST_DAYS]),
            later_from=later_from if later else "",
            later=later,
        )

    def counted_out(self, by_day: Mapping[str, int], today: str) -> "LastDays":
        """As somebody counted the keys.

        The count knows every key whose day is still to come. Of those whose day is over it met some, perhaps.
        """
        met = sum(keys for day, keys in by_day.items() if day < today)
        return LastDays(past=max(0, self.after({}, today).past - met)).after(by_day, today)

    def _by_day(self) -> Iterator[tuple[str, int]]:
        ordinal = 0
        for entry in self.days.split():
            day, _, keys = entry.rpartition(":")
            ordinal = ordinal + int(day) if ordinal else date.fromisoformat(day).toordinal()
            yield date.fromordinal(ordinal).isoformat(), int(keys)


def _written(days: Iterator[tuple[str, int]]) -> str:
    entries, before = [], 0
    for day, keys in days:
        ordinal = date.fromisoformat(day).toordinal()
        entries.append(f"{ordinal - before if before else day}:{keys}")
        before = ordinal
    return " ".join(entries)
