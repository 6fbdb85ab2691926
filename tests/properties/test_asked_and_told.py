"""Callbacks that are lost, late or repeated, questions, cancels, time and refunds, in any order: whoever has paid has
goods or their money back, once.
"""

from collections import Counter
from contextlib import ExitStack, suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from keyrail.inventory.model.keys import SoldOut
from keyrail.ordering.model.orders import NotCancellable, Order, UnitStatus
from keyrail.ordering.service.checkout import Placed, WayToPay
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.promises import check_promises, check_stock
from tests.properties.in_memory import world_in_memory
from tests.world import BUYER, SKU, SYSTEM, World
from tests.world import PROVIDER as CALLBACK

MINUTE_MS = 60_000
NUMBERS = st.integers(0, 3)


class LostCallbacks(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.bank = Bank()
        self.world = self.at_bank(world_in_memory(self.until))
        self.world.stock_up(2)
        self.placed: list[Placed] = []
        for _ in range(2):
            self.buy_in_two_ways()

    def at_bank(self, world: World) -> World:
        world.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): self.bank}, {(PROVIDER, ACCOUNT): ()})
        return world

    @rule(minutes=st.sampled_from([1, 10, 20]))
    def wait(self, minutes: int) -> None:
        self.world.ahead_ms += minutes * MINUTE_MS

    @rule()
    def start_another_process(self) -> None:
        self.world = self.at_bank(self.world.another_process())

    @rule()
    def buy_in_two_ways(self) -> None:
        with suppress(SoldOut):
            placed = self.world.order(provider=PROVIDER, idempotency_key=f"the order with number {len(self.placed)}")
            way = WayToPay(provider=PROVIDER, method="card", return_url="https://shop.example")
            self.world.checkout.start_payment(placed.order.order_id, placed.token, way, BUYER)
            self.placed.append(placed)

    @rule(order=NUMBERS, way=st.booleans(), callback=st.booleans())
    def pay(self, order: int, way: bool, callback: bool) -> None:
        attempt = self.standing(order).attempts[way]
        said = self.bank.collected.get(attempt.attempt_id) or self.bank.collect(attempt, f"t-{attempt.attempt_id}")
        if callback:
            self.world.settlement.settle(said, CALLBACK)

    @rule(order=NUMBERS, silent=st.booleans())
    def ask(self, order: int, silent: bool) -> None:
        self.bank.silent = silent
        self.world.inquiries.ask(self.number(order).order.order_id, SYSTEM)

    @rule(order=NUMBERS)
    def cancel(self, order: int) -> None:
        placed = self.number(order)
        with suppress(NotCancellable):
            self.world.checkout.cancel(placed.order.order_id, placed.token, BUYER)

    @rule(order=NUMBERS)
    def give_back_what_is_owed(self, order: int) -> None:
        self.world.refunds.settle(self.number(order).order.order_id, SYSTEM)

    def number(self, order: int) -> Placed:
        return self.placed[order % len(self.placed)]

    def standing(self, order: int) -> Order:
        return self.world.orders.of_operator(self.number(order).order.order_id)

    def teardown(self) -> None:
        with self.until:
            self.bank.silent = False
            for placed in self.placed:
                for work in (self.world.inquiries.ask, self.world.issuance.issue, self.world.refunds.settle):
                    work(placed.order.order_id, SYSTEM)
            check_promises(self.world)
            check_stock(self.world, SKU)
            self.check_money()

    def check_money(self) -> None:
        """What the bank took of an order's buyer is what they have in goods and what the bank gave back."""
        taken, kept = Counter[str](), Counter[str]()
        for order in self.world.stored_orders():
            paid = [self.bank.collected.get(attempt.attempt_id) for attempt in order.attempts]
            taken[order.order_id] = sum(_minor(said.amount) for said in paid if said)
            goods = [unit.amount for unit in order.units if unit.status is UnitStatus.DELIVERED]
            back = [self.bank.given_back.get(refund.refund_id) for refund in order.refunds]
            kept[order.order_id] = sum(map(_minor, (*goods, *back)))
        assert taken == kept, "neither goods nor money back, or both"
        assert self.world.desk.waiting(10) == []


def _minor(money: Money | None) -> int:
    return money.amount_minor if money else 0


TestLostCallbacks = LostCallbacks.TestCase
TestLostCallbacks.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
