"""Money that goes back."""

from keyrail.ordering.model.orders import OrderStatus
from keyrail.payments.model.refunds import ASK_AGAIN_MS
from keyrail.payments.service.accounts import PaymentAccounts
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.faults.use_cases.case import Case, Step, expect, later, stocked
from tests.world import PRICE, SYSTEM, World


def refund_of_what_cannot_be_delivered(world: World) -> Case:
    return _refund(world, [])


def refund_of_which_the_answer_is_lost(world: World) -> Case:
    return _refund(world, ["lost"])


def refund_that_takes_its_time(world: World) -> Case:
    return _refund(world, ["slow"])


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

    return Case(settle(placed.order.order_id, bank), check, codes, [sku], queue(placed.order.order_id, bank))


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


USE_CASES = (refund_of_what_cannot_be_delivered, refund_of_which_the_answer_is_lost, refund_that_takes_its_time)
MAIN_USE_CASES = (refund_of_what_cannot_be_delivered,)
