"""The engines of the crash matrix: the local cloud, and the quick tables."""

from collections.abc import Iterator

import pytest

from tests.engines import Engine
from tests.in_memory import IN_MEMORY, engine_in_memory
from tests.local_cloud import LocalCloud

__all__ = ["IN_MEMORY", "engine"]

MINISTACK = "ministack"


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if getattr(request, "param", MINISTACK) == MINISTACK:
        cloud: LocalCloud = request.getfixturevalue("local_cloud")
        yield Engine(MINISTACK, cloud, cloud)
        return
    with engine_in_memory() as in_memory:
        yield in_memory
