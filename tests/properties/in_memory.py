"""A world on a double of the engine in memory: single-threaded, without a socket."""

from contextlib import ExitStack

from moto import mock_aws

from tests.engines import Engine
from tests.local_cloud import LocalCloud
from tests.world import World


def world_in_memory(until: ExitStack) -> World:
    """It is gone, with all its tables, when `until` closes."""
    until.enter_context(mock_aws())
    tables, master_keys = (LocalCloud(f"https://{name}.us-east-1.amazonaws.com") for name in ("dynamodb", "kms"))
    return Engine("in_memory", tables, master_keys).world()
