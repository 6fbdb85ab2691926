"""Payments whose callback never came."""

from keyrail.ordering.model.orders import OrderStatus
from keyrail.payments.service.accounts import PaymentAccounts
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.faults.use_cases.case import Case, Step, expect, later, queue_behind, status, stocked
from tests.world import PRICE, SYSTEM, World


def inquiry_that_finds_a_payment(world: World) -> Case:
    sku, codes = stocked(world, 1)
    bank = Bank()
    placed = at_bank(world.another_process(), bank).order(sku_id=sku, provider=PROVIDER)
    bank.collect(placed.attempt, "t-1")

    def check(world: World) -> None:
        expect(status(world, placed) is OrderStatus.DELIVERED, "paid and not delivered")
        expect(world.desk.waiting(10) == [], "on the desk, though it pays an order")

    return Case(ask(placed.order.order_id, bank), check, codes, [sku], queue_behind(placed))


def inquiry_that_finds_a_payment_too_late(world: World) -> Case:
    sku, codes = stocked(world, 1)
    bank = Bank()
    placed = at_bank(world.another_process(), bank).order(sku_id=sku, provider=PROVIDER)
    later(world).order(sku_id=sku)
    bank.collect(placed.attempt, "t-1")

    def check(world: World) -> None:
        order = world.orders.of_operator(placed.order.order_id)
        expect(order.status is OrderStatus.REFUNDING, "neither goods nor money back")
        expect([refund.amount for refund in order.refunds] == [PRICE], "another sum is owed back")

    asking = ask(placed.order.order_id, bank)
    return Case(asking, check, codes, [sku], queue_behind(placed), ahead_ms=later(world).ahead_ms)


def at_bank(process: World, bank: Bank) -> World:
    process.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})
    return process


def ask(order_id: str, bank: Bank) -> Step:
    return lambda process: at_bank(process, bank).inquiries.ask(order_id, SYSTEM)


USE_CASES = (inquiry_that_finds_a_payment, inquiry_that_finds_a_payment_too_late)
