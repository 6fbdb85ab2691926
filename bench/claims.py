"""The claim under 64 buyers at once, and beside it what one would write first: take the first available, update it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from botocore.exceptions import ClientError

from bench.figures import Bench, Figure
from keyrail.inventory.model.keys import PoolContended, SoldOut
from keyrail.inventory.service.claims import Claims, partitions
from tests.world import BUYER, SKU, World

BUYERS = 64

Buy = Callable[[World, int], str | None]


def figures(bench: Bench) -> Iterator[Figure]:
    ours, checked, unchecked = _lease, _take_first_checked, _take_first
    for pool, limit in ((BUYERS * 10, 1.3), (50, 5)):
        crowd = f"{BUYERS} buyers, {pool} keys"
        yield _race(bench, ours, pool, f"claim, {crowd}: conditional writes a sale", limit)
        yield _race(bench, checked, pool, f"naive claim with a check, {crowd}: conditional writes a sale")
        yield _race(bench, unchecked, pool, f"naive claim, {crowd}: writes a key sold")


def _race(bench: Bench, buy: Buy, pool: int, name: str, limit: float | None = None) -> Figure:
    """Each buyer tries for one key; how many writes went out for each key that was sold."""
    world = bench.world()
    world.stock_up(pool)
    barrier = Barrier(BUYERS)

    def one(number: int) -> str | None:
        barrier.wait()
        return buy(world, number)

    with bench.meter.tally() as tally, ThreadPoolExecutor(BUYERS) as threads:
        got = [key for key in threads.map(one, range(BUYERS)) if key]
    keys, twice = len(set(got)), len(got) - len(set(got))
    if limit is not None and (keys, twice) != (min(pool, BUYERS), 0):
        raise AssertionError(f"{keys} keys sold of {min(pool, BUYERS)}, {twice} twice")
    why = f"{keys} keys sold, {twice} buyers got somebody else's, {tally.refused} writes refused"
    return Figure(name, round(tally.single_writes / keys, 2), limit, why)


def _lease(world: World, number: int) -> str | None:
    claims = Claims(world.keys, world.now_ms)
    try:
        (key,) = claims.lease(SKU, 1, _order(number), world.now_ms() + 60_000, BUYER)
    except (SoldOut, PoolContended):
        return None
    return key


def _take_first(world: World, number: int) -> str | None:
    """Read, look, write: nothing keeps another buyer from the same key meanwhile."""
    key = _first_available(world)
    if key:
        world.dynamodb.update_item(**_update(world, key, number))
    return key


def _take_first_checked(world: World, number: int) -> str | None:
    """The same, but the write insists and the buyer tries again: right, and everybody stands at the same key."""
    while key := _first_available(world):
        try:
            world.dynamodb.update_item(**_update(world, key, number, "#state = :available"))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        else:
            return key
    return None


def _first_available(world: World) -> str | None:
    pool = world.keys.get_pool(SKU)
    for part in pool.parts if pool else ():
        for partition in partitions(SKU, part):
            for key, _ in world.keys.candidates(partition, "0", limit=1):
                return key
    return None


def _update(world: World, key: str, number: int, check: str | None = None) -> dict[str, object]:
    values = {":sold": {"S": "sold"}, ":order": {"S": _order(number)}}
    if check:
        return _update(world, key, number) | {
            "ConditionExpression": check,
            "ExpressionAttributeValues": values | {":available": {"S": "available"}},
        }
    return {
        "TableName": world.names["keys"],
        "Key": {"key_id": {"S": key}},
        "UpdateExpression": "SET #state = :sold, order_id = :order REMOVE claim_order",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": values,
    }


def _order(number: int) -> str:
    return f"ord_{number:026d}"
