"""Stock that expires rings by itself, once for each crossing, however often and by how many at once it is looked at."""

import json
from dataclasses import replace

import pytest

from keyrail.inventory.model.batches import MAX_EXPIRY_GROUPS, Stage
from keyrail.inventory.model.figures import Figures, figures_events_between, no_figures
from keyrail.inventory.model.keys import Key
from keyrail.inventory.model.last_days import LastDays
from keyrail.inventory.model.moves import Tally
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.figures import QUIET_MS
from keyrail.inventory.store.figures import ENOUGH, LOW
from keyrail.platform.clock import utc_date
from keyrail.platform.dynamo import MAX_READS
from tests.engines import Engine
from tests.faults.breaking import Wire
from tests.files import UploadInMemory
from tests.integration import test_triggers
from tests.integration.inventory.slicing import in_one, new_batch
from tests.integration.test_triggers import sample, stage
from tests.racing import at_once, refusals
from tests.stream_of_keys import SKU, change, changes, leased, new_key, sold
from tests.world import OPERATOR, SYSTEM, World, new_codes

__all__ = ["stage"]  # a fixture

DAY_MS = 24 * 60 * 60 * 1000
LOW_STOCK = 10


@pytest.fixture
def world(engine: Engine) -> World:
    return engine.world()


def put(world: World, sku_id: str, days: dict[str, int], low_stock: int = LOW_STOCK) -> Figures:
    """Figures of a SKU that has so many keys of each day, and nothing else."""
    on_hand, now_ms = sum(days.values()), world.now_ms()
    bare = replace(no_figures(sku_id, now_ms), tally=Tally(imported=on_hand, on_hand=on_hand))
    stocked = replace(bare, last_days=bare.last_days.after(days, utc_date(now_ms)))
    stocked = stocked.with_threshold(low_stock, 1, now_ms)
    assert world.figures.replace(stocked)
    return stocked


def in_days(world: World, days: int) -> str:
    return utc_date(world.now_ms() + days * DAY_MS)


def standing(world: World, sku_id: str = SKU) -> Figures:
    figures = world.figures.get(sku_id)
    assert figures is not None
    return figures


def test_stock_that_expires_is_told_by_the_clock_and_told_once(world: World) -> None:
    before = put(world, SKU, {in_days(world, 0): 30, in_days(world, 9): 7})
    assert world.shelf_watch.go_round() == (1, 0)
    assert standing(world) == before

    world.ahead_ms += DAY_MS
    assert world.shelf_watch.go_round() == (1, 1)
    low = standing(world)
    (event,) = figures_events_between(before, low)
    assert (event.name, event.data["on_hand"], low.changed_by) == ("stock.low", 7, "system:scheduled_jobs")
    # It is where low ones are listed, and nobody looks at it again.
    assert (world.figures.listed(LOW, 10, None)[0], world.figures.listed(ENOUGH, 10, None)[0]) == ([SKU], [])
    assert world.shelf_watch.go_round() == (0, 0)


def test_whoever_looks_at_the_same_moment_one_tells_it(world: World, engine: Engine) -> None:
    put(world, SKU, {in_days(world, 0): 30})
    world.ahead_ms += DAY_MS
    processes = [world.another_process(engine.dynamodb()) for _ in range(6)]
    found = at_once([process.shelf_watch.go_round for process in processes])
    assert refusals(found) == []
    told = [each for each in found if each == (1, 1)]
    assert len(told) == 1
    assert (standing(world).version, standing(world).revision) == (1, 2)


def test_a_sale_that_is_counted_meanwhile_is_not_lost_and_the_crossing_is_told_once(world: World) -> None:
    put(world, SKU, {in_days(world, 0): 30, in_days(world, 9): 9})
    world.ahead_ms += DAY_MS
    judged = standing(world).after_time(world.now_ms())
    key = leased(new_key(1, expires_on=in_days(world, 8)))
    world.counting.put_on_record(SKU, [change(key, sold(key))])
    assert not world.figures.replace(judged), "somebody counted meanwhile"
    assert world.shelf_watch.go_round() == (0, 0)
    assert (standing(world).low, standing(world).version, standing(world).tally.on_hand) == (True, 1, 38)


def test_all_skus_are_looked_at_in_a_few_requests(world: World) -> None:
    today, later = in_days(world, 0), in_days(world, 5)
    for number in range(MAX_READS + 5):
        put(world, f"sku-{number:03d}", {today if number % 20 == 0 else later: 50})
    world.ahead_ms += DAY_MS
    wire = Wire()
    with wire.carrying(world.dynamodb):
        assert world.shelf_watch.go_round() == (MAX_READS + 5, 6)
    reading = ["dynamodb.Query", "dynamodb.BatchGetItem"]
    assert wire.requests == [*reading, *["dynamodb.PutItem"] * 5, *reading, "dynamodb.PutItem"]


