"""The figures of a SKU on a real engine: counted once whatever breaks, told once when low, put right on demand."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from keyrail.catalog.model import Sku
from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.figures import Figures, StockMoving, figures_events_between, no_figures
from keyrail.inventory.model.keys import Key
from keyrail.inventory.model.moves import Tally
from keyrail.inventory.service.counting import UNKNOWN_SOURCE, KeyChange
from keyrail.inventory.service.figures import QUIET_MS
from keyrail.inventory.service.importing import runs
from keyrail.inventory.store.figures import ENOUGH, LOW
from keyrail.platform import audit_lots
from keyrail.platform.changes import stamp
from keyrail.platform.errors import Invalid, Unavailable
from tests.engines import Engine
from tests.faults.breaking import Killed, Way, Wire
from tests.files import UploadInMemory
from tests.integration.inventory.slicing import CHUNK, a_slice, in_one, new_batch, of_batch
from tests.racing import at_once
from tests.stream_of_keys import BATCH, NOW_MS, SKU, SOURCE, change, changes, leased, looked_at, new_key, sold, stands
from tests.world import OPERATOR, PRICE, SYSTEM, World, new_codes

REQUESTS_OF_A_LOT_OF_FOUR = 6  # batch, three records, figures, transaction


@pytest.fixture
def world(engine: Engine) -> World:
    world = engine.world()
    world.keys.add_batch(
        Batch(batch_id=BATCH, sku_id=SKU, source=SOURCE, created_at_ms=NOW_MS, **stamp(SYSTEM, NOW_MS))
    )
    return world


def counted(world: World, some: list[KeyChange]) -> None:
    world.another_process().counting.put_on_record(SKU, some)


def figures(world: World) -> Figures:
    standing = world.figures.get(SKU)
    assert standing is not None
    return standing


def imported(count: int, first: int = 1) -> list[KeyChange]:
    return [change(None, new_key(number)) for number in range(first, first + count)]


def bought(number: int) -> list[Key]:
    return [new_key(number), leased(new_key(number)), sold(leased(new_key(number)))]


def agrees(world: World, *keys: Key) -> None:
    expected, standing = stands(keys), figures(world)
    assert (standing.tally, standing.sources) == (expected.tally, expected.sources)
    assert len(world.scan("audit")) == sum(key.version for key in keys)


# counted once


def test_lives_that_come_together_are_counted_and_put_on_record(world: World) -> None:
    one, two = bought(1), bought(2)[:2]
    counted(world, [*changes(*one), *changes(*two)])
    agrees(world, one[-1], two[-1])
    assert figures(world).sales_by_day() == (("2026-01-01", 1),)
    assert figures(world).revision == 1


def test_what_comes_again_whole_in_parts_or_with_more_is_counted_once(world: World) -> None:
    first, more = imported(4), imported(3, first=5)
    counted(world, first)
    for again in (first, first[:2], first[2:], first[1:3], [*first, *more], [*first[3:], *more]):
        counted(world, again)
    agrees(world, *(new_key(number) for number in range(1, 8)))


@pytest.mark.parametrize("way", Way)
def test_a_lot_that_breaks_off_anywhere_is_counted_once_when_it_comes_again(world: World, way: Way) -> None:
    some = imported(4)
    for at in range(REQUESTS_OF_A_LOT_OF_FOUR):
        process, wire = world.another_process(), Wire(at, way)
        with suppress(Unavailable, Killed), wire.carrying(process.dynamodb):
            process.counting.put_on_record(SKU, some)
        counted(world, some[:2])
        counted(world, some[2:])
        agrees(world, *(new_key(number) for number in range(1, 5)))
        for item in world.scan("audit"):
            key = {"subject": item["subject"], "at_id": item["at_id"]}
            world.dynamodb.delete_item(TableName=world.names["audit"], Key=key)
        world.dynamodb.delete_item(TableName=world.names["keys"], Key={"key_id": {"S": f"figures#{SKU}"}})


def killed(world: World, some: list[KeyChange], after_requests: int) -> None:
    process, wire = world.another_process(), Wire(after_requests - 1, Way.KILLED)
    with pytest.raises(Killed), wire.carrying(process.dynamodb):
        process.counting.put_on_record(SKU, some)


def test_a_lot_that_broke_off_is_not_taken_for_counted_because_its_last_change_was_counted_by_another(
    world: World,
) -> None:
    """The stream gave up on the first half; the second half went through; then an operator sends the first half."""
    some = imported(4)
    killed(world, some, after_requests=3)
    counted(world, some[2:])
    assert figures(world).tally.imported == 2
    counted(world, some[:2])
    agrees(world, *(new_key(number) for number in range(1, 5)))


def test_a_lot_whose_last_change_was_counted_alone_is_counted_for_the_rest(world: World) -> None:
    """Two lots end at one record then: the one that counted it, and the one that came to it too late."""
    some = imported(4)
    counted(world, some[3:])
    counted(world, some)
    agrees(world, *(new_key(number) for number in range(1, 5)))


def test_a_single_change_is_counted_in_the_transaction_that_puts_it_on_record(world: World) -> None:
    wire = Wire()
    with wire.carrying(world.dynamodb):
        for each in imported(3):
            world.counting.put_on_record(SKU, [each])
    one = ["dynamodb.GetItem", "dynamodb.TransactWriteItems"]
    assert wire.requests == ["dynamodb.GetItem", *one * 3]  # the batch's source is read once
    agrees(world, *(new_key(number) for number in range(1, 4)))


def test_an_import_costs_one_write_a_key_and_three_requests_a_lot(world: World) -> None:
    some, wire = imported(audit_lots.MAX_LOT), Wire()
    with wire.carrying(world.dynamodb):
        world.counting.put_on_record(SKU, some)
    assert wire.requests[1:] == [
        *["dynamodb.PutItem"] * (audit_lots.MAX_LOT - 1), "dynamodb.GetItem", "dynamodb.TransactWriteItems",
    ]  # fmt: skip
    assert figures(world).tally.on_hand == audit_lots.MAX_LOT


def test_a_change_that_counts_for_nothing_costs_a_record_and_no_transaction(world: World) -> None:
    seen = [*bought(1), looked_at(bought(1)[-1])]
    counted(world, changes(*seen))
    before, wire, process = figures(world), Wire(), world.another_process()
    again = looked_at(seen[-1])
    with wire.carrying(process.dynamodb):
        process.counting.put_on_record(SKU, [change(seen[-1], again)])
    assert wire.requests == ["dynamodb.GetItem", "dynamodb.GetItem", "dynamodb.PutItem"]
    assert figures(world) == before


def test_processes_that_count_the_same_sku_at_once_lose_nothing(world: World, engine: Engine) -> None:
    processes = [world.another_process(engine.dynamodb()) for _ in range(8)]
    lots = [[change(None, new_key(8 * lot + number)) for lot in range(5)] for number in range(8)]

    def count_all(process: World, lot: list[KeyChange]) -> None:
        for at in range(0, len(lot), 2):
            some = lot[at : at + 2]
            # What is refused for the crowd comes again, as the stream brings it.
            while True:
                with suppress(Unavailable):
                    process.counting.put_on_record(SKU, some)
                    break

    at_once([partial(count_all, process, lot) for process, lot in zip(processes, lots, strict=True)])
    agrees(world, *(new_key(number) for number in range(40)))


def test_keys_of_a_batch_that_is_not_there_are_counted_under_no_source(world: World) -> None:
    stray = new_key(1, batch_id="bat_" + "9" * 26)
    counted(world, [change(None, stray)])
    assert set(figures(world).sources) == {UNKNOWN_SOURCE}


def test_figures_that_somebody_spoiled_by_hand_stop_no_record(world: World) -> None:
    spoiled = {"key_id": {"S": f"figures#{SKU}"}, "revision": {"S": "many"}}
    world.dynamodb.put_item(TableName=world.names["keys"], Item=spoiled)
    counted(world, imported(3))
    assert len(world.scan("audit")) == 3
    assert next(i for i in world.scan("keys") if i["key_id"] == spoiled["key_id"]) == spoiled


# low and enough


def sku(low_stock: int, version: int = 1) -> Sku:
    return Sku(
        sku_id=SKU,
        product_id="game",
        store_id="main",
        name="100 points",
        price=PRICE,
        issuer="game",
        low_stock=low_stock,
        **stamp(OPERATOR, NOW_MS, version),
    )


def crossings(world: World, steps: Iterator[None]) -> list[str]:
    """What the figures' own stream would tell, however many changes lie between."""
    told, before = [], world.figures.get(SKU)
    for _ in steps:
        standing = world.figures.get(SKU)
        told += [event.name for event in figures_events_between(before, standing)]
        before = standing
    return told


