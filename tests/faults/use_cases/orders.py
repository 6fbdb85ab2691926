"""Checkout, callbacks, issuance, reveal, cancel."""

import secrets
from contextlib import suppress

from keyrail.inventory.model.keys import SoldOut
from keyrail.ordering.model.orders import Channel, Line, OrderNotFound, OrderStatus, order_id
from keyrail.ordering.model.steps import pay
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import Mismatch
from keyrail.platform.money import Money
from tests.faults.use_cases.case import (
    ORDER_IS_OVER_MS,
    POOLS_ARE_READ_AGAIN_MS,
    Case,
    expect,
    later,
    nothing,
    queue_behind,
    revealed,
    run_queue,
    settling,
    status,
    stocked,
)
from tests.world import BUYER, PROVIDER, SYSTEM, World, new_codes

# checkout


def checkout_that_is_repeated_and_paid(world: World) -> Case:
    sku, codes = stocked(world, 4)
    name = secrets.token_hex(16)

    def pay_what_was_placed(process: World) -> None:
        order = process.orders.of_operator(order_id("main", Channel.STOREFRONT, name))
        process.pay(order.attempts[0])
        run_queue(process, order.order_id)

    def check(world: World) -> None:
        placed = world.order(2, name, sku)
        expect(set(revealed(world, placed)) <= set(codes), "other codes than were imported")
        expect(status(world, placed) is OrderStatus.DELIVERED, "not delivered")

    return Case(lambda process: process.order(2, name, sku), check, codes, [sku], pay_what_was_placed)


def checkout_that_nobody_repeats(world: World) -> Case:
    sku, codes = stocked(world, 3)
    return Case(lambda process: process.order(2, sku_id=sku), nothing, codes, [sku], repeat=nothing)


def checkout_of_which_a_line_is_sold_out(world: World) -> Case:
    (there, codes), (scarce, scarce_codes) = stocked(world, 2), stocked(world, 1)
    name = secrets.token_hex(16)
    lines = (Line(there, 2), Line(scarce, 2))

    def place(process: World) -> None:
        with suppress(SoldOut):
            process.order(idempotency_key=name, lines=lines)
            raise AssertionError("sold what is not there")

    return Case(place, nothing, codes + scarce_codes, [there, scarce])


def checkout_of_an_order_that_stands(world: World) -> Case:
    sku, codes = stocked(world, 4)
    name = secrets.token_hex(16)
    standing = world.order(1, name, sku)

    def check(world: World) -> None:
        expect(world.order(1, name, sku).order == standing.order, "the same request, another order")

    return Case(lambda process: process.order(1, name, sku), check, codes, [sku])


# callbacks


def callback_in_time(world: World) -> Case:
    sku, codes = stocked(world, 3)
    placed = world.order(2, sku_id=sku)
    said = world.confirmed(world.callback(placed.attempt))

    def check(world: World) -> None:
        expect(len(revealed(world, placed)) == 2, "paid and not delivered")

    return Case(settling(said), check, codes, [sku], queue_behind(placed))


def callback_when_the_key_went_to_somebody_else(world: World) -> Case:
    sku, codes = stocked(world, 1)
    placed = world.order(sku_id=sku)
    later(world).order(sku_id=sku)
    codes += world.import_codes(new_codes(1), sku)[0]
    said = world.confirmed(world.callback(placed.attempt))

    def check(world: World) -> None:
        expect(status(world, placed) in {OrderStatus.DELIVERED, OrderStatus.REFUNDING}, "neither goods nor money back")

    ahead_ms = ORDER_IS_OVER_MS + POOLS_ARE_READ_AGAIN_MS
    return Case(settling(said), check, codes, [sku], queue_behind(placed), ahead_ms=ahead_ms)


def callback_when_nothing_is_left(world: World) -> Case:
    sku, codes = stocked(world, 2)
    placed = world.order(2, sku_id=sku)
    later(world).order(1, sku_id=sku)
    said = world.confirmed(world.callback(placed.attempt))

    def check(world: World) -> None:
        order = world.orders.of_operator(placed.order.order_id)
        expect([refund.amount for refund in order.refunds] == [placed.order.total], "the money is not owed back")

    return Case(settling(said), check, codes, [sku], queue_behind(placed), ahead_ms=ORDER_IS_OVER_MS)


def callback_when_a_part_is_left(world: World) -> Case:
    (there, codes), (gone, gone_codes) = stocked(world, 2), stocked(world, 1, Money(7, "CNY"))
    placed = world.order(lines=(Line(gone, 1), Line(there, 2)))
    later(world).order(sku_id=gone)
    said = world.confirmed(world.callback(placed.attempt))

    def check(world: World) -> None:
        expect(status(world, placed) is OrderStatus.PARTIALLY_DELIVERED, "not delivered in part")
        expect(len(revealed(world, placed)) == 2, "a part is missing")

    return Case(
        settling(said),
        check,
        codes + gone_codes,
        [there, gone],
        queue_behind(placed),
        ahead_ms=ORDER_IS_OVER_MS,
    )


def callback_of_too_little(world: World) -> Case:
    sku, codes = stocked(world, 1)
    placed = world.order(sku_id=sku)
    return _on_the_desk(world, placed, sku, codes, Mismatch.UNDER_PAID, money="0.01")