def test_figures_that_somebody_spoiled_by_hand_stop_nobody_else(world: World) -> None:
    for sku_id in ("sku-a", "sku-b", "sku-c"):
        put(world, sku_id, {in_days(world, 0): 50})
    spoiled = next(item for item in world.scan("keys") if item["key_id"] == {"S": "figures#sku-b"})
    world.dynamodb.put_item(TableName=world.names["keys"], Item=spoiled | {"tally": {"S": "many"}})
    world.ahead_ms += DAY_MS
    assert world.shelf_watch.go_round() == (2, 2)


def test_keys_of_more_days_than_were_ever_remembered_are_counted_out_and_counted_on_alike(world: World) -> None:
    """A file of a year: far days are sold, days go by, and the figures are those that a count finds."""
    keys = [new_key(number, expires_on=in_days(world, number)) for number in range(366)]
    for first in range(0, len(keys), 90):
        world.counting.put_on_record(SKU, [change(None, key) for key in keys[first : first + 90]])
    world.ahead_ms += 170 * DAY_MS
    gone = keys[300:340]
    for key in gone:
        world.counting.put_on_record(SKU, changes(key, leased(key), sold(leased(key)))[1:])
    left: list[Key] = [key for key in keys if key not in gone]
    for days in (0, 60, 131, 185, 196):
        at_ms = world.now_ms() + days * DAY_MS
        expected = sum((key.expires_on or "") >= utc_date(at_ms) for key in left)
        assert standing(world).on_hand(at_ms) == expected


def test_a_recount_knows_the_day_of_every_key_and_forgets_what_was_counted_wrong(world: World) -> None:
    world.stock_up(0)
    lines = ["code,expires_on", *(f"CODE-{n:02d}-AAAA-BBBB,{in_days(world, 1 + n % 3)}" for n in range(30))]
    batch = world.batches.open(NewBatch(sku_id=SKU, source="supplier"), "n" * 32, OPERATOR)
    world.importing.import_file(batch.batch_id, UploadInMemory("\n".join(lines).encode()), SYSTEM)
    put(world, SKU, {in_days(world, 2): -4, in_days(world, 40): 90})
    world.ahead_ms += QUIET_MS
    right = world.stock_figures.recount(SKU, OPERATOR)
    on_hand = [right.on_hand(world.now_ms() + days * DAY_MS) for days in (0, 2, 3, 4)]
    assert on_hand == [30, 20, 10, 0]


@pytest.mark.parametrize("stages", [(), (*[Stage(keys=5, opens_at_ms=0)] * 11, Stage(opens_at_ms=0))])
def test_a_recount_of_keys_of_very_many_days_finds_those_that_may_be_sold_and_when_they_may_no_more(
    world: World, stages: tuple[Stage, ...]
) -> None:
    """They share parts of the pool by months; those of them that expired are still in there."""
    world.stock_up(0)
    lines = [f"{code},,{in_days(world, 1 + n)}" for n, code in enumerate(new_codes(MAX_EXPIRY_GROUPS + 10))]
    in_one(world, new_batch(world, stages=stages), "\n".join([*lines, *new_codes(1)]).encode())
    keys = world.stored_keys()
    world.counting.put_on_record(SKU, [change(None, key) for key in keys])
    world.order(2)
    world.ahead_ms += 3 * DAY_MS

    def usable(days: int) -> int:
        day = in_days(world, days)
        return sum(key.expires_on is None or key.expires_on >= day for key in keys)

    before = standing(world)
    right = world.stock_figures.recount(SKU, OPERATOR)
    assert right.tally == replace(before.tally, leased=2)
    assert right.last_days == before.last_days.after({}, in_days(world, 0))
    for days in (0, 20, 50, 56, 57, 100):
        assert right.on_hand(world.now_ms() + days * DAY_MS) == usable(days)

    put_wrong = replace(right, revision=right.revision + 1, tally=Tally(on_hand=4), last_days=LastDays())
    assert world.figures.replace(put_wrong)
    world.ahead_ms += QUIET_MS
    again = world.stock_figures.recount(SKU, OPERATOR)
    for days in (0, 20, 50, 56, 57, 100):
        assert again.on_hand(world.now_ms() + days * DAY_MS) == usable(days)


# through the function


def test_the_clock_s_message_makes_the_function_look_at_the_shelves(stage: test_triggers.Stage) -> None:
    yesterday = utc_date(stage.world.now_ms() - DAY_MS)
    stage.world.ahead_ms -= 2 * DAY_MS
    put(stage.world, SKU, {yesterday: 30})
    for _ in range(2):
        assert stage.call("scheduled_jobs") == {"batchItemFailures": []}
    assert (standing(stage.world).low, standing(stage.world).version) == (True, 1)


@pytest.mark.parametrize("body", [{"job": "tidy_up"}, {}])
def test_a_job_that_nobody_knows_is_reported(stage: test_triggers.Stage, body: dict[str, str]) -> None:
    trigger = sample("scheduled_jobs")
    (record,) = trigger["Records"]
    record["body"] = json.dumps(body)
    assert stage.call("scheduled_jobs", trigger) == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
