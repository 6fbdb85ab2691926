"""What an import does not take: kept for one pair of eyes, and not paid for twice."""

from collections import Counter
from typing import Any

import pytest

from keyrail.inventory.service.importing import runs
from keyrail.inventory.store.imports import ImportStore
from keyrail.vault.model import SecretUnreadable
from tests.files import UploadInMemory
from tests.integration.inventory.slicing import CHUNK, a_slice, all_slices, in_one, new_batch, rejected_lines
from tests.local_cloud import LocalCloud
from tests.world import SYSTEM, World, new_codes


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", CHUNK)


@pytest.fixture
def world(local_cloud: LocalCloud) -> World:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    return world


# the file of what was not taken


def test_what_was_not_taken_is_kept_in_one_file_whatever_the_slices_were(world: World) -> None:
    codes = new_codes(30)
    lines = [*codes[:9], "=1,坏", *codes[9:19], codes[0], *codes[19:], f"{codes[1]},p,x,y"]
    batch = all_slices(world, new_batch(world), "\n".join(lines).encode())
    assert batch.rejected_lines is not None
    assert batch.rejected_lines.complete
    assert rejected_lines(world, batch) == [
        ["10", "formula", "", "'=1,坏"],
        ["21", "duplicate_in_file", f"••••{codes[0][-4:]}", ""],
        ["33", "too_many_columns", f"••••{codes[1][-4:]}", f"{codes[1]},p,x,y"],
    ]
    assert set(world.files.stored) == {batch.rejected_lines.file.object_name}, "a part was left behind"
    assert batch.batch_id not in batch.rejected_lines.file.object_name


def test_a_quote_that_never_closes_costs_its_own_line_whatever_the_slices_were(world: World) -> None:
    lines = ["code,password", *(f"{code},p" for code in new_codes(50))]
    lines[9] = f'{lines[9].removesuffix("p")}"p'  # the last of its chunk
    lines[24] = f'{lines[24].removesuffix("p")}"p'
    batch = all_slices(world, new_batch(world), "\r\n".join(lines).encode())
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.rejected, batch.report.ignored) == (48, 2, 1)
    assert batch.rejected_lines is not None
    assert batch.rejected_lines.complete
    assert rejected_lines(world, batch) == [
        ["10", "quotes_broken", "", lines[9]],
        ["25", "quotes_broken", "", lines[24]],
    ]


def test_rejected_lines_lie_in_no_bucket_in_the_clear(world: World) -> None:
    codes = new_codes(25)
    upload = UploadInMemory("\n".join(line for code in codes for line in (code, f"={code}", f"{code},p,q,r")).encode())
    batch_id, seen = new_batch(world), b""
    while not a_slice(world, batch_id, upload).is_settled:
        seen += b"".join(world.files.stored.values())
    seen += b"".join(world.files.stored.values())
    assert len(seen) > 1_000
    assert not [code for code in codes if code.encode() in seen]
    batch = world.keys.get_batch(batch_id)
    assert batch.rejected_lines is not None
    name, other = batch.rejected_lines.file.object_name, all_slices(world, new_batch(world), b"GOOD-1\n=1\n")
    assert other.rejected_lines is not None
    world.files.stored[other.rejected_lines.file.object_name] = world.files.stored[name]
    with pytest.raises(SecretUnreadable):
        rejected_lines(world, other)


def test_where_everything_was_taken_there_is_no_such_file(world: World) -> None:
    assert all_slices(world, new_batch(world), "\n".join(new_codes(25)).encode()).rejected_lines is None
    assert world.files.stored == {}


def test_a_file_of_rejected_lines_that_is_full_says_that_there_were_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MAX_REJECTED_BYTES", 500)
    lines = [line for code in new_codes(30) for line in (code, f"={code}")]
    batch = all_slices(world, new_batch(world), "\n".join(lines).encode())
    assert batch.report is not None
    assert batch.report.rejected == 30
    assert batch.rejected_lines is not None
    assert not batch.rejected_lines.complete
    kept = rejected_lines(world, batch)
    assert kept[-1] == ["", "cut", "", ""]
    assert [line[0] for line in kept[:-1]] == [str(2 * at) for at in range(1, len(kept))]
    assert batch.rejected_lines.file.size_bytes < 600


