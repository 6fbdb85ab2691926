"""The double of the engine in memory: moto, in this process and without a socket."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from moto import mock_aws
from moto.core.serialize import BaseJSONSerializer
from moto.moto_api._internal import mock_random

from tests.engines import Engine
from tests.local_cloud import LocalCloud

IN_MEMORY = "in_memory"


@contextmanager
def engine_in_memory() -> Iterator[Engine]:
    """It is gone, with all its tables, when the block is over."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseJSONSerializer, "_serialize_type_structure", _structure)
        # Our master keys are symmetric; moto makes each of them an RSA key as well, that nobody asks for.
        patch.setattr("moto.kms.models.generate_private_key", lambda _: None)
        tables, master_keys = (LocalCloud(f"https://{name}.us-east-1.amazonaws.com") for name in ("dynamodb", "kms"))
        yield Engine(IN_MEMORY, tables, master_keys)


_any_structure = BaseJSONSerializer._serialize_type_structure


def _structure(self: BaseJSONSerializer, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:
    """A value of DynamoDB has one member of ten; moto looks for the other nine under all the names that it can think
    of, and spends more than half of its time so."""
    if shape.name != "AttributeValue":
        _any_structure(self, serialized, value, shape, key)
        return
    wrapper: dict[str, Any] = {}
    for member, its_value in value.items():
        self._serialize(wrapper, its_value, shape.members[member], member)
    self._default_serialize(serialized, wrapper, shape, key)


@contextmanager
def without_chance(clock: Callable[[], int]) -> Iterator[None]:
    """Names, nonces, waits and the starts of claims are the same each time; worlds take `clock` for the system's."""
    entropy = Random(0).randbytes
    mock_random.seed(0)
    with pytest.MonkeyPatch.context() as patch:
        for source in ("os.urandom", "random._urandom"):
            patch.setattr(source, entropy)
        patch.setattr("tests.world.system_now_ms", clock)
        yield
