"""Each change of a key is on record and counted exactly once, however the stream brings it and wherever it breaks off.

Two shards of the stream bring changes of the keys of one SKU. An invocation takes as many as it likes, is broken off at
any request in any way, and what was not finished comes again, cut differently. What was finished comes again as well.
What was tried too often is given up, and sent again by an operator, after others and in any order.
"""

from contextlib import ExitStack, suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.figures import no_figures
from keyrail.inventory.model.keys import Key
from keyrail.inventory.service.counting import KeyChange
from keyrail.platform.audit_chain import Live, Verdict, verdict
from keyrail.platform.audit_verification import AuditVerification
from keyrail.platform.changes import stamp
from keyrail.platform.errors import Unavailable
from tests.faults.breaking import Killed, Way, Wire
from tests.properties.in_memory import world_and_wire
from tests.stream_of_keys import BATCH, NOW_MS, SKU, SOURCE, change, leased, looked_at, new_key, sold, stands
from tests.world import CHAIN_SECRET, SYSTEM

SHARDS = 2
LIVES = (leased, sold, looked_at, looked_at)


class Stream(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.world, self.wire = world_and_wire(self.until)
        batch = Batch(batch_id=BATCH, sku_id=SKU, source=SOURCE, created_at_ms=NOW_MS, **stamp(SYSTEM, NOW_MS))
        self.world.keys.add_batch(batch)
        self.keys: list[list[Key]] = [[] for _ in range(SHARDS)]
        self.shards: list[list[KeyChange]] = [[] for _ in range(SHARDS)]
        self.finished = [0] * SHARDS
        self.given_up: list[list[KeyChange]] = []

    def teardown(self) -> None:
        try:
            for shard in range(SHARDS):
                rest = self.shards[shard][self.finished[shard] :]
                if rest:
                    self.world.another_process().counting.put_on_record(SKU, rest)
            for some in self.given_up:
                self.world.another_process().counting.put_on_record(SKU, some)
            self.check()
        finally:
            self.until.close()

    @rule(shard=st.integers(0, SHARDS - 1))
    def imported(self, shard: int) -> None:
        key = new_key(shard * 1_000 + len(self.keys[shard]))
        self.keys[shard].append(key)
        self.shards[shard].append(change(None, key))

    @rule(shard=st.integers(0, SHARDS - 1), which=st.integers(0, 5))
    def lives_on(self, shard: int, which: int) -> None:
        if not self.keys[shard]:
            return
        at = which % len(self.keys[shard])
        key = self.keys[shard][at]
        if key.version <= len(LIVES):
            self.keys[shard][at] = LIVES[key.version - 1](key)
            self.shards[shard].append(change(key, self.keys[shard][at]))

    @rule(shard=st.integers(0, SHARDS - 1), many=st.integers(1, 6), at=st.integers(0, 9), way=st.sampled_from(Way))
    def delivered(self, shard: int, many: int, at: int, way: Way) -> None:
        """Broken at the request with the number `at`, if there are so many."""
        some = self.shards[shard][self.finished[shard] :][:many]
        if some and self.runs_through(some, Wire(at, way)):
            self.finished[shard] += len(some)

    @rule(shard=st.integers(0, SHARDS - 1), first=st.integers(0, 9), many=st.integers(1, 6))
    def delivered_again(self, shard: int, first: int, many: int) -> None:
        some = self.shards[shard][: self.finished[shard]][first : first + many]
        if some:
            self.runs_through(some, Wire())

    @rule(shard=st.integers(0, SHARDS - 1), many=st.integers(1, 6))
    def tried_too_often(self, shard: int, many: int) -> None:
        some = self.shards[shard][self.finished[shard] :][:many]
        if some:
            self.finished[shard] += len(some)
            self.given_up.append(some)

    @rule(which=st.integers(0, 5))
    def sent_by_an_operator(self, which: int) -> None:
        if self.given_up:
            self.runs_through(self.given_up.pop(which % len(self.given_up)), Wire())

    def runs_through(self, some: list[KeyChange], wire: Wire) -> bool:
        process = self.world.another_process(self.wire)
        with suppress(Unavailable, Killed), wire.carrying(process.dynamodb):
            process.counting.put_on_record(SKU, some)
            return True
        return False

    def check(self) -> None:
        keys = [key for shard in self.keys for key in shard]
        figures = self.world.figures.get(SKU) or no_figures(SKU, NOW_MS)
        expected = stands(keys)
        assert figures.tally == expected.tally
        assert figures.sources == expected.sources
        assert sum(figures.sales) == expected.tally.issued
        verification = AuditVerification(
            self.world.dynamodb, self.world.names["audit"], CHAIN_SECRET, (), self.world.now_ms
        )
        trail = self.world.scan("audit")
        for key in keys:
            records = [verification.seen(item) for item in trail if item["subject"]["S"] == f"key:{key.key_id}"]
            found = verdict(records, Live(key.version, key.changed_at_ms), self.world.now_ms())
            assert found == Verdict(records=key.version, pending=0, problems=0, findings=())


TestStream = Stream.TestCase
TestStream.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
