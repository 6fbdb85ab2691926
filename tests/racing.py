"""Many hands at once: real threads that start together."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from keyrail.platform.errors import KeyrailError

T = TypeVar("T")
PATIENCE_S = 60


def at_once(actions: Sequence[Callable[[], T]]) -> list[T | KeyrailError]:
    """What each of the actions gave or refused, in their order. Anything but a typed refusal fails the test."""
    start = Barrier(len(actions))

    def run(action: Callable[[], T]) -> T | KeyrailError:
        start.wait(PATIENCE_S)
        try:
            return action()
        except KeyrailError as refusal:
            return refusal

    with ThreadPoolExecutor(len(actions), "racer") as racers:
        return list(racers.map(run, actions))


def refusals(results: Sequence[object]) -> list[str]:
    return [result.code for result in results if isinstance(result, KeyrailError)]
