"""Key files that are no key files: the batch says why, and nothing of them stays."""

from __future__ import annotations

import secrets

import pytest

from infra.local.demo_client import send
from tests.e2e.shop import Shop, problem

BAD_FILES = {
    "empty": b"",
    "not_text": bytes(range(256)) * 64,
    "unsupported_format": b"PK\x03\x04" + secrets.token_bytes(2_000),
    "too_many_lines": b"KR-00000000\n" * 1_000_000,
    "too_large": b"KR-00000000----0000\n" * 900_000,
    "no_key": b"# nothing but a comment\n",
}


@pytest.mark.parametrize("file_problem", BAD_FILES)
def test_a_file_that_is_no_key_file_is_rejected_whole(shop: Shop, file_problem: str) -> None:
    sku = shop.new_sku()

    batch = shop.import_file(sku, BAD_FILES[file_problem])

    assert batch["status"] == "rejected"
    report = batch["report"]
    assert (report["file_problem"], report["accepted"]) == (file_problem, 0)
    assert [item for item in shop.table("keys") if item.get("state") and item["sku_id"] == {"S": sku}] == []
    assert shop.stock(sku) == (0, 0)
    assert shop.aws("s3").list_objects_v2(Bucket=shop.card["bucket"])["KeyCount"] == 0


def test_bad_lines_are_named_and_the_others_taken(shop: Shop) -> None:
    sku = shop.new_sku()
    codes = [f"KR-{secrets.token_hex(6).upper()}" for _ in range(3)]
    raw = "\n".join([codes[0], "1.2E+15", codes[1], f"={codes[2]}", codes[0], ""]).encode()

    report = shop.import_file(sku, raw)["report"]

    assert (report["accepted"], report["duplicate"], report["rejected"]) == (2, 1, 2)
    reasons = {found["line"]: found["reason"] for found in report["problems"]}
    assert reasons == {2: "digits_lost", 4: "formula", 5: "duplicate_in_file"}
    assert not any(code in str(report) for code in codes)


def test_a_code_that_was_imported_before_is_not_taken_again(shop: Shop) -> None:
    sku = shop.new_sku()
    (card,) = shop.stock_up(sku, 1)
    report = shop.import_file(sku, f"{card.number.lower()}----{card.password}\n".encode())["report"]
    assert (report["accepted"], report["duplicate"]) == (0, 1)
    assert shop.stock(sku) == (1, 0)


def test_a_second_file_for_a_batch_adds_nothing(shop: Shop) -> None:
    sku = shop.new_sku()
    opened = shop.open_batch(sku)
    first, second = (f"KR-{secrets.token_hex(6).upper()}\n".encode() for _ in range(2))
    assert send("PUT", opened["upload"]["url"], raw=first).status == 200
    shop.await_batch(opened["batch_id"])

    assert send("PUT", opened["upload"]["url"], raw=second).status == 200
    shop.stock_up(sku, 1)

    assert shop.stock(sku) == (2, 0)


def test_a_batch_is_opened_once_for_one_idempotency_key(shop: Shop) -> None:
    sku, headers = shop.new_sku(), {"Idempotency-Key": secrets.token_hex(16)}
    batch = {"sku_id": sku, "source": "a supplier", "reason": "test"}
    first, again = (shop.ops("POST", "batches", document=batch, headers=headers).json for _ in range(2))
    assert first["batch_id"] == again["batch_id"]

    other = {**batch, "source": "another supplier"}
    problem(shop.ops("POST", "batches", document=other, headers=headers), 409, "idempotency_conflict")
    problem(shop.ops("POST", "batches", document={**batch, "sku_id": "none"}, headers=headers), 404, "unknown_sku")
    problem(shop.ops("POST", "batches", document=batch), 422, "invalid_request")


def test_the_upload_address_is_good_for_its_own_object_alone(shop: Shop) -> None:
    url = shop.open_batch(shop.new_sku())["upload"]["url"]
    assert send("GET", url).status == 403
    assert send("PUT", url.replace("imports/bat_", "imports/tab_"), raw=b"x").status == 403