def test_a_part_that_the_bucket_forgot_makes_the_file_incomplete_and_fails_nothing(world: World) -> None:
    lines = [line for code in new_codes(15) for line in (code, f"={code}")]
    batch_id, upload = new_batch(world), UploadInMemory("\n".join(lines).encode())
    a_slice(world, batch_id, upload)
    world.files.stored.clear()
    batch = all_slices(world, batch_id, upload.raw)
    assert batch.rejected_lines is not None
    assert not batch.rejected_lines.complete
    assert len(rejected_lines(world, batch)) == 10 + 1


# what is known already


class Counted:
    """A client that counts what it was asked, and what that costs."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests: Counter[str] = Counter()
        self.looked_for = 0
        self.write_units = 0.0

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if name not in {"put_item", "batch_get_item", "get_item", "transact_write_items", "query"}:
            return attribute

        def call(**request: Any) -> Any:
            self.requests[name] += 1
            if name == "batch_get_item":
                self.looked_for += sum(len(each["Keys"]) for each in request["RequestItems"].values())
            return attribute(**request)

        return call


@pytest.fixture
def whole_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", 1_000)


@pytest.mark.usefixtures("whole_chunks")
def test_a_file_that_is_in_already_is_looked_for_and_not_written(world: World) -> None:
    codes = new_codes(1_050)
    first = in_one(world, new_batch(world), "\n".join(codes).encode())
    counting = Counted(world.dynamodb)
    process = world.another_process(counting)
    again = process.importing.import_file(new_batch(world), UploadInMemory("\n".join(codes).encode()), SYSTEM)
    assert first.report is not None
    assert again.report is not None
    assert (first.report.accepted, again.report.duplicate, again.report.accepted) == (1_050, 1_050, 0)
    assert {problem.reason for problem in again.report.problems} == {"duplicate_in_stock"}
    # The batch twice, and twice the place where the import is.
    assert counting.requests["put_item"] == 4
    assert counting.looked_for == 1_050
    assert counting.requests["batch_get_item"] == 11


@pytest.mark.usefixtures("whole_chunks")
def test_a_fresh_file_is_hardly_looked_for(world: World) -> None:
    counting = Counted(world.dynamodb)
    process = world.another_process(counting)
    process.importing.import_file(new_batch(world), UploadInMemory("\n".join(new_codes(1_050)).encode()), SYSTEM)
    assert counting.requests["put_item"] == 1_050 + 4
    assert counting.requests["batch_get_item"] == 2
    assert counting.looked_for <= 200
    assert counting.requests.total() <= 1.05 * 1_050


@pytest.mark.usefixtures("whole_chunks")
def test_a_file_of_which_a_part_is_in_already_writes_what_is_new(world: World) -> None:
    known, fresh = new_codes(300), new_codes(300)
    in_one(world, new_batch(world), "\n".join(known).encode())
    mixed = [code for pair in zip(known, fresh, strict=True) for code in pair]
    counting = Counted(world.dynamodb)
    process = world.another_process(counting)
    batch = process.importing.import_file(new_batch(world), UploadInMemory("\n".join(mixed).encode()), SYSTEM)
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.duplicate) == (300, 300)
    assert counting.requests["put_item"] == 300 + 3


def test_a_look_that_misses_what_is_in_is_put_right_by_the_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImportStore, "known", lambda *_: {})
    codes = new_codes(15)
    in_one(world, new_batch(world), "\n".join(codes).encode())
    batch = in_one(world, new_batch(world), "\n".join([*codes, codes[0], *new_codes(1)]).encode())
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.duplicate) == (1, 16)
    assert {problem.reason for problem in batch.report.problems} == {"duplicate_in_stock"}


def test_sold_codes_are_told_from_those_in_stock_by_a_look_as_by_a_write(world: World) -> None:
    codes = new_codes(6)
    batch = in_one(world, new_batch(world), "\n".join(codes).encode())
    placed = world.order(7)
    world.pay(placed.order.attempts[0])
    fresh = new_codes(6)
    in_one(world, new_batch(world), "\n".join(fresh).encode())
    again = in_one(world, new_batch(world), "\n".join([*codes, *fresh]).encode())
    assert batch.report is not None
    assert again.report is not None
    assert [problem.reason for problem in again.report.problems] == ["already_sold"] * 6 + ["duplicate_in_stock"] * 6
