"""The budgets of this stage of the product, each a count or a ratio with its limit."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

from bench.meter import Meter
from keyrail.fulfilment.model import Outcome
from keyrail.inventory.model import SoldOut
from keyrail.inventory.model.keys import PoolContended
from keyrail.inventory.service.claims import Claims
from tests.world import BUYER, SKU, World

ROOT = Path(__file__).parent.parent
BUYERS = 64
IMPORT_RUNS = 11


@dataclass(frozen=True)
class Figure:
    """`measured` against `limit`; `why` where it is beyond it, or says how it was counted."""

    budget: str
    measured: float
    limit: float
    why: str = ""

    @property
    def kept(self) -> bool:
        return self.measured <= self.limit


@dataclass
class Bench:
    """`connect` makes clients of the engine under test, by service."""

    connect: Callable[[str], Any]

    def __post_init__(self) -> None:
        self.meter = Meter()
        self.dynamodb, self.kms = (self.meter.watch(self.connect(service)) for service in ("dynamodb", "kms"))

    def world(self) -> World:
        return World(self.dynamodb, self.kms)

    def one_order(self) -> Iterator[Figure]:
        world = self.world()
        world.stock_up(500)
        cold = world.another_process()
        with self.meter.tally() as whole:
            placed = cold.order()
        with self.meter.tally() as callback:
            cold.pay(placed.attempt)
        with self.meter.tally() as after:
            cold.orders.of_buyer(placed.order.order_id, placed.token)
            cold.delivery.reveal(placed.order.order_id, placed.token, BUYER)
        parts = (whole, callback, after)
        yield Figure("callback of a paid one-key order: DynamoDB requests", callback.dynamodb_requests, 2)
        requests = sum(part.dynamodb_requests for part in parts)
        yield Figure("whole life of a one-key order: DynamoDB requests", requests, 12, "every cache cold")
        yield Figure(
            "whole life of a one-key order: write units", sum(p.write_units for p in parts), 18, "with indexes"
        )

    def claims(self) -> Iterator[Figure]:
        yield self._claim(pool=BUYERS * 10, limit=1.3, name="claim, 64 buyers, pool ten times larger: writes a sale")
        yield self._claim(pool=50, limit=5, name="claim, 64 buyers at the last 50 keys: writes a sale")

    def _claim(self, pool: int, limit: float, name: str) -> Figure:
        world = self.world()
        world.stock_up(pool)
        barrier = Barrier(BUYERS)

        def buy(number: int) -> int:
            claims = Claims(world.keys, world.now_ms)
            barrier.wait()
            try:
                return len(claims.lease(SKU, 1, f"ord_{number:026d}", world.now_ms() + 60_000, BUYER))
            except (SoldOut, PoolContended):
                return 0

        with self.meter.tally() as tally, ThreadPoolExecutor(BUYERS) as threads:
            sold = sum(threads.map(buy, range(BUYERS)))
        if sold != min(pool, BUYERS):
            raise AssertionError(f"{sold} sold of {min(pool, BUYERS)}")
        return Figure(name, round(tally.single_writes / sold, 2), limit, f"{sold} sold, {tally.refused} refused")

    def imports(self) -> Iterator[Figure]:
        world, count = self.world(), 1000
        world.stock_up(1)
        with self.meter.tally() as tally:
            world.import_codes([f"BENCH-{number:06d}" for number in range(count)])
        yield Figure("import: DynamoDB requests a key", round(tally.dynamodb_requests / count, 3), 1.05)
        yield Figure("import: write units a key", round(tally.write_units / count, 3), 2.1, "with the index")
        yield Figure("import: KMS data keys a batch", tally.requests["GenerateDataKey"], 1)

    def reveals(self) -> Iterator[Figure]:
        world, orders, each = self.world(), 20, 50
        world.stock_up(orders * each)
        placed = [world.order(each) for _ in range(orders)]
        for one in placed:
            world.pay(one.attempt)
        shown = 0
        with self.meter.tally() as tally:
            for one in placed:
                units = world.delivery.reveal(one.order.order_id, one.token, BUYER)
                shown += sum(len(unit.keys) for unit in units)
        if shown != orders * each:
            raise AssertionError(f"{shown} keys shown")
        yield Figure(f"reveal: KMS calls for {shown:,} keys of a batch, one process", tally.requests["Decrypt"], 1)

    def duplicates(self) -> Iterator[Figure]:
        world, copies = self.world(), 100
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

    def start_times(self) -> Iterator[Figure]:
        """Medians of interleaved runs in processor time, as a ratio to boto3 with one client."""
        handlers = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
        boto3 = "import boto3; boto3.client('dynamodb', region_name='eu-west-1')"
        programs = {"": boto3} | {name: f"import functions.{name}.handler" for name in handlers}
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(IMPORT_RUNS):
            for name, program in programs.items():
                seconds[name].append(_import_seconds(program))
        base = statistics.median(seconds[""])
        for name in handlers:
            ratio = round(statistics.median(seconds[name]) / base, 2)
            yield Figure(f"import of {name}: times boto3 with a client", ratio, 1.5)


def _import_seconds(program: str) -> float:
    timed = f"import time; began = time.process_time()\n{program}\nprint(time.process_time() - began)"
    paths = f"{ROOT}:{ROOT / 'layers/keyrail/python'}"
    environment = {"PYTHONPATH": paths, "PATH": "", "AWS_DEFAULT_REGION": "eu-west-1"}
    ran = subprocess.run([sys.executable, "-c", timed], env=environment, capture_output=True, text=True, check=True)
    return float(ran.stdout)


def all_figures(bench: Bench) -> Iterator[Figure]:
    yield from bench.one_order()
    yield from bench.claims()
    yield from bench.imports()
    yield from bench.reveals()
    yield from bench.duplicates()
    yield from bench.start_times()
