"""The keys of a batch follow the commands on it, in the background: slice by slice, each by its own conditional write.

Both indexes together name every key of the batch, but lag behind, and lose sight of a key for a moment while it moves
from one to the other. So what was found is counted. A key is in one shard of its batch for life, and one that follows
does so until the next command; so of no shard more keys are ever counted than it has, if each count is of different
keys that one walk found. Once these counts, taken one after the other and slices apart, add up to as many keys as the
batch has, each of them follows. A slice that is killed leaves nothing behind but keys that follow: each says so itself.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.inventory.model.batches import Batch, Following
from keyrail.inventory.model.commands import filled, held_without
from keyrail.inventory.model.following import follow
from keyrail.inventory.model.keys import BATCH_SHARDS, Key, batch_shard, claim_partition, claim_shards, left_pool
from keyrail.inventory.store.batches import BatchStore, Trail
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import MAX_READS, StoreUnavailable, TransactionFailed
from keyrail.platform.errors import Unavailable

MAX_PARALLEL_WRITES = 16
MAX_REWRITES = 10
MAX_ROUNDS_IN_VAIN = 3  # through all shards, without a key to bring in line, though some are missing
LOOK_AT_CLOCK_EVERY = 1_000  # keys that follow already
INDEX_SETTLES_S = 2
CLOCKS_APART_MS = 60_000  # at most, and generously: those of the processes that sell
LOOK_AT_BATCH_MS = 2_000


class KeysMissing(Unavailable):
    """Every key that is found follows, but the batch has more of them: the index lags, or the count is wrong."""

    code = "keys_missing"


class Progress(StrEnum):
    FOLLOWED = "followed"
    UNFINISHED = "unfinished"
    MORE_KEYS_MAY_COME = "more_keys_may_come"
    LOOK_AGAIN = "look_again"


@dataclass
class _Slice:
    """How far a slice came: what it found, or slices before it, and what for it may go on.

    `total` is how many keys there are, as far as anybody counted them; None while more may come.
    """

    batch: Batch
    total: int | None
    until_ms: int
    origin: Origin
    looked_at_ms: int
    found: list[int]
    walks: int
    in_vain: int

    @property
    def all_follow(self) -> bool:
        """As many were found as there are. Where more may come, or may be in than were counted, since an import was
        broken off, once a round brought none.
        """
        found = sum(self.found)
        if self.walks < BATCH_SHARDS:
            return False
        if found == self.total and self.batch.broken_off_ms is None:
            return True
        return self.in_vain >= BATCH_SHARDS and found >= (self.total or 0)

    def walked(self, shard: int, found: int, brought: int) -> None:
        """Through the whole shard."""
        news = brought > 0 or (found > self.found[shard] and self.total is not None)
        self.in_vain = 0 if news else self.in_vain + 1
        self.walks += 1


class _Stopped(Exception):
    """The slice's time is over, or another command was given meanwhile."""


