"""The double of the engine in memory: moto, in this process and without a socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto import mock_aws
from moto.core.serialize import BaseJSONSerializer

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
