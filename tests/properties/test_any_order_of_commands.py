"""The whole business under any order of commands, duplicates and delays: every promise holds at every end.

Buyers, providers, operators, the queues and time act as they like on a small stock; then the queues catch up, and the
promises are read off the tables.
"""

from contextlib import ExitStack, suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from keyrail.fulfilment.model import Complaint, NotDelivered
from keyrail.inventory.model.commands import BatchClosed, BatchVoid
from keyrail.inventory.model.keys import Fault, KeyFrozen, KeyVoid, NotSold, SoldOut
from keyrail.ordering.model.orders import Line, NotCancellable, UnitStatus
from keyrail.ordering.service.checkout import Placed
from keyrail.platform.errors import Conflict
from tests.promises import check_promises, check_stock
from tests.properties.in_memory import world_in_memory
from tests.world import BUYER, OPERATOR, SYSTEM, new_codes

MINUTE_MS = 60_000
SKUS = ("scarce", "plenty")
HAVE_ORDERS = precondition(lambda self: self.placed)


class Business(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.world = world_in_memory(self.until)
        self.codes = self.world.stock_up(2, "scarce") + self.world.stock_up(6, "plenty")
        self.placed: list[Placed] = []

    @rule(minutes=st.sampled_from([1, 10, 20]))
    def wait(self, minutes: int) -> None:
        self.world.ahead_ms += minutes * MINUTE_MS

    @rule()
    def start_another_process(self) -> None:
        self.world = self.world.another_process()

    @rule(scarce=st.integers(0, 2), plenty=st.integers(0, 3), name=st.integers(0, 5))
    def buy(self, scarce: int, plenty: int, name: int) -> None:
        lines = tuple(Line(sku, count) for sku, count in zip(SKUS, (scarce, plenty), strict=True) if count)
        if not lines:
            return
        with suppress(Conflict):
            self.placed.append(self.world.order(idempotency_key=f"the order with number {name}", lines=lines))

    @HAVE_ORDERS
    @rule(
        data=st.data(), reference=st.sampled_from([None, None, "another"]), money=st.sampled_from([None, None, "0.01"])
    )
    def hear_from_the_provider(self, data: st.DataObject, reference: str | None, money: str | None) -> None:
        attempt = data.draw(st.sampled_from(self.placed)).attempt
        self.world.pay(attempt, reference, **({"money": money} if money else {}))

    @HAVE_ORDERS
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        placed = data.draw(st.sampled_from(self.placed))
        try:
            self.world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
        except NotCancellable:
            assert self.world.orders.of_operator(placed.order.order_id).paid_attempt()

    @HAVE_ORDERS
    @rule(data=st.data())
    def run_the_queue(self, data: st.DataObject) -> None:
        self.world.issuance.issue(data.draw(st.sampled_from(self.placed)).order.order_id, SYSTEM)

    @HAVE_ORDERS
    @rule(data=st.data())
    def reveal(self, data: st.DataObject) -> None:
        placed = data.draw(st.sampled_from(self.placed))
        try:
            units = self.world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
        except (NotDelivered, KeyFrozen, KeyVoid):
            return
        assert {key.code for unit in units for key in unit.keys if key.code} <= set(self.codes)

    @HAVE_ORDERS
    @rule(data=st.data(), charge_back=st.booleans())
    def complain(self, data: st.DataObject, charge_back: bool) -> None:
        """About a key that somebody has or had, if anybody has one; else about one that is only hoped for."""
        units = [unit for each in self.placed for unit in self.world.orders.of_operator(each.order.order_id).units]
        delivered = [unit for unit in units if unit.status is UnitStatus.DELIVERED]
        known = [key for unit in delivered or units for key in (*unit.key_ids, *unit.replaced)]
        if not known:
            return
        complaint = Complaint(fault=Fault.BAD_CODE, charge_back=charge_back)
        with suppress(NotSold, SoldOut, KeyFrozen):
            done = self.world.after_sales.replace(data.draw(st.sampled_from(known)), complaint, OPERATOR)
            assert done.bad.charged_back_at_ms is not None or not charge_back

    @rule(count=st.integers(1, 2))
    def import_more(self, count: int) -> None:
        self.codes += self.world.import_codes(new_codes(count), "scarce")[0]

    @rule(data=st.data(), command=st.sampled_from(["freeze", "freeze", "unfreeze", "unfreeze", "close", "void"]))
    def command_a_batch(self, data: st.DataObject, command: str) -> None:
        with suppress(BatchClosed, BatchVoid):
            getattr(self.world.commands, command)(data.draw(st.sampled_from(self.batches())), OPERATOR)

    @rule(data=st.data())
    def let_its_keys_follow(self, data: st.DataObject) -> None:
        self.world.follow(data.draw(st.sampled_from(self.batches())))

    def batches(self) -> list[str]:
        return sorted({key.batch_id for key in self.world.stored_keys()})

    def teardown(self) -> None:
        with self.until:
            for batch_id in self.batches():
                self.world.follow(batch_id)
            for placed in self.placed:
                self.world.issuance.issue(placed.order.order_id, SYSTEM)
            check_promises(self.world, self.codes)
            for sku in SKUS:
                check_stock(self.world, sku)


TestBusiness = Business.TestCase
TestBusiness.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
