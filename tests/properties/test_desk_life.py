"""Payments of every kind, and operators who decide about them, under any order of commands, duplicates and troubles.

Each payment's money ends once: as an order's, which has goods or owes it back; back at whoever paid; or on the desk. A
provider's number is of one payment, and its statements of that do not contradict each other.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from keyrail.inventory.model.keys import SoldOut
from keyrail.ledger.model import JournalEntry, turnovers
from keyrail.ordering.model.books import entries_between as order_entries
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.books import entries_between as desk_entries
from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment
from keyrail.payments.model.refund_limits import RefundLimit, RefundLimits
from keyrail.payments.model.refunds import ASK_AGAIN_MS, RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import Origin
from keyrail.platform.documents import from_attributes
from keyrail.platform.errors import Conflict, KeyrailError
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.promises import check_promises
from tests.properties.in_memory import world_in_memory
from tests.world import BUYER, SYSTEM, World

ORDER_IS_OVER_MS = 20 * 60_000
ROUNDS = 5
OPERATORS = [Origin(f"operator:{name}", "192.0.2.7", "ticket 4711") for name in ("alice", "bob")]
TROUBLES = ("", "", "lost", "down", "slow", "refuse")
OTHER_SUMS = (-400, -40, 250)
HELD = {DeskStatus.WAITING, DeskStatus.AWAITING_APPROVAL, DeskStatus.REFUNDING}
NOT_PLACED = HELD | {DeskStatus.REFUNDED}


@dataclass
class Shop:
    """What may happen in it; each time to the one of many that `pick` picks."""

    world: World
    bank: Bank = field(default_factory=Bank)
    placed: list[Placed] = field(default_factory=list)
    said: list[Confirmation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): self.bank}, {(PROVIDER, ACCOUNT): ()})
        self.world.refund_limits = RefundLimits({"CNY": RefundLimit(payment_minor=900, day_minor=2_500)})
        self.world.stock_up(4)
        self.buy(0)

    def buy(self, pick: int) -> None:
        with suppress(SoldOut):
            self.placed.append(self.world.order(1 + pick % 2, provider=PROVIDER))

    def time_runs(self, _: int) -> None:
        self.world.ahead_ms += ORDER_IS_OVER_MS

    def pay(self, pick: int, more: int = 0, *, stray: bool = False) -> None:
        attempt, number = self.placed[pick % len(self.placed)].attempt, f"T-{len(self.said):02d}"
        amount = Money(attempt.amount.amount_minor + more, attempt.amount.currency)
        paid = replace(self.bank.paid(attempt, number), amount=amount)
        self.said.append(replace(paid, attempt_id=f"till-{number}") if stray else paid)
        self.world.settlement.settle(self.said[-1], SYSTEM)

    def pay_another_sum(self, pick: int) -> None:
        self.pay(pick, OTHER_SUMS[pick % len(OTHER_SUMS)])

    def pay_for_nobody_knows_what(self, pick: int) -> None:
        self.pay(pick, (0, -400)[pick % 2], stray=True)

    def hear_it_again(self, pick: int) -> None:
        if self.said:
            self.world.settlement.settle(self.said[pick % len(self.said)], SYSTEM)

    def accept(self, pick: int) -> None:
        self.decide(pick, self.world.payment_desk.accept)

    def assign(self, pick: int) -> None:
        order_id = self.placed[pick // 7 % len(self.placed)].order.order_id
        self.decide(
            pick,
            lambda payment_id, by: self.world.payment_desk.assign(payment_id, order_id, by, accept_amount=pick % 3 > 0),
        )

    def refund(self, pick: int) -> None:
        self.decide(pick, self.world.payment_desk.refund)

    def have_it_approved(self, pick: int) -> None:
        self.decide(pick, self.world.payment_desk.approve_refund)

    def have_it_rejected(self, pick: int) -> None:
        self.decide(pick, self.world.payment_desk.reject_refund)

    def dismiss(self, pick: int) -> None:
        self.decide(pick, self.world.payment_desk.dismiss)

    def decide(self, pick: int, command: Callable[[str, Origin], object]) -> None:
        if payments := self.payments():
            with suppress(KeyrailError):
                command(payments[pick // 2 % len(payments)].payment_id, OPERATORS[pick % 2])

    def cancel(self, pick: int) -> None:
        placed = self.placed[pick % len(self.placed)]
        with suppress(Conflict):
            self.world.checkout.cancel(placed.order.order_id, placed.token, BUYER)

    def work(self, pick: int) -> bool:
        """The queues come round; true if nothing is owed any more."""
        self.bank.troubles = [trouble] if (trouble := TROUBLES[pick % len(TROUBLES)]) else []
        self.world.ahead_ms += ASK_AGAIN_MS
        done = True
        for placed in self.placed:
            self.world.issuance.issue(placed.order.order_id, SYSTEM)
        for owner_id in [*(placed.order.order_id for placed in self.placed), *(p.payment_id for p in self.payments())]:
            try:
                done = self.world.refunds.settle(owner_id, SYSTEM) and done
            except KeyrailError:
                done = False
        return done

    def payments(self) -> list[UnmatchedPayment]:
        """Those that wait first."""
        stored = [from_attributes(UnmatchedPayment, item) for item in self.world.scan("payments")]
        return sorted(stored, key=lambda each: (each.status is not DeskStatus.WAITING, each.reference))


ACTIONS: tuple[Callable[[Shop, int], object], ...] = (
    Shop.buy,
    Shop.time_runs,
    Shop.pay,
    Shop.pay_another_sum,
    Shop.pay_another_sum,
    Shop.pay_for_nobody_knows_what,
    Shop.hear_it_again,
    Shop.accept,
    Shop.accept,
    Shop.assign,
    Shop.assign,
    Shop.refund,
    Shop.have_it_approved,
    Shop.have_it_rejected,
    Shop.dismiss,
    Shop.cancel,
    Shop.work,
)
STEPS = 30


@given(seed=st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_the_money_of_each_payment_ends_once_and_the_books_know_where(seed: int) -> None:
    """Drawn one by one the steps would mostly be the same few; shrunk they would say no more."""
    chance = Random(seed)
    with ExitStack() as until:
        shop = Shop(world_in_memory(until))
        for _ in range(STEPS):
            chance.choice(ACTIONS)(shop, chance.randrange(100))
        assert any(shop.work(0) for _ in range(ROUNDS)), "money is owed back that is never given"
        check_promises(shop.world)
        check_where_the_money_is(shop)
        check_books(shop)


def check_where_the_money_is(shop: Shop) -> None:
    orders = shop.world.stored_orders()
    paying = [attempt.reference for order in orders for attempt in order.attempts if attempt.reference]
    too_many = [refund.payment_reference for order in orders for refund in order.refunds if not refund.unit_ids]
    stray = [each.reference for each in shop.payments() if each.money and each.status in NOT_PLACED]
    ends = sorted([*paying, *map(str, too_many), *stray])
    assert ends == sorted(said.reference for said in shop.said), "money ended twice, or nowhere"


def check_books(shop: Shop) -> None:
    """Clearing has what the bank has; suspense what nobody has placed, and what the bank does not give back."""
    orders, payments = shop.world.stored_orders(), shop.payments()
    entries: list[JournalEntry] = [entry for order in orders for entry in order_entries(None, order)]
    entries += [entry for payment in payments for entry in desk_entries(None, payment)]
    booked = {name: turnover.balance_minor for name, turnover in turnovers(entries).items()}
    came = sum(said.amount.amount_minor for said in shop.said if said.amount)
    went = sum(amount.amount_minor for amount in shop.bank.given_back.values())
    assert booked.get("clearing:bank/main:CNY", 0) == came - went
    held = [each.money for each in payments if each.money and each.status in HELD]
    second = [refund for order in orders for refund in order.refunds if not refund.unit_ids]
    refused = [refund.amount for refund in second if refund.status is not RefundStatus.SUCCEEDED]
    assert -booked.get("suspense:CNY", 0) == sum(money.amount_minor for money in (*held, *refused))
