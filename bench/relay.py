"""Changes of keys from the stream onto the audit trail and into the figures."""

from collections.abc import Iterator

from bench.figures import Bench, Figure
from keyrail.platform.audit_lots import MAX_LOT
from tests.stream_of_keys import SKU, change, leased, new_key, sold

LOTS = 10


def figures(bench: Bench) -> Iterator[Figure]:
    world = bench.world()
    keys = [new_key(number) for number in range(LOTS * MAX_LOT)]
    with bench.meter.tally() as tally:
        for first in range(0, len(keys), MAX_LOT):
            world.counting.put_on_record(SKU, [change(None, key) for key in keys[first : first + MAX_LOT]])
    yield Figure("relay: DynamoDB requests an imported key", round(tally.dynamodb_requests / len(keys), 3), 1.05)
    yield Figure(
        "relay: write units an imported key", round(tally.write_units / len(keys), 3), 1.05, "audit and figures"
    )
    some = keys[:50]
    with bench.meter.tally() as tally:
        for key in some:
            world.counting.put_on_record(SKU, [change(key, leased(key)), change(leased(key), sold(leased(key)))])
    yield Figure("relay: write units a sale by itself", round(tally.write_units / len(some), 2), why="lease and sale")
