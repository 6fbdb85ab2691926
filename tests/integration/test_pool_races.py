"""The whole pool under many hands: buyers whose leases lapse at random, late payments, and batches that are frozen."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from keyrail.inventory.model.batches import Standing
from keyrail.inventory.model.keys import KeyState
from keyrail.ordering.model.orders import OrderStatus
from keyrail.ordering.service.checkout import Placed
from keyrail.platform.errors import Conflict, KeyrailError, Unavailable
from tests.promises import check_promises
from tests.racing import at_once
from tests.world import BUYER, OPERATOR, SKU, SYSTEM, World, new_codes

BUYERS, KEYS, BATCHES = 200, 1_000, 5
ORDERS_A_BUYER = 2
LONG_MS = 60 * 60 * 1000
PATIENCE_S = 50
AT_A_TIME = threading.BoundedSemaphore(24)  # what the engine takes before requests time out in its queue


@dataclass
class Buyer:
    """Each order in a process of its own, whose clock may be ahead: then all leases of others have lapsed for it."""

    world: World
    chance: random.Random
    process: World = field(init=False)
    unpaid: list[Placed] = field(default_factory=list)

    def shop(self) -> None:
        for _ in range(ORDERS_A_BUYER):
            self.process = self.world.another_process()
            self.process.ahead_ms += self.chance.choice([0, 0, 0, LONG_MS])
            try:
                with AT_A_TIME:
                    placed = self.process.order(self.chance.choice([1, 2, 3, 5]))
            except (Conflict, Unavailable):
                continue
            self.chance.choice([self.pay, self.pay, self.pay_twice, self.unpaid.append, self.cancel])(placed)
        for placed in self.unpaid:
            self.pay(placed)

    def pay(self, placed: Placed) -> None:
        """Whatever goes wrong, the provider comes again."""
        for _ in range(3):
            with AT_A_TIME, suppress(Unavailable):
                self.process.pay(placed.attempt)
                return

    def pay_twice(self, placed: Placed) -> None:
        self.pay(placed)
        self.pay(placed)

    def cancel(self, placed: Placed) -> None:
        with AT_A_TIME, suppress(KeyrailError):
            self.process.checkout.cancel(placed.order.order_id, placed.token, BUYER)
        if self.chance.random() < 0.5:
            self.pay(placed)  # it was on its way


def test_200_buyers_of_1000_keys_leave_no_key_with_two_owners_and_the_pool_exactly_empty(world: World) -> None:
    codes = world.stock_up(0)
    for _ in range(BATCHES):
        codes += world.import_codes(new_codes(KEYS // BATCHES))[0]
    batches = sorted({key.batch_id for key in world.stored_keys()})
    buyers = [Buyer(world, random.Random(number)) for number in range(BUYERS)]
    operator = background(partial(freeze_and_unfreeze, world.another_process(), batches))
    at_once([buyer.shop for buyer in buyers])
    operator()

    for batch_id in batches:
        world.commands.unfreeze(batch_id, OPERATOR)
        world.follow(batch_id)
        assert world.keys.get_batch(batch_id).standing is Standing.OPEN
    sell_what_is_left(world)
    for order in world.stored_orders():
        world.issuance.issue(order.order_id, SYSTEM)

    assert {key.state for key in world.stored_keys()} == {KeyState.SOLD}
    assert len(world.sold()) == KEYS
    stock = world.claims.stock(SKU)
    assert (stock.claimable, stock.leased, stock.scheduled) == (0, 0, 0)
    delivered = [order for order in world.stored_orders() if order.status is OrderStatus.DELIVERED]
    assert sum(unit.quantity for order in delivered for unit in order.units) == KEYS
    check_promises(world, codes)


def background(work: Callable[[threading.Event], None]) -> Callable[[], None]:
    """Runs it in a thread until what is returned is called."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()

    return end


def freeze_and_unfreeze(process: World, batches: list[str], stop: threading.Event) -> None:
    """As an operator in a bad mood, with followers that get through, or do not before the next command."""
    chance = random.Random(0)
    while not stop.is_set():
        batch_id = chance.choice(batches)
        command = chance.choice([process.commands.freeze, process.commands.unfreeze])
        try:
            command(batch_id, OPERATOR)
            process.followers.follow(batch_id, process.now_ms() + chance.choice([0, 0, 1_000]), SYSTEM)
        except Unavailable:
            time.sleep(0.05)


def sell_what_is_left(world: World) -> None:
    last = world.another_process()
    last.ahead_ms += 2 * LONG_MS
    left = last.claims.stock(SKU).claimable
    while left:
        placed = last.order(min(left, 30))
        last.pay(placed.attempt)
        left -= min(left, 30)
