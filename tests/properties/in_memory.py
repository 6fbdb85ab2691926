"""A world on a double of the engine in memory: single-threaded, without a socket, and without chance.

What a machine may do next depends on what came of what it did. So that the same commands come to the same end each
time, there is nothing else that could decide it: not the system's clock, and not its entropy.
"""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random

import pytest
from moto.moto_api._internal import mock_random

from tests.in_memory import engine_in_memory
from tests.world import World

BEGIN_MS = 1_784_000_000_000  # some day in July 2026


def world_in_memory(until: ExitStack) -> World:
    """It is gone, with all its tables, when `until` closes."""
    until.enter_context(_without_chance())
    return until.enter_context(engine_in_memory()).world()


@contextmanager
def _without_chance() -> Iterator[None]:
    """Names, nonces and the starts of claims are the same each time; a look at the clock takes a millisecond."""
    entropy, clock = Random(0).randbytes, itertools.count(BEGIN_MS)
    mock_random.seed(0)
    with pytest.MonkeyPatch.context() as patch:
        for source in ("os.urandom", "random._urandom"):
            patch.setattr(source, entropy)
        patch.setattr("tests.world.system_now_ms", lambda: next(clock))
        yield
