"""Batches that are stopped, staged and chosen from on the deployed stack: from the desk to the shop front and back."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest

from infra.local.demo_client import send
from tests.e2e.shop import Shop, eventually, problem, wanted

WORKS_WITHIN_S = 2
REASON = {"reason": "test"}


def command(shop: Shop, batch_id: str, name: str, **more: Any) -> dict[str, Any]:
    answer = shop.ops("POST", f"batches/{batch_id}/{name}", document={**REASON, **more})
    assert answer.status == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def bring(shop: Shop, sku_id: str, raw: bytes, **more: Any) -> str:
    """The batch, imported."""
    document = {"sku_id": sku_id, "source": "a test's supplier", **REASON, **more}
    opened = shop.ops("POST", "batches", document=document, headers={"Idempotency-Key": secrets.token_hex(16)})
    assert opened.status == 201, opened.text
    assert send("PUT", opened.json["upload"]["url"], raw=raw).status == 200
    batch = shop.await_batch(opened.json["batch_id"])
    assert batch["status"] == "imported", batch
    return str(batch["batch_id"])


def cards(count: int) -> bytes:
    """A file of so many, each with its password."""
    return "".join(f"BATCH-{secrets.token_hex(6).upper()}----{secrets.token_hex(6)}\n" for _ in range(count)).encode()


def followed(shop: Shop, batch_id: str) -> None:
    """Until every key follows."""
    eventually(lambda: "following" not in shop.ops("GET", f"batches/{batch_id}").json)


def states(shop: Shop, batch_id: str) -> set[str]:
    keys = [item for item in shop.table("keys") if item.get("batch_id") == {"S": batch_id} and "sealed" in item]
    return {item["state"]["S"] for item in keys}


@pytest.fixture
def sku(shop: Shop) -> str:
    return shop.new_sku()


def test_a_frozen_batch_is_not_sold_nor_shown_and_goes_on_as_before(shop: Shop, sku: str) -> None:
    batch_id = bring(shop, sku, cards(4))
    order = shop.order(sku)
    shop.pay(order)
    assert len(shop.reveal(order)) == 1

    assert command(shop, batch_id, "freeze")["standing"] == "frozen"
    time.sleep(WORKS_WITHIN_S)
    problem(shop.ask(wanted(sku)), 409, "sold_out")
    problem(shop.buyer("POST", order, "/reveal"), 409, "key_frozen")
    followed(shop, batch_id)
    assert states(shop, batch_id) == {"frozen"}

    command(shop, batch_id, "unfreeze")
    followed(shop, batch_id)
    assert states(shop, batch_id) == {"available", "sold"}
    time.sleep(WORKS_WITHIN_S)
    assert len(shop.reveal(order)) == 1
    again = shop.order(sku)
    shop.pay(again)
    assert shop.status(again) == "delivered"


def test_a_void_batch_takes_no_other_command(shop: Shop, sku: str) -> None:
    batch_id = bring(shop, sku, cards(2))
    command(shop, batch_id, "void")
    followed(shop, batch_id)
    assert states(shop, batch_id) == {"void"}
    problem(shop.ops("POST", f"batches/{batch_id}/unfreeze", document=REASON), 409, "batch_void")


def test_a_stage_is_sold_once_it_is_released(shop: Shop, sku: str) -> None:
    batch_id = bring(shop, sku, cards(3), stages=[{}])
    assert shop.ops("GET", f"skus/{sku}").json["stock"]["scheduled"] == 3
    problem(shop.ask(wanted(sku)), 409, "sold_out")
    command(shop, batch_id, "release", stage=1)
    time.sleep(WORKS_WITHIN_S)
    order = shop.order(sku, 3)
    shop.pay(order)
    assert len(shop.reveal(order)) == 3


def test_a_number_is_chosen_for_its_fee(shop: Shop, sku: str) -> None:
    details = shop.ops("GET", f"skus/{sku}").json["sku"]
    fee = {"amount_minor": 8800, "currency": details["price"]["currency"]}
    kept = {name: details[name] for name in ("product_id", "name", "price", "issuer", "max_quantity")}
    assert shop.ops("PUT", f"skus/{sku}", document={**kept, "pick_fee": fee, **REASON}).status == 200
    bring(shop, sku, f"code,label\nBATCH-{secrets.token_hex(6).upper()},8888\n".encode())

    offered = send("GET", f"{shop.api}/v1/skus/{sku}/labels").json
    assert [label["label"] for label in offered["labels"]] == ["8888"]
    body = wanted(sku)
    body["items"][0]["label"] = "8888"
    placed = shop.ask(body)
    assert placed.status == 201, placed.text
    assert placed.json["total"]["amount_minor"] == details["price"]["amount_minor"] + fee["amount_minor"]
    problem(shop.ask(body), 409, "label_taken")
