"""The crash matrix: every use case, every AWS request that a clean run of it makes, in each way that it can break.

The requests are found by running; a request that is added to a use case is covered by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from keyrail.platform.errors import KeyrailError
from tests.bank import Bank
from tests.engines import Engine
from tests.faults.breaking import Killed, Way, Wire, breakable
from tests.faults.conftest import IN_MEMORY, MINISTACK
from tests.faults.use_cases import USE_CASES, Case
from tests.money import check_money, moved_money
from tests.promises import check_promises, check_stock
from tests.relaying import BookKeeper, streams_of
from tests.world import World

UseCase = Callable[[World], Case]

# The hardest way is tried on an engine with streams: the books, which are read off them, have to hold as well.
ENGINES = {way: MINISTACK if way is Way.KILLED else IN_MEMORY for way in Way}
CLEAN_RUNS = 3
MAX_TRIES = 20


@pytest.mark.parametrize(("engine", "way"), [(ENGINES[way], way) for way in Way], indirect=["engine"])
@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.__name__)
def test_after_a_break_anywhere_and_the_usual_retries_every_promise_holds(
    engine: Engine, use_case: UseCase, way: Way, subtests: pytest.Subtests
) -> None:
    streams = streams_of(engine.tables) if engine.name == MINISTACK else None
    bench = Bench(engine.world(streamed=streams is not None), engine.dynamodb(), engine.kms(), streams)
    requests = requests_of(engine, bench, use_case)
    for number in breakable(requests, way):
        # The promises are read off whole tables, and cost the less the less came before.
        bench = bench.renewed()
        with subtests.test(request=f"{number + 1} of {len(requests)}, {requests[number]}"):
            # Where chance chooses (between two batches, say) a run may be shorter than the longest.
            assert any(bench.breaks(use_case, Wire(number, way)) for _ in range(MAX_TRIES))


_requests: dict[tuple[str, str], list[str]] = {}


def requests_of(engine: Engine, bench: "Bench", use_case: UseCase) -> list[str]:
    """Of the longest of a few clean runs; found once for all ways of breaking them."""
    name = (engine.name, use_case.__name__)
    if name not in _requests:
        wires = [Wire() for _ in range(CLEAN_RUNS)]
        assert not any(bench.breaks(use_case, wire) for wire in wires)
        _requests[name] = max((wire.requests for wire in wires), key=len)
    assert _requests[name]
    return _requests[name]


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
