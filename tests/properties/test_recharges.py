"""Units that are supplied: steps, answers, callbacks, questions, time-outs, crashes, duplicates, disputes in any order.

None is ordered twice while nobody knows, none is supplied and given back, and none is forgotten.
"""

from contextlib import ExitStack, suppress
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from keyrail.catalog.model import SkuKind
from keyrail.fulfilment.service.forgotten import STALE_MS, ForgottenUnits
from keyrail.fulfilment.service.keys_for_units import BOUGHT_LEASE_MS
from keyrail.fulfilment.service.recharging import Turn
from keyrail.inventory.model.keys import SoldOut
from keyrail.ordering.model.orders import OrderStatus, UnitStatus
from keyrail.ordering.model.supplying import hear
from keyrail.ordering.model.work import StandsStill, Verdict
from keyrail.ordering.model.working import Saying
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import DisputeState
from keyrail.platform.errors import NotFound, Unavailable
from keyrail.suppliers.model.outcomes import Card, DefiniteFailure, Refusal, Success
from tests.disputes import dispute_of
from tests.faults.breaking import Killed, Way, Wire
from tests.promises import check_promises, check_stock
from tests.properties.in_memory import world_and_wire
from tests.recharging import BEGIN, MANUAL, POOL, buy, keys_of, recharge, run, sell, take, unit_of
from tests.supplier import SETTLEMENT_MS, Plan
from tests.world import OPERATOR, SYSTEM, new_codes

BOUGHT = precondition(lambda self: self.placed)
BREAKS = st.none() | st.tuples(st.integers(0, 16), st.sampled_from([Way.REFUSED, Way.CUT_OFF, Way.KILLED]))
KINDS = {
    "recharged": SkuKind.RECHARGE,
    "either": SkuKind.EITHER,
    "by_hand": SkuKind.RECHARGE,
    "keys": SkuKind.KEY,
}


