"""A key's life under any sequence of claims, against a reference of a dozen lines (I1)."""

from contextlib import ExitStack
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from keyrail.inventory.model import Key, KeyState
from keyrail.inventory.model.keys import AVAILABLE_FROM_S, claim_order, claim_partition
from keyrail.platform.changes import stamp
from keyrail.platform.dynamo import TransactionFailed, transact
from tests.properties.in_memory import world_in_memory
from tests.world import BUYER, SYSTEM

KEY_ID = "key_01" + "0" * 26
ORDERS = st.sampled_from(["ord_a", "ord_b"])
SECOND_MS = 1_000


@dataclass
class Reference:
    """What a key is, said plainly: free, held by somebody until a time, or sold to somebody for ever."""

    holder: str | None = None
    until_ms: int = 0
    owner: str | None = None

    def free_at(self, now_ms: int) -> bool:
        return self.owner is None and (self.holder is None or now_ms >= self.until_ms)


class KeyLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.world = world_in_memory(self.until)
        self.now_ms = 1_700_000_000_000
        self.expected = Reference()
        self.world.keys.add(
            Key(
                key_id=KEY_ID,
                batch_id="bat_a",
                sku_id="sku",
                state=KeyState.AVAILABLE,
                sealed=b"sealed",
                data_key=0,
                mask="••••",
                line=1,
                claim_partition=claim_partition("sku", "bat_a", "", 0),
                claim_order=claim_order(AVAILABLE_FROM_S),
                **stamp(SYSTEM, 0),
            )
        )

    def teardown(self) -> None:
        self.until.close()

    @rule(seconds=st.integers(0, 5))
    def wait(self, seconds: int) -> None:
        self.now_ms += seconds * SECOND_MS

    @rule(order=ORDERS, seconds=st.integers(1, 5))
    def lease(self, order: str, seconds: int) -> None:
        until_ms = self.now_ms + seconds * SECOND_MS
        leased = self.world.keys.lease(KEY_ID, order, until_ms, BUYER, self.now_ms)
        assert leased == self.expected.free_at(self.now_ms)
        if leased:
            self.expected = Reference(order, until_ms)

    @rule(order=ORDERS)
    def release(self, order: str) -> None:
        released = self.world.keys.release(KEY_ID, order, BUYER, self.now_ms)
        assert released == (self.expected.owner is None and self.expected.holder == order)
        if released:
            self.expected = Reference()

    @rule(order=ORDERS)
    def sell(self, order: str) -> None:
        may = self.expected.owner is None and (self.expected.holder == order or self.expected.free_at(self.now_ms))
        try:
            transact(self.world.dynamodb, [self.world.keys.sale(KEY_ID, order, f"unt_{order}", BUYER, self.now_ms)])
        except TransactionFailed:
            assert not may
        else:
            assert may
            self.expected = Reference(owner=order)

    @rule(order=ORDERS)
    def look(self, order: str) -> None:
        seen = self.world.keys.reveal(KEY_ID, order, BUYER, self.now_ms)
        assert (seen is not None) == (self.expected.owner == order)

    @invariant()
    def the_table_says_what_the_reference_says(self) -> None:
        key = self.world.keys.get(KEY_ID)
        assert (key.state is KeyState.SOLD) == (self.expected.owner is not None)
        assert key.order_id == (self.expected.owner or self.expected.holder)
        assert (key.claim_order is None) == (key.state is KeyState.SOLD)


TestKeyLife = KeyLife.TestCase
TestKeyLife.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
