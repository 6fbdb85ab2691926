"""How a supplier has been doing lately: counted by the hour, and read for a day. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from keyrail.suppliers.model.breaker import is_failure, is_theirs
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome

HOUR_MS = 60 * 60_000
HOURS_SHOWN = 24
FIGURES_LAST_MS = 7 * 24 * HOUR_MS


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Calls that asked for something: `taken` is accepted or done at once, `refused` definitely not, `unanswered` left
    nobody knowing, or was never sent. `failed` is what came to nothing by the supplier's doing: refused, or taken and
    not supplied after all, when that was said. `latency_ms` is that of all answers together.
    """

    calls: int = 0
    taken: int = 0
    refused: int = 0
    unanswered: int = 0
    failed: int = 0
    latency_ms: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            calls=self.calls + other.calls,
            taken=self.taken + other.taken,
            refused=self.refused + other.refused,
            unanswered=self.unanswered + other.unanswered,
            failed=self.failed + other.failed,
            latency_ms=self.latency_ms + other.latency_ms,
        )

    @property
    def taken_share(self) -> float | None:
        """None before the first call."""
        return round(self.taken / self.calls, 4) if self.calls else None

    @property
    def answered(self) -> int:
        return self.taken + self.refused

    @property
    def mean_latency_ms(self) -> int | None:
        """Until an answer; None before the first."""
        return self.latency_ms // self.answered if self.answered else None


def tally_of(outcome: Outcome, latency_ms: int) -> Tally:
    """Of one call."""
    if is_failure(outcome):
        return Tally(calls=1, unanswered=1)
    if isinstance(outcome, DefiniteFailure):
        return Tally(calls=1, refused=1, failed=int(is_theirs(outcome)), latency_ms=latency_ms)
    return Tally(calls=1, taken=1, latency_ms=latency_ms)


def hour_of(epoch_ms: int) -> str:
    """In UTC; sorts by time."""
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC):%Y-%m-%dT%H}"
