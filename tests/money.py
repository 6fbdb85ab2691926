"""What the books have to say of the money that orders, the desk, batches, statements and banks know of."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from keyrail.inventory.model.batches import Batch
from keyrail.ledger.model import turnovers
from keyrail.ordering.model.orders import Order
from keyrail.payments.model.attempts import AttemptStatus
from keyrail.payments.model.confirmations import DisputeState
from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment
from keyrail.payments.model.refunds import BY_HAND, Refund, RefundStatus
from keyrail.payments.model.vouchers import Voucher
from keyrail.platform.documents import from_attributes
from keyrail.platform.money import Money
from keyrail.reconciliation.model.runs import Run
from keyrail.suppliers.model.attempts import SupplyState
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.bookkeeping import check_books
from tests.world import World

FAR_DAY = "9999-12-31"
AT_BANK = f"clearing:{PROVIDER}/{ACCOUNT}"


def check_money(world: World, banks: Iterable[Bank] = ()) -> None:
    """Once the relay has caught up: every sale, refund, stray payment and fee is in once.

    And once no refund is open any more: what these `banks` have is what the books say.
    """
    check_books(world)
    balance = world.books.trial_balance(FAR_DAY)
    assert balance.balanced, "the books do not balance"
    expected = _expected(world)
    found = {each.account: each.closing_minor for each in balance.accounts if each.closing_minor}
    assert found == {name: minor for name, minor in expected.closings.items() if minor}, "booked something else"
    given_back = Counter[str]()
    for money in (money for bank in banks for money in bank.given_back.values()):
        given_back[f"{AT_BANK}:{money.currency}"] += money.amount_minor
    for name, minor in given_back.items():
        assert found.get(name, 0) == expected.received[name] - minor, "the bank has another sum than the books"


def moved_money(world: World) -> bool:
    paid = any(order.paid_attempt() for order in world.stored_orders())
    return paid or bool(world.scan("payments")) or bool(world.scan("reconciliation"))


def _expected(world: World) -> "_Expected":
    expected = _Expected()
    kinds: tuple[tuple[str, str, str, type[Any], Callable[[Any], None]], ...] = (
        ("orders", "order_id", "ord_", Order, expected.add_order),
        ("payments", "payment_id", "upm_", UnmatchedPayment, expected.add_payment),
        ("payments", "payment_id", "vch_", Voucher, expected.add_voucher),
        ("keys", "key_id", "bat_", Batch, expected.add_batch),
        ("reconciliation", "sk", "run", Run, expected.add_run),
    )
    for table, key, prefix, cls, add in kinds:
        for item in world.scan(table):
            if item[key]["S"].startswith(prefix):
                add(from_attributes(cls, item))
    return expected


class _Expected:
    """Closings by account, and what came in at each provider."""

    def __init__(self) -> None:
        self.closings: Counter[str] = Counter()
        self.received: Counter[str] = Counter()

    def add_order(self, order: Order) -> None:
        self._add_supplies(order)
        paid = order.paid_attempt()
        at = {each.attempt_id: f"clearing:{each.provider}/{each.account}" for each in order.attempts}
        for attempt in order.attempts:
            if attempt.status is AttemptStatus.PAID and attempt.payment_id is None:
                self._receive(at[attempt.attempt_id], "sales", attempt.came_in)
            elif attempt.status is AttemptStatus.PAID:
                self._move("suspense", "sales", attempt.came_in)  # what the desk had received
        for dispute in order.disputes or ():
            if dispute.state is DisputeState.LOST and dispute.amount:
                self._move("disputes", at[dispute.attempt_id], dispute.amount)
        for refund in order.refunds:
            of_sale = paid is not None and refund.attempt_id == paid.attempt_id
            of_sale = of_sale and refund.payment_reference in {None, paid.reference if paid else None}
            if not of_sale:
                self._receive(at[refund.attempt_id], "suspense", refund.amount)
            self._give_back("refunds" if of_sale else "suspense", at[refund.attempt_id], refund)

    def _add_supplies(self, order: Order) -> None:
        for supply in (each for unit in order.units for each in unit.attempts or ()):
            booked = supply.supplier and not supply.of_keys  # what keys cost is booked with their batch
            if supply.state is SupplyState.SUCCEEDED and booked and supply.cost:
                self._move("cost_of_goods", "supplier_payable", supply.cost)

    def add_payment(self, payment: UnmatchedPayment) -> None:
        at_provider = f"clearing:{payment.provider}/{payment.account}"
        if payment.money and payment.status is not DeskStatus.DISMISSED:  # an order has that money
            self._receive(at_provider, "suspense", payment.money)
        if payment.refund:
            self._give_back("suspense", at_provider, payment.refund)

    def add_batch(self, batch: Batch) -> None:
        if batch.unit_cost:
            kept = (batch.key_count or 0) - batch.charged_back
            self._move("cost_of_goods", "supplier_payable", batch.unit_cost.times(kept))

    def add_run(self, run: Run) -> None:
        for fee in run.fees:
            self._move("fees", f"clearing:{run.provider}/{run.account}", Money(fee.kept_minor, fee.currency))

    def add_voucher(self, voucher: Voucher) -> None:
        for name, moved in turnovers([] if voucher.waits else [voucher.entry()]).items():
            self.closings[name] += moved.balance_minor

    def _receive(self, at_provider: str, account: str, amount: Money) -> None:
        self.received[f"{at_provider}:{amount.currency}"] += amount.amount_minor
        self._move(at_provider, account, amount)

    def _give_back(self, account: str, at_provider: str, refund: Refund) -> None:
        if refund.status is RefundStatus.SUCCEEDED:
            self._move(account, "bank" if refund.said == BY_HAND else at_provider, refund.amount)

    def _move(self, debited: str, credited: str, amount: Money) -> None:
        self.closings[f"{debited}:{amount.currency}"] += amount.amount_minor
        self.closings[f"{credited}:{amount.currency}"] -= amount.amount_minor
