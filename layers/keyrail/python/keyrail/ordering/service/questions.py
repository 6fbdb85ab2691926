"""Which unpaid orders are due to be asked about, in looks that follow upon each other without a gap."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from keyrail.ordering.model.questions import MAX_BEHIND_MS, UNPAID, due_between
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import STATUS_SHARDS
from keyrail.platform.clock import NowMs
from keyrail.risk.service import Rounds

ROUND = "payment_inquiries"
MAX_QUERIES = 200  # of one part of a look
PAGE_LENGTH = 50
BATCH_LENGTH = 10


@dataclass(frozen=True)
class Look:
    """For orders that became due from `since_ms` on and before `until_ms`; the rest of one begins behind a place in
    its partition `number`.
    """

    since_ms: int
    until_ms: int
    number: int = 0
    behind: str | None = None


@dataclass(frozen=True)
class Found:
    """How many orders are due in this part of a look, and what is left of it."""

    orders: int
    rest: Look | None


@dataclass(frozen=True)
class DueQuestions:
    orders: Orders
    rounds: Rounds
    now_ms: NowMs

    def next_look(self) -> Look:
        """From where the last one ended, so that one that was late or failed leaves no gap."""
        now_ms = self.now_ms()
        reached_ms = self.rounds.reached_ms(ROUND)
        return Look(now_ms - MAX_BEHIND_MS if reached_ms is None else reached_ms, now_ms)

    def find(self, look: Look, ask: Callable[[Sequence[str]], None]) -> Found:
        """Hand the ids of the due orders to `ask`, at most BATCH_LENGTH at once. An order comes once, or again after
        `ask` refused. Raises what `ask` does, and Unavailable.
        """
        count, waiting, rest = 0, list[str](), None
        for number, page in enumerate(self._pages(look), start=1):
            ids, rest = page
            waiting += ids
            count += len(ids)
            while len(waiting) >= BATCH_LENGTH:
                ask(waiting[:BATCH_LENGTH])
                del waiting[:BATCH_LENGTH]
            if number == MAX_QUERIES:
                break
        if waiting:
            ask(waiting)
        return Found(count, rest)

    def done(self, look: Look) -> None:
        """The next look begins where this one ends: what was due is asked about, or is in somebody's hands."""
        self.rounds.reach(ROUND, look.until_ms)

    def _pages(self, look: Look) -> Iterator[tuple[list[str], Look | None]]:
        """Each page with what is left behind it."""
        partitions = [
            (window, status, shard)
            for window in due_between(look.since_ms, look.until_ms)
            for status in UNPAID
            for shard in range(STATUS_SHARDS)
        ]
        behind = look.behind
        for number, (window, status, shard) in enumerate(partitions):
            if number < look.number:
                continue
            while True:
                ids, behind = self.orders.changed_between(status, shard, window, PAGE_LENGTH, behind)
                if behind is None:
                    break
                yield ids, replace(look, number=number, behind=behind)
            is_last = number + 1 == len(partitions)
            yield ids, None if is_last else replace(look, number=number + 1, behind=None)
