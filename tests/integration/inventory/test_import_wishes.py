"""What a batch and its SKU ask of an import, and what their operator says while it runs."""

from collections import Counter
from dataclasses import replace

import pytest

from keyrail.catalog.model import Activation, CodeFormat, Terms
from keyrail.inventory.model.batches import BatchStatus, Stage
from keyrail.inventory.model.keys import KeyState, label_of, secret_id
from keyrail.inventory.service.importing import beginning, runs
from keyrail.platform.money import Money
from tests.files import UploadInMemory
from tests.integration.inventory.breaking import Killed, Life, Mortal
from tests.integration.inventory.slicing import CHUNK, a_slice, all_slices, in_one, new_batch, of_batch, opened
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, SYSTEM, World, new_codes


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEYS_A_CHUNK", CHUNK)


@pytest.fixture
def world(local_cloud: LocalCloud) -> World:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    return world


def test_what_a_sku_asked_when_the_import_began_holds_to_its_end(world: World) -> None:
    codes, batch_id = [f"CODE-{at:04d}" for at in range(25)], new_batch(world)
    upload = UploadInMemory("\n".join(codes).encode())
    a_slice(world, batch_id, upload)
    changed = replace(world.catalog.sku(SKU), code_format=CodeFormat(pattern="NEVER"))
    world.catalog.save_sku(changed, OPERATOR)
    batch = all_slices(world, batch_id, upload.raw)
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.rejected) == (25, 0)
    assert in_one(world, new_batch(world), b"CODE-9999").status is BatchStatus.REJECTED


def test_codes_of_a_case_sensitive_issuer_are_told_apart_and_found(world: World) -> None:
    sku = replace(world.catalog.sku(SKU), sku_id="cased", issuer="cased", code_format=CodeFormat(case_sensitive=True))
    world.catalog.save_sku(sku, OPERATOR)
    batch = in_one(world, new_batch(world, sku_id="cased"), b"aBcD-1234\nABCD-1234\nabcd1234\nABCD 1234,p\n")
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.rejected) == (3, 1)
    assert in_one(world, new_batch(world, sku_id="cased"), b"aBcD1234\n").report.duplicate == 1  # type: ignore[union-attr]
    assert world.batches.find("cased", "aBcD 1234").line == 1
    assert world.batches.find("cased", "ABCD1234").line == 2


def test_keys_go_on_sale_with_the_stage_of_their_number_in_the_file(world: World) -> None:
    codes = new_codes(30)
    stages = (Stage(keys=12, opens_at_ms=0), Stage(keys=5, opens_at_ms=None), Stage())
    lines = ["code", *codes[:5], "=1", *codes[5:]]
    batch = all_slices(world, new_batch(world, stages=stages), "\n".join(lines).encode())
    by_stage = {part.stage: part.group for part in batch.parts}
    assert sorted(by_stage) == [0, 1, 2]
    keys = of_batch(world, batch.batch_id)
    placed = Counter(str(key.claim_partition).split("#")[2] for key in keys)
    assert [placed[by_stage[stage]] for stage in (0, 1, 2)] == [12, 5, 13]
    assert world.another_process().claims.stock(SKU).claimable == 1 + 12


def test_each_secret_of_a_loop_batch_is_as_many_keys_as_it_is_sold(world: World) -> None:
    codes, batch_id = new_codes(4), new_batch(world, sales_per_key=3)
    raw = "\n".join([*codes, codes[0]]).encode()
    life = Life(9, after=True)
    mortal = world.another_process(Mortal(world.dynamodb, life), Mortal(world.kms, life))
    with pytest.raises(Killed):
        mortal.importing.import_file(batch_id, UploadInMemory(raw), SYSTEM)
    batch = all_slices(world, batch_id, raw)
    assert batch.report is not None
    assert (batch.report.accepted, batch.report.duplicate, batch.key_count) == (4, 1, 12)
    keys = of_batch(world, batch_id)
    assert Counter(Counter(secret_id(key.key_id) for key in keys).values()) == {3: 4}
    assert len({key.sealed for key in keys}) == 12
    assert {code for code, _ in opened(world, batch)} == set(codes)
    assert world.claims.stock(SKU).claimable == 1 + 12


def test_labels_days_and_terms_come_with_the_keys(world: World) -> None:
    terms = Terms(activation=Activation.ON_SALE, uses=2)
    sku = replace(world.catalog.sku(SKU), pick_fee=Money(100, "CNY"), terms=terms)
    world.catalog.save_sku(sku, OPERATOR)
    one, two, three = new_codes(3)
    raw = f"卡密,靓号,有效期\n{one},138-8888,\n{two},,2099-01-01\n{three},8 8,\n".encode()
    batch = in_one(world, new_batch(world, expires_on="2098-08-08"), raw)
    assert batch.report is not None
    assert [(p.line, p.reason) for p in batch.report.problems] == [(4, "label_not_allowed")]
    keys = {key.line: key for key in of_batch(world, batch.batch_id)}
    assert (keys[2].label, label_of(keys[2].claim_order), keys[2].expires_on) == ("138-8888", "138-8888", "2098-08-08")
    assert (keys[3].label, label_of(keys[3].claim_order), keys[3].expires_on) == (None, None, "2099-01-01")
    assert {key.terms for key in keys.values()} == {terms}
    assert (batch.first_expiry, batch.last_expiry) == ("2098-08-08", "2099-01-01")


def test_a_file_of_more_sales_than_a_batch_may_have_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MAX_KEYS", 11)
    batch = in_one(world, new_batch(world, sales_per_key=3), "\n".join(new_codes(4)).encode())
    assert batch.report is not None
    assert batch.report.file_problem == "too_many_keys"


# stopped by its operator


def test_an_import_whose_batch_is_void_stops_at_the_next_chunk_and_counts_what_is_in(world: World) -> None:
    codes, batch_id = new_codes(45), new_batch(world)
    upload = UploadInMemory("\n".join(codes).encode())
    a_slice(world, batch_id, upload)
    world.commands.void(batch_id, OPERATOR)
    batch = all_slices(world, batch_id, upload.raw)
    assert batch.report is not None
    assert (batch.status, batch.report.file_problem, batch.report.accepted) == (BatchStatus.IMPORTED, "stopped", 20)
    assert batch.key_count == len(of_batch(world, batch_id)) == 20
    world.follow(batch_id)
    assert {key.state for key in of_batch(world, batch_id)} == {KeyState.VOID}
    assert world.another_process().claims.stock(SKU).claimable == 1


def test_an_import_whose_batch_is_frozen_goes_on_and_sells_nothing(world: World) -> None:
    codes, batch_id = new_codes(25), new_batch(world)
    upload = UploadInMemory("\n".join(codes).encode())
    a_slice(world, batch_id, upload)
    world.commands.freeze(batch_id, OPERATOR)
    batch = all_slices(world, batch_id, upload.raw)
    assert batch.report is not None
    assert (batch.report.file_problem, batch.report.accepted) == (None, 25)
    assert world.another_process().claims.stock(SKU).claimable == 1
    world.commands.unfreeze(batch_id, OPERATOR)
    world.follow(batch_id)
    assert world.another_process().claims.stock(SKU).claimable == 26
