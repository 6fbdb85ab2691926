"""Payments of every kind, and operators who decide about them, under any order of commands, duplicates and troubles.

Each payment's money ends once: as an order's, which has goods or owes it back; back at whoever paid; or on the desk. A
provider's number is of one payment, and its statements of that do not contradict each other.
"""

from contextlib import ExitStack, suppress
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from keyrail.inventory.model.keys import SoldOut
from keyrail.ledger.model import JournalEntry, turnovers
from keyrail.ordering.model.books import entries_between as order_entries
from keyrail.ordering.model.orders import NotCancellable
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.books import entries_between as desk_entries
from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment
from keyrail.payments.model.refund_limits import RefundLimit, RefundLimits
from keyrail.payments.model.refunds import ASK_AGAIN_MS
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import Origin
from keyrail.platform.documents import from_attributes
from keyrail.platform.errors import KeyrailError
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.promises import check_promises
from tests.properties.in_memory import world_in_memory
from tests.world import BUYER, SYSTEM, World

MINUTE_MS = 60_000
OPERATORS = [Origin(f"operator:{name}", "192.0.2.7", "ticket 4711") for name in ("alice", "bob")]
HAVE_ORDERS = precondition(lambda self: self.placed)
HAVE_PAID = precondition(lambda self: self.said)


class Desk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.bank = Bank()
        self.world = self.at_bank(world_in_memory(self.until))
        self.world.refund_limits = RefundLimits({"CNY": RefundLimit(payment_minor=900, day_minor=2_500)})
        self.placed: list[Placed] = []
        self.said: list[Confirmation] = []

    @initialize()
    def open_the_shop(self) -> None:
        self.world.stock_up(3)
        self.buy(1)

    @rule(quantity=st.integers(1, 2))
    def buy(self, quantity: int) -> None:
        with suppress(SoldOut):
            self.placed.append(self.world.order(quantity, provider=PROVIDER))

    @rule(minutes=st.sampled_from([1, 20]))
    def wait(self, minutes: int) -> None:
        self.world.ahead_ms += minutes * MINUTE_MS

    @HAVE_ORDERS
    @rule(data=st.data(), more=st.sampled_from([0, -400, 250]), stray=st.booleans())
    def pay(self, data: st.DataObject, more: int, stray: bool) -> None:
        """The right sum or another one, for an order or for nobody knows what."""
        attempt = data.draw(st.sampled_from(self.placed)).attempt
        number = f"T-{len(self.said)}"
        amount = Money(attempt.amount.amount_minor + more, attempt.amount.currency)
        paid = replace(self.bank.paid(attempt, number), amount=amount)
        self.said.append(replace(paid, attempt_id=f"till-{number}") if stray else paid)
        self.world.settlement.settle(self.said[-1], SYSTEM)

    @HAVE_PAID
    @rule(data=st.data())
    def hear_it_again(self, data: st.DataObject) -> None:
        self.world.settlement.settle(data.draw(st.sampled_from(self.said)), SYSTEM)

    @HAVE_PAID
    @rule(
        data=st.data(),
        by=st.sampled_from(OPERATORS),
        command=st.sampled_from(["accept", "assign", "refund", "approve_refund", "reject_refund", "dismiss"]),
    )
    def decide(self, data: st.DataObject, by: Origin, command: str) -> None:
        payments = sorted(self.payments(), key=lambda each: each.reference)
        if not payments:
            return
        payment_id = data.draw(st.sampled_from(payments)).payment_id
        with suppress(KeyrailError):
            if command == "assign":
                order_id = data.draw(st.sampled_from(self.placed)).order.order_id
                self.world.payment_desk.assign(payment_id, order_id, by, accept_amount=data.draw(st.booleans()))
            else:
                getattr(self.world.payment_desk, command)(payment_id, by)

    @HAVE_ORDERS
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        placed = data.draw(st.sampled_from(self.placed))
        with suppress(NotCancellable):
            self.world.checkout.cancel(placed.order.order_id, placed.token, BUYER)

    @rule(trouble=st.sampled_from(["", "lost", "down", "slow", "refuse"]))
    def work_on_what_is_owed(self, trouble: str) -> None:
        self.bank.troubles = [trouble] if trouble else []
        self.settle_all()

    def settle_all(self) -> bool:
        done = True
        for owner_id in self.owners():
            with suppress(KeyrailError):
                self.world.issuance.issue(owner_id, SYSTEM)
            try:
                done = self.world.refunds.settle(owner_id, SYSTEM) and done
            except KeyrailError:
                done = False
        return done

    def owners(self) -> list[str]:
        return [placed.order.order_id for placed in self.placed] + [each.payment_id for each in self.payments()]

    def payments(self) -> list[UnmatchedPayment]:
        return [from_attributes(UnmatchedPayment, item) for item in self.world.scan("payments")]

    def at_bank(self, world: World) -> World:
        world.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): self.bank}, {(PROVIDER, ACCOUNT): ()})
        return world

    def teardown(self) -> None:
        with self.until:
            self.bank.troubles = []
            while not self.settle_all():
                self.world.ahead_ms += ASK_AGAIN_MS
            check_promises(self.world)
            self.check_where_the_money_is()
            self.check_books()

    def check_where_the_money_is(self) -> None:
        orders = self.world.stored_orders()
        paying = [attempt.reference for order in orders for attempt in order.attempts if attempt.reference]
        too_many = [refund.payment_reference for order in orders for refund in order.refunds if not refund.unit_ids]
        stray = [each.reference for each in self.payments() if each.money and each.status in NOT_PLACED]
        ends = sorted([*paying, *map(str, too_many), *stray])
        assert ends == sorted(said.reference for said in self.said), "money ended twice, or nowhere"

    def check_books(self) -> None:
        """Clearing has what the bank has; suspense what nobody has placed, and what the bank does not give back."""
        entries: list[JournalEntry] = []
        for order in self.world.stored_orders():
            entries += order_entries(None, order)
        for payment in self.payments():
            entries += desk_entries(None, payment)
        booked = {name: turnover.balance_minor for name, turnover in turnovers(entries).items()}
        came = sum(said.amount.amount_minor for said in self.said if said.amount)
        went = sum(amount.amount_minor for amount in self.bank.given_back.values())
        assert booked.get("clearing:bank/main:CNY", 0) == came - went
        held = [each.money for each in self.payments() if each.money and each.status in HELD]
        refused = [
            refund.amount
            for order in self.world.stored_orders()
            for refund in order.refunds
            if not refund.unit_ids and refund.status != "succeeded"
        ]
        assert -booked.get("suspense:CNY", 0) == sum(money.amount_minor for money in (*held, *refused))


HELD = {DeskStatus.WAITING, DeskStatus.AWAITING_APPROVAL, DeskStatus.REFUNDING}
NOT_PLACED = HELD | {DeskStatus.REFUNDED}
TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