@dataclass(frozen=True)
class Followers:
    store: BatchStore
    now_ms: NowMs

    def follow(self, batch_id: str, until_ms: int, origin: Origin) -> Progress:
        """Bring keys in line with their batch until all are, or the time is over.

        Safe to repeat after any failure, and to run twice at once. Where more keys may come, the end of the import, or
        of the making of codes, calls again; where one was broken off just now, LOOK_AGAIN is for the caller to do once
        its runs are over. Raises BatchNotFound, KeysMissing, Unavailable.
        """
        batch = self.store.keys.get_batch(batch_id)
        if batch.followed == batch.generation:
            return Progress.FOLLOWED
        some = _slice(batch, until_ms, replace(origin, reason=batch.changed_reason), self.now_ms())
        try:
            self._walk_until_all_follow(some)
        except _Stopped:
            self._note(some)
            return Progress.UNFINISHED
        if some.total is None:
            some.in_vain = 0
            self._note(some)
            return Progress.LOOK_AGAIN if batch.is_settled else Progress.MORE_KEYS_MAY_COME
        return self._finish(some)

    def _walk_until_all_follow(self, some: _Slice) -> None:
        while not some.all_follow:
            if some.in_vain >= MAX_ROUNDS_IN_VAIN * BATCH_SHARDS:
                raise KeysMissing
            if some.in_vain and some.in_vain % BATCH_SHARDS == 0:
                time.sleep(INDEX_SETTLES_S)
            self._walk(some, some.walks % BATCH_SHARDS)

    def _walk(self, some: _Slice, shard: int) -> None:
        """Once through what both indexes have of a shard, and once more through what left the pool meanwhile."""
        found: set[int] = set()  # the keys that follow, by the hash of their name
        try:
            brought = self._bring_all(some, shard, found)
            some.walked(shard, len(found), brought)
        finally:
            some.found[shard] = max(some.found[shard], len(found))

    def _bring_all(self, some: _Slice, shard: int, found: set[int]) -> int:
        """How many had to be brought in line. Raises _Stopped."""
        brought, behind = 0, list[str]()
        with ThreadPoolExecutor(MAX_PARALLEL_WRITES, "follow") as writers:
            for number, trail in enumerate(self._trails(some.batch, shard)):
                if number % LOOK_AT_CLOCK_EVERY == 0:
                    self._check_goes_on(some)
                if hash(trail.key_id) in found:
                    continue
                if trail.follows == some.batch.generation:
                    found.add(hash(trail.key_id))
                    continue
                behind.append(trail.key_id)
                if len(behind) == MAX_READS:
                    brought += self._bring(some, behind, found, writers)
                    behind.clear()
            return brought + self._bring(some, behind, found, writers)

    def _trails(self, batch: Batch, shard: int) -> Iterator[Trail]:
        began = left_pool(self.now_ms() - CLOCKS_APART_MS)
        yield from self.store.out_of_pool(batch.batch_id, shard)
        for part in batch.parts:
            for of_part in claim_shards(part.shards, shard):
                partition = claim_partition(batch.sku_id, batch.batch_id, part.group, of_part)
                trails = self.store.in_claim_partition(partition)
                yield from (trail for trail in trails if batch_shard(trail.key_id) == shard)
        yield from self.store.out_of_pool(batch.batch_id, shard, began)

    def _bring(self, some: _Slice, key_ids: list[str], found: set[int], writers: ThreadPoolExecutor) -> int:
        """How many they were. Raises _Stopped before the first of them if the slice is over."""
        self._check_goes_on(some)
        now_ms = self.now_ms()

        def bring(key: Key) -> bool:
            following = follow(some.batch, key, now_ms)
            if following is key:
                return True
            return self.store.replace_key(replace(following, **stamp(some.origin, now_ms, key.version + 1)))

        keys = self.store.get_keys(list(dict.fromkeys(key_ids)))
        found.update(hash(key.key_id) for key, follows in zip(keys, writers.map(bring, keys), strict=True) if follows)
        return len(keys)

    def _check_goes_on(self, some: _Slice) -> None:
        now_ms = self.now_ms()
        if now_ms >= some.until_ms:
            raise _Stopped
        if now_ms - some.looked_at_ms >= LOOK_AT_BATCH_MS:
            some.looked_at_ms = now_ms
            if self.store.keys.get_batch(some.batch.batch_id).generation != some.batch.generation:
                raise _Stopped

    # what the batch is told

    def _note(self, some: _Slice) -> None:
        """How far it is, for whoever asks and for the next slice, which else walks the same shards once more."""
        for _ in range(MAX_REWRITES):
            batch = self.store.keys.get_batch(some.batch.batch_id)
            following = Following(
                generation=some.batch.generation,
                total=some.total,
                found=tuple(some.found),
                walks=some.walks,
                in_vain=some.in_vain,
            )
            if batch.generation != some.batch.generation or batch.following == following:
                return
            noted = replace(batch, following=following, **stamp(some.origin, self.now_ms(), batch.version + 1))
            try:
                self.store.change(noted)
            except TransactionFailed:
                continue
            return

    def _finish(self, some: _Slice) -> Progress:
        """The batch is followed, and leaves the list of those that stand still in the same write."""
        for _ in range(MAX_REWRITES):
            batch = self.store.keys.get_batch(some.batch.batch_id)
            if batch.generation != some.batch.generation:
                return Progress.UNFINISHED
            if batch.followed == batch.generation:
                return Progress.FOLLOWED
            now_ms = self.now_ms()
            held, pool = self.store.surroundings(batch.sku_id)
            followed = _followed(batch, some.origin, now_ms)
            moving = held_without(held, batch, some.origin, now_ms)
            try:
                self.store.change(followed, moving, filled(pool, followed, some.origin, now_ms))
            except TransactionFailed:
                continue
            return Progress.FOLLOWED
        raise StoreUnavailable


def _slice(batch: Batch, until_ms: int, origin: Origin, now_ms: int) -> _Slice:
    """Begins where the one before it was over, but with a new round once it is known how many keys there are."""
    total = batch.key_count if batch.all_runs_are_over(now_ms) else None
    known = batch.following
    if known is None or known.generation != batch.generation:
        known = Following(found=(0,) * BATCH_SHARDS)
    if known.total != total:
        known = replace(known, walks=0, in_vain=0)
    return _Slice(batch, total, until_ms, origin, now_ms, list(known.found), known.walks, known.in_vain)


def _followed(batch: Batch, origin: Origin, now_ms: int) -> Batch:
    """With its parts as the keys are now: an extension is told to the pool once no key is left behind it."""
    to = batch.extended_to
    parts = tuple(part.extended(to) for part in batch.parts) if to else batch.parts
    followed = replace(batch, parts=parts, followed=batch.generation, following=None)
    return replace(followed, **stamp(origin, now_ms, batch.version + 1))
