"""What is shipped to the functions: complete without anything of ours around it, and no more than is run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from infra.bundling.bundles import Bundles, function_names
from infra.stages import HERE

_UNCHECKED_HASH = (1).to_bytes(4, "little")
"""PEP 552: the flags word after the magic number; only the lowest bit set means "believe without looking"."""


@pytest.fixture(scope="module")
def bundles() -> Bundles:
    return Bundles.build(HERE)


def test_every_function_has_a_bundle(bundles: Bundles) -> None:
    assert sorted(path.name for path in bundles.functions.iterdir()) == function_names()


@pytest.mark.parametrize("name", function_names())
def test_a_function_imports_with_nothing_but_its_layers(bundles: Bundles, name: str) -> None:
    """The local cloud has packages of its own, so a package missing from the layers could hide there."""
    paths = [str(bundles.function(name)), *(f"{layer}/python" for layer in (bundles.domain, bundles.dependencies))]
    code = f"import sys; sys.path[:0] = {paths!r}; import functions.{name}.handler as handler; handler.handler"
    environment = {"PATH": os.environ["PATH"], "AWS_REGION": "us-east-1", "POWERTOOLS_SERVICE_NAME": name}
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


def test_byte_code_is_believed_whatever_the_time_stamps_say(bundles: Bundles) -> None:
    for layer in (bundles.domain, bundles.dependencies, bundles.functions):
        compiled = list(layer.rglob("*.pyc"))
        assert compiled
        assert all(file.read_bytes()[4:8] == _UNCHECKED_HASH for file in compiled)


def test_the_dependencies_carry_only_services_that_are_called(bundles: Bundles) -> None:
    data = bundles.dependencies / "python" / "botocore" / "data"
    services = {entry.name for entry in data.iterdir() if entry.is_dir()}
    assert services == {"dynamodb", "events", "kms", "s3", "secretsmanager", "sqs", "stepfunctions", "sts"}


def test_the_layers_leave_room_below_the_limit_of_lambda(bundles: Bundles) -> None:
    """Lambda takes 250 MB unzipped in all; a layer that grows past a quarter of it has something in it by mistake."""
    size = sum(file.stat().st_size for file in bundles.dependencies.rglob("*") if file.is_file())
    assert size < 62_000_000
