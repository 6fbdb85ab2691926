"""Imports that end before their file does: whatever came in of it is counted, and stands as its batch does."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from keyrail.inventory.model.batches import RUN_IS_OVER_MS, Batch, BatchStatus
from keyrail.inventory.model.keys import KeyState
from keyrail.inventory.providers import UploadUnavailable
from keyrail.inventory.service.following import Progress
from keyrail.inventory.service.importing import beginning, runs
from keyrail.inventory.store.keys import BATCH_PREFIX, KEY_PREFIX
from tests.files import UploadInMemory
from tests.integration.inventory.breaking import Killed, Life, Mortal, Watched
from tests.integration.inventory.slicing import CHUNK, a_slice, in_one, new_batch, of_batch
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, SLICE_MS, SYSTEM, World, new_codes


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", CHUNK)


@pytest.fixture
def world(local_cloud: LocalCloud) -> World:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    return world


def three_chunks() -> UploadInMemory:
    """Each of a last day of its own."""
    days = [f"209{at // CHUNK}-12-31" for at in range(3 * CHUNK)]
    lines = [f"{code},,{day}" for code, day in zip(new_codes(3 * CHUNK), days, strict=True)]
    return UploadInMemory("\n".join(lines).encode())


def asleep_before_its_keys(world: World, meanwhile: Callable[[], object]) -> World:
    """A process in which `meanwhile` happens between its last look at the batch and its first key."""
    waiting = [meanwhile]

    def awake(operation: str, request: dict[str, Any]) -> None:
        if operation == "batch_get_item" and KEY_PREFIX in repr(request) and waiting:
            waiting.pop()()

    return world.another_process(Watched(world.dynamodb, awake))


def ended_without_file(world: World, batch_id: str, name: str = UploadInMemory.name) -> Batch | None:
    return world.another_process().importing.end_without_file(batch_id, name, SYSTEM)


def follow_once(world: World, batch_id: str) -> Progress:
    return world.followers.follow(batch_id, world.now_ms() + SLICE_MS, SYSTEM)


def held(world: World) -> set[str]:
    (item,) = [item for item in world.scan("keys") if item["key_id"]["S"] == "holds"]
    return set(world.keys.held(item).unsaleable)


def check_followed(world: World, batch_id: str, keys: int) -> None:
    """All of them are void, none is left out of the count, and the list has room again."""
    world.follow(batch_id)
    assert [key.state for key in of_batch(world, batch_id)] == [KeyState.VOID] * keys
    assert world.keys.get_batch(batch_id).key_count == keys
    assert batch_id not in held(world)
    assert world.another_process().claims.stock(SKU).claimable == 1


COMMANDS = pytest.mark.parametrize("command", ["close", "void"])


@COMMANDS
def test_a_run_that_slept_through_the_end_of_its_import_stores_nothing_behind_it(world: World, command: str) -> None:
    batch_id, upload = new_batch(world), three_chunks()
    a_slice(world, batch_id, upload)

    def meanwhile() -> None:
        getattr(world.commands, command)(batch_id, OPERATOR)
        ended = in_one(world, batch_id, upload.raw)
        assert ended.report is not None
        assert (ended.report.file_problem, ended.report.accepted) == ("stopped", 2 * CHUNK)
        world.follow(batch_id)

    asleep_before_its_keys(world, meanwhile).importing.import_file(batch_id, upload, SYSTEM)
    check_followed(world, batch_id, 2 * CHUNK)
    assert world.keys.get_batch(batch_id).generation == 1


@COMMANDS
def test_keys_that_come_in_behind_the_end_of_their_import_are_counted_held_and_followed(
    world: World, command: str
) -> None:
    batch_id, upload = new_batch(world), three_chunks()
    a_slice(world, batch_id, upload)

    def meanwhile() -> None:
        getattr(world.commands, command)(batch_id, OPERATOR)
        assert ended_without_file(world, batch_id)
        check_followed(world, batch_id, CHUNK)

    late = asleep_before_its_keys(world, meanwhile).importing.import_file(batch_id, upload, SYSTEM)
    assert late.report is not None
    assert (late.report.file_problem, late.report.accepted) == ("stopped", 2 * CHUNK)
    assert batch_id in held(world)
    check_followed(world, batch_id, 2 * CHUNK)


def test_a_last_chunk_that_comes_in_behind_the_end_is_counted_too(world: World) -> None:
    batch_id, upload = new_batch(world), UploadInMemory("\n".join(new_codes(CHUNK + 3)).encode())
    a_slice(world, batch_id, upload)

    def meanwhile() -> None:
        world.commands.void(batch_id, OPERATOR)
        assert ended_without_file(world, batch_id)
        check_followed(world, batch_id, CHUNK)

    asleep_before_its_keys(world, meanwhile).importing.import_file(batch_id, upload, SYSTEM)
    assert batch_id in held(world)
    check_followed(world, batch_id, CHUNK + 3)


def test_an_import_that_was_killed_at_its_end_ends_in_the_same_place(world: World) -> None:
    batch_id, upload = new_batch(world), three_chunks()
    a_slice(world, batch_id, upload)
    world.commands.void(batch_id, OPERATOR)

    def killed_before_the_report(operation: str, request: dict[str, Any]) -> None:
        if operation == "put_item" and request["Item"].get("status") == {"S": BatchStatus.IMPORTED}:
            raise Killed

    process = world.another_process(Watched(world.dynamodb, killed_before_the_report))
    with pytest.raises(Killed):
        process.importing.import_file(batch_id, upload, SYSTEM)
    assert not world.keys.get_batch(batch_id).is_settled
    in_one(world, batch_id, upload.raw)
    check_followed(world, batch_id, 2 * CHUNK)


# its file is gone


@COMMANDS
def test_a_batch_that_is_stopped_ends_without_its_file(world: World, command: str) -> None:
    batch_id, upload = new_batch(world), three_chunks()
    a_slice(world, batch_id, upload)
    getattr(world.commands, command)(batch_id, OPERATOR)
    ended = ended_without_file(world, batch_id)
    assert ended is not None
    assert ended.report is not None
    assert (ended.status, ended.report.file_problem) == (BatchStatus.IMPORTED, "stopped")
    assert ended_without_file(world, batch_id) is None
    check_followed(world, batch_id, CHUNK)


def test_an_open_batch_says_that_its_file_is_gone_and_sells_what_it_has(world: World) -> None:
    batch_id, upload = new_batch(world), three_chunks()
    a_slice(world, batch_id, upload)
    ended = ended_without_file(world, batch_id)
    assert ended is not None
    assert ended.report is not None
    assert (ended.status, ended.report.file_problem) == (BatchStatus.IMPORTED, "file_gone")
    assert (ended.report.accepted, ended.first_expiry, ended.last_expiry) == (CHUNK, "2090-12-31", "2090-12-31")
    assert world.another_process().claims.stock(SKU).claimable == 1 + CHUNK
    assert in_one(world, batch_id, upload.raw) == ended


def test_a_frozen_batch_whose_file_is_gone_leaves_the_list(world: World) -> None:
    batch_id = new_batch(world)
    a_slice(world, batch_id, three_chunks())
    world.commands.freeze(batch_id, OPERATOR)
    assert ended_without_file(world, batch_id)
    world.follow(batch_id)
    assert batch_id not in held(world)
    assert {key.state for key in of_batch(world, batch_id)} == {KeyState.FROZEN}


def test_keys_of_a_chunk_that_was_broken_off_follow_though_nobody_counted_them(world: World) -> None:
    batch_id, upload = new_batch(world), three_chunks()
    a_slice(world, batch_id, upload)
    with suppress(Killed):
        mortal = Mortal(world.dynamodb, Life(writes=1 + CHUNK // 2))
        world.another_process(mortal).importing.import_file(batch_id, upload, SYSTEM)
    stored = len(of_batch(world, batch_id))
    assert CHUNK < stored < 2 * CHUNK
    world.commands.void(batch_id, OPERATOR)
    ended_without_file(world, batch_id)
    world.follow(batch_id)
    assert [key.state for key in of_batch(world, batch_id)] == [KeyState.VOID] * stored
    assert batch_id not in held(world)


def test_a_file_of_another_name_that_is_gone_ends_nothing(world: World) -> None:
    batch_id, upload = new_batch(world), three_chunks()
    with pytest.raises(UploadUnavailable):
        ended_without_file(world, batch_id)
    a_slice(world, batch_id, upload)
    assert ended_without_file(world, batch_id, "imports/another") is None
    assert in_one(world, batch_id, upload.raw).key_count == 3 * CHUNK


@pytest.fixture
def unbegun(world: World) -> str:
    """A batch that has taken its file, and of whose survey nothing is known."""

    def killed_before_the_survey_is_stored(operation: str, request: dict[str, Any]) -> None:
        if operation == "put_item" and not request["Item"]["key_id"]["S"].startswith(BATCH_PREFIX):
            raise Killed

    batch_id = new_batch(world)
    process = world.another_process(Watched(world.dynamodb, killed_before_the_survey_is_stored))
    with pytest.raises(Killed):
        process.importing.import_file(batch_id, three_chunks(), SYSTEM)
    assert world.keys.get_batch(batch_id).status is BatchStatus.IMPORTING
    return batch_id


def test_an_import_that_took_nothing_is_rejected_once_nobody_can_be_at_it(world: World, unbegun: str) -> None:
    with pytest.raises(UploadUnavailable):
        ended_without_file(world, unbegun)
    world.ahead_ms += RUN_IS_OVER_MS
    ended = ended_without_file(world, unbegun)
    assert ended is not None
    assert ended.report is not None
    assert (ended.status, ended.report.file_problem) == (BatchStatus.REJECTED, "file_gone")


def test_a_stopped_import_that_took_nothing_is_rejected_at_once(world: World, unbegun: str) -> None:
    world.commands.void(unbegun, OPERATOR)
    assert world.importing.object_name(unbegun) is None
    ended = world.importing.end_without_file(unbegun, None, SYSTEM)
    assert ended is not None
    assert ended.status is BatchStatus.REJECTED
    check_followed(world, unbegun, 0)


def test_an_import_that_was_broken_off_too_often_can_still_be_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "MAX_DATA_KEYS", 1)
    batch_id, upload = new_batch(world), three_chunks()
    a_slice(world, batch_id, upload)
    world.commands.void(batch_id, OPERATOR)
    in_one(world, batch_id, upload.raw)
    check_followed(world, batch_id, CHUNK)


def test_a_frozen_batch_stays_held_until_the_keys_of_a_chunk_that_nobody_counted_follow(world: World) -> None:
    batch_id, upload = new_batch(world), three_chunks()
    a_slice(world, batch_id, upload)
    world.commands.freeze(batch_id, OPERATOR)
    assert follow_once(world, batch_id) is Progress.MORE_KEYS_MAY_COME  # as many as will ever be counted
    with suppress(Killed):
        mortal = Mortal(world.dynamodb, Life(writes=1 + CHUNK // 2))
        world.another_process(mortal).importing.import_file(batch_id, upload, SYSTEM)
    assert ended_without_file(world, batch_id)
    world.follow(batch_id)
    states = {key.state for key in of_batch(world, batch_id)}
    assert (states, len(of_batch(world, batch_id)) > CHUNK) == ({KeyState.FROZEN}, True)


def test_a_batch_is_held_while_a_run_that_was_broken_off_may_still_store_keys(world: World) -> None:
    batch_id, upload = new_batch(world), three_chunks()
    a_slice(world, batch_id, upload)

    def meanwhile() -> None:
        world.commands.void(batch_id, OPERATOR)
        assert ended_without_file(world, batch_id)
        assert follow_once(world, batch_id) is Progress.LOOK_AGAIN

    def awake(operation: str, request: dict[str, Any]) -> None:
        if operation == "batch_get_item" and KEY_PREFIX in repr(request) and waiting:
            waiting.pop()()
        if operation == "put_item" and request["Item"]["key_id"]["S"].startswith("import#"):
            raise Killed

    waiting = [meanwhile]
    with suppress(Killed):
        world.another_process(Watched(world.dynamodb, awake)).importing.import_file(batch_id, upload, SYSTEM)
    assert batch_id in held(world)
    assert KeyState.AVAILABLE in {key.state for key in of_batch(world, batch_id)}
    world.follow(batch_id)
    assert [key.state for key in of_batch(world, batch_id)] == [KeyState.VOID] * 2 * CHUNK
    assert batch_id not in held(world)