def test_stock_runs_low_once_though_its_changes_come_twice_and_broken_off(world: World) -> None:
    world.counting.learn_threshold(None, sku(low_stock=10))

    def story() -> Iterator[None]:
        counted(world, imported(12))
        yield
        for number in (1, 2, 3):
            life = bought(number)
            killed(world, changes(*life)[1:], after_requests=2)
            yield
            for _ in range(2):
                counted(world, changes(*life)[1:])
                yield
        counted(world, imported(5, first=20))
        yield

    assert crossings(world, story()) == ["stock.low", "stock.recovered"]
    assert figures(world).tally.on_hand == 14


def test_a_threshold_is_learnt_from_the_newest_version_of_the_sku_in_whatever_order_they_come(world: World) -> None:
    first, second = sku(low_stock=10), sku(low_stock=4, version=2)
    for _ in range(2):
        world.counting.learn_threshold(first, second)
        world.counting.learn_threshold(None, first)
    assert (figures(world).low_stock, figures(world).sku_version) == (4, 2)
    assert figures(world).revision == 1


# put right


@pytest.fixture
def shop(engine: Engine) -> World:
    return engine.world()


def test_figures_are_counted_out_and_corrected_with_who_and_why(shop: World) -> None:
    shop.stock_up(20)
    shop.order(3)
    right = shop.stock_figures.recount(SKU, OPERATOR)
    assert (right.tally.on_hand, right.tally.leased) == (20, 3)
    assert (right.low_stock, right.low) == (shop.catalog.sku(SKU).low_stock, False)
    assert (right.corrections, right.changed_by, right.changed_reason) == (1, OPERATOR.by, OPERATOR.reason)
    stock = shop.claims.stock(SKU)
    assert (right.tally.on_hand, right.tally.leased) == (stock.claimable + stock.leased, stock.leased)


