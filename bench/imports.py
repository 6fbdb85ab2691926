"""Files into the pool: what a key costs, what a file costs that is in already, and a long one in processes that die."""

import random
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Bench, Figure
from bench.meter import Tally
from keyrail.inventory.model.batches import BatchStatus
from keyrail.inventory.store.imports import ImportStore, Standing
from tests.integration.inventory.test_import_processes import ended, importer, new_batch
from tests.local_cloud import LocalCloud
from tests.world import World, new_codes

KEYS, MANY_KEYS, FEW_KEYS = 1_000, 100_000, 1_000
KILLS = 3
MAX_GROWTH_MB = 16


def figures(bench: Bench) -> Iterator[Figure]:
    world = bench.world()
    world.stock_up(1)
    codes = new_codes(KEYS)
    fresh = _tally(bench, world.another_process(), codes)
    yield Figure("import: DynamoDB requests a key", round(fresh.dynamodb_requests / KEYS, 3), 1.05)
    yield Figure("import: write units a key", round(fresh.write_units / KEYS, 3), 2.1, "with the index")
    yield Figure("import: KMS data keys a batch", fresh.requests["GenerateDataKey"], 1)
    again = _tally(bench, world.another_process(), codes)
    yield Figure("import of a file that is in already: write units a key", round(again.write_units / KEYS, 3), 0.05)
    yield Figure("import of a file that is in already: requests a key", round(again.dynamodb_requests / KEYS, 3), 0.05)
    blind = _tally(bench, _blind(world.another_process()), codes)
    why = "the same, each key refused by its own write"
    yield Figure("  without a look: write units a key", round(blind.write_units / KEYS, 3), None, why)
    yield Figure("  without a look: requests a key", round(blind.dynamodb_requests / KEYS, 3), None, why)


def _tally(bench: Bench, process: World, codes: list[str]) -> Tally:
    with bench.meter.tally() as tally:
        process.import_codes(codes)
    return tally


def _blind(process: World) -> World:
    """It never looks for keys before it writes them."""

    class Blind(ImportStore):
        def known(self, _key_ids: object) -> dict[str, Standing]:
            return {}

    process.importing._imports = Blind(process.keys)  # noqa: SLF001 - the other way, to compare with
    return process


def long_file(bench: Bench) -> Iterator[Figure]:
    """100,000 keys in a process that is killed three times on the way: minutes on a local cloud."""
    world, cloud = bench.world(), LocalCloud(bench.dynamodb.meta.endpoint_url)
    world.stock_up(1)
    with tempfile.TemporaryDirectory() as folder:
        few, _ = _imported(cloud, world, Path(folder) / "few", FEW_KEYS, kills=0)
        began = time.monotonic()
        many, batch_id = _imported(cloud, world, Path(folder) / "many", MANY_KEYS, kills=KILLS)
        seconds = time.monotonic() - began
    lines = [key.line for key in world.stored_keys() if key.batch_id == batch_id]
    how = f"{MANY_KEYS:,} keys, killed {KILLS} times, {seconds:.0f} s"
    yield Figure("long import: keys lost", MANY_KEYS - len(set(lines)), 0, how)
    yield Figure("long import: keys taken twice", len(lines) - len(set(lines)), 0, how)
    grown = max(0.0, round((many - few) / 1024, 1))
    why = f"beside a process that imports {FEW_KEYS:,}"
    yield Figure("long import: growth of memory, MB", grown, MAX_GROWTH_MB, why)


def _imported(cloud: LocalCloud, world: World, path: Path, keys: int, *, kills: int) -> tuple[int, str]:
    """Peak memory in KB of the process that ended it, and the batch."""
    batch_id, chance = new_batch(world), random.Random(secrets.randbits(32))
    path.write_text("\n".join(new_codes(keys)))
    for _ in range(kills):
        with importer(cloud, world, batch_id, path) as process:
            time.sleep(chance.uniform(2, 20))
            process.kill()
            process.wait()
        if world.keys.get_batch(batch_id).status is BatchStatus.IMPORTED:
            raise AssertionError("over before it was killed")
    with importer(cloud, world, batch_id, path) as process:
        answer = ended(process)
    if answer["accepted"] != keys:
        raise AssertionError(f"{answer['accepted']} of {keys} accepted")
    return answer["peak_kb"], batch_id
