"""The engines on which stores and use cases are proven, reached by the very clients that the functions use.

MiniStack is there for every run. DynamoDB Local, AWS's own, is a second opinion on conditional writes where Java is
there and its jar was fetched (`make dynamodb`, or name one in `KEYRAIL_DYNAMODB_LOCAL_JAR`); keys are wrapped by
MiniStack's KMS for it too.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from infra.local.ministack import free_port
from infra.local.settings import STATE
from keyrail.platform import aws
from tests.local_cloud import LocalCloud
from tests.world import World

JAR_VARIABLE = "KEYRAIL_DYNAMODB_LOCAL_JAR"
USUAL_JAR = STATE / "dynamodb-local" / "package" / "emulator" / "DynamoDBLocal.jar"
JAVA_PORT = 8000
READY_WITHIN_S = 30


@dataclass(frozen=True)
class Engine:
    """Where the tables are and where the master keys are. A client is a process's own, so each call makes one."""

    name: str
    tables: LocalCloud
    master_keys: LocalCloud

    def dynamodb(self) -> Any:
        return production_client("dynamodb", self.tables)

    def kms(self) -> Any:
        return production_client("kms", self.master_keys)

    def world(self, *, streamed: bool = False) -> World:
        return World(self.dynamodb(), self.kms(), streamed=streamed)


def production_client(service: str, cloud: LocalCloud) -> Any:
    """As `platform.aws` makes it in a function: its time-outs, its retries, its pool."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in cloud.environment.items():
            environment.setenv(name, value)
        return cast("Any", aws.client).__wrapped__(service)


def why_no_dynamodb_local() -> str | None:
    """What is missing for it on this machine, or None."""
    if shutil.which("java") is None:
        return "DynamoDB Local needs Java, which is not here"
    if not _jar().exists():
        return f"DynamoDB Local's jar is not here; `make dynamodb` fetches it, or name it in {JAR_VARIABLE}"
    return None


@contextmanager
def dynamodb_local(log: Path) -> Iterator[LocalCloud]:
    """Runs it in memory for as long as the block lasts."""
    port = free_port(JAVA_PORT)
    libraries = _jar().parent / "DynamoDBLocal_lib"
    command = ["java", f"-Djava.library.path={libraries}", "-jar", str(_jar()), "-inMemory", "-port", str(port)]
    # It leaves a file of its own where it runs.
    with log.open("wb") as output, subprocess.Popen(command, cwd=log.parent, stdout=output, stderr=output) as process:
        try:
            _wait_for(port, process)
            yield LocalCloud(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def _jar() -> Path:
    return Path(os.environ.get(JAR_VARIABLE) or USUAL_JAR).resolve()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("DynamoDB Local did not come up")
