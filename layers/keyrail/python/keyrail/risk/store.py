"""The `guards` table: counters, the list of who is blocked, what is taken only once, how far rounds came, and who waits
for news.

All of it ends by itself.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Read, StoreUnavailable, Table, Write
from keyrail.risk.model import LIMITS, Blocked, Counted, counter_ends_ms

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BLOCKED = "blocked"
ROUND_LASTS_MS = 30 * 24 * 60 * 60_000  # since the last one: longer than any round has to catch up
NEWS_LASTS_MS = 7 * 24 * 60 * 60_000  # since the last of it: longer than anybody waits at a time
LIST_LASTS_MS = 24 * 60 * 60_000  # without a change: longer than anybody is on it


class GuardItem(Model):
    """`expires_at` is the table's time to live, in epoch seconds; every item has one."""

    pk = UnicodeAttribute(hash_key=True)
    expires_at = IntegerAttribute()
    weight = IntegerAttribute()
    version = IntegerAttribute()
    reached_ms = IntegerAttribute()
    token = UnicodeAttribute()
    until_ms = IntegerAttribute()
    told = IntegerAttribute()
    asked = IntegerAttribute()


_ANYHOW = GuardItem.pk.exists() | GuardItem.pk.does_not_exist()


@dataclass(frozen=True)
class Waiting:
    """`told` is how often there was news, `asked` how much of it a question has answered since.

    Whoever waits goes on with the `token`, and by itself at `until_ms`.
    """

    token: str | None = field(default=None, repr=False)
    until_ms: int | None = None
    told: int = 0
    asked: int = 0

    @property
    def has_news(self) -> bool:
        return self.told > self.asked


@dataclass(frozen=True)
class _Round:
    reached_ms: int
    expires_at: int


@dataclass(frozen=True)
class _List:
    until_ms: dict[str, int]
    version: int
    expires_at: int


@dataclass(frozen=True)
class _Spent:
    mark: str
    expires_at: int


class GuardStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self.client = client
        self._table = Table(client, table_name)

    def count(self, counted: Counted, weight: int, now_ms: int) -> int:
        """Add to the counter of this window, up to its limit; what it says then.

        An answer that was lost and asked for again counts twice: this guards, and books nothing. Raises
        StoreUnavailable.
        """
        actions = [
            GuardItem.weight.set((GuardItem.weight | 0) + weight),
            GuardItem.expires_at.set(_seconds(counter_ends_ms(now_ms))),
        ]
        below = GuardItem.weight.does_not_exist() | (GuardItem.weight < LIMITS[counted.dimension])
        try:
            counter = self._table.send(self._table.update({"pk": counted.counter(now_ms)}, actions, below))
        except ConditionFailed as refused:
            if refused.current is None:
                raise StoreUnavailable from None
            counter = refused.current
        return int(counter["weight"]["N"])

    def blocked(self) -> Read:
        """The read of the list; `listed` understands what it brings."""
        return self._table.read(pk=BLOCKED)

    @staticmethod
    def listed(attributes: Attributes | None) -> Blocked:
        return from_attributes(Blocked, attributes) if attributes else Blocked()

    def replace_blocked(self, blocked: Blocked, now_ms: int) -> bool:
        """False if somebody else changed the list meanwhile. Raises StoreUnavailable."""
        first = blocked.version == 1
        condition = GuardItem.pk.does_not_exist() if first else GuardItem.version == blocked.version - 1
        listed = _List(blocked.until_ms, blocked.version, _seconds(now_ms + LIST_LASTS_MS))
        try:
            self._table.send(self._table.put(listed, condition, pk=BLOCKED))
        except ConditionFailed:
            return False
        return True

    def spending(self, name: str, weight: int, at_most: int, until_ms: int) -> Write:
        """For a transaction: `weight` more under this name, on condition that it is `at_most` that much then."""
        actions = [
            GuardItem.weight.set((GuardItem.weight | 0) + weight),
            GuardItem.expires_at.set(_seconds(until_ms)),
        ]
        below = GuardItem.weight <= at_most - weight
        condition = below | GuardItem.pk.does_not_exist() if weight <= at_most else below
        return self._table.update({"pk": f"allowance#{name}"}, actions, condition)

    def spent_so_far(self, name: str) -> int:
        """What was spent under this name."""
        found = self._table.get(pk=f"allowance#{name}")
        return int(found["weight"]["N"]) if found else 0

    def spend(self, name: str, mark: str, until_ms: int) -> bool:
        """Whether this call, which alone has `mark`, is the first to spend the name. Raises StoreUnavailable."""
        spent = _Spent(mark, _seconds(until_ms))
        standing = self._table.put_first(spent, GuardItem.pk.does_not_exist(), pk=f"spent#{name}")
        return standing is None or standing.mark == mark

    def round_reached_ms(self, name: str) -> int | None:
        """Up to when the rounds of that name came; None before the first, or long after the last."""
        found = self._table.get(pk=f"round#{name}")
        return from_attributes(_Round, found).reached_ms if found else None

    def reach(self, name: str, reached_ms: int) -> None:
        """Never back again, whoever comes late. Raises StoreUnavailable."""
        reached = _Round(reached_ms, _seconds(reached_ms + ROUND_LASTS_MS))
        forward = GuardItem.pk.does_not_exist() | (GuardItem.reached_ms < reached_ms)
        with suppress(ConditionFailed):
            self._table.send(self._table.put(reached, forward, pk=f"round#{name}"))

    def wait(self, name: str, token: str, until_ms: int, now_ms: int) -> Waiting:
        """Somebody waits for news of the name; how that stands then. Raises StoreUnavailable."""
        return self._about(name, now_ms, GuardItem.token.set(token), GuardItem.until_ms.set(until_ms))

    def tell(self, name: str, now_ms: int) -> Waiting:
        """There is news; how that stands then. Raises StoreUnavailable."""
        return self._about(name, now_ms, GuardItem.told.set((GuardItem.told | 0) + 1))

    def ask(self, name: str, now_ms: int) -> Waiting:
        """What there was to tell is asked about now; how that stands then. Raises StoreUnavailable."""
        return self._about(name, now_ms, GuardItem.asked.set(GuardItem.told | 0))

    def waiting(self, name: str) -> Waiting:
        """How that stands. Raises StoreUnavailable."""
        found = self._table.get(pk=f"recharge#{name}")
        return from_attributes(Waiting, found) if found else Waiting()

    def _about(self, name: str, now_ms: int, *actions: Action) -> Waiting:
        lasts = GuardItem.expires_at.set(_seconds(now_ms + NEWS_LASTS_MS))
        return from_attributes(
            Waiting, self._table.send(self._table.update({"pk": f"recharge#{name}"}, [*actions, lasts], _ANYHOW))
        )


def _seconds(epoch_ms: int) -> int:
    """Rounded up, so that nothing ends too early."""
    return -(-epoch_ms // 1000)