def test_figures_that_are_right_are_left_alone(shop: World) -> None:
    shop.stock_up(5)
    right = shop.stock_figures.recount(SKU, OPERATOR)
    shop.ahead_ms += QUIET_MS
    assert shop.stock_figures.recount(SKU, OPERATOR) == right


def test_figures_are_not_counted_out_while_they_move(shop: World) -> None:
    shop.stock_up(5)
    shop.stock_figures.recount(SKU, OPERATOR)
    with pytest.raises(StockMoving):
        shop.stock_figures.recount(SKU, OPERATOR)


def told_of(world: World, batch_id: str, before: Batch | None = None) -> Batch:
    """The batch, as the stream tells that it changed."""
    batch = world.keys.get_batch(batch_id)
    world.another_process().counting.learn_batch(before, batch)
    return batch


def counted_keys(world: World, batch_id: str) -> None:
    """Those that came in since they were counted last."""
    known = {item["subject"]["S"] for item in world.scan("audit")}
    new = [change(None, key) for key in of_batch(world, batch_id)]
    counted(world, [each for each in new if f"key:{each.new.key_id}" not in known])


def test_keys_of_an_import_that_pauses_are_not_counted_out(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were counted as they came in, and are in the pool in the end only."""
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", CHUNK)
    shop.stock_up(0)
    batch_id, upload = new_batch(shop), UploadInMemory("\n".join(new_codes(3 * CHUNK)).encode())
    a_slice(shop, batch_id, upload)
    importing = told_of(shop, batch_id)
    counted_keys(shop, batch_id)
    shop.ahead_ms += 2 * QUIET_MS
    with pytest.raises(StockMoving):
        shop.stock_figures.recount(SKU, OPERATOR)
    assert figures(shop).tally.on_hand == CHUNK

    in_one(shop, batch_id, upload.raw)
    counted_keys(shop, batch_id)
    shop.ahead_ms += 2 * QUIET_MS
    before = figures(shop)
    # The batch says that it is there, whether the stream has told so by now or not.
    right = shop.stock_figures.recount(SKU, OPERATOR)
    assert (right.tally, right.corrections) == (before.tally, 0)
    assert before.tally.on_hand == 3 * CHUNK
    told_of(shop, batch_id, importing)
    assert figures(shop).moving == ()


def test_keys_that_have_not_followed_their_batch_yet_are_not_counted_out(shop: World) -> None:
    """The pool has no part of a void batch any more; its keys count until they are void, too."""
    shop.stock_up(0)
    batch_id = new_batch(shop)
    imported = in_one(shop, batch_id, "\n".join(new_codes(CHUNK)).encode())
    counted_keys(shop, batch_id)
    shop.commands.void(batch_id, OPERATOR)
    void = told_of(shop, batch_id, imported)
    shop.ahead_ms += 2 * QUIET_MS
    with pytest.raises(StockMoving):
        shop.stock_figures.recount(SKU, OPERATOR)
    shop.follow(batch_id)
    told_of(shop, batch_id, void)
    assert figures(shop).moving == ()
    shop.ahead_ms += 2 * QUIET_MS
    assert shop.stock_figures.recount(SKU, OPERATOR).tally.on_hand == 0


def test_all_skus_are_listed_page_by_page_and_those_that_are_low_come_first(world: World) -> None:
    for number in range(5):
        sku_id, low = f"sku-{number}", number in {1, 4}
        assert world.figures.replace(stocked(sku_id, 5 if low else 50))
    found, position = world.stock_figures.page(1, None)
    seen = [each.sku_id for each in found]
    while position is not None:
        found, position = world.stock_figures.page(2, position)
        seen += [each.sku_id for each in found]
    assert seen == ["sku-1", "sku-4", "sku-0", "sku-2", "sku-3"]
    assert [world.figures.listed(level, 10, None)[0] for level in (LOW, ENOUGH)] == [seen[:2], seen[2:]]


def stocked(sku_id: str, on_hand: int) -> Figures:
    full = replace(no_figures(sku_id, NOW_MS), tally=Tally(imported=60, on_hand=on_hand))
    return full.with_threshold(10, 1, NOW_MS)


@pytest.mark.parametrize("position", ["high#", "sku-1", "#"])
def test_a_position_that_was_never_given_out_is_refused(world: World, position: str) -> None:
    with pytest.raises(Invalid):
        world.stock_figures.page(10, position)