class Recharges(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.world, self.wire = world_and_wire(self.until)
        first, second = recharge("first"), recharge("second", priority=200)
        house, other = keys_of("first"), keys_of("second", priority=200)
        sources = {
            "recharged": (first, second),
            "either": (first, POOL, replace(other, source_id="sold")),
            "by_hand": (first, MANUAL),
            "keys": (house, other),
        }
        self.skus = {name: sell(self.world, *sources[name], kind=kind) for name, kind in KINDS.items()}
        self.codes = new_codes(2)
        self.world.import_codes(self.codes, self.skus["either"])
        self.placed: list[Placed] = []

    @rule(kind=st.sampled_from(sorted(KINDS)), plans=st.lists(st.sampled_from(Plan), max_size=2))
    def buy(self, kind: str, plans: list[Plan]) -> None:
        for supplier, plan in zip(self.world.wholesalers.values(), plans, strict=False):
            supplier.plans.append(plan)
        is_key = kind == "keys"
        with suppress(SoldOut):  # where nobody could supply it now
            self.placed.append(buy(self.world, self.skus[kind], quantity=1 + is_key, account=not is_key))

    def draw(self, data: st.DataObject) -> Placed:
        placed: Placed = data.draw(st.sampled_from(self.placed))
        return placed

    @BOUGHT
    @rule(data=st.data(), turn=st.sampled_from([Turn.PLACE, Turn.ASK]), breaks=BREAKS)
    def step(self, data: st.DataObject, turn: Turn, breaks: tuple[int, Way] | None) -> None:
        """Whether it is its turn or not, and broken at one of its requests or not."""
        placed, process = self.draw(data), self.world.another_process(self.wire)
        process.ahead_ms = self.world.ahead_ms
        wire = Wire(*breaks) if breaks else Wire()
        with wire.carrying(process.dynamodb), suppress(Unavailable, Killed):
            take(process, placed.order.order_id, placed.order.units[0].unit_id, turn)

    @BOUGHT
    @rule(data=st.data())
    def call_back(self, data: st.DataObject) -> None:
        unit = self.draw(data).order.units[0]
        self.world.news.tell(unit.unit_id)
        self.world.recharging.await_news(unit.unit_id, "token", 5)

    @rule(minutes=st.sampled_from([1, 20, 90]))
    def wait(self, minutes: int) -> None:
        self.world.ahead_ms += minutes * 60_000

    @BOUGHT
    @rule(data=st.data(), verdict=st.sampled_from(Verdict))
    def a_person_says_of_keys(self, data: st.DataObject, verdict: Verdict) -> None:
        """Right or wrong: whatever they say, our stock is looked through."""
        placed = self.draw(data)
        order_id, unit = placed.order.order_id, unit_of(self.world, placed)
        if unit.work is None or not unit.comes_as_keys:
            return
        saying = Saying(job=unit.work.job, verdict=verdict, text="as they told me")
        with suppress(StandsStill):
            self.world.work_desk.claim(order_id, unit.unit_id, unit.work.job, OPERATOR)
            self.world.work_desk.say(order_id, unit.unit_id, saying, OPERATOR, anybodys=False)

    @rule(name=st.sampled_from(["first", "second"]))
    def send_cards_that_are_known(self, name: str) -> None:
        """From now on one of each purchase is a key that is in our stock, or was."""
        known = Card(code=self.codes[0])
        self.world.wholesalers[name].odd = lambda cards: (known, *cards[1:])

    @rule(name=st.sampled_from(["first", "second"]), silent=st.booleans())
    def fall_silent(self, name: str, silent: bool) -> None:
        self.world.wholesalers[name].silent = silent

    @rule(name=st.sampled_from(["first", "second"]), minutes=st.sampled_from([1, 20, 90]))
    def run_short(self, name: str, minutes: int) -> None:
        """Our balance there does not do for so long."""
        self.world.suppliers.put_short(name, self.world.now_ms() + minutes * 60_000)

    @BOUGHT
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        placed = self.draw(data)
        self.world.recharging.leave(placed.order.order_id, placed.order.units[0].unit_id, SYSTEM)

    @BOUGHT
    @rule(data=st.data(), state=st.sampled_from(DisputeState), again=st.booleans())
    def hear_from_the_bank(self, data: st.DataObject, state: DisputeState, again: bool) -> None:
        placed = self.draw(data)
        self.world.disputes.hear(dispute_of(placed, state), SYSTEM)
        with suppress(NotFound):
            if again:
                self.world.freezing.unfreeze(placed.order.order_id, "dp_1", OPERATOR)

    @rule()
    def sweep(self) -> None:
        self.swept()

    def swept(self) -> None:
        """What is started again runs on its own; what was started before is not started anew."""
        forgotten = ForgottenUnits(self.world.orders, self.world.news, self.start, self.world.now_ms)
        assert forgotten.sweep(forgotten.new_round(), SYSTEM).rest is None

    def start(self, name: str, order_id: str, unit_id: str) -> bool:
        run(self.world, order_id, unit_id)
        return True

    def teardown(self) -> None:
        with self.until:
            for supplier in self.world.wholesalers.values():
                supplier.silent = False
            self.world.ahead_ms += 2 * (STALE_MS + SETTLEMENT_MS)
            self.swept()
            self.swept()
            for placed in self.placed:
                self.check_over(placed)
            sold = [code for supplier in self.world.wholesalers.values() for code in supplier.codes()]
            check_promises(self.world, [*self.codes, *sold])
            self.check_nothing_bought_is_lost()

    def check_nothing_bought_is_lost(self) -> None:
        """Every key that came in is sold to a unit, or anybody's once its lease is over."""
        self.world.ahead_ms += 2 * BOUGHT_LEASE_MS
        for sku_id in self.skus.values():
            check_stock(self.world, sku_id)

    def check_over(self, placed: Placed) -> None:
        """Or with a person, who finds out the truth; or it stands still for a bank."""
        unit, order = unit_of(self.world, placed), self.world.orders.of_operator(placed.order.order_id)
        if unit.work is None:
            assert not unit.is_open or any(each.frozen for each in order.disputes or ()), "forgotten"
            return
        attempt = unit.open_attempt()
        assert attempt is not None
        done = any(attempt.reference in each.credited for each in self.world.wholesalers.values())
        by_hand = not attempt.supplier
        said = Success(said="done") if done or by_hand else DefiniteFailure(said="not done", refusal=Refusal.REFUSED)
        following = hear(order, attempt.reference, said, OPERATOR, self.world.now_ms())
        assert self.world.orders.replace(order, following)
        ended = run(self.world, order.order_id, unit.unit_id, BEGIN)
        if ended is Turn.DONE:
            status = unit_of(self.world, placed).status
            assert status in {UnitStatus.DELIVERED, UnitStatus.FAILED, UnitStatus.REFUNDED}
            assert self.world.orders.of_operator(order.order_id).status is not OrderStatus.FULFILLING


TestRecharges = Recharges.TestCase
TestRecharges.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
