"""The local cloud as the engine of tests that break requests."""

import pytest

from tests.engines import Engine
from tests.local_cloud import LocalCloud


@pytest.fixture
def engine(local_cloud: LocalCloud) -> Engine:
    return Engine("ministack", local_cloud, local_cloud)
