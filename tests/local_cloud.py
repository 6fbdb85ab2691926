"""A local cloud for the tests: one instance a session and lane, apart from the one of `make up`.

Name a running one in `KEYRAIL_TEST_ENDPOINT` to save its start while working on a test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.local.deployment import client
from infra.local.ministack import USUAL_PORT, MiniStack
from infra.local.settings import ADMIN, REGION, STATE

LANE = "KEYRAIL_TEST_LANE"  # the number of those who run side by side, each with a cloud of its own


@dataclass(frozen=True)
class LocalCloud:
    """Where it is, and how to be its administrator."""

    endpoint: str
    region: str = REGION
    access_key_id: str = field(default=ADMIN["AWS_ACCESS_KEY_ID"])
    secret_access_key: str = field(default=ADMIN["AWS_SECRET_ACCESS_KEY"])

    @property
    def environment(self) -> dict[str, str]:
        """For code that finds its cloud in the environment, as the functions do."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def client(self, service: str) -> Any:
        return client(service, self.endpoint)


@pytest.fixture(scope="session")
def local_cloud() -> Iterator[LocalCloud]:
    """An empty cloud that enforces no IAM: for tests of single writes, not of grants."""
    if running := os.environ.get("KEYRAIL_TEST_ENDPOINT"):
        yield LocalCloud(running)
        return
    lane = int(os.environ.get(LANE, "0"))
    # Who looks for a free port at the same moment as another finds the same.
    cloud = MiniStack(STATE / f"test-cloud-{lane}", USUAL_PORT + 1 + lane)
    # One that a killed run left behind would bring its tables along.
    cloud.stop()
    try:
        yield LocalCloud(cloud.start(enforce_iam=False))
    finally:
        cloud.stop()
