"""Guessing is slowed: failed attempts are counted, and whoever fails too often waits. What succeeds writes nothing."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field

from keyrail.platform import logs, metrics
from keyrail.platform.clock import NowMs
from keyrail.platform.documents import Attributes
from keyrail.platform.dynamo import Read, StoreUnavailable, Write, read_together
from keyrail.platform.logs import Entry
from keyrail.platform.metrics import Metric
from keyrail.risk.model import Blocked, Counted, TooManyAttempts
from keyrail.risk.store import GuardStore

LIST_CACHE_MS = 2_000  # a block works everywhere after so long
MAX_REWRITES = 5
MARK_BYTES = 12
ALLOWANCE_LASTS_MS = 2 * 24 * 60 * 60_000  # longer than the day that it is for


@dataclass(frozen=True)
class Allowances:
    """What somebody may do only so much of on a day, counted in the write that does it."""

    store: GuardStore

    def spending(self, name: str, weight: int, at_most: int, now_ms: int) -> Write:
        """For the caller's transaction: `weight` more under this name, refused where that is above `at_most`.

        `name` has the day in it, so that each day begins anew.
        """
        return self.store.spending(name, weight, at_most, now_ms + ALLOWANCE_LASTS_MS)

    def covers(self, name: str, weight: int, at_most: int) -> bool:
        """Whether `weight` more would be taken now; the write decides."""
        return self.store.spent_so_far(name) + weight <= at_most


@dataclass
class Guards:
    """What is known of the list is at most LIST_CACHE_MS old, counted from before it was read."""

    store: GuardStore
    now_ms: NowMs
    _known: Blocked = field(default_factory=Blocked, init=False)
    _read_at_ms: int | None = field(default=None, init=False)

    def due(self) -> tuple[Read, ...]:
        """The read of the list if what is known is too old: for a request that is made anyway; see `learn`."""
        now_ms = self.now_ms()
        fresh = self._read_at_ms is not None and now_ms - self._read_at_ms < LIST_CACHE_MS
        return () if fresh else (self.store.blocked(),)

    def learn(self, attributes: Attributes | None, read_at_ms: int) -> None:
        """What a read that began at `read_at_ms` brought."""
        self._known, self._read_at_ms = self.store.listed(attributes), read_at_ms

    def admit(self, callers: Collection[Counted]) -> None:
        """Look the list up if it is due, and let nobody pass who is on it. Raises TooManyAttempts, StoreUnavailable."""
        began_ms = self.now_ms()
        if due := self.due():
            (found,) = read_together(self.store.client, due)
            self.learn(found, began_ms)
        self.refuse_blocked(callers)

    def refuse_blocked(self, callers: Collection[Counted]) -> None:
        """By what is known. Raises TooManyAttempts."""
        if (wait_ms := self._known.wait_ms(callers, self.now_ms())) > 0:
            raise TooManyAttempts(-(-wait_ms // 1000))

    def failed(self, counted: Collection[Counted], weight: int) -> None:
        """Count a failed attempt for each of these; whoever is over the limit by it is blocked from now on."""
        now_ms = self.now_ms()
        over = [one for one in counted if one.is_over(self.store.count(one, weight, now_ms))]
        unlisted = [one for one in over if self._known.wait_ms([one], now_ms) <= 0]
        if unlisted:
            self._block(unlisted)

    def _block(self, guessers: Collection[Counted]) -> None:
        for _ in range(MAX_REWRITES):
            now_ms = self.now_ms()
            (found,) = read_together(self.store.client, [self.store.blocked()])
            standing = self.store.listed(found)
            fresh = [one for one in guessers if standing.wait_ms([one], now_ms) <= 0]
            longer = standing.with_(fresh, now_ms)
            if not fresh or self.store.replace_blocked(longer, now_ms):
                self._known, self._read_at_ms = (longer if fresh else standing), now_ms
                self._alarm(fresh)
                return
        raise StoreUnavailable

    @staticmethod
    def _alarm(guessers: Collection[Counted]) -> None:
        for one in guessers:
            metrics.count(Metric.GUESSING_SUSPECTED)
            logs.warn(Entry.GUESSING_SUSPECTED, dimension=one.dimension, who=one.name)

    def spend(self, name: str, lasts_ms: int) -> bool:
        """Whether nobody has spent this name before; our own request, sent again, is no second one."""
        return self.store.spend(name, secrets.token_hex(MARK_BYTES), self.now_ms() + lasts_ms)


@dataclass(frozen=True)
class Rounds:
    """How far somebody came who goes round again and again, so that a late one catches up with what nobody did."""

    store: GuardStore

    def reached_ms(self, name: str) -> int | None:
        return self.store.round_reached_ms(name)

    def reach(self, name: str, reached_ms: int) -> None:
        self.store.reach(name, reached_ms)


@dataclass(frozen=True)
class News:
    """Whoever waits for news of something, and whoever brings it, meet in one item: whoever comes first, none is lost.

    Each changes its own half and learns of the other's in the same request.
    """

    store: GuardStore
    now_ms: NowMs

    def wait(self, name: str, token: str, until_ms: int) -> bool:
        """Whether to go on at once, since there is news that no question has answered yet; else until told."""
        return self.store.wait(name, token, until_ms, self.now_ms()).has_news

    def tell(self, name: str) -> str | None:
        """The token of whoever waits, or waited last; None if nobody did yet: they will be told when they come."""
        return self.store.tell(name, self.now_ms()).token

    def ask(self, name: str) -> None:
        """For whoever is about to ask: all the news that came before is answered by that."""
        self.store.ask(name, self.now_ms())

    def waits_until_ms(self, name: str) -> int | None:
        """When whoever waits goes on by itself, at the latest; None if nobody ever waited, or long ago."""
        return self.store.waiting(name).until_ms
