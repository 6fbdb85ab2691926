"""Goods xor money back, under any order of payments, callbacks, questions, cancels, expiries, refunds and decisions.

Two banks take money as buyers like: on time, late, twice, too little, too much, for an order that is over. Callbacks
come late, again or never; banks are not reached, lose answers, refuse, and say what is not so. At the end everybody
gets round to what they have to do, and each payment that a bank took has bought goods of its worth, is back at its
buyer, or lies on the desk: one of them, for all of it.
"""

from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from keyrail.ordering.model.orders import NotCancellable, Order, UnitStatus
from keyrail.ordering.model.refund_requests import WantedRefund
from keyrail.ordering.service.checkout import Placed, WayToPay
from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable, order_id_of
from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment, payment_id
from keyrail.payments.model.refunds import ASK_AGAIN_MS, Refund, RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import Origin
from keyrail.platform.documents import from_attributes
from keyrail.platform.errors import Conflict
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, Bank
from tests.promises import check_promises, check_stock
from tests.properties.in_memory import world_in_memory
from tests.world import BUYER, OPERATOR, SKU, SYSTEM, World, new_codes

MINUTE_MS = 60_000
ORDER_IS_OVER_MS = 20 * MINUTE_MS
BANKS = ("first", "second")
TROUBLES = ("", "", "down", "lost", "slow", "refuse", "other_sum")
STOCK = 2
ROUNDS = 12  # more than there are troubles in a row
SECOND_OPERATOR = Origin("operator:second", "192.0.2.2", "test")
COMMANDS = ("accept", "assign", "refund", "dismiss")
PLACED_BY_HAND = {DeskStatus.ACCEPTED, DeskStatus.ASSIGNED}
PLACED = precondition(lambda self: self.placed)
PAID = precondition(lambda self: self.taken)


@dataclass(frozen=True)
class Taken:
    """Money that a bank has, and what it says of it."""

    order_id: str
    attempt: PaymentAttempt
    said: Confirmation

    @property
    def amount_minor(self) -> int:
        assert self.said.amount is not None
        return self.said.amount.amount_minor


