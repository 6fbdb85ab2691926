"""Doubles of the engine in this process, without a socket: the quick tables, which suites use, and moto, which has an
idea of DynamoDB of its own to hold them to.

Both take moto's KMS. A client speaks to either through botocore; a world's own client is the quick tables themselves.
"""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from random import Random
from typing import Any

import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.models import botocore_stubber
from moto.core.serialize import BaseJSONSerializer
from moto.moto_api._internal import mock_random

from tests.engines import Engine
from tests.local_cloud import LocalCloud
from tests.quick_tables import QuickTables
from tests.world import World

IN_MEMORY, MOTO = "in_memory", "moto"


@dataclass(frozen=True)
class InMemory(Engine):
    quick: QuickTables

    def dynamodb(self) -> Any:
        """One whose requests go through botocore, which serialises, signs and repeats them, as far as its wire."""
        client = super().dynamodb()
        client.meta.events.unregister("before-send", botocore_stubber)
        client.meta.events.register("before-send", _Wire(self.quick))
        return client

    def world(self, *, streamed: bool = False) -> World:
        return World(self.quick, self.kms(), streamed=streamed)


@dataclass(frozen=True)
class _Wire:
    """Answers in the place of the network."""

    tables: QuickTables

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"]
        name = operation.decode() if isinstance(operation, bytes) else operation
        asked = json.loads(request.body, object_hook=_bytes_read)
        try:
            status, said = 200, getattr(self.tables, xform_name(name.partition(".")[2]))(**asked)
        except ClientError as error:
            status, said = 400, dict(error.response)
            said["__type"] = f"com.amazonaws.dynamodb.v20120810#{said.pop('Error')['Code']}"
        body = json.dumps(said, default=lambda some: base64.b64encode(some).decode()).encode()
        return AWSResponse(request.url, status, {}, _Body(body))  # type: ignore[arg-type]  # it is read as a stream


class _Body(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _bytes_read(some: dict[str, Any]) -> dict[str, Any]:
    return {"B": base64.b64decode(some["B"])} if some.keys() == {"B"} and isinstance(some["B"], str) else some


@contextmanager
def engine_in_memory() -> Iterator[Engine]:
    """It is gone, with all its tables, when the block is over."""
    with _moto() as (tables, master_keys):
        yield InMemory(IN_MEMORY, tables, master_keys, QuickTables())


@contextmanager
def moto_in_memory() -> Iterator[Engine]:
    with _moto() as (tables, master_keys), pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseJSONSerializer, "_serialize_type_structure", _structure)
        yield Engine(MOTO, tables, master_keys)


@contextmanager
def _moto() -> Iterator[tuple[LocalCloud, LocalCloud]]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        # Our master keys are symmetric; moto makes each of them an RSA key as well, that nobody asks for.
        patch.setattr("moto.kms.models.generate_private_key", lambda _: None)
        tables, master_keys = (LocalCloud(f"https://{name}.us-east-1.amazonaws.com") for name in ("dynamodb", "kms"))
        yield tables, master_keys


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
    """Names, nonces and the starts of claims are the same each time, nobody waits, and worlds take `clock` for the
    system's.
    """
    entropy = Random(0).randbytes
    mock_random.seed(0)
    with pytest.MonkeyPatch.context() as patch:
        for source in ("os.urandom", "random._urandom"):
            patch.setattr(source, entropy)
        patch.setattr("tests.world.system_now_ms", clock)
        patch.setattr("time.sleep", lambda _: None)
        yield
