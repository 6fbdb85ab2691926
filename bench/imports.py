"""Files into the pool."""

from collections.abc import Iterator

from bench.figures import Bench, Figure


def figures(bench: Bench) -> Iterator[Figure]:
    world, count = bench.world(), 1000
    world.stock_up(1)
    with bench.meter.tally() as tally:
        world.import_codes([f"BENCH-{number:06d}" for number in range(count)])
    yield Figure("import: DynamoDB requests a key", round(tally.dynamodb_requests / count, 3), 1.05)
    yield Figure("import: write units a key", round(tally.write_units / count, 3), 2.1, "with the index")
    yield Figure("import: KMS data keys a batch", tally.requests["GenerateDataKey"], 1)
