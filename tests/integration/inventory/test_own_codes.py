"""Codes of our own on a real engine: as many as were asked for, whoever is killed or runs twice, and never readable."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from bench.meter import Meter
from keyrail.catalog.model import Terms
from keyrail.inventory.model.batches import Batch, BatchNotFound, BatchStatus, Stage, Standing
from keyrail.inventory.model.keys import KeyState
from keyrail.inventory.model.own_codes import NotOwnIssuer, PoolFull, needs_codes
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.generating import CODES_A_CHUNK
from keyrail.platform.changes import stamp
from keyrail.platform.clock import utc_date
from keyrail.platform.errors import IdempotencyConflict, Invalid
from keyrail.vault.codes import canonical, grouped, new_code
from tests.engines import Engine
from tests.integration.inventory.breaking import Killed, Life, Mortal, Watched
from tests.integration.inventory.slicing import of_batch, rejected_lines
from tests.own_codes import ALICE, LONG_MS, OWN_SKU, PREFIX, Workshop
from tests.redeeming import redeem
from tests.tables import TABLES
from tests.world import BUYER, OPERATOR, World

NAME = "n" * 32


@pytest.fixture
def shop(world: World) -> Workshop:
    shop = Workshop(world)
    shop.sku()
    return shop


def stand(shop: Workshop, batch_id: str, standing: Standing) -> Batch:
    """As an operator's command leaves the batch."""
    batch = shop.world.keys.get_batch(batch_id)
    changed = replace(batch, standing=standing, **stamp(ALICE, shop.world.now_ms(), batch.version + 1))
    shop.world.keys.replace_batch(changed)
    return changed


def check_whole(shop: Workshop, batch_id: str, count: int) -> None:
    """Exactly `count` codes, numbered from 1, each a well-formed one and another one."""
    codes = shop.codes(batch_id)
    assert sorted(codes) == list(range(1, count + 1))
    assert len(set(codes.values())) == count
    assert all(grouped(canonical(code)) == code and code.startswith(PREFIX) for code in codes.values())
    batch = shop.world.keys.get_batch(batch_id)
    assert (batch.status, batch.report and batch.report.accepted) == (BatchStatus.GENERATED, count)
    assert shop.own_codes.generated(batch) == count


def test_a_batch_is_filled_and_sold_like_any_other(shop: Workshop) -> None:
    count = 2 * CODES_A_CHUNK + 5
    batch = shop.filled(count, expires_on="2099-12-31")
    check_whole(shop, batch.batch_id, count)
    assert (batch.first_expiry, batch.last_expiry) == ("2099-12-31", "2099-12-31")
    assert shop.world.claims.stock(OWN_SKU).claimable == count
    placed = shop.world.order(3, sku_id=OWN_SKU)
    shop.world.pay(placed.attempt)
    shown = [
        key.code for unit in shop.world.delivery.reveal(placed.order.order_id, placed.token, BUYER) for key in unit.keys
    ]
    assert set(shown) <= set(shop.codes(batch.batch_id).values())
    assert len(set(shown)) == 3


def test_a_code_is_found_however_it_is_typed(shop: Workshop) -> None:
    batch = shop.filled(5)
    for line, code in shop.codes(batch.batch_id).items():
        for typed in (code, code.lower().replace("-", ""), code.replace("0", "o").replace("1", "l")):
            assert shop.world.batches.find(OWN_SKU, typed).line == line


def test_codes_come_on_sale_in_stages(shop: Workshop) -> None:
    later_ms = shop.world.now_ms() + LONG_MS
    stages = (Stage(keys=CODES_A_CHUNK + 1, opens_at_ms=0), Stage(keys=3, opens_at_ms=later_ms), Stage())
    batch = shop.filled(CODES_A_CHUNK + 10, stages=stages)
    check_whole(shop, batch.batch_id, CODES_A_CHUNK + 10)
    assert shop.world.claims.stock(OWN_SKU).claimable == CODES_A_CHUNK + 1
    shop.world.ahead_ms += LONG_MS + 1
    assert shop.world.claims.stock(OWN_SKU).claimable == CODES_A_CHUNK + 4


