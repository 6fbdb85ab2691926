"""Imports slice by slice, for tests: each slice is one chunk, in a process that remembers nothing."""

import csv
import io
import secrets
from typing import Any

from keyrail.inventory.model.batches import Batch
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.fingerprints import standing_fingerprints
from keyrail.inventory.service.rejected_lines import RejectedFiles
from keyrail.vault.model import Place
from keyrail.vault.providers.kms import KmsKeyWrapper
from keyrail.vault.service.sealing import Opener
from tests.files import UploadInMemory
from tests.world import OPERATOR, SKU, SYSTEM, World

CHUNK = 10


def new_batch(world: World, **wanted: Any) -> str:
    new = NewBatch(**{"sku_id": SKU, "source": "supplier", **wanted})
    return world.batches.open(new, secrets.token_hex(16), OPERATOR).batch_id


def a_slice(world: World, batch_id: str, upload: UploadInMemory) -> Batch:
    """One chunk, in a process that remembers nothing."""
    return world.another_process().importing.import_file(batch_id, upload, SYSTEM, until_ms=0)


def all_slices(world: World, batch_id: str, raw: bytes) -> Batch:
    upload = UploadInMemory(raw)
    while not (batch := a_slice(world, batch_id, upload)).is_settled:
        pass
    return batch


def in_one(world: World, batch_id: str, raw: bytes) -> Batch:
    return world.another_process().importing.import_file(batch_id, UploadInMemory(raw), SYSTEM)


def told(batch: Batch) -> tuple[Any, ...]:
    """What the report says, and nothing of who ran it."""
    assert batch.report is not None
    return batch.status, batch.report, batch.first_expiry, batch.last_expiry


def of_batch(world: World, batch_id: str) -> list[Any]:
    return [key for key in world.stored_keys() if key.batch_id == batch_id]


def opened(world: World, batch: Batch) -> set[tuple[str, str | None]]:
    opener = Opener(KmsKeyWrapper(world.kms, world.vault_key), world.now_ms)
    stored = world.keys.get_batch(batch.batch_id)
    found = set()
    for key in of_batch(world, batch.batch_id):
        place = Place(key.key_id, key.batch_id, key.sku_id)
        secret = opener.open(stored.data_keys[key.data_key], place, key.sealed)
        found.add((secret.code, secret.password))
    return found


def a_bit_of_everything(codes: list[str]) -> str:
    """A file in which chunks end in the middle of all kinds of lines."""
    out = ["# 第二批", "卡号,密码,有效期,备注"]
    for at, code in enumerate(codes):
        day = "2099-12-31" if at % 3 else "2098-06-30"
        out.append(f'{code},{at:04d},{day},"两\n行"' if at % 7 == 3 else f"{code},{at:04d},{day},")
        if at % 5 == 2:
            out += ["", f"={at},x,,", f"{codes[at // 2].lower()},again,,"]
    return "\r\n".join(out) + "\r\n"


def rejected_lines(world: World, batch: Batch) -> list[list[str]]:
    assert batch.rejected_lines is not None
    names = standing_fingerprints(world.keys, KmsKeyWrapper(world.kms, world.fingerprint_key))
    assert names is not None
    files = RejectedFiles(world.files, names, world.now_ms)
    content = files.get(batch.batch_id, batch.rejected_lines.file.object_name)
    assert content is not None
    assert len(content) == batch.rejected_lines.file.size_bytes
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert header == ["line", "reason", "mask", "text"]
    return lines
