"""A world on a double of the engine in memory: single-threaded, without a socket, and without chance.

What a machine may do next depends on what came of what it did. So that the same commands come to the same end each
time, there is nothing else that could decide it: not the system's clock, and not its entropy.
"""

import itertools
from contextlib import ExitStack

from tests.in_memory import engine_in_memory, without_chance
from tests.world import World

BEGIN_MS = 1_784_000_000_000  # some day in July 2026


def world_in_memory(until: ExitStack) -> World:
    """It is gone, with all its tables, when `until` closes. A look at the clock takes a millisecond."""
    until.enter_context(without_chance(itertools.count(BEGIN_MS).__next__))
    return until.enter_context(engine_in_memory()).world()
