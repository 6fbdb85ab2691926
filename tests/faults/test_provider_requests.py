"""The crash matrix towards providers: every request that a clean run makes to one, broken in each of three ways.

The provider is not reached; does what it is asked, and the answer is lost; does it, and the process is gone. Then
everything retries: the buyer pays once and gets goods, or gets the money back once.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest

from keyrail.ordering.model.orders import OrderStatus
from keyrail.ordering.service.checkout import WayToPay
from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable
from keyrail.payments.model.confirmations import Inquiry
from keyrail.payments.model.desk import DeskStatus
from keyrail.payments.model.refunds import ASK_AGAIN_MS, RefundAnswer, RefundOrder
from keyrail.payments.providers import Opening, PaymentAction
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.errors import KeyrailError
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.faults.breaking import Killed, Way
from tests.faults.use_cases.case import ORDER_IS_OVER_MS
from tests.in_memory import engine_in_memory
from tests.promises import check_promises
from tests.world import BUYER, OPERATOR, PRICE, SYSTEM, World

T = TypeVar("T")
Step = Callable[[World], object]
WAYS = (Way.REFUSED, Way.CUT_OFF, Way.KILLED)
MAX_ROUNDS = 5
NAME = "the same name each time"


@dataclass
class BreakableBank(Bank):
    """Breaks at the request with the number `at` (from 0), if any, and remembers every request."""

    at: int | None = None
    way: Way = Way.REFUSED
    requests: list[str] = field(default_factory=list)

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        return self._over("open", lambda: Bank.open(self, attempt, opening))

    def query(self, attempt: PaymentAttempt) -> Inquiry:
        return self._over("query", lambda: Bank.query(self, attempt))

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        return self._over("refund", lambda: Bank.refund(self, wanted))

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        return self._over("query_refund", lambda: Bank.query_refund(self, wanted))

    def _over(self, request: str, ask: Callable[[], T]) -> T:
        number = len(self.requests)
        self.requests.append(request)
        if number != self.at:
            return ask()
        if self.way is Way.REFUSED:
            raise ProviderUnavailable
        ask()
        raise Killed if self.way is Way.KILLED else ProviderUnavailable


@dataclass(frozen=True)
class Case:
    """`act` is broken, and comes again until its caller has an answer; `check` sees the end."""

    act: Step
    check: Step


def at(world: World, bank: Bank) -> World:
    """A process that remembers nothing."""
    process = world.another_process()
    process.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})
    return process


# payments


def checkout(world: World, bank: BreakableBank) -> Case:
    def check(process: World) -> None:
        (order,) = process.stored_orders()
        (attempt,) = order.attempts
        process.settlement.settle(bank.paid(attempt, "payment"), SYSTEM)
        assert process.orders.of_operator(order.order_id).status is OrderStatus.DELIVERED

    return Case(lambda process: process.order(idempotency_key=NAME, provider=PROVIDER), check)


def another_way_to_pay(world: World, bank: BreakableBank) -> Case:
    placed = at(world, Bank()).order(provider=PROVIDER)
    way = WayToPay(provider=PROVIDER, method="another")

    def check(process: World) -> None:
        order = process.orders.of_operator(placed.order.order_id)
        assert [attempt.method for attempt in order.attempts] == ["alipay", "another"]
        process.settlement.settle(bank.paid(order.attempts[1], "payment"), SYSTEM)
        assert process.orders.of_operator(order.order_id).status is OrderStatus.DELIVERED

    return Case(lambda process: process.checkout.start_payment(placed.order.order_id, placed.token, way, BUYER), check)


def question_about_an_order_whose_callback_is_lost(world: World, bank: BreakableBank) -> Case:
    placed = at(world, Bank()).order(provider=PROVIDER)
    bank.collect(placed.attempt, "payment")

    def check(process: World) -> None:
        assert process.orders.of_operator(placed.order.order_id).status is OrderStatus.DELIVERED

    def ask(process: World) -> None:
        """And once more when the clock comes round."""
        for _ in range(2):
            process.inquiries.ask(placed.order.order_id, SYSTEM)

    return Case(ask, check)


# refunds


def _settled(owner_id: str) -> Step:
    """As often as the queue brings it until nothing is open."""

    def settle(process: World) -> None:
        while not process.refunds.settle(owner_id, SYSTEM):
            process.ahead_ms += ASK_AGAIN_MS

    return settle


def _refund(world: World, bank: BreakableBank, *troubles: str) -> Case:
    late = at(world, Bank()).order(provider=PROVIDER)
    world.ahead_ms += ORDER_IS_OVER_MS
    world.order()
    at(world, Bank()).settlement.settle(bank.paid(late.attempt, "late"), SYSTEM)
    bank.troubles = list(troubles)

    def check(process: World) -> None:
        assert process.orders.of_operator(late.order.order_id).status is OrderStatus.REFUNDED
        assert list(bank.given_back.values()) == [PRICE]

    return Case(_settled(late.order.order_id), check)


def refund(world: World, bank: BreakableBank) -> Case:
    return _refund(world, bank)


def refund_that_takes_its_time(world: World, bank: BreakableBank) -> Case:
    return _refund(world, bank, "slow")


def refund_of_which_the_answer_is_lost(world: World, bank: BreakableBank) -> Case:
    return _refund(world, bank, "lost")


def refund_from_the_desk(world: World, bank: BreakableBank) -> Case:
    process = at(world, Bank())
    said = replace(bank.paid(process.order(provider=PROVIDER).attempt, "too little"), amount=PRICE.times(2))
    process.settlement.settle(said, SYSTEM)
    (waiting,) = process.desk.waiting(10)
    process.payment_desk.refund(waiting.payment_id, OPERATOR)

    def check(process: World) -> None:
        assert process.desk.payment(waiting.payment_id).status is DeskStatus.REFUNDED
        assert list(bank.given_back.values()) == [PRICE.times(2)]

    return Case(_settled(waiting.payment_id), check)


USE_CASES = (
    checkout,
    another_way_to_pay,
    question_about_an_order_whose_callback_is_lost,
    refund,
    refund_that_takes_its_time,
    refund_of_which_the_answer_is_lost,
    refund_from_the_desk,
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.__name__)
def test_after_a_break_of_any_request_to_a_provider_the_money_moves_once(
    use_case: Callable[[World, BreakableBank], Case], way: Way, subtests: pytest.Subtests
) -> None:
    with engine_in_memory() as engine:
        clean = BreakableBank()
        run(engine.world(), clean, use_case)
        assert clean.requests
        for number, request in enumerate(clean.requests):
            with subtests.test(request=f"{number + 1} of {len(clean.requests)}, {request}"):
                broken = BreakableBank(at=number, way=way)
                run(engine.world(), broken, use_case)
                assert len(broken.requests) > number


def run(world: World, bank: BreakableBank, use_case: Callable[[World, BreakableBank], Case]) -> None:
    codes = world.stock_up(1)
    case = use_case(world, bank)
    for _ in range(MAX_ROUNDS):
        with suppress(KeyrailError, Killed):
            case.act(at(world, bank))
            break
        world.ahead_ms += ASK_AGAIN_MS
    case.check(at(world, bank))
    check_promises(at(world, bank), codes)
