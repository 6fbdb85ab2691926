"""Money that goes back."""

from dataclasses import replace

from keyrail.ordering.model.disputes import is_frozen
from keyrail.ordering.model.orders import OrderStatus
from keyrail.ordering.model.refund_requests import WantedRefund
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import DisputeNotice, DisputeState
from keyrail.payments.model.refund_limits import RefundLimits
from keyrail.payments.model.refunds import ASK_AGAIN_MS
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.disputes import dispute
from tests.faults.use_cases.case import Case, Step, expect, later, nothing, stocked
from tests.world import OPERATOR, PRICE, SYSTEM, World

WHOLE = WantedRefund(why="does not like it")


def refund_of_what_cannot_be_delivered(world: World) -> Case:
    return _refund(world, [])


def refund_of_which_the_answer_is_lost(world: World) -> Case:
    return _refund(world, ["lost"])


def refund_that_takes_its_time(world: World) -> Case:
    return _refund(world, ["slow"])


def refund_of_what_was_delivered(world: World) -> Case:
    sku, codes, bank, placed = _delivered(world)
    order_id = placed.order.order_id

    def act(process: World) -> None:
        at_bank(process, bank).unit_refunds.request(order_id, WHOLE, "refund-of-tuesday", OPERATOR)

    return Case(act, _goods_or_money(order_id, bank, PRICE.times(2)), codes, [sku], queue(order_id, bank), bank=bank)


def approval_of_a_refund(world: World) -> Case:
    world.refund_limits = RefundLimits({})
    sku, codes, bank, placed = _delivered(world)
    order_id = placed.order.order_id
    (waiting,) = world.unit_refunds.request(order_id, WHOLE, "refund-of-tuesday", OPERATOR).refunds
    second = replace(OPERATOR, by="operator:second")

    def act(process: World) -> None:
        at_bank(process, bank).unit_refunds.approve(order_id, waiting.refund_id, second)

    return Case(act, _goods_or_money(order_id, bank, PRICE.times(2)), codes, [sku], queue(order_id, bank), bank=bank)


def refund_that_nobody_asks_for_again(world: World) -> Case:
    """Whoever was killed left all of it, or nothing."""
    sku, codes, bank, placed = _delivered(world)
    order_id = placed.order.order_id

    def act(process: World) -> None:
        at_bank(process, bank).unit_refunds.request(order_id, WHOLE, "refund-of-tuesday", OPERATOR)

    def check(world: World) -> None:
        given = bool(world.orders.of_operator(order_id).refunds)
        expect(list(bank.given_back.values()) == [PRICE.times(2)] * given, "given back what nobody owed, or not")

    return Case(act, check, codes, [sku], queue(order_id, bank), repeat=nothing, bank=bank)


def dispute_of_what_was_delivered(world: World) -> Case:
    sku, codes, bank, placed = _delivered(world)
    notice = _notice(placed, DisputeState.OPEN)

    def check(world: World) -> None:
        order = world.orders.of_operator(placed.order.order_id)
        expect(is_frozen(order) and len(order.disputes or ()) == 1, "not frozen, or twice")
        waiting = [each for each in world.desk.waiting(100) if each.reference == order.order_id]
        expect(len(waiting) == 1, "not on the desk, or twice")

    return Case(_hearing(notice, bank), check, codes, [sku])


def dispute_that_is_lost(world: World) -> Case:
    sku, codes, bank, placed = _delivered(world)
    world.disputes.hear(_notice(placed, DisputeState.OPEN), SYSTEM)

    def check(world: World) -> None:
        order = world.orders.of_operator(placed.order.order_id)
        expect(order.status is OrderStatus.REFUNDED and not bank.given_back, "not lost, or given back as well")

    return Case(
        _hearing(_notice(placed, DisputeState.LOST), bank), check, codes, [sku], queue(placed.order.order_id, bank)
    )


def _hearing(notice: DisputeNotice, bank: Bank) -> Step:
    return lambda process: at_bank(process, bank).disputes.hear(notice, SYSTEM)


def _notice(placed: Placed, state: DisputeState) -> DisputeNotice:
    return dispute(placed.order.order_id, PRICE.times(2), state, provider=PROVIDER, account=ACCOUNT)


def _delivered(world: World) -> tuple[str, list[str], Bank, Placed]:
    sku, codes = stocked(world, 2)
    bank = Bank()
    at_bank(world, bank)
    placed = world.order(2, sku_id=sku, provider=PROVIDER)
    world.settlement.settle(bank.paid(placed.attempt, placed.order.order_id), SYSTEM)
    return sku, codes, bank, placed


def _goods_or_money(order_id: str, bank: Bank, amount: Money) -> Step:
    def check(world: World) -> None:
        expect(world.orders.of_operator(order_id).status is OrderStatus.REFUNDED, "the money is not back")
        expect(list(bank.given_back.values()) == [amount], "the money went back another time")

    return check


def _refund(world: World, troubles: list[str]) -> Case:
    sku, codes = stocked(world, 1)
    bank = Bank()
    buyer = at_bank(world.another_process(), bank)
    placed = buyer.order(sku_id=sku, provider=PROVIDER)
    later(world).order(sku_id=sku)
    late = at_bank(later(world), bank)
    late.settlement.settle(bank.paid(placed.attempt, "late"), SYSTEM)
    bank.troubles = list(troubles)

    def check(world: World) -> None:
        order = world.orders.of_operator(placed.order.order_id)
        expect(order.status is OrderStatus.REFUNDED, "the money is not back")
        expect(list(bank.given_back.values()) == [PRICE], "the money went back another time")

    named = placed.order.order_id
    return Case(settle(named, bank), check, codes, [sku], queue(named, bank), bank=bank)


def at_bank(process: World, bank: Bank) -> World:
    process.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})
    return process


def settle(order_id: str, bank: Bank) -> Step:
    return lambda process: at_bank(process, bank).refunds.settle(order_id, SYSTEM)


def queue(order_id: str, bank: Bank) -> Step:
    """As often as the queue brings it until nothing is open."""

    def bring(process: World) -> None:
        while not at_bank(process, bank).refunds.settle(order_id, SYSTEM):
            process.ahead_ms += ASK_AGAIN_MS

    return bring


USE_CASES = (
    refund_of_what_cannot_be_delivered,
    refund_of_which_the_answer_is_lost,
    refund_that_takes_its_time,
    refund_of_what_was_delivered,
    refund_that_nobody_asks_for_again,
    approval_of_a_refund,
    dispute_of_what_was_delivered,
    dispute_that_is_lost,
)