@pytest.mark.parametrize("stages", [(Stage(), Stage()), (Stage(keys=1),) * 21])
def test_stages_that_do_not_say_how_many_are_refused(shop: Workshop, stages: tuple[Stage, ...]) -> None:
    with pytest.raises(Invalid):
        shop.open(9, stages=stages)


def test_what_is_printed_has_no_stages(shop: Workshop) -> None:
    with pytest.raises(Invalid):
        shop.open(9, for_print=True, stages=(Stage(),))


def test_a_request_is_known_again_after_its_batch_was_extended(shop: Workshop) -> None:
    batch = shop.open(2, NAME, expires_on="2098-12-31")
    extended = replace(batch, expires_on="2099-12-31", **stamp(ALICE, shop.world.now_ms(), batch.version + 1))
    shop.world.keys.replace_batch(extended)
    assert shop.open(2, NAME, expires_on="2098-12-31") == extended


def test_codes_for_print_never_come_into_the_pool(shop: Workshop) -> None:
    batch = shop.filled(CODES_A_CHUNK + 1, for_print=True)
    check_whole(shop, batch.batch_id, CODES_A_CHUNK + 1)
    assert shop.world.keys.get_pool(OWN_SKU) is None
    keys = shop.world.stored_keys()
    assert not [key for key in keys if key.claim_order or key.claim_partition]
    assert all(key.left_pool and key.state is KeyState.AVAILABLE for key in keys)
    assert {key.key_id for some in shop.store.out_of_pool(batch.batch_id) for key in some} == {k.key_id for k in keys}


def test_the_same_request_is_the_same_batch_and_another_one_under_its_name_a_conflict(shop: Workshop) -> None:
    batch = shop.open(7, NAME, for_print=True)
    assert shop.open(7, NAME, for_print=True) == batch
    done = shop.fill(batch.batch_id)
    assert shop.open(7, NAME, for_print=True) == done
    for other in ({"for_print": False}, {"for_print": True, "expires_on": "2099-01-01"}):
        with pytest.raises(IdempotencyConflict):
            shop.open(7, NAME, **other)
    with pytest.raises(IdempotencyConflict):
        shop.open(8, NAME, for_print=True)


def test_the_same_request_gets_its_first_answer_on_a_day_on_which_it_would_be_refused(shop: Workshop) -> None:
    today = utc_date(shop.world.now_ms())
    first = shop.open(7, NAME, expires_on=today)
    shop.world.ahead_ms += 24 * 3600_000
    assert shop.open(7, NAME, expires_on=today) == first
    with pytest.raises(IdempotencyConflict):
        shop.open(8, NAME, expires_on=today)
    with pytest.raises(Invalid):
        shop.open(7, expires_on=today)


