"""A code of our own under any sequence of redemptions, reversals, activations, stops and duplicates (I9, I11)."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from keyrail.catalog.model import Activation, Terms
from keyrail.inventory.model.batches import Batch, Standing
from keyrail.inventory.model.following import follow
from keyrail.inventory.model.keys import KeyState
from keyrail.platform.errors import KeyrailError
from keyrail.platform.money import Money
from keyrail.redemption.model import Caller, Presented, Redeemed
from tests.properties.in_memory import world_in_memory
from tests.redeeming import HOLDER, OTHER_TILL, TILL, check_account, issue, redeem, reverse

MINUTE_MS = 60_000
ACTIVE_MS, REVERSAL_MS, VALID_MS = 2 * MINUTE_MS, 3 * MINUTE_MS, 12 * MINUTE_MS
CALLERS = st.sampled_from([TILL, OTHER_TILL, HOLDER])
NAMES = st.sampled_from(["till-7-000001", "till-7-000002", "till-7-000003"])
SHOPS = st.sampled_from([None, "shop-1"])
START = 4
T = TypeVar("T")


@dataclass
class Made:
    """A redemption that was answered, and what its caller had asked for."""

    spent: int
    place: str | None
    at_ms: int
    answer: Redeemed
    back: Redeemed | None = None


@dataclass
class Reference:
    """What a code is, said plainly."""

    left: int = START
    active_until_ms: int = 0
    stopped: str | None = None
    made: dict[tuple[str, str], Made] = field(default_factory=dict)

    def in_the_way(self, terms: Terms, spent: int, now_ms: int) -> set[str]:
        """Every reason there is; which of them is told first is not for this to say."""
        on_demand = terms.activation is Activation.ON_DEMAND
        short = "value_insufficient" if terms.value and self.left else "already_redeemed"
        reasons = {
            self.stopped or "": self.stopped is not None,
            short: self.left < spent,
            "not_active": on_demand and self.active_until_ms < now_ms,
            "no_longer_valid": now_ms >= (terms.valid_to_ms or 0),
        }
        return {reason for reason, stands in reasons.items() if stands}


def told(ask: Callable[[], T]) -> T | str:
    """The answer, or the code of the refusal."""
    try:
        return ask()
    except KeyrailError as refused:
        return refused.code


class RedemptionLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.world = world_in_memory(self.until)
        self.expected = Reference()

    def teardown(self) -> None:
        self.until.close()

    @initialize(is_value=st.booleans(), activation=st.sampled_from([Activation.ON_SALE, Activation.ON_DEMAND]))
    def sell(self, is_value: bool, activation: Activation) -> None:
        self.terms = Terms(
            activation=activation,
            active_ms=ACTIVE_MS if activation is Activation.ON_DEMAND else None,
            uses=None if is_value else START,
            value=Money(START, "CNY") if is_value else None,
            valid_to_ms=self.world.now_ms() + VALID_MS,
            reversal_ms=REVERSAL_MS,
        )
        self.issued = issue(self.world, self.terms)
        self.batch: Batch = self.issued.batch

    @rule(minutes=st.integers(1, 2))
    def wait(self, minutes: int) -> None:
        self.world.ahead_ms += minutes * MINUTE_MS

    @rule(caller=CALLERS, name=NAMES, spent=st.integers(1, 3), place=SHOPS)
    def redeem(self, caller: Caller, name: str, spent: int, place: str | None) -> None:
        amount = Money(spent, "CNY") if self.terms.value else None
        spent = spent if self.terms.value else 1
        made = self.expected.made.get((caller.by, name))
        reasons = self.expected.in_the_way(self.terms, spent, self.world.now_ms())
        answer = told(partial(redeem, self.world, self.issued.code, name, caller=caller, amount=amount, location=place))
        if made and (made.spent, made.place) != (spent, place):
            assert answer == "idempotency_conflict"
            return
        if made:
            assert answer == replace(made.answer, reversed_at_ms=made.back.reversed_at_ms if made.back else None)
            return
        if not isinstance(answer, Redeemed):
            assert answer in reasons
            return
        assert not reasons
        self.expected.left -= spent
        self.expected.made[caller.by, name] = Made(spent, place, answer.redeemed_at_ms, answer)
        assert self._left(answer) == self.expected.left

    @rule(caller=st.sampled_from([TILL, OTHER_TILL]), name=NAMES)
    def reverse(self, caller: Caller, name: str) -> None:
        made = self.expected.made.get((caller.by, name))
        late = made is not None and self.world.now_ms() - made.at_ms > REVERSAL_MS
        answer = told(partial(reverse, self.world, self.issued.code, name, caller))
        if not isinstance(answer, Redeemed):
            expected = {
                "redemption_unknown": made is None,
                "not_reversible": late,
                self.expected.stopped or "": self.expected.stopped is not None,
            }
            assert expected.get(answer)
            assert made is None or made.back is None
            return
        assert made is not None
        if made.back is None:
            assert not late
            assert self.expected.stopped is None
            made.back = answer
            self.expected.left += made.spent
            assert self._left(answer) == self.expected.left
        assert answer == made.back

    @rule()
    def activate(self) -> None:
        was_active = self.expected.active_until_ms >= self.world.now_ms()
        reasons = self.expected.in_the_way(self.terms, 1, self.world.now_ms()) - {"not_active"}
        presented = Presented(code=self.issued.code)
        answer = told(partial(self.world.redemption.activate, presented, None, HOLDER))
        if isinstance(answer, str):
            assert answer in reasons
            return
        assert not reasons
        if self.terms.activation is Activation.ON_SALE:
            assert answer.active_until_ms is None
            return
        assert answer.active_until_ms is not None
        assert not was_active or answer.active_until_ms == self.expected.active_until_ms
        self.expected.active_until_ms = answer.active_until_ms

    @precondition(lambda self: self.expected.stopped != "key_void")
    @rule(standing=st.sampled_from([Standing.OPEN, Standing.FROZEN, Standing.CLOSED, Standing.VOID]))
    def command(self, standing: Standing) -> None:
        """On its batch; the key follows at once."""
        if self.batch.standing is Standing.CLOSED and standing is not Standing.VOID:
            return
        version, generation = self.batch.version + 1, self.batch.generation + 1
        self.batch = replace(self.batch, standing=standing, generation=generation, version=version)
        self.world.keys.replace_batch(self.batch)
        key = self.world.keys.get(self.issued.key_id)
        following = replace(follow(self.batch, key, self.world.now_ms()), version=key.version + 1)
        self.world.keys._table.send(self.world.keys.next_of_key(following))
        stopped = {Standing.FROZEN: "key_frozen", Standing.VOID: "key_void"}
        self.expected.stopped = stopped.get(standing)

    @invariant()
    def the_account_adds_up_and_says_what_the_reference_says(self) -> None:
        if not hasattr(self, "issued"):
            return
        key = self.world.keys.get(self.issued.key_id)
        check_account(key, self.terms)
        left = key.value_left if self.terms.value else len(key.after_use or ())
        assert left == self.expected.left
        assert 0 <= self.expected.left <= START
        if self.expected.left and self.expected.stopped is None:
            assert key.state is KeyState.SOLD

    def _left(self, answer: Redeemed) -> int | None:
        return answer.value_left.amount_minor if answer.value_left else answer.uses_left


TestRedemptionLife = RedemptionLife.TestCase
TestRedemptionLife.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
