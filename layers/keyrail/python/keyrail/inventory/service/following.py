"""The keys of a batch follow the commands on it, in the background: slice by slice, each by its own conditional write.

A slice goes through both indexes, which name every key of the batch but lag behind, and lose sight of a key for a
moment while it moves from one to the other. So what was found is counted: a batch is followed once as many different
keys were found to follow its last command as it has. A slice that is killed leaves nothing behind: each key says itself
what it follows.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum

from keyrail.inventory.model.batches import Batch, Following
from keyrail.inventory.model.commands import filled, held_without
from keyrail.inventory.model.following import follow
from keyrail.inventory.model.keys import Key, left_pool
from keyrail.inventory.service.claims import partitions
from keyrail.inventory.store.batches import BatchStore, Trail
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import MAX_READS, StoreUnavailable, TransactionFailed
from keyrail.platform.errors import Unavailable

MAX_PARALLEL_WRITES = 16
MAX_REWRITES = 10
MAX_WALKS_IN_VAIN = 3  # without a key to bring in line, though some are missing
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


@dataclass
class _Walk:
    """One slice's way through the batch; `found` are the keys that follow, by the hash of their name."""

    batch: Batch
    until_ms: int
    origin: Origin
    looked_at_ms: int
    found: set[int] = field(default_factory=set)
    brought: int = 0


class _Stopped(Exception):
    """The slice's time is over, or another command was given meanwhile."""


@dataclass(frozen=True)
class Followers:
    store: BatchStore
    now_ms: NowMs

    def follow(self, batch_id: str, until_ms: int, origin: Origin) -> Progress:
        """Bring keys in line with their batch until all are, or the time is over.

        Safe to repeat after any failure, and to run twice at once. Where more keys may come, the end of the import, or
        of the making of codes, calls again. Raises BatchNotFound, KeysMissing, Unavailable.
        """
        batch = self.store.keys.get_batch(batch_id)
        if batch.followed == batch.generation:
            return Progress.FOLLOWED
        walk = _Walk(batch, until_ms, replace(origin, reason=batch.changed_reason), self.now_ms())
        try:
            self._walk_until_all_follow(walk)
        except _Stopped:
            self._note(walk)
            return Progress.UNFINISHED
        if batch.key_count is None:
            self._note(walk)
            return Progress.MORE_KEYS_MAY_COME
        return self._finish(walk)

    def _walk_until_all_follow(self, walk: _Walk) -> None:
        """Returns once as many were found as there are; where more may come, or more were found than an import counted
        that was stopped, once none was left to bring.
        """
        in_vain, key_count = 0, walk.batch.key_count
        while True:
            before = walk.brought
            self._bring_all(walk)
            if len(walk.found) == key_count:
                return
            if walk.brought > before:
                continue
            if key_count is None or len(walk.found) > key_count:
                return
            in_vain += 1
            if in_vain == MAX_WALKS_IN_VAIN:
                raise KeysMissing
            time.sleep(INDEX_SETTLES_S)

    def _bring_all(self, walk: _Walk) -> None:
        """Once through both indexes, and once more through what left the pool meanwhile."""
        began = left_pool(self.now_ms() - CLOCKS_APART_MS)
        behind: list[str] = []
        with ThreadPoolExecutor(MAX_PARALLEL_WRITES, "follow") as writers:
            for trail in self._trails(walk.batch, began):
                if hash(trail.key_id) in walk.found:
                    continue
                if trail.follows == walk.batch.generation:
                    walk.found.add(hash(trail.key_id))
                    continue
                behind.append(trail.key_id)
                if len(behind) == MAX_READS:
                    self._bring(walk, behind, writers)
                    behind.clear()
            self._bring(walk, behind, writers)

    def _trails(self, batch: Batch, since: str) -> Iterator[Trail]:
        yield from self.store.out_of_pool(batch.batch_id)
        for part in batch.parts:
            for partition in partitions(batch.sku_id, part):
                yield from self.store.in_claim_partition(partition)
        yield from self.store.out_of_pool(batch.batch_id, since)

    def _bring(self, walk: _Walk, key_ids: list[str], writers: ThreadPoolExecutor) -> None:
        """Raises _Stopped before the first of them if the slice is over."""
        self._check_goes_on(walk)
        now_ms = self.now_ms()

        def bring(key: Key) -> bool:
            following = follow(walk.batch, key, now_ms)
            if following is key:
                return True
            return self.store.replace_key(replace(following, **stamp(walk.origin, now_ms, key.version + 1)))

        keys = self.store.get_keys(list(dict.fromkeys(key_ids)))
        for key, follows in zip(keys, writers.map(bring, keys), strict=True):
            walk.brought += 1
            if follows:
                walk.found.add(hash(key.key_id))

    def _check_goes_on(self, walk: _Walk) -> None:
        now_ms = self.now_ms()
        if now_ms >= walk.until_ms:
            raise _Stopped
        if now_ms - walk.looked_at_ms >= LOOK_AT_BATCH_MS:
            walk.looked_at_ms = now_ms
            if self.store.keys.get_batch(walk.batch.batch_id).generation != walk.batch.generation:
                raise _Stopped

    # what the batch is told

    def _note(self, walk: _Walk) -> None:
        """How far it is. Nobody decides by it, so that it is left out where somebody else writes to the batch."""
        batch = self.store.keys.get_batch(walk.batch.batch_id)
        following = Following(done=len(walk.found), total=batch.key_count)
        if batch.generation != walk.batch.generation or batch.following == following:
            return
        noted = replace(batch, following=following, **stamp(walk.origin, self.now_ms(), batch.version + 1))
        try:
            self.store.change(noted)
        except TransactionFailed:
            return

    def _finish(self, walk: _Walk) -> Progress:
        """The batch is followed, and leaves the list of those that stand still in the same write."""
        for _ in range(MAX_REWRITES):
            batch = self.store.keys.get_batch(walk.batch.batch_id)
            if batch.generation != walk.batch.generation:
                return Progress.UNFINISHED
            if batch.followed == batch.generation:
                return Progress.FOLLOWED
            now_ms = self.now_ms()
            held, pool = self.store.surroundings(batch.sku_id)
            followed = _followed(batch, walk.origin, now_ms)
            moving = held_without(held, batch, walk.origin, now_ms)
            try:
                self.store.change(followed, moving, filled(pool, followed, walk.origin, now_ms))
            except TransactionFailed:
                continue
            return Progress.FOLLOWED
        raise StoreUnavailable


def _followed(batch: Batch, origin: Origin, now_ms: int) -> Batch:
    """With its parts as the keys are now: an extension is told to the pool once no key is left behind it."""
    to = batch.extended_to
    parts = tuple(part.extended(to) for part in batch.parts) if to else batch.parts
    followed = replace(batch, parts=parts, followed=batch.generation, following=None)
    return replace(followed, **stamp(origin, now_ms, batch.version + 1))
