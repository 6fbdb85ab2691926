"""Engines for tests of single writes and of races."""

from collections.abc import Iterator

import pytest

from tests.engines import Engine, dynamodb_local, why_no_dynamodb_local
from tests.local_cloud import LocalCloud
from tests.world import World

MINISTACK, DYNAMODB_LOCAL = "ministack", "dynamodb_local"


@pytest.fixture(scope="session", params=[MINISTACK, DYNAMODB_LOCAL])
def engine(
    request: pytest.FixtureRequest, local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    if request.param == MINISTACK:
        yield Engine(MINISTACK, local_cloud, local_cloud)
        return
    if missing := why_no_dynamodb_local():
        pytest.skip(missing)
    with dynamodb_local(tmp_path_factory.mktemp(DYNAMODB_LOCAL) / "log.txt") as tables:
        yield Engine(DYNAMODB_LOCAL, tables, local_cloud)


@pytest.fixture
def world(engine: Engine) -> World:
    return engine.world()
