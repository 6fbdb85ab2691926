"""A use case of the crash matrix: what stands before it, itself, and what production does when it failed."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from keyrail.ordering.model.orders import OrderStatus
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import Confirmation
from keyrail.platform.money import Money
from tests.bank import Bank
from tests.world import BUYER, PRICE, PROVIDER, SYSTEM, World

ORDER_IS_OVER_MS = 20 * 60 * 1000
POOLS_ARE_READ_AGAIN_MS = 3_000

Step = Callable[[World], object]


def nothing(_: World) -> None:
    """What comes by itself where nothing does."""


@dataclass
class Case:
    """One fresh instance of a use case.

    `act` runs once in the process that breaks. If its caller got no answer it comes again, twice, as `act` or as
    `repeat`; who was answered never does. `afterwards` is what others do then: the queue behind the stream, a buyer who
    pays. `check` sees the end. Each runs in a process that remembers nothing. `ahead_ms` is by how much time has run
    since the arrangement began; `bank` is the one that money came in at.
    """

    act: Step
    check: Step
    codes: list[str]
    skus: list[str]
    afterwards: Step = nothing
    repeat: Step | None = None
    ahead_ms: int = 0
    bank: Bank | None = None


def stocked(world: World, count: int, price: Money = PRICE) -> tuple[str, list[str]]:
    sku = f"sku-{secrets.token_hex(6)}"
    return sku, world.stock_up(count, sku, price)


def later(world: World, ahead_ms: int = ORDER_IS_OVER_MS) -> World:
    process = world.another_process()
    process.ahead_ms += ahead_ms
    return process


def settling(said: Confirmation) -> Step:
    return lambda process: process.settlement.settle(said, PROVIDER)


def queue_behind(placed: Placed) -> Step:
    """Issuance from the queue, which the stream feeds with paid orders that have open units."""
    return lambda process: run_queue(process, placed.order.order_id)


def run_queue(process: World, order_id: str) -> None:
    order = process.orders.find(order_id)
    if order and order.paid_attempt() and order.units_to_issue():
        process.issuance.issue(order_id, SYSTEM)


def status(world: World, placed: Placed) -> OrderStatus:
    return world.orders.of_operator(placed.order.order_id).status


def revealed(world: World, placed: Placed) -> list[str]:
    units = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    return [key.code for unit in units for key in unit.keys if key.code]


def expect(holds: object, what: str) -> None:
    assert holds, what
