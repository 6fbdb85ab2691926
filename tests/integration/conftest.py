"""Engines for tests of single writes and of races."""

from collections.abc import Iterator

import pytest

from tests.engines import Engine, dynamodb_local, why_no_dynamodb_local
from tests.local_cloud import LocalCloud
from tests.money import check_money
from tests.promises import check_promises
from tests.relaying import BookKeeper, streams_of
from tests.world import World

MINISTACK, DYNAMODB_LOCAL = "ministack", "dynamodb_local"
ENGINES = [MINISTACK] if why_no_dynamodb_local() else [MINISTACK, DYNAMODB_LOCAL]


@pytest.fixture(scope="session", params=ENGINES)
def engine(
    request: pytest.FixtureRequest, local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """What `test_second_engine.py` reports as skipped is not here, and nothing runs on it."""
    if request.param == MINISTACK:
        yield Engine(MINISTACK, local_cloud, local_cloud)
        return
    with dynamodb_local(tmp_path_factory.mktemp(DYNAMODB_LOCAL) / "log.txt") as tables:
        yield Engine(DYNAMODB_LOCAL, tables, local_cloud)


@pytest.fixture
def world(engine: Engine, request: pytest.FixtureRequest) -> World:
    return engine.world(streamed="kept_books" in request.fixturenames)


@pytest.fixture
def kept_books(engine: Engine, world: World) -> Iterator[None]:
    """Whatever the test does with money, the books say it in the end."""
    yield
    if engine.name != MINISTACK:
        return
    BookKeeper(streams_of(engine.tables), world).catch_up()
    check_money(world)


@pytest.fixture
def kept_promises(world: World) -> Iterator[None]:
    """Whatever the test does, no promise is broken in the end."""
    yield
    check_promises(world)
