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
)
from keyrail.inventory.service.holds import Holds
from keyrail.inventory.store import KeyStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.dynamo import Write

POOL_CACHE_MS = 2_000
LEVEL_CACHE_MS = 5_000
DRAINED_MEMORY_MS = 10_000  # an index partition without any key is not asked again for so long
MIN_CANDIDATES = 10  # asked for at a time
MAX_ROUNDS = 64
MAX_MISSES_A_ROUND = 2  # after so many lost races the candidates are stale: look again

_FIRST_AVAILABLE = f"{AVAILABLE_FROM_S:010d}#"
_BEHIND_AVAILABLE = f"{AVAILABLE_FROM_S + 1:010d}#"


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
        """Hold `count` keys of the SKU for the order until `until_ms`, all or none, and none of `besides`.

        `besides` are keys that the order counts on already: a lapsed lease of its own is claimable like any other.
        Raises SoldOut, PoolContended, StoreUnavailable. After a crash the leases lapse by themselves.
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
        for _ in range(MAX_ROUNDS):
            wanted = count - len(taken) + len(besides)
            candidates = [key_id for key_id in self._candidates(sku_id, wanted) if key_id not in besides]
            if not candidates:
                raise SoldOut
            misses = 0
            for key_id in candidates:
                if self.store.lease(key_id, order_id, until_ms, origin, self.now_ms()):
                    taken.append(key_id)
                else:
                    misses += 1
                if len(taken) == count:
                    return
                if misses == MAX_MISSES_A_ROUND:
                    break
        raise PoolContended

    def release(self, key_ids: Sequence[str], order_id: str, origin: Origin) -> None:
        """Give back what the order still holds; what it lost meanwhile is left alone."""
        for key_id in key_ids:
            self.store.release(key_id, order_id, origin, self.now_ms())

    def sales(self, key_ids: Sequence[str], order_id: str, unit_id: str, origin: Origin) -> list[Write]:
        """The writes that sell these keys to the unit, one a key in the same order, for the caller's transaction."""
        now_ms, held = self.now_ms(), self.holds.now()
        return [self.store.sale(key_id, order_id, unit_id, origin, now_ms, held) for key_id in key_ids]

    def stock(self, sku_id: str) -> Stock:
        """Counted, not remembered: reads every index entry of the pool."""
        now_ms = self.now_ms()
        pool = self.store.get_pool(sku_id)
        counts = [
            self.store.count(partition, now_ms)
            for part in (pool.usable(utc_date(now_ms)) if pool else ())
            for partition in partitions(sku_id, part)
        ]
        return Stock(sum(c for c, _ in counts), sum(leased for _, leased in counts))

    def level(self, sku_id: str, low_stock: int) -> StockLevel:
        """For the shelf: counts no further than `low_stock` and remembers for LEVEL_CACHE_MS."""
        now_ms = self.now_ms()
        known = self._levels.get(sku_id)
        if known and now_ms - known[0] < LEVEL_CACHE_MS:
            return known[1]
        found = 0
        for part in self._parts(sku_id, now_ms):
            for partition in partitions(sku_id, part):
                if found < low_stock + 1:
                    found += self.store.count(partition, now_ms, limit=low_stock + 1 - found)[0]
        enough = StockLevel.IN_STOCK if found > low_stock else StockLevel.LOW
        level = enough if found else StockLevel.SOLD_OUT
        self._levels[sku_id] = (now_ms, level)
        return level

    def _parts(self, sku_id: str, now_ms: int) -> tuple[PoolPart, ...]:
        known = self._pools.get(sku_id)
        if known is None or now_ms - known[0] >= POOL_CACHE_MS:
            known = (now_ms, self.store.get_pool(sku_id))
            self._pools[sku_id] = known
        return known[1].usable(utc_date(now_ms)) if known[1] else ()

    def _candidates(self, sku_id: str, want: int) -> list[str]:
        """Keys that look claimable, from those that expire first; shuffled, so that buyers spread out."""
        now_ms = self.now_ms()
        found: list[str] = []
        for part in self._parts(sku_id, now_ms):
            of_part: list[str] = []
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

    def _look(self, partition: str, want: int, now_ms: int) -> list[str]:
        """From a random start inside the available ones, then wrapped, then the lapsed leases."""
        limit = max(MIN_CANDIDATES, want)
        start = claim_order(AVAILABLE_FROM_S)
        ahead = [k for k, order in self.store.candidates(partition, start, limit) if order < _BEHIND_AVAILABLE]
        if len(ahead) >= want:
            return ahead
        around = self.store.candidates(partition, _FIRST_AVAILABLE, limit)
        if not around:
            self._drained[partition] = now_ms + DRAINED_MEMORY_MS
        border = claimable_until(now_ms)
        return list(dict.fromkeys([*ahead, *(k for k, order in around if order <= border)]))

    @staticmethod
    def _shuffled(partitions: Iterator[str]) -> list[str]:
        shuffled = list(partitions)
        SystemRandom().shuffle(shuffled)
        return shuffled


def partitions(sku_id: str, part: PoolPart) -> Iterator[str]:
    return (claim_partition(sku_id, part.batch_id, part.group, shard) for shard in range(part.shards))
