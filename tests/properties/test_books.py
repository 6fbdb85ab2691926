"""The books balance (promise I6) under any life of orders, brought in any order, cut, repeated and broken off anywhere.

What they say in the end is what the orders and the vouchers say: what was paid, what is too much, and what went back.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from keyrail.ledger.model import JournalEntry, turnovers
from keyrail.ordering.model.books import entries_between
from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.refunds import ask, give_back, hear
from keyrail.ordering.model.steps import fail_unit, pay
from keyrail.payments.model.attempts import AttemptStatus
from keyrail.payments.model.refunds import Refund, RefundAnswer, RefundState, RefundStatus
from keyrail.payments.model.vouchers import NewVoucher, Voucher, VoucherKind
from keyrail.platform.changes import Origin
from keyrail.platform.documents import from_attributes
from keyrail.platform.errors import KeyrailError, Unavailable
from keyrail.platform.money import Money
from tests.bookkeeping import DAY_MS, check_books, vouchers_of
from tests.faults.breaking import Killed, Way, Wire
from tests.properties.in_memory import world_and_wire
from tests.properties.orders import PROVIDER, SYSTEM, unpaid_orders
from tests.world import World

FINANCE = Origin("operator:fay", "192.0.2.8", "bank statement of Monday")
FAR_DAY = "9999-12-31"
SALES, REFUNDS, SUSPENSE, CLEARING = "sales:CNY", "refunds:CNY", "suspense:CNY", "clearing:epay/main:CNY"


class Ledger(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.world, self.wire = world_and_wire(self.until)
        self.orders: dict[str, Order] = {}
        self.brought: list[tuple[Order | None, Order]] = []
        self.unposted: list[JournalEntry] = []
        self.now_ms = 0

    def teardown(self) -> None:
        try:
            self.world.another_process().books.post(self.unposted)
            self.check()
        finally:
            self.until.close()

    @rule(order=unpaid_orders())
    def placed(self, order: Order) -> None:
        if order.order_id not in self.orders:
            self.changes(None, order)

    @rule(wait_ms=st.integers(0, DAY_MS))
    def wait(self, wait_ms: int) -> None:
        self.now_ms += wait_ms

    @rule(which=st.integers(0, 3), number=st.integers(0, 1), reference=st.sampled_from("abc"))
    def paid(self, which: int, number: int, reference: str) -> None:
        """By the provider's word, which settlement has bound to the attempt."""
        if order := self.chosen(which):
            attempt, first = order.attempts[number], order.paid_attempt()
            if first is None:
                self.changes(order, pay(order, attempt.attempt_id, reference, PROVIDER, self.now_ms))
            elif (first.attempt_id, first.reference) != (attempt.attempt_id, reference):
                self.changes(order, give_back(order, attempt.attempt_id, reference, PROVIDER, self.now_ms))

    @rule(which=st.integers(0, 3))
    def cannot_be_delivered(self, which: int) -> None:
        order = self.chosen(which)
        if order and order.paid_attempt() and order.units_to_issue():
            unit = order.units_to_issue()[0]
            self.changes(order, fail_unit(order, unit.unit_id, "sold_out", SYSTEM, self.now_ms))

    @rule(which=st.integers(0, 3), refund=st.integers(0, 5), state=st.sampled_from(RefundState))
    def refund_goes_on(self, which: int, refund: int, state: RefundState) -> None:
        order = self.chosen(which)
        if not order or not order.refunds:
            return
        some = order.refunds[refund % len(order.refunds)]
        if some.status is RefundStatus.DUE:
            self.changes(order, ask(order, some.refund_id, SYSTEM, self.now_ms))
        else:
            answer = RefundAnswer(refund_id=some.refund_id, state=state, status=state)
            self.changes(order, hear(order, answer, SYSTEM, self.now_ms))

    @rule(
        number=st.integers(0, 5),
        kind=st.sampled_from([VoucherKind.PARTNER_TOP_UP, VoucherKind.PARTNER_WITHDRAWAL]),
        holder=st.sampled_from(["prt_1", "prt_2"]),
        minor=st.integers(1, 3),
        at=st.integers(0, 1),
        way=st.sampled_from(Way),
    )
    def voucher(self, number: int, kind: VoucherKind, holder: str, minor: int, at: int, way: Way) -> None:
        """A few numbers, so that many come again, with the same content and with another; some break off."""
        wanted = NewVoucher(voucher_no=f"V-{number}", kind=kind, holder=holder, amount=Money(minor, "CNY"))
        self.broken_off(at, way, lambda process: vouchers_of(process).post(wanted, FINANCE))

    @rule(number=st.integers(0, 5), of=st.integers(0, 5), at=st.integers(0, 2), way=st.sampled_from(Way))
    def reversal(self, number: int, of: int, at: int, way: Way) -> None:
        self.broken_off(at, way, lambda process: vouchers_of(process).reverse(f"V-{number}", f"V-{of}", FINANCE))

    def broken_off(self, at: int, way: Way, act: Callable[[World], object]) -> None:
        process = self.world.another_process(self.wire)
        with suppress(KeyrailError, Killed), Wire(at, way).carrying(process.dynamodb):
            act(process)
        check_books(self.world)

    @rule(first=st.integers(0, 30), many=st.integers(1, 8), backwards=st.booleans())
    def brought_again(self, first: int, many: int, backwards: bool) -> None:
        entries = [entry for old, new in self.brought[first : first + many] for entry in entries_between(old, new)]
        self.world.another_process().books.post(reversed(entries) if backwards else entries)

    @rule(many=st.integers(1, 5), at=st.integers(0, 2), way=st.sampled_from(Way))
    def delivered(self, many: int, at: int, way: Way) -> None:
        some, process = self.unposted[:many], self.world.another_process(self.wire)
        with suppress(Unavailable, Killed), Wire(at, way).carrying(process.dynamodb):
            process.books.post(some)
            self.unposted = self.unposted[many:]
        check_books(self.world)

    def chosen(self, which: int) -> Order | None:
        return list(self.orders.values())[which % len(self.orders)] if self.orders else None

    def changes(self, old: Order | None, new: Order) -> None:
        if new is old:
            return
        self.orders[new.order_id] = new
        self.brought.append((old, new))
        self.unposted += entries_between(old, new)

    def check(self) -> None:
        check_books(self.world)
        balance = self.world.books.trial_balance(FAR_DAY)
        assert balance.balanced
        expected = dict.fromkeys((SALES, REFUNDS, SUSPENSE, CLEARING), 0)
        for order in self.orders.values():
            for attempt in order.attempts:
                if attempt.status is AttemptStatus.PAID:
                    expected[SALES] -= attempt.amount.amount_minor
                    expected[CLEARING] += attempt.amount.amount_minor
            for refund in order.refunds:
                self.expect_refund(expected, refund)
        self.expect_vouchers(expected)
        found = dict.fromkeys(expected, 0) | {each.account: each.closing_minor for each in balance.accounts}
        assert found == expected

    def expect_vouchers(self, expected: dict[str, int]) -> None:
        """As they stand in their table; each is reversed once, and a reversal never."""
        items = [item for item in self.world.scan("payments") if item["payment_id"]["S"].startswith("vch_")]
        vouchers = [from_attributes(Voucher, item) for item in items]
        reversed_ones = [voucher.reverses for voucher in vouchers if voucher.reverses]
        assert len(set(reversed_ones)) == len(reversed_ones), "reversed twice"
        assert set(reversed_ones) <= {each.voucher_no for each in vouchers if not each.reverses}, (
            "reversed what is none"
        )
        for name, moved in turnovers(each.entry() for each in vouchers).items():
            expected[name] = expected.get(name, 0) + moved.balance_minor

    @staticmethod
    def expect_refund(expected: dict[str, int], refund: Refund) -> None:
        minor, is_back = refund.amount.amount_minor, refund.status is RefundStatus.SUCCEEDED
        if not refund.unit_ids and not is_back:
            expected[CLEARING] += minor
            expected[SUSPENSE] -= minor
        if refund.unit_ids and is_back:
            expected[CLEARING] -= minor
            expected[REFUNDS] += minor


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
