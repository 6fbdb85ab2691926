"""The engines of the crash matrix: the local cloud, and a double in memory."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.engines import Engine
from tests.local_cloud import LocalCloud

MINISTACK, IN_MEMORY = "ministack", "in_memory"


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if getattr(request, "param", MINISTACK) == MINISTACK:
        cloud: LocalCloud = request.getfixturevalue("local_cloud")
        yield Engine(MINISTACK, cloud, cloud)
        return
    with mock_aws():
        tables, master_keys = (
            LocalCloud(f"https://{service}.us-east-1.amazonaws.com") for service in ("dynamodb", "kms")
        )
        yield Engine(IN_MEMORY, tables, master_keys)
