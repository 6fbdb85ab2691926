"""Orders that were paid at the bank, what the books have of them, and the bank's statement, which agree."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from keyrail.ledger.model import JournalEntry
from keyrail.ordering.model.books import entries_between
from keyrail.ordering.model.orders import Channel, Order, OrderStatus, Unit, unit_id
from keyrail.ordering.model.refunds import ask, hear
from keyrail.ordering.model.steps import fail_unit, pay
from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.refunds import RefundAnswer, RefundState
from keyrail.payments.model.statements import StatementKind, StatementLine
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import stamp
from keyrail.platform.clock import epoch_ms, rfc3339, utc_date
from keyrail.platform.ids import new_id
from keyrail.platform.money import Money
from keyrail.reconciliation.model.differences import Difference, DifferenceStatus
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.runs import Run, run_id
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.world import OPERATOR, PRICE, SYSTEM, World

HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS
FEE = Money(6, "CNY")
HOLDER = Holder(ACCOUNT, PROVIDER)


def at_bank(process: World, bank: Bank) -> World:
    process.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})
    return process


def days_ago(world: World, days: int) -> date:
    return date.fromisoformat(utc_date(world.now_ms())) - timedelta(days=days)


def noon_ms(day: date, zone: tzinfo) -> int:
    return epoch_ms(datetime(day.year, day.month, day.day, 12, tzinfo=zone))


def unpaid(at_ms: int, units: int = 1) -> Order:
    order_id = new_id("ord", at_ms)
    attempt = PaymentAttempt(
        attempt_id=attempt_id(order_id, 1), provider=PROVIDER, account=ACCOUNT, amount=PRICE.times(units)
    )
    return Order(
        order_id=order_id,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=tuple(
            Unit(unit_id=unit_id(order_id, number), sku_id="sku", quantity=1, amount=PRICE, key_ids=())
            for number in range(1, units + 1)
        ),
        total=PRICE.times(units),
        attempts=(attempt,),
        request_hash=b"request",
        token_hash=b"token",
        created_at_ms=at_ms,
        expires_at_ms=at_ms + HOUR_MS,
        **stamp(SYSTEM, at_ms),
    )


def paid(order: Order, at_ms: int) -> Order:
    attempt = order.attempts[0].attempt_id
    return pay(order, attempt, f"T-{attempt}", SYSTEM, at_ms)


def all_given_back(order: Order, at_ms: int) -> Order:
    """Unit by unit."""
    for unit in order.units:
        order = fail_unit(order, unit.unit_id, "sold_out", SYSTEM, at_ms)
        refund = order.refunds[-1]
        order = ask(order, refund.refund_id, SYSTEM, at_ms)
        answer = RefundAnswer(refund_id=refund.refund_id, state=RefundState.SUCCEEDED, status="ok")
        order = hear(order, answer, SYSTEM, at_ms)
    return order


def lines_of(order: Order, at_ms: int) -> list[StatementLine]:
    """As the bank books a paid order, and what went back of it."""
    (attempt,) = order.attempts
    reference = f"T-{attempt.attempt_id}"
    payment = StatementLine(
        line=1,
        kind=StatementKind.PAYMENT,
        number=attempt.attempt_id,
        reference=reference,
        amount=attempt.amount,
        fee=FEE,
        status="ok",
        at=rfc3339(at_ms),
    )
    refunds = [
        StatementLine(
            line=2 + number,
            kind=StatementKind.REFUND,
            number=refund.refund_id,
            reference=f"R-{refund.refund_id}",
            amount=refund.amount,
            fee=FEE,
            status="ok",
            at=rfc3339(at_ms),
            fee_returned=True,
            payment_number=attempt.attempt_id,
            payment_reference=reference,
        )
        for number, refund in enumerate(order.refunds)
    ]
    return [payment, *refunds]


@dataclass
class Books:
    """What happened at the bank and with us, day by day."""

    world: World
    bank: Bank
    entries: list[JournalEntry] = field(default_factory=list)

    def put(self, order: Order, *, in_books: bool = True) -> Order:
        standing = self.world.orders.add(order)
        assert standing is None or standing == order  # a put whose answer came late is sent again
        if in_books:
            self.entries += entries_between(None, order)
        return order

    def said(self, day: date, *lines: StatementLine) -> None:
        self.bank.statements.setdefault(day, []).extend(lines)

    def post(self) -> None:
        self.world.books.post(self.entries)
        self.entries.clear()

    def request(self, day: date) -> str:
        """As the clock does, or as an operator does who wants it again."""
        name = run_id(HOLDER, day.isoformat())
        yesterday = days_ago(self.world, 1)
        self.world.reconciliation_desk.request_day([HOLDER], SYSTEM)
        if day != yesterday or self.run(day).compared_at_ms is not None:
            self.world.reconciliation_desk.request(HOLDER, day, OPERATOR)
        return name

    def reconcile(self, day: date) -> list[Difference]:
        """The differences that are open afterwards."""
        name = self.request(day)
        self.world.comparing.run(name, SYSTEM)
        return self.open(day)

    def run(self, day: date) -> Run:
        return self.world.reconciliation_desk.run(run_id(HOLDER, day.isoformat()))

    def all(self, day: date) -> list[Difference]:
        return self.world.reconciliation_desk.all_differences(self.run(day).run_id)

    def open(self, day: date) -> list[Difference]:
        return [each for each in self.all(day) if each.status is DifferenceStatus.OPEN]