def test_the_same_request_gets_its_first_answer_though_the_pool_is_full_by_now(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.open(7, NAME)
    shop.fill(first.batch_id)
    first = shop.world.keys.get_batch(first.batch_id)
    monkeypatch.setattr("keyrail.inventory.service.pooling.MAX_POOL_PARTS", 0)
    assert shop.open(7, NAME) == first
    with pytest.raises(PoolFull):
        shop.open(7)


def test_codes_are_made_for_our_own_issuer_only(shop: Workshop) -> None:
    shop.sku("steam-100", issuer="steam")
    with pytest.raises(NotOwnIssuer):
        shop.open(1, sku_id="steam-100")


@pytest.mark.parametrize("day", ["2020-01-01", "2099-02-30", "20990101", "2099-W01-1", "soon"])
def test_codes_that_expired_already_or_never_on_a_day_are_not_made(shop: Workshop, day: str) -> None:
    with pytest.raises(Invalid):
        shop.open(1, expires_on=day)


def test_a_file_brings_back_codes_of_our_own_and_none_that_nobody_could_redeem(shop: Workshop) -> None:
    world = shop.world
    world.catalog.save_sku(replace(world.catalog.sku(OWN_SKU), terms=Terms(uses=1)), OPERATOR)
    lines = ["VIP00001", grouped(new_code(PREFIX)), "SUMMER-2031-AAAA", grouped(new_code()).lower()]
    _, batch = world.import_codes(lines, OWN_SKU)
    assert batch.report is not None
    assert [(problem.line, problem.reason) for problem in batch.report.problems] == [
        (1, "mistyped_code"),
        (3, "mistyped_code"),
    ]
    assert [text for *_, text in rejected_lines(world, batch)] == ["VIP00001", "SUMMER-2031-AAAA"]
    world.pay(world.order(2, sku_id=OWN_SKU).order.attempts[0])
    for key in world.sold():
        redeem(world, lines[key.line - 1])


def test_a_batch_of_a_file_gets_no_codes(shop: Workshop) -> None:
    batch = shop.world.batches.open(NewBatch(sku_id=OWN_SKU, source="supplier"), NAME, OPERATOR)
    with pytest.raises(BatchNotFound):
        shop.fill(batch.batch_id)
    assert shop.world.stored_keys() == []


# slices, and two at once


def test_a_slice_ends_with_its_time_and_the_next_goes_on(shop: Workshop) -> None:
    batch_id = shop.open(CODES_A_CHUNK * 3).batch_id
    slow = shop.another_process()
    clock = iter([0] * 4 + [10**15] * 100)
    slow.generating.now_ms = lambda: slow.world.now_ms() + next(clock)
    batch = slow.fill(batch_id)
    made = shop.own_codes.generated(batch)
    assert made
    assert 0 < made < CODES_A_CHUNK * 3
    assert needs_codes(batch)
    assert shop.world.keys.get_pool(OWN_SKU) is None
    shop.fill(batch_id)
    check_whole(shop, batch_id, CODES_A_CHUNK * 3)


def test_two_slices_at_once_make_no_code_too_many(shop: Workshop) -> None:
    count = CODES_A_CHUNK * 6 + 1
    batch_id = shop.open(count).batch_id
    processes = [shop.another_process() for _ in range(4)]
    with ThreadPoolExecutor(len(processes)) as slices:
        done = list(slices.map(lambda process: process.fill(batch_id), processes))
    assert BatchStatus.GENERATED in {batch.status for batch in done}
    check_whole(shop, batch_id, count)
    assert shop.world.claims.stock(OWN_SKU).claimable == count


@pytest.mark.parametrize("command", ["close", "void"])
def test_a_batch_that_ends_while_two_slices_make_codes_counts_those_of_both(shop: Workshop, command: str) -> None:
    batch_id, sent = shop.open(CODES_A_CHUNK * 5).batch_id, []

    def meanwhile(operation: str, _: dict[str, Any]) -> None:
        sent.append(operation)
        if sent.count("transact_write_items") != 1 or operation != "transact_write_items":
            return
        life = Life(writes=2, after=True)  # takes its data key, makes a chunk, and is gone
        with suppress(Killed):
            shop.another_process(Mortal(shop.world.dynamodb, life)).fill(batch_id)
        getattr(shop.world.commands, command)(batch_id, OPERATOR)
        slice_.world.ahead_ms += LONG_MS

    slice_ = shop.another_process(Watched(shop.world.dynamodb, meanwhile, after=True))
    done = slice_.fill(batch_id)
    assert done.report is not None
    assert done.report.accepted == len(shop.codes(batch_id)) == 2 * CODES_A_CHUNK
    shop.world.follow(batch_id)
    assert {key.state for key in of_batch(shop.world, batch_id)} == {KeyState.VOID}


def test_a_slice_that_slept_through_its_successor_stores_nothing_more(shop: Workshop) -> None:
    """Its chunk is ready, another process fills the batch, and only then it writes."""
    batch_id = shop.open(CODES_A_CHUNK + 9).batch_id
    sleeper = shop.another_process()
    add = sleeper.store.add_generated

    def late(*chunk: Any) -> None:
        shop.another_process().fill(batch_id)
        add(*chunk)

    sleeper.store.add_generated = late  # type: ignore[assignment,method-assign]
    assert sleeper.fill(batch_id).status is BatchStatus.GENERATED
    check_whole(shop, batch_id, CODES_A_CHUNK + 9)


# a batch that stands still


def test_a_frozen_batch_waits_and_an_unfrozen_one_goes_on(shop: Workshop) -> None:
    batch_id = shop.open(4).batch_id
    stand(shop, batch_id, Standing.FROZEN)
    assert shop.fill(batch_id).status is BatchStatus.GENERATING
    assert shop.world.stored_keys() == []
    stand(shop, batch_id, Standing.OPEN)
    shop.fill(batch_id)
    check_whole(shop, batch_id, 4)


@pytest.mark.parametrize("standing", [Standing.FROZEN, Standing.CLOSED, Standing.VOID])
def test_no_code_is_made_behind_the_command_that_stops_a_batch(shop: Workshop, standing: Standing) -> None:
    batch_id = shop.open(CODES_A_CHUNK * 3).batch_id
    process = shop.another_process()
    add, chunks = process.store.add_generated, iter(range(3))

    def stopped_before_the_second(*chunk: Any) -> None:
        if next(chunks) == 1:
            stand(shop, batch_id, standing)
        add(*chunk)

    process.store.add_generated = stopped_before_the_second  # type: ignore[assignment,method-assign]
    batch = process.fill(batch_id)
    assert len(shop.world.stored_keys()) == shop.own_codes.generated(batch) == CODES_A_CHUNK
    assert shop.world.keys.get_pool(OWN_SKU) is None
    if standing is Standing.FROZEN:
        assert batch.status is BatchStatus.GENERATING
    else:
        assert (batch.status, batch.report and batch.report.accepted) == (BatchStatus.GENERATED, CODES_A_CHUNK)


# secret, and cheap


@pytest.fixture
def observed(shop: Workshop) -> Iterator[tuple[Workshop, list[str]]]:
    """All that a process sends, as it goes over the wire."""
    sent: list[str] = []

    def hear(request: Any, **_: Any) -> None:
        sent.append(repr((request.url, dict(request.headers), request.body)))

    clients = (shop.world.dynamodb, shop.world.kms)
    for client in clients:
        client.meta.events.register("before-send.*.*", hear)
    yield shop, sent
    for client in clients:
        client.meta.events.unregister("before-send.*.*", hear)


def test_no_code_leaves_the_process_in_the_clear_and_none_is_at_rest(
    observed: tuple[Workshop, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    shop, sent = observed
    batch = shop.filled(150)
    stored = json.dumps([shop.world.scan(kind) for kind in TABLES], default=repr)
    said = "".join([*sent, repr(batch), caplog.text, stored]).casefold()
    codes = list(shop.codes(batch.batch_id).values())
    assert len(codes) == 150
    for code in codes:
        assert code.casefold() not in said
        assert code.replace("-", "").casefold() not in said


def test_a_code_costs_three_write_units_and_a_hundredth_of_a_request(engine: Engine) -> None:
    meter, count = Meter(), CODES_A_CHUNK * 10
    shop = Workshop(World(meter.watch(engine.dynamodb()), meter.watch(engine.kms())))
    shop.sku()
    batch_id = shop.open(count).batch_id
    with meter.tally() as tally:
        shop.fill(batch_id)
    assert tally.dynamodb_requests <= 0.03 * count
    assert tally.write_units <= 3.2 * count
    assert tally.requests["GenerateDataKey"] == 1
