"""A world in which no record may still be on its way."""

import pytest

from keyrail.platform.audit_chain import MAX_RELAY_LAG_S
from tests.engines import Engine
from tests.world import World


@pytest.fixture
def world(engine: Engine) -> World:
    """Later than any record of these tests may still be on its way."""
    world = engine.world()
    world.ahead_ms = MAX_RELAY_LAG_S * 1000 * 1000
    return world
