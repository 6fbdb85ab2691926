"""Key files that are no key files: the batch says why, and nothing of them stays."""

from __future__ import annotations

import io
import secrets
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook

from infra.local.demo_client import send
from tests.e2e.shop import Shop, problem

BAD_FILES = {
    "empty": b"",
    "not_text": bytes(range(256)) * 64,
    "unsupported_format": b"PK\x03\x04" + secrets.token_bytes(2_000),
    "too_many_lines": b"KR-1\n" * 1_000_001,
    "no_key": b"# nothing but a comment\n",
}


def workbook(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("file_problem", BAD_FILES)
def test_a_file_that_is_no_key_file_is_rejected_whole(shop: Shop, file_problem: str) -> None:
    sku = shop.new_sku()

    batch = shop.import_file(sku, BAD_FILES[file_problem])

    assert batch["status"] == "rejected"
    report = batch["report"]
    assert (report["file_problem"], report["accepted"]) == (file_problem, 0)
    assert [item for item in shop.table("keys") if item.get("state") and item["sku_id"] == {"S": sku}] == []
    assert shop.stock(sku) == (0, 0)
    assert shop.aws("s3").list_objects_v2(Bucket=shop.card["bucket"], Prefix="imports/")["KeyCount"] == 0


def test_bad_lines_are_named_and_the_others_taken(shop: Shop) -> None:
    sku = shop.new_sku()
    codes = [f"KR-{secrets.token_hex(6).upper()}" for _ in range(3)]
    raw = "\n".join([codes[0], "1.2E+15", codes[1], f"={codes[2]}", codes[0], ""]).encode()

    report = shop.import_file(sku, raw)["report"]

    assert (report["accepted"], report["duplicate"], report["rejected"]) == (2, 1, 2)
    reasons = {found["line"]: found["reason"] for found in report["problems"]}
    assert reasons == {2: "digits_lost", 4: "formula", 5: "duplicate_in_file"}
    assert not any(code in str(report) for code in codes)


def kept_of_rejected(shop: Shop) -> set[str]:
    found = shop.aws("s3").list_objects_v2(Bucket=shop.card["bucket"], Prefix="rejected/")
    return {entry["Key"] for entry in found.get("Contents", [])}


def test_a_workbook_in_chinese_is_imported_and_what_it_lost_is_handed_out_once(shop: Shop) -> None:
    sku = shop.new_sku()
    codes = [f"KR-{secrets.token_hex(7).upper()}" for _ in range(2)]
    rows: list[list[Any]] = [
        ["卡号", "密码", "有效期"],
        [codes[0], "0012", date(2099, 12, 31)],
        [1234567890123456, "x"],
        [codes[1], "7"],
    ]

    before = kept_of_rejected(shop)

    batch = shop.import_file(sku, workbook([*rows, [codes[0].lower(), "9"]]))

    report = batch["report"]
    assert (report["accepted"], report["duplicate"], report["rejected"], report["ignored"]) == (2, 1, 1, 1)
    assert (batch["first_expiry"], batch["rejected_lines"]["complete"]) == ("2099-12-31", True)
    assert shop.stock(sku) == (2, 0)
    path, reason = f"batches/{batch['batch_id']}/rejected-lines", {"reason": "back to the supplier"}
    content = shop.ops("POST", path, document=reason).json["content"]
    assert content.splitlines()[1:] == [
        '3,digits_lost,,"1234567890123456,x"',
        f"5,duplicate_in_file,••••{codes[0][-4:].lower()},",
    ]
    problem(shop.ops("POST", path, document=reason), 409, "already_handed_out")
    assert kept_of_rejected(shop) == before


def test_codes_that_are_not_of_the_sku_s_format_are_told_apart(shop: Shop) -> None:
    sku = shop.new_sku(code_format={"pattern": "KR-[0-9A-F]{4}", "max_length": 7, "case_sensitive": False})
    report = shop.import_file(sku, b"KR-12AB\nKR-12AX\nKR-12ABC\n")["report"]
    assert [(found["line"], found["reason"]) for found in report["problems"]] == [
        (2, "code_format"), (3, "code_too_long"),
    ]  # fmt: skip
    assert report["accepted"] == 1


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
    another = {"Idempotency-Key": secrets.token_hex(16)}
    problem(shop.ops("POST", "batches", document={**batch, "sku_id": "none"}, headers=another), 404, "unknown_sku")
    problem(shop.ops("POST", "batches", document=batch), 422, "invalid_request")


def test_the_upload_address_is_good_for_its_own_object_alone(shop: Shop) -> None:
    url = shop.open_batch(shop.new_sku())["upload"]["url"]
    assert send("GET", url).status == 403
    assert send("PUT", url.replace("imports/bat_", "imports/tab_"), raw=b"x").status == 403
