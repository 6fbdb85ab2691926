"""Imports in processes of their own: killed for good at any moment, and measured while they read long files."""

import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from infra.bootstrap import ROOT
from keyrail.inventory.model.batches import BatchStatus
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.import_desk import ImportDesk
from keyrail.vault.model import Place
from keyrail.vault.providers.kms import KmsKeyWrapper
from keyrail.vault.service.sealing import Opener
from tests.integration.inventory.importer import FilesOnDisk
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, World, new_codes

KILLS = 3
PATIENCE_S = 120
MAX_GROWTH_KB = 8 * 1024  # five times the lines may cost no more than the noise of two processes


@pytest.fixture
def world(local_cloud: LocalCloud) -> World:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    return world


@contextmanager
def importer(
    cloud: LocalCloud, world: World, batch_id: str, path: Path, **task: Any
) -> Iterator["subprocess.Popen[str]"]:
    """The process, once it has begun."""
    task = {
        "endpoint": cloud.endpoint,
        "names": world.names,
        "vault_key": world.vault_key,
        "fingerprint_key": world.fingerprint_key,
        "folder": str(path.parent),
        "batch_id": batch_id,
        "path": str(path),
        "chunk": 1_000,
        "forget": False,
        **task,
    }
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/keyrail/python'}"}
    command = [sys.executable, "-m", "tests.integration.inventory.importer"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(json.dumps(task))
            process.stdin.close()
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]") -> dict[str, int]:
    assert process.stdout
    answer: dict[str, int] = json.loads(process.stdout.readline())
    assert process.wait(PATIENCE_S) == 0
    return answer


def new_batch(world: World) -> str:
    wanted = NewBatch(sku_id=SKU, source="supplier")
    return world.batches.open(wanted, secrets.token_hex(16), OPERATOR).batch_id


def test_an_import_killed_three_times_at_random_loses_no_key_and_takes_none_twice(
    local_cloud: LocalCloud, world: World, tmp_path: Path
) -> None:
    codes, batch_id, path = new_codes(1_500), new_batch(world), tmp_path / "keys.txt"
    path.write_text("\n".join([*codes, *codes[:20], *(f"={code}" for code in codes[:10])]))
    chance, killed = random.Random(secrets.randbits(32)), 0
    while killed < KILLS:
        with importer(local_cloud, world, batch_id, path, chunk=100) as process:
            time.sleep(chance.uniform(0.05, 0.6))
            process.kill()
            process.wait(PATIENCE_S)
        assert world.keys.get_batch(batch_id).status is not BatchStatus.IMPORTED, "over before it was killed"
        killed += 1
    with importer(local_cloud, world, batch_id, path, chunk=100) as process:
        assert ended(process)["accepted"] == len(codes)
    batch = world.keys.get_batch(batch_id)
    assert batch.report is not None
    assert (batch.report.duplicate, batch.report.rejected, batch.report.ignored) == (20, 10, 0)
    opener = Opener(KmsKeyWrapper(world.kms, world.vault_key), world.now_ms)
    keys = [key for key in world.stored_keys() if key.batch_id == batch_id]
    opened = [
        opener.open(batch.data_keys[key.data_key], Place(key.key_id, key.batch_id, key.sku_id), key.sealed).code
        for key in keys
    ]
    assert sorted(opened) == sorted(codes)
    assert {key.line for key in keys} == set(range(1, len(codes) + 1))
    assert world.claims.stock(SKU).claimable == 1 + len(codes)
    assert batch.rejected_lines is not None
    desk = ImportDesk(world.keys, FilesOnDisk(tmp_path), KmsKeyWrapper(world.kms, world.fingerprint_key), world.now_ms)
    assert len(desk.hand_out(batch_id, OPERATOR).splitlines()) == 1 + 30


def text_file(path: Path, lines: int) -> None:
    """Every tenth line is one that is not taken."""
    with path.open("w") as file:
        for number in range(lines):
            file.write(f"{'=' if number % 10 == 9 else ''}CODE-{number:010d}----{number * 7919 % 10**8:08d}\n")


def workbook(path: Path, lines: int) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for number in range(lines):
        sheet.append([f"CODE-{number:010d}", f"{number * 7919 % 10**8:08d}"])
    book.save(path)


@pytest.mark.parametrize(("made", "few", "many"), [(text_file, 20_000, 100_000), (workbook, 4_000, 20_000)])
def test_five_times_the_lines_take_no_more_memory(
    local_cloud: LocalCloud, world: World, tmp_path: Path, made: Callable[[Path, int], None], few: int, many: int
) -> None:
    peaks = {}
    for lines in (few, many):
        path = tmp_path / f"keys-{lines}"
        made(path, lines)
        with importer(local_cloud, world, new_batch(world), path, forget=True) as process:
            answer = ended(process)
        assert answer["accepted"] >= lines * 9 // 10
        peaks[lines] = answer["peak_kb"]
    assert peaks[many] - peaks[few] < MAX_GROWTH_KB, peaks
