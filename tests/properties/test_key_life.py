"""A key's life under any sequence of claims and of commands on its batch, against a reference said plainly (I1)."""

from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from keyrail.inventory.model.batches import NOTHING_HELD, Batch, BatchStatus, Held, ImportReport, Standing
from keyrail.inventory.model.commands import BatchClosed, BatchVoid, ExpiryNotLater, extend, held_with, stand
from keyrail.inventory.model.faults import retire
from keyrail.inventory.model.following import follow
from keyrail.inventory.model.keys import (
    AVAILABLE_FROM_S,
    Fault,
    Key,
    KeyFrozen,
    KeyNotFound,
    KeyState,
    KeyVoid,
    NotSold,
    claim_order,
    claim_partition,
)
from keyrail.inventory.store.batches import BatchStore
from keyrail.platform.changes import stamp
from keyrail.platform.clock import utc_date
from keyrail.platform.dynamo import TransactionFailed, transact
from tests.properties.in_memory import world_in_memory
from tests.world import BUYER, OPERATOR, SYSTEM

KEY_ID = "key_01" + "0" * 26
ORDERS = st.sampled_from(["ord_a", "ord_b"])
SECOND_MS = 1_000
DAY_MS = 24 * 60 * 60 * SECOND_MS
BEGAN_MS = 1_700_000_000_000
STILL = {Standing.FROZEN, Standing.VOID}


@dataclass
class Reference:
    """What a key is: free, held by somebody until a time, or sold for ever; and over all that expired, frozen, void."""

    holder: str | None = None
    until_ms: int = 0
    owner: str | None = None
    last_day: str = utc_date(BEGAN_MS + DAY_MS)
    expired: bool = False
    frozen: bool = False
    void: bool = False
    replaced: bool = False
    follows: int = 0

    @property
    def moves(self) -> bool:
        return not (self.expired or self.frozen or self.void)

    def free_at(self, now_ms: int) -> bool:
        lapsed = self.holder is None or now_ms >= self.until_ms
        return self.owner is None and lapsed and self.moves and not self.past(now_ms)

    def past(self, now_ms: int) -> bool:
        return utc_date(now_ms) > self.last_day

    def follow(self, batch: Batch, now_ms: int) -> None:
        self.follows = batch.generation
        if self.void:
            return
        if batch.extended_to and batch.extended_to > self.last_day:
            self.last_day = batch.extended_to
            if self.expired and not self.past(now_ms):
                self.expired, self.holder = False, None
        self.void = batch.standing is Standing.VOID or (batch.standing is Standing.CLOSED and self.owner is None)
        if self.frozen and batch.standing is not Standing.FROZEN:
            self.until_ms = now_ms  # a lease has lapsed meanwhile
        self.frozen = batch.standing is Standing.FROZEN

    @property
    def state(self) -> KeyState:
        if self.void or self.frozen:
            return KeyState.VOID if self.void else KeyState.FROZEN
        if self.owner or self.expired:
            return KeyState.SOLD if self.owner else KeyState.EXPIRED
        return KeyState.LEASED if self.holder else KeyState.AVAILABLE


