"""A world on a double of the engine in memory: single-threaded, without a socket, and without chance.

What a machine may do next depends on what came of what it did. So that the same commands come to the same end each
time, there is nothing else that could decide it: not the system's clock, and not its entropy.
"""

import itertools
from contextlib import ExitStack
from typing import Any

from tests.engines import Engine
from tests.in_memory import engine_in_memory, without_chance
from tests.world import World

BEGIN_MS = 1_784_000_000_000  # some day in July 2026


def world_in_memory(until: ExitStack) -> World:
    """It is gone, with all its tables, when `until` closes. A look at the clock takes a millisecond."""
    return _engine(until).world()


def world_and_wire(until: ExitStack) -> tuple[World, Any]:
    """With a client for processes in it that break: its requests go over what can be broken."""
    engine = _engine(until)
    return engine.world(), engine.dynamodb()


def _engine(until: ExitStack) -> Engine:
    until.enter_context(without_chance(itertools.count(BEGIN_MS).__next__))
    return until.enter_context(engine_in_memory())