class Trade(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.banks = {name: Bank() for name in BANKS}
        self.world = self.process(world_in_memory(self.until))
        self.codes = self.world.stock_up(STOCK)
        self.placed: list[Placed] = []
        self.taken: list[Taken] = []

    def process(self, world: World) -> World:
        accounts = {(name, ACCOUNT): bank for name, bank in self.banks.items()}
        world.accounts = PaymentAccounts(accounts, dict.fromkeys(accounts, ()))
        return world

    # buyers

    @initialize(bank=st.sampled_from(BANKS))
    def somebody_orders_all_there_is(self, bank: str) -> None:
        self.order(0, STOCK, bank)

    @rule(name=st.integers(0, 3), quantity=st.integers(1, 2), bank=st.sampled_from(BANKS))
    def order(self, name: int, quantity: int, bank: str) -> None:
        with suppress(Conflict):
            self.placed.append(self.world.order(quantity, f"the order with number {name}", provider=bank))

    @PLACED
    @rule(data=st.data(), bank=st.sampled_from(BANKS))
    def choose_another_way(self, data: st.DataObject, bank: str) -> None:
        placed = data.draw(st.sampled_from(self.placed))
        way = WayToPay(provider=bank, method=data.draw(st.sampled_from([None, "alipay"])))
        with suppress(Conflict):
            self.world.checkout.start_payment(placed.order.order_id, placed.token, way, BUYER)

    @PLACED
    @rule(data=st.data(), callbacks=st.integers(0, 2))
    def pay(self, data: st.DataObject, callbacks: int) -> None:
        self.collect(data.draw(st.sampled_from(self.attempts(data))))
        for _ in range(callbacks):
            self.hear(self.taken[-1])

    @PLACED
    @rule(data=st.data(), more_minor=st.sampled_from([-1, 1]), command=st.sampled_from([None, "", *COMMANDS]))
    def pay_another_sum(self, data: st.DataObject, more_minor: int, command: str | None) -> None:
        """Its callback comes, unless `command` is None, and somebody decides about it, unless that is empty."""
        self.collect(data.draw(st.sampled_from(self.attempts(data))), more_minor)
        if command is not None:
            self.hear(self.taken[-1])
        if command:
            self.command(data, command, payment_id(self.taken[-1].said))

    @PLACED
    @rule(data=st.data())
    def pay_twice(self, data: st.DataObject) -> None:
        for _ in range(2):
            self.collect(data.draw(st.sampled_from(self.attempts(data))))
            self.hear(self.taken[-1])

    @PLACED
    @rule(data=st.data(), name=st.integers(4, 7), quantity=st.integers(1, 2), bank=st.sampled_from(BANKS))
    def pay_when_somebody_else_has_bought(self, data: st.DataObject, name: int, quantity: int, bank: str) -> None:
        """Once the order is over, and its keys are for sale again."""
        late = data.draw(st.sampled_from(self.placed))
        self.world.ahead_ms += ORDER_IS_OVER_MS
        self.order(name, quantity, bank)
        for placed in (self.placed[-1], late):
            self.collect(placed.attempt)
            self.hear(self.taken[-1])

    def collect(self, attempt: PaymentAttempt, more_minor: int = 0) -> None:
        bank = self.banks[attempt.provider]
        asked = attempt.amount
        said = replace(
            bank.paid(attempt, f"payment {len(self.taken)}"),
            provider=attempt.provider,
            amount=Money(asked.amount_minor + more_minor, asked.currency),
        )
        bank.collected[attempt.attempt_id] = said
        self.taken.append(Taken(str(order_id_of(attempt.attempt_id)), attempt, said))

    @PLACED
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        placed = data.draw(st.sampled_from(self.placed))
        with suppress(NotCancellable):
            self.world.checkout.cancel(placed.order.order_id, placed.token, BUYER)

    # banks

    @PAID
    @rule(data=st.data())
    def call_back(self, data: st.DataObject) -> None:
        self.hear(data.draw(st.sampled_from(self.taken)))

    @rule(silent=st.booleans(), bank=st.sampled_from(BANKS))
    def fall_silent_or_speak(self, silent: bool, bank: str) -> None:
        self.banks[bank].silent = silent

    # the clock, and what it starts

    @rule(minutes=st.sampled_from([1, 11, 25]))
    def wait(self, minutes: int) -> None:
        self.world.ahead_ms += minutes * MINUTE_MS

    @rule()
    def start_another_process(self) -> None:
        self.world = self.process(self.world.another_process())

    @PLACED
    @rule(data=st.data())
    def ask_the_banks(self, data: st.DataObject) -> None:
        self.world.inquiries.ask(data.draw(st.sampled_from(self.placed)).order.order_id, SYSTEM)

    @PLACED
    @rule(data=st.data())
    def issue(self, data: st.DataObject) -> None:
        self.world.issuance.issue(data.draw(st.sampled_from(self.placed)).order.order_id, SYSTEM)

    @PLACED
    @rule(data=st.data(), troubles=st.lists(st.sampled_from(TROUBLES), max_size=3), bank=st.sampled_from(BANKS))
    def give_back(self, data: st.DataObject, troubles: list[str], bank: str) -> None:
        self.banks[bank].troubles = list(troubles)
        with suppress(ProviderUnavailable):
            self.world.refunds.settle(data.draw(st.sampled_from(self.owners())), SYSTEM)
        self.banks[bank].troubles = []

    # operators

    @precondition(lambda self: len(self.codes) == STOCK)
    @rule()
    def import_more(self) -> None:
        self.codes += self.world.import_codes(new_codes(1))[0]

    @PAID
    @rule(data=st.data(), command=st.sampled_from(COMMANDS))
    def decide(self, data: st.DataObject, command: str) -> None:
        entries = self.entries()
        if entries:
            self.command(data, command, data.draw(st.sampled_from(entries)).payment_id)

    def command(self, data: st.DataObject, command: str, payment_id: str) -> None:
        desk, order_id = self.world.payment_desk, data.draw(st.sampled_from(self.order_ids()))
        with suppress(Conflict):
            if command == "assign":
                desk.assign(payment_id, order_id, OPERATOR, accept_amount=True)
            else:
                getattr(desk, command)(payment_id, OPERATOR)

    @PAID
    @rule(data=st.data())
    def ask_for_it_again(self, data: st.DataObject) -> None:
        failed = self.refunds_that(RefundStatus.FAILED)
        if failed:
            owner_id, refund = data.draw(st.sampled_from(failed))
            self.world.refund_desk.ask_again(owner_id, refund.refund_id, OPERATOR)

    @PLACED
    @rule(data=st.data(), name=st.sampled_from("ab"))
    def take_goods_back(self, data: st.DataObject, name: str) -> None:
        order_id = data.draw(st.sampled_from(self.placed)).order.order_id
        with suppress(Conflict):
            self.world.unit_refunds.request(order_id, WantedRefund(why="changed their mind"), name, OPERATOR)
        for waiting in self.now(order_id).refunds:
            with suppress(Conflict):
                self.world.unit_refunds.approve(order_id, waiting.refund_id, SECOND_OPERATOR)

    # how it stands

    def now(self, order_id: str) -> Order:
        return self.world.orders.of_operator(order_id)

    def attempts(self, data: st.DataObject) -> tuple[PaymentAttempt, ...]:
        return self.now(data.draw(st.sampled_from(self.placed)).order.order_id).attempts

    def hear(self, taken: Taken) -> None:
        self.world.settlement.settle(taken.said, SYSTEM)

    def entries(self) -> list[UnmatchedPayment]:
        stored = (from_attributes(UnmatchedPayment, item) for item in self.world.scan("payments"))
        return sorted(stored, key=lambda entry: entry.payment_id)

    def order_ids(self) -> list[str]:
        return sorted({placed.order.order_id for placed in self.placed})

    def owners(self) -> list[str]:
        return [*self.order_ids(), *(entry.payment_id for entry in self.entries() if entry.refund)]

    def refunds(self) -> list[tuple[str, Refund]]:
        of_orders = [(order_id, refund) for order_id in self.order_ids() for refund in self.now(order_id).refunds]
        return of_orders + [(entry.payment_id, entry.refund) for entry in self.entries() if entry.refund]

    def refunds_that(self, are: RefundStatus) -> list[tuple[str, Refund]]:
        return [(owner_id, refund) for owner_id, refund in self.refunds() if refund.status is are]

    # the end

    def teardown(self) -> None:
        with self.until:
            self.let_everybody_get_round_to_it()
            for taken in self.taken:
                self.check(taken)
            for bank in self.banks.values():
                assert bank.given_back.keys() <= {refund.refund_id for _, refund in self.refunds()}, "to nobody's name"
            check_promises(self.world, self.codes)
            check_stock(self.world, SKU)

    def let_everybody_get_round_to_it(self) -> None:
        for bank in self.banks.values():
            bank.silent, bank.troubles = False, []
        for order_id in self.order_ids():
            self.world.inquiries.ask(order_id, SYSTEM)
        # A question finds one payment of an attempt; of a second one only its callback tells, or the statement.
        for taken in self.taken:
            if [other.attempt.attempt_id for other in self.taken].count(taken.attempt.attempt_id) > 1:
                self.hear(taken)
        for order_id in self.order_ids():
            self.world.issuance.issue(order_id, SYSTEM)
        self.give_everything_back()

    def give_everything_back(self) -> None:
        for _ in range(ROUNDS):
            for owner_id, refund in self.refunds_that(RefundStatus.FAILED):
                self.world.refund_desk.ask_again(owner_id, refund.refund_id, OPERATOR)
            if all([self.world.refunds.settle(owner_id, SYSTEM) for owner_id in self.owners()]):  # noqa: C419 - each
                break
            self.world.ahead_ms += ASK_AGAIN_MS
        assert all(self.world.refunds.settle(owner_id, SYSTEM) for owner_id in self.owners()), "a refund has no end"

    def check(self, taken: Taken) -> None:
        """By the bank's number of the payment, which is another for each."""
        reference, bank = taken.said.reference, self.banks[taken.said.provider]
        orders = [self.now(order_id) for order_id in self.order_ids()]
        entries = [entry for entry in self.entries() if entry.reference == reference]
        of_it = [refund for order in orders for refund in order.refunds if paid_with(order, refund) == reference]
        of_it += [entry.refund for entry in entries if entry.refund]
        back = sum(bank.given_back[each.refund_id].amount_minor for each in of_it if each.refund_id in bank.given_back)
        bought = [order for order in orders if (paid := order.paid_attempt()) and paid.reference == reference]
        units = [unit for order in bought for unit in order.units if unit.status is UnitStatus.DELIVERED]
        goods = sum(unit.amount.amount_minor for unit in units)
        if goods and any(entry.status in PLACED_BY_HAND for entry in entries):
            goods = taken.amount_minor  # an operator took what came for the price
        waits = any(entry.status is DeskStatus.WAITING and entry.money for entry in entries)
        worth = (goods, back, taken.amount_minor if waits else 0)
        assert sum(worth) == taken.amount_minor, f"{reference} of {taken.amount_minor}: {worth}"


def paid_with(order: Order, refund: Refund) -> str | None:
    attempt = order.attempt(refund.attempt_id)
    return refund.payment_reference or (attempt.reference if attempt else None)


TestTrade = Trade.TestCase
TestTrade.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
