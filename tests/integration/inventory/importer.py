"""An import in a process of its own, to be killed or to be measured: `python -m tests.integration.inventory.importer`.

Its task comes as JSON on standard input. It says `begun` before it begins, and in the end what it took.
"""

import json
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyrail.inventory.service.importing import Importing, runs
from keyrail.inventory.store.keys import KEY_PREFIX
from keyrail.vault.providers.kms import KmsKeyWrapper
from tests.engines import production_client
from tests.local_cloud import LocalCloud
from tests.world import SYSTEM, World


@dataclass(frozen=True)
class UploadOnDisk:
    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    @property
    def version(self) -> str:
        return str(self.path)

    def read(self, start: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)


@dataclass(frozen=True)
class FilesOnDisk:
    folder: Path

    def put(self, name: str, content: bytes) -> None:
        scratch = self._path(name).with_suffix(".new")
        scratch.write_bytes(content)
        scratch.rename(self._path(name))

    def get(self, name: str) -> bytes | None:
        return self._path(name).read_bytes() if self._path(name).exists() else None

    def remove(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / name.replace("/", "_")


class Forgetful:
    """An engine that takes each key and forgets it: what is left to measure is the importer."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **request: Any) -> Any:
        is_key = request["Item"]["key_id"]["S"].startswith(KEY_PREFIX)
        return {} if is_key else self._client.put_item(**request)

    def batch_get_item(self, **request: Any) -> Any:
        ((table, wanted),) = request["RequestItems"].items()
        is_key = wanted["Keys"][0]["key_id"]["S"].startswith(KEY_PREFIX)
        return {"Responses": {table: []}} if is_key else self._client.batch_get_item(**request)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    task = json.loads(sys.stdin.read())
    cloud = LocalCloud(task["endpoint"])
    dynamodb, kms = production_client("dynamodb", cloud), production_client("kms", cloud)
    world = World(Forgetful(dynamodb) if task["forget"] else dynamodb, kms, names=task["names"])
    vault, fingerprint = (KmsKeyWrapper(kms, task[key]) for key in ("vault_key", "fingerprint_key"))
    runs.KEYS_A_CHUNK = task["chunk"]
    files = FilesOnDisk(Path(task["folder"]))
    importing = Importing(world.keys, world.catalog, vault, fingerprint, files, world.now_ms)
    say("begun")
    batch = importing.import_file(task["batch_id"], UploadOnDisk(Path(task["path"])), SYSTEM)
    assert batch.report is not None
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    say(json.dumps({"accepted": batch.report.accepted, "peak_kb": peak_kb}))


if __name__ == "__main__":
    main()
