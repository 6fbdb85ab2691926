"""An order's life: from checkout to the last look."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from bench.figures import Bench, Figure
from keyrail.fulfilment.model import Outcome
from tests.world import BUYER


def figures(bench: Bench) -> Iterator[Figure]:
    yield from one_order(bench)
    yield from reveals(bench)
    yield from duplicates(bench)


def one_order(bench: Bench) -> Iterator[Figure]:
    world = bench.world()
    world.stock_up(500)
    cold = world.another_process()
    with bench.meter.tally() as whole:
        placed = cold.order()
    with bench.meter.tally() as callback:
        cold.pay(placed.attempt)
    with bench.meter.tally() as after:
        cold.orders.of_buyer(placed.order.order_id, placed.token)
        cold.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    parts = (whole, callback, after)
    yield Figure("callback of a paid one-key order: DynamoDB requests", callback.dynamodb_requests, 2)
    requests = sum(part.dynamodb_requests for part in parts)
    yield Figure("whole life of a one-key order: DynamoDB requests", requests, 12, "every cache cold")
    yield Figure("whole life of a one-key order: write units", sum(p.write_units for p in parts), 18, "with indexes")


def reveals(bench: Bench) -> Iterator[Figure]:
    world, orders, each = bench.world(), 20, 50
    world.stock_up(orders * each)
    placed = [world.order(each) for _ in range(orders)]
    for one in placed:
        world.pay(one.attempt)
    shown = 0
    with bench.meter.tally() as tally:
        for one in placed:
            units = world.delivery.reveal(one.order.order_id, one.token, BUYER)
            shown += sum(len(unit.keys) for unit in units)
    if shown != orders * each:
        raise AssertionError(f"{shown} keys shown")
    yield Figure(f"reveal: KMS calls for {shown:,} keys of a batch, one process", tally.requests["Decrypt"], 1)


def duplicates(bench: Bench) -> Iterator[Figure]:
    world, copies = bench.world(), 100
    world.stock_up(10)
    placed = world.order()
    barrier = Barrier(copies)

    def deliver(_: int) -> Outcome:
        process = world.another_process()
        barrier.wait()
        return process.pay(placed.attempt).outcome

    with ThreadPoolExecutor(copies) as threads:
        outcomes = list(threads.map(deliver, range(copies)))
    acknowledged = sum(outcome is not Outcome.UNMATCHED for outcome in outcomes)
    yield Figure("the same callback 100 times at once: effects", len(world.sold()), 1)
    yield Figure("the same callback 100 times at once: not acknowledged", copies - acknowledged, 0)
