"""A world on a double of the engine in memory: single-threaded, without a socket."""

from contextlib import ExitStack

from tests.in_memory import engine_in_memory
from tests.world import World


def world_in_memory(until: ExitStack) -> World:
    """It is gone, with all its tables, when `until` closes."""
    return until.enter_context(engine_in_memory()).world()
