"""What every suite may ask for."""

import os

from infra.local.settings import node_folder
from tests.local_cloud import local_cloud

__all__ = ["local_cloud"]

# Before anything imports the CDK: its Node is the one from the lock, wherever the machine has another, or none.
os.environ["JSII_NODE"] = str(node_folder() / "node")
