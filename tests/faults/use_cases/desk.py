"""What operators decide about payments that fit nothing."""

from dataclasses import replace

from keyrail.ordering.model.orders import OrderStatus
from keyrail.payments.model.desk import DeskStatus, payment_id
from keyrail.platform.money import Money
from tests.bank import PROVIDER, Bank
from tests.faults.use_cases.case import ORDER_IS_OVER_MS, Case, Step, expect, later, run_queue, stocked
from tests.faults.use_cases.refunds import at_bank, queue, settle
from tests.world import OPERATOR, SYSTEM, World

TOO_LITTLE = Money(500, "CNY")


def refund_of_a_payment_that_fits_nothing(world: World) -> Case:
    return _refund(world, [])


def refund_of_a_payment_of_which_the_answer_is_lost(world: World) -> Case:
    return _refund(world, ["lost"])


def _refund(world: World, troubles: list[str]) -> Case:
    """The operator's command, and the queue that the stream feeds with it."""
    sku, codes = stocked(world, 1)
    bank, named = _on_the_desk(world, sku)
    bank.troubles = list(troubles)

    def act(process: World) -> None:
        process.payment_desk.refund(named, OPERATOR)
        settle(named, bank)(process)

    def check(world: World) -> None:
        expect(world.desk.payment(named).status is DeskStatus.REFUNDED, "the money is not back")
        expect(list(bank.given_back.values()) == [TOO_LITTLE], "the money went back another time")

    return Case(act, check, codes, [sku], queue(named, bank), bank=bank)


def acceptance_of_too_little(world: World) -> Case:
    sku, codes = stocked(world, 2)
    _, named = _on_the_desk(world, sku)

    def check(world: World) -> None:
        order = world.orders.of_operator(str(world.desk.payment(named).order_id))
        expect(order.status is OrderStatus.DELIVERED, "accepted, and not delivered")

    return Case(lambda process: process.payment_desk.accept(named, OPERATOR), check, codes, [sku])


def acceptance_when_nothing_is_left(world: World) -> Case:
    """What goes back is what came."""
    sku, codes = stocked(world, 1)
    bank, named = _on_the_desk(world, sku)
    later(world).order(sku_id=sku)
    order_id = str(world.desk.payment(named).order_id)

    def give_back(process: World) -> None:
        run_queue(process, order_id)
        queue(order_id, bank)(process)

    def check(world: World) -> None:
        expect(world.orders.of_operator(order_id).status is OrderStatus.REFUNDED, "neither goods nor money back")
        expect(list(bank.given_back.values()) == [TOO_LITTLE], "another sum went back than came, or another time")

    return Case(
        lambda process: process.payment_desk.accept(named, OPERATOR),
        check,
        codes,
        [sku],
        give_back,
        ahead_ms=ORDER_IS_OVER_MS,
    )


def assignment_of_a_payment_to_another_order(world: World) -> Case:
    """Of one that names an order, too, which stays as it is."""
    sku, codes = stocked(world, 3)
    _, named = _on_the_desk(world, sku)
    placed = world.order(sku_id=sku)

    def assign(process: World) -> None:
        process.payment_desk.assign(named, placed.order.order_id, OPERATOR, accept_amount=True)

    def check(world: World) -> None:
        order = world.orders.of_operator(placed.order.order_id)
        expect(order.status is OrderStatus.DELIVERED, "assigned, and not delivered")
        expect(len(order.attempts) == 2, "the payment is another attempt, once")

    return Case(assign, check, codes, [sku])


def dismissal_of_what_is_no_money(world: World) -> Case:
    sku, codes = stocked(world, 1)
    _, named = _on_the_desk(world, sku, paid=False)

    def check(world: World) -> None:
        payment = world.desk.payment(named)
        expect((payment.status, payment.version) == (DeskStatus.DISMISSED, 2), "not off the desk, or twice")

    return Case(dismissing(named), check, codes, [sku])


def dismissing(named: str) -> Step:
    return lambda process: process.payment_desk.dismiss(named, OPERATOR)


def _on_the_desk(world: World, sku: str, *, paid: bool = True) -> tuple[Bank, str]:
    """The payment of another sum for an order, or word that it was not paid."""
    bank = Bank()
    process = at_bank(world.another_process(), bank)
    placed = process.order(sku_id=sku, provider=PROVIDER)
    said = replace(bank.paid(placed.attempt, f"odd-{sku}"), amount=TOO_LITTLE, paid=paid)
    process.settlement.settle(said, SYSTEM)
    return bank, payment_id(said)


USE_CASES = (
    refund_of_a_payment_that_fits_nothing,
    refund_of_a_payment_of_which_the_answer_is_lost,
    acceptance_of_too_little,
    acceptance_when_nothing_is_left,
    assignment_of_a_payment_to_another_order,
    dismissal_of_what_is_no_money,
)