def callback_of_a_second_payment(world: World) -> Case:
    sku, codes = stocked(world, 2)
    placed = world.order(sku_id=sku)
    world.pay(placed.attempt)
    said = world.confirmed(world.callback(placed.attempt, trade_no=f"second-{sku}"))

    def check(world: World) -> None:
        order = world.orders.of_operator(placed.order.order_id)
        expect([refund.payment_reference for refund in order.refunds] == [f"second-{sku}"], "not owed back once")
        expect(order.status is OrderStatus.DELIVERED, "its goods are gone")

    return Case(settling(said), check, codes, [sku])


def _on_the_desk(world: World, placed: Placed, sku: str, codes: list[str], reason: Mismatch, **changed: str) -> Case:
    said = world.confirmed(world.callback(placed.attempt, **changed))
    before = world.orders.find(placed.order.order_id)

    def check(world: World) -> None:
        waiting = [each for each in world.desk.waiting(1000) if each.order_id == placed.order.order_id]
        expect([each.reason for each in waiting] == [reason], "not on the desk once")
        expect(world.orders.find(placed.order.order_id) == before, "it changed the order")

    return Case(settling(said), check, codes, [sku], queue_behind(placed))


# issuance


def issue_of_lapsed_leases(world: World) -> Case:
    (one, codes), (two, more) = stocked(world, 3), stocked(world, 1)
    placed = world.order(lines=(Line(one, 2), Line(two, 1)))
    return _issue(world, placed, [one, two], codes + more, {OrderStatus.DELIVERED})


def issue_when_a_key_went_to_somebody_else(world: World) -> Case:
    sku, codes = stocked(world, 2)
    placed = world.order(2, sku_id=sku)
    later(world).order(1, sku_id=sku)
    codes += world.import_codes(new_codes(2), sku)[0]
    return _issue(world, placed, [sku], codes, {OrderStatus.DELIVERED})


def issue_when_nothing_is_left(world: World) -> Case:
    sku, codes = stocked(world, 2)
    placed = world.order(2, sku_id=sku)
    later(world).order(1, sku_id=sku)
    return _issue(world, placed, [sku], codes, {OrderStatus.REFUNDING})


def _issue(world: World, placed: Placed, skus: list[str], codes: list[str], ends: set[OrderStatus]) -> Case:
    attempt = placed.attempt.attempt_id
    paid = pay(placed.order, attempt, f"ref-{attempt}", PROVIDER, world.now_ms())
    assert world.orders.replace(placed.order, paid)

    def check(world: World) -> None:
        expect(status(world, placed) in ends, "issued, and neither goods nor money back")

    return Case(
        lambda process: process.issuance.issue(placed.order.order_id, SYSTEM),
        check,
        codes,
        skus,
        ahead_ms=ORDER_IS_OVER_MS + POOLS_ARE_READ_AGAIN_MS,
    )


# reveal, cancel


def reveal_of_two_keys(world: World) -> Case:
    sku, codes = stocked(world, 2)
    placed = world.order(2, sku_id=sku)
    world.pay(placed.attempt)

    def reveal(process: World) -> None:
        expect(sorted(revealed(process, placed)) == sorted(codes), "other codes than were bought")

    def check(world: World) -> None:
        keys = [key for key in world.sold() if key.order_id == placed.order.order_id]
        expect(len(keys) == 2 and all(key.revealed_at_ms for key in keys), "seen, and not on record")

    return Case(reveal, check, codes, [sku])


def reveal_with_a_wrong_token(world: World) -> Case:
    sku, codes = stocked(world, 1)
    placed = world.order(sku_id=sku)
    world.pay(placed.attempt)

    def guess(process: World) -> None:
        with suppress(OrderNotFound):
            process.delivery.reveal(placed.order.order_id, "tok_guessed", BUYER)
            raise AssertionError("shown to a stranger")

    return Case(guess, nothing, codes, [sku])


def cancel_that_is_repeated(world: World) -> Case:
    sku, codes = stocked(world, 3)
    placed = world.order(2, sku_id=sku)

    def cancel(process: World) -> None:
        process.checkout.cancel(placed.order.order_id, placed.token, BUYER)

    def check(world: World) -> None:
        expect(status(world, placed) is OrderStatus.CANCELLED, "not cancelled")
        expect(world.claims.stock(sku).claimable == 3, "keys stay held for an order that is cancelled")

    return Case(cancel, check, codes, [sku])


def cancel_that_is_overtaken_by_the_payment(world: World) -> Case:
    sku, codes = stocked(world, 1)
    placed = world.order(sku_id=sku)
    said = world.confirmed(world.callback(placed.attempt))

    def check(world: World) -> None:
        expect(status(world, placed) is OrderStatus.DELIVERED, "paid, and nothing for it")

    def cancel(process: World) -> None:
        process.checkout.cancel(placed.order.order_id, placed.token, BUYER)

    return Case(cancel, check, codes, [sku], settling(said), repeat=nothing)


USE_CASES = (
    checkout_that_is_repeated_and_paid,
    checkout_that_nobody_repeats,
    checkout_of_which_a_line_is_sold_out,
    checkout_of_an_order_that_stands,
    callback_in_time,
    callback_when_the_key_went_to_somebody_else,
    callback_when_nothing_is_left,
    callback_when_a_part_is_left,
    callback_of_too_little,
    callback_of_a_second_payment,
    issue_of_lapsed_leases,
    issue_when_a_key_went_to_somebody_else,
    issue_when_nothing_is_left,
    reveal_of_two_keys,
    reveal_with_a_wrong_token,
    cancel_that_is_repeated,
    cancel_that_is_overtaken_by_the_payment,
)