class KeyLife(RuleBasedStateMachine):
    """`batch` is as commanded; a slice of the followers reads it, and the key, and writes what it read some time later.
    The list of those that stand still has it until the key follows its last command.
    """

    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.world = world_in_memory(self.until)
        self.now_ms = BEGAN_MS
        self.expected = Reference()
        self.batch = Batch(
            batch_id="bat_a",
            sku_id="sku",
            source="ACME",
            status=BatchStatus.IMPORTED,
            report=ImportReport(accepted=1),
            first_expiry=self.expected.last_day,
            created_at_ms=0,
            **stamp(SYSTEM, 0),
        )
        self.read: tuple[Batch, Key] | None = None
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
                expires_on=self.expected.last_day,
                claim_partition=claim_partition("sku", "bat_a", "", 0),
                claim_order=claim_order(AVAILABLE_FROM_S),
                batch_partition="bat_a#0",
                **stamp(SYSTEM, 0),
            )
        )

    def teardown(self) -> None:
        self.until.close()

    @property
    def held(self) -> Held:
        if self.expected.follows == self.batch.generation:
            return NOTHING_HELD
        return held_with(NOTHING_HELD, self.batch, OPERATOR, 0) or NOTHING_HELD

    def may_be_sold(self) -> bool:
        return not self.held.unsaleable

    # buyers

    @rule(seconds=st.integers(0, 5))
    def wait(self, seconds: int) -> None:
        self.now_ms += seconds * SECOND_MS

    @rule()
    def sleep(self) -> None:
        self.now_ms += DAY_MS

    @rule(order=ORDERS, seconds=st.integers(1, 5))
    def lease(self, order: str, seconds: int) -> None:
        until_ms = self.now_ms + seconds * SECOND_MS
        leased = self.world.keys.lease(KEY_ID, order, until_ms, BUYER, self.now_ms, self.held)
        assert leased == (self.expected.free_at(self.now_ms) and self.may_be_sold())
        if leased:
            self.expected.holder, self.expected.until_ms = order, until_ms
        elif self.expected.past(self.now_ms) and self.expected.moves and self.expected.owner is None:
            self.expected.expired = True  # who meets a dead key takes it out of the pool

    @rule(order=ORDERS)
    def release(self, order: str) -> None:
        released = self.world.keys.release(KEY_ID, order, BUYER, self.now_ms)
        assert released == (self.expected.state is KeyState.LEASED and self.expected.holder == order)
        if released:
            self.expected.holder = None

    @rule(order=ORDERS)
    def sell(self, order: str) -> None:
        own = self.expected.state is KeyState.LEASED and self.expected.holder == order
        own = own and not self.expected.past(self.now_ms)
        may = (own or self.expected.free_at(self.now_ms)) and self.may_be_sold()
        write = self.world.keys.sale(KEY_ID, order, f"unt_{order}", BUYER, self.now_ms, self.held)
        try:
            transact(self.world.dynamodb, [write])
        except TransactionFailed:
            assert not may
        else:
            assert may
            self.expected.owner = self.expected.holder = order

    @rule(order=ORDERS)
    def look(self, order: str) -> None:
        try:
            self.world.keys.reveal(KEY_ID, order, BUYER, self.now_ms, self.held)
        except KeyNotFound:
            assert self.expected.owner != order
        except KeyVoid:
            assert self.expected.void
        except KeyFrozen:
            assert self.expected.frozen or self.held.frozen
        else:
            assert self.expected.owner == order
            assert self.expected.moves
            assert not self.held.frozen

    # the operator

    @rule(standing=st.sampled_from([*Standing, Standing.FROZEN, Standing.OPEN, Standing.FROZEN, Standing.OPEN]))
    def command(self, standing: Standing) -> None:
        with suppress(BatchClosed, BatchVoid):
            self.batch = stand(self.batch, standing, OPERATOR, self.now_ms)

    @rule(days=st.integers(0, 3))
    def extend(self, days: int) -> None:
        to = date.fromisoformat(utc_date(self.now_ms)) + timedelta(days=days)
        with suppress(BatchClosed, BatchVoid, ExpiryNotLater):
            self.batch = extend(self.batch, to.isoformat(), 0, OPERATOR, self.now_ms)

    @rule()
    def another_stands_in(self) -> None:
        key = self.world.keys.get(KEY_ID)
        try:
            bad = retire(key, "key_other", Fault.BAD_CODE, OPERATOR, self.now_ms, charge_back=False)
        except NotSold:
            assert self.expected.owner is None
        except KeyFrozen:
            assert self.expected.frozen
        except ValueError:
            assert self.expected.replaced
        else:
            assert self.expected.owner is not None
            transact(self.world.dynamodb, [self.world.keys.next_of_key(bad)])
            self.expected.replaced = self.expected.void = True

    # a slice

    @rule()
    def a_slice_reads(self) -> None:
        self.read = self.batch, self.world.keys.get(KEY_ID)

    @precondition(lambda self: self.read)
    @rule()
    def a_slice_writes(self) -> None:
        assert self.read is not None
        batch, key = self.read
        following = follow(batch, key, self.now_ms)
        if following is key:
            return
        changed = replace(following, **stamp(SYSTEM, self.now_ms, key.version + 1))
        if BatchStore(self.world.keys).replace_key(changed):
            self.expected.follow(batch, self.now_ms)

    @rule()
    def all_slices_are_done(self) -> None:
        self.a_slice_reads()
        self.a_slice_writes()

    # what must be true

    @invariant()
    def the_table_says_what_the_reference_says(self) -> None:
        key = self.world.keys.get(KEY_ID)
        assert (key.state, key.follows) == (self.expected.state, self.expected.follows)
        assert key.expires_on == self.expected.last_day
        assert (key.replaced_by is not None) == self.expected.replaced
        if key.state in {KeyState.SOLD, KeyState.LEASED}:
            assert key.order_id == (self.expected.owner or self.expected.holder)

    @invariant()
    def it_stands_in_one_index_and_only_what_may_be_claimed_in_the_pool_s(self) -> None:
        key = self.world.keys.get(KEY_ID)
        assert (key.claim_order is None) == (key.left_pool is not None)
        assert (key.claim_order is not None) == (key.state in {KeyState.AVAILABLE, KeyState.LEASED})

    @invariant()
    def what_follows_says_by_its_own_state_what_was_said_of_the_batch(self) -> None:
        key = self.world.keys.get(KEY_ID)
        if key.follows != self.batch.generation:
            return
        if self.batch.standing is Standing.OPEN:
            assert key.state is not KeyState.FROZEN
        if self.batch.standing in STILL:
            assert key.state in {KeyState.FROZEN, KeyState.VOID}
        if self.batch.standing is Standing.CLOSED:
            assert key.state in {KeyState.SOLD, KeyState.VOID}


TestKeyLife = KeyLife.TestCase
TestKeyLife.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
