"""What every suite may ask for.

One commit gets one verdict: a property is tried with the same examples in each run, and neither time nor chance is any
part of it. To look for new examples: `make test ARGS="tests/properties --hypothesis-profile=exploring"`.
"""

import os

from hypothesis import Phase, settings

from infra.local.settings import node_folder
from tests.local_cloud import local_cloud

__all__ = ["local_cloud"]

# Before anything imports the CDK: its Node is the one from the lock, wherever the machine has another, or none.
os.environ["JSII_NODE"] = str(node_folder() / "node")

settings.register_profile("keyrail", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("exploring", deadline=None, print_blob=True, max_examples=1_000)
# For who only asks whether a test fails: the smallest example that makes it fail is no news to them.
settings.register_profile("planted", settings.get_profile("keyrail"), phases=(Phase.explicit, Phase.generate))
settings.load_profile("keyrail")
