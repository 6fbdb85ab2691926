"""The crash matrix: every use case, every AWS request that a clean run of it makes, in each way that it can break.

The requests are found by running; a request that is added to a use case is covered by itself.

Every break is tried in memory. The local cloud, which takes ten times as long for each, has the hardest of them: a kill
behind each write. It has streams, so the books, which are read off them, must hold as well.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from keyrail.platform.errors import KeyrailError
from tests.bank import Bank
from tests.engines import Engine
from tests.faults.breaking import Killed, Way, Wire, breakable, writes
from tests.faults.use_cases import USE_CASES, Case
from tests.in_memory import engine_in_memory
from tests.money import check_money, moved_money
from tests.promises import check_promises, check_stock
from tests.relaying import BookKeeper, streams_of
from tests.world import World

UseCase = Callable[[World], Case]

CLEAN_RUNS = 3
MAX_TRIES = 20


@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.__name__)
def test_after_a_break_anywhere_and_the_usual_retries_every_promise_holds(
    use_case: UseCase, subtests: pytest.Subtests
) -> None:
    with engine_in_memory() as engine:
        bench = Bench(engine.world(), engine.dynamodb(), engine.kms())
        requests = requests_of(bench, use_case)
        for way in Way:
            break_each(bench, use_case, way, requests, subtests)


@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.__name__)
def test_on_the_local_cloud_the_books_hold_too_after_a_kill_behind_any_write(
    engine: Engine, use_case: UseCase, subtests: pytest.Subtests
) -> None:
    bench = Bench(engine.world(streamed=True), engine.dynamodb(), engine.kms(), streams_of(engine.tables))
    requests = requests_of(bench, use_case)
    break_each(bench, use_case, Way.KILLED, requests, subtests, only=writes(requests))


def requests_of(bench: "Bench", use_case: UseCase) -> list[str]:
    """Of the longest of a few clean runs."""
    wires = [Wire() for _ in range(CLEAN_RUNS)]
    assert not any(bench.breaks(use_case, wire) for wire in wires)
    found = max((wire.requests for wire in wires), key=len)
    assert found
    return found


def break_each(
    bench: "Bench",
    use_case: UseCase,
    way: Way,
    requests: list[str],
    subtests: pytest.Subtests,
    only: list[int] | None = None,
) -> None:
    for number in breakable(requests, way) if only is None else only:
        # The promises are read off whole tables, and cost the less the less came before.
        bench = bench.renewed()
        with subtests.test(way=way, request=f"{number + 1} of {len(requests)}, {requests[number]}"):
            # Where chance chooses (between two batches, say) a run may be shorter than the longest.
            assert any(bench.breaks(use_case, Wire(number, way)) for _ in range(MAX_TRIES))


@dataclass(frozen=True)
class Bench:
    """A world, and the clients of the processes that break in it."""

    world: World
    dynamodb: Any
    kms: Any
    streams: Any = None
    banks: list[Bank] = field(default_factory=list)

    def renewed(self) -> "Bench":
        """With empty tables; its clients need not be made again."""
        streamed = self.streams is not None
        return replace(self, world=World(self.world.dynamodb, self.world.kms, streamed=streamed), banks=[])

    def breaks(self, use_case: UseCase, wire: Wire) -> bool:
        """Run it over this wire and let everything retry; false if it never made the request that was to break."""
        case = use_case(self.world)
        self.banks.extend([case.bank] if case.bank else [])
        process = self.process(case, self.dynamodb, self.kms)
        with wire.carrying(self.dynamodb, self.kms):
            try:
                case.act(process)
            except (KeyrailError, Killed):
                # What comes out of a use case is typed, or the process is gone; anything else fails the test.
                answered = False
            else:
                answered = True
        self.finish(case, answered=answered)
        return wire.broken

    def finish(self, case: Case, *, answered: bool) -> None:
        """As it goes on in production; then the promises are read off the tables."""
        again = [] if answered else [case.repeat or case.act] * 2
        for step in (*again, case.afterwards, case.afterwards, case.check):
            step(self.process(case))
        world = self.process(case)
        check_promises(world, case.codes)
        if self.streams is not None and moved_money(world):
            BookKeeper(self.streams, world).catch_up()
            check_money(world, self.banks)
        for sku in case.skus:
            check_stock(world, sku)

    def process(self, case: Case, dynamodb: Any = None, kms: Any = None) -> World:
        """One that remembers nothing."""
        process = self.world.another_process(dynamodb, kms)
        process.ahead_ms = case.ahead_ms
        return process
