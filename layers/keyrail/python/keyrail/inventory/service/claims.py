"""The claim: lease keys for an order, sell leased keys to its units, give leases back, count what is left."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from random import SystemRandom

from keyrail.inventory.model.batches import Pool, PoolPart
from keyrail.inventory.model.keys import (
    AVAILABLE_FROM_S,
    PoolContended,
    SoldOut,
    Stock,
    StockLevel,
    claim_order,
    claim_partition,
    claimable_until,
    label_of,
    secret_id,
)
from keyrail.inventory.service.holds import Holds
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.dynamo import Write

POOL_CACHE_MS = 2_000
LEVEL_CACHE_MS = 5_000
DRAINED_MEMORY_MS = 10_000  # an index partition without any key is not asked again for so long
MIN_CANDIDATES = 10  # asked for at a time
WIDER_LOOK = 100  # more of them, and then four times as many, where the order has slots of all that were found
MAX_CANDIDATES = 2_000
MAX_ROUNDS = 64
MAX_MISSES_A_ROUND = 2  # after so many lost races the candidates are stale: look again

_FIRST_AVAILABLE = f"{AVAILABLE_FROM_S:010d}#"
_BEHIND_AVAILABLE = f"{AVAILABLE_FROM_S + 1:010d}#"


@dataclass(frozen=True)
class Candidate:
    """A key that looked claimable, and its `claim_order` then."""

    key_id: str
    order: str

    @property
    def label(self) -> str | None:
        return label_of(self.order)


@dataclass
class Claims:
    """Remembers pools, drained partitions and stock levels for seconds; decides nothing by what it remembers."""

    store: KeyStore
    now_ms: NowMs
    _pools: dict[str, tuple[int, Pool | None]] = field(default_factory=dict, init=False)
    _drained: dict[str, int] = field(default_factory=dict, init=False)
    _levels: dict[str, tuple[int, StockLevel]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.holds = Holds(self.store, self.now_ms)

    def lease(
        self,
        sku_id: str,
        count: int,
        order_id: str,
        until_ms: int,
        origin: Origin,
        besides: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Hold `count` keys of the SKU for the order until `until_ms`, all or none: of as many different secrets.

        `besides` are keys that the order counts on already: a lapsed lease of its own is claimable like any other, and
        of a loop key it gets no second slot. Raises SoldOut, PoolContended, StoreUnavailable. After a crash the leases
        lapse by themselves.
        """
        taken: list[str] = []
        try:
            self._lease_into(taken, sku_id, count, order_id, until_ms, origin, besides)
        except Exception:
            self.release(taken, order_id, origin)
            raise
        return tuple(taken)

    def _lease_into(
        self,
        taken: list[str],
        sku_id: str,
        count: int,
        order_id: str,
        until_ms: int,
        origin: Origin,
        besides: Collection[str],
    ) -> None:
        more = len(besides)
        for _ in range(MAX_ROUNDS):
            wanted = count - len(taken) + more
            found = self._candidates(sku_id, wanted)
            if next(self._apart(found, taken, besides), None) is None:
                # Nothing, or nothing but slots of what the order has: whether there is more, a wider look tells.
                if len(found) < wanted or wanted > MAX_CANDIDATES:
                    raise SoldOut
                more = WIDER_LOOK + 4 * more
                continue
            misses = 0
            for candidate in self._apart(found, taken, besides):
                if self.lease_one(candidate, order_id, until_ms, origin):
                    taken.append(candidate.key_id)
                else:
                    misses += 1
                if len(taken) == count:
                    return
                if misses == MAX_MISSES_A_ROUND:
                    break
        raise PoolContended

    @staticmethod
    def _apart(found: Sequence[Candidate], *had: Collection[str]) -> Iterator[Candidate]:
        """Those of other secrets than what the order `had` when it came to be their turn."""
        return (each for each in found if not any(secret_id(each.key_id) in map(secret_id, keys) for keys in had))

    def lease_one(self, candidate: Candidate, order_id: str, until_ms: int, origin: Origin) -> bool:
        """False if it is not claimable (any more). What is known of batches that stand still costs no request here:
        it came with the pool, and the sale looks again.
        """
        held, now_ms = self.holds.known, self.now_ms()
        return self.store.lease(candidate.key_id, order_id, until_ms, origin, now_ms, held, candidate.label)

    def release(self, key_ids: Sequence[str], order_id: str, origin: Origin) -> None:
        """Give back what the order still holds; what it lost meanwhile is left alone."""
        for key_id in key_ids:
            self.store.release(key_id, order_id, origin, self.now_ms())

    def sales(
        self, key_ids: Sequence[str], order_id: str, unit_id: str, origin: Origin, replaces: str | None = None
    ) -> list[Write]:
        """The writes that sell these keys to the unit, one a key in the same order, for the caller's transaction.

        `replaces` is the unit's bad key that they stand in for.
        """
        now_ms, held = self.now_ms(), self.holds.now()
        return [self.store.sale(key_id, order_id, unit_id, origin, now_ms, held, replaces) for key_id in key_ids]

    def stock(self, sku_id: str) -> Stock:
        """Counted, not remembered: reads every index entry of the pool. What stands still is no stock."""
        now_ms = self.now_ms()
        pool = self.store.get_pool(sku_id)
        claimable = leased = scheduled = 0
        for part in pool.usable(utc_date(now_ms)) if pool else ():
            counts = [self.store.count(partition, now_ms) for partition in partitions(sku_id, part) if not part.held]
            if part.opens_at_ms > now_ms:
                scheduled += sum(map(sum, counts))
            else:
                claimable += sum(count for count, _ in counts)
                leased += sum(count for _, count in counts)
        return Stock(claimable, leased, scheduled)

    def level(self, sku_id: str, low_stock: int) -> StockLevel:
        """For the shelf: counts no further than `low_stock` and remembers for LEVEL_CACHE_MS."""
        now_ms = self.now_ms()
        known = self._levels.get(sku_id)
        if known and now_ms - known[0] < LEVEL_CACHE_MS:
            return known[1]
        found = 0
        for part in self.parts(sku_id):
            for partition in partitions(sku_id, part):
                if found < low_stock + 1:
                    found += self.store.count(partition, now_ms, limit=low_stock + 1 - found)[0]
        enough = StockLevel.IN_STOCK if found > low_stock else StockLevel.LOW
        level = enough if found else StockLevel.SOLD_OUT
        self._levels[sku_id] = (now_ms, level)
        return level

    def parts(self, sku_id: str) -> tuple[PoolPart, ...]:
        """Where the SKU's keys may be claimed now, first what is to be sold first."""
        now_ms = self.now_ms()
        known = self._pools.get(sku_id)
        if known is None or now_ms - known[0] >= POOL_CACHE_MS:
            # The list of batches that stand still comes along, if it is due.
            (pool,) = self.holds.read_with(self.store.reading_pool(sku_id))
            known = (now_ms, self.store.pool(pool))
            self._pools[sku_id] = known
        return known[1].sellable(now_ms) if known[1] else ()

    def _candidates(self, sku_id: str, want: int) -> list[Candidate]:
        """Keys that look claimable, from those that are sold first; shuffled, so that buyers spread out.

        Fewer than wanted: there are no others.
        """
        now_ms = self.now_ms()
        found: list[Candidate] = []
        for part in self.parts(sku_id):
            of_part: list[Candidate] = []
            for partition in self._shuffled(partitions(sku_id, part)):
                if self._drained.get(partition, 0) > now_ms:
                    continue
                of_part += self._look(partition, want, now_ms)
                if len(of_part) >= want:
                    break
            SystemRandom().shuffle(of_part)
            found += of_part
            if len(found) >= want:
                break
        return found

    def _look(self, partition: str, want: int, now_ms: int) -> list[Candidate]:
        """From a random start inside the available ones, then wrapped, then the lapsed leases."""
        limit = max(MIN_CANDIDATES, want)
        start = claim_order(AVAILABLE_FROM_S)
        ahead = [each for each in self._seen(partition, start, limit) if each.order < _BEHIND_AVAILABLE]
        if len(ahead) >= want:
            return ahead
        around = self._seen(partition, _FIRST_AVAILABLE, limit)
        if not around:
            self._drained[partition] = now_ms + DRAINED_MEMORY_MS
        border = claimable_until(now_ms)
        return list(dict.fromkeys([*ahead, *(each for each in around if each.order <= border)]))

    def _seen(self, partition: str, start: str, limit: int) -> list[Candidate]:
        return [Candidate(key_id, order) for key_id, order in self.store.candidates(partition, start, limit)]

    @staticmethod
    def _shuffled(partitions: Iterator[str]) -> list[str]:
        shuffled = list(partitions)
        SystemRandom().shuffle(shuffled)
        return shuffled


def partitions(sku_id: str, part: PoolPart) -> Iterator[str]:
    return (claim_partition(sku_id, part.batch_id, part.group, shard) for shard in range(part.shards))
