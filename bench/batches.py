"""A batch that is stopped: the command is of one size for any number of keys, and each key follows by one write."""

from collections.abc import Iterator

from bench.figures import Bench, Figure
from tests.world import OPERATOR, new_codes

FEW, MANY = 10, 2_000


def figures(bench: Bench) -> Iterator[Figure]:
    world = bench.world()
    world.stock_up(0)
    for keys in (FEW, MANY):
        batch_id = world.import_codes(new_codes(keys))[1].batch_id
        with bench.meter.tally() as command:
            world.commands.freeze(batch_id, OPERATOR)
        yield Figure(f"freeze of a batch of {keys:,} keys: requests", command.dynamodb_requests, 3)
    with bench.meter.tally() as following:
        world.follow(batch_id)
    requests = round(following.dynamodb_requests / MANY, 3)
    yield Figure("freeze: write units a key that follows", round(following.write_units / MANY, 2), 3.1, "two indexes")
    yield Figure("freeze: requests a key that follows", requests, 1.05)
