"""Codes of our own at tills and in the hands of their holders: bought, redeemed, refused, taken back, guessed."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.local.demo_client import Answer, send
from keyrail.vault.codes import OWN_ISSUER, new_code
from tests.e2e.dump import dump, leaks
from tests.e2e.shop import PRICE, Shop, eventually, problem

TILLS = 12
CARD = {"value": {"amount_minor": 10_000, "currency": "CNY"}, "reversal_ms": 600_000}
ONCE = {"uses": 1, "reversal_ms": 600_000, "places": ["shop-1", "shop-2"]}


def on_sale(shop: Shop, terms: dict[str, Any], count: int = 3) -> str:
    """A SKU with these terms and so many codes of our own in its pool."""
    sku_id = f"own-{secrets.token_hex(6)}"
    assert shop.ops("PUT", f"products/p-{sku_id}", document={"name": "Vouchers", "reason": "test"}).status == 200
    sku = {"product_id": f"p-{sku_id}", "name": "A voucher", "price": PRICE, "issuer": OWN_ISSUER, "terms": terms}
    saved = shop.ops("PUT", f"skus/{sku_id}", document={**sku, "code_prefix": "E2R", "reason": "test"})
    assert saved.status == 200, saved.text
    assert saved.json["sku"]["terms"]["activation"] == terms.get("activation", "on_sale")
    wanted = {"sku_id": sku_id, "wanted": count, "reason": "test"}
    opened = shop.ops("POST", "batches/own-codes", document=wanted, headers={"Idempotency-Key": secrets.token_hex(16)})
    assert opened.status == 201, opened.text
    batch_id = opened.json["batch_id"]
    eventually(lambda: shop.ops("GET", f"batches/{batch_id}").json["status"] == "generated" or None)
    return sku_id


def bought(shop: Shop, sku_id: str) -> tuple[str, str]:
    """A code as its buyer sees it, and the key that it is."""
    order = shop.order(sku_id)
    shop.pay(order)
    (unit,) = shop.buyer("POST", order, "/reveal").json["units"]
    (key,) = unit["keys"]
    return key["code"], key["key_id"]


def holder(shop: Shop, action: str, **body: Any) -> Answer:
    return send("POST", f"{shop.api}/v1/redemptions{action}", document=body)


def till(shop: Shop, action: str, secret: str | None = None, **body: Any) -> Answer:
    """As a partner would write it from the API's description alone."""
    partner, path, raw = shop.card["partner"], f"/partner/v1/redemptions{action}", json.dumps(body).encode()
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    lines = "\n".join(("v1", "POST", path, "", timestamp, nonce, hashlib.sha256(raw).hexdigest()))
    signed = hmac.new((secret or partner["secret"]).encode(), lines.encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "Keyrail-Key": partner["key"],
        "Keyrail-Timestamp": timestamp,
        "Keyrail-Nonce": nonce,
        "Keyrail-Signature": f"v1={signed}",
    }
    return send("POST", f"{shop.api}{path}", raw=raw, headers=headers)


def named() -> str:
    return f"till-7-{secrets.token_hex(6)}"


def test_a_code_is_bought_shown_redeemed_at_a_till_refused_at_the_next_and_taken_back(shop: Shop) -> None:
    code, key_id = bought(shop, on_sale(shop, ONCE))
    assert holder(shop, "/verify", code=code).json["redeemable"]
    problem(till(shop, "", code=code, redemption_id=named(), location="shop-3"), 409, "wrong_place")
    wanted = {"code": code, "redemption_id": named(), "location": "shop-1", "actor": "cashier-3"}
    first = till(shop, "", **wanted)
    assert first.status == 200, first.text
    assert till(shop, "", **wanted).json == first.json
    problem(till(shop, "", **{**wanted, "location": "shop-2"}), 409, "idempotency_conflict")
    refused = problem(holder(shop, "", code=code, redemption_id=named(), location="shop-2"), 409, "already_redeemed")
    assert refused["facts"] == {
        "redemption_id": wanted["redemption_id"],
        "redeemed_at": first.json["redeemed_at"],
        "location": "shop-1",
    }
    back = till(shop, "/reverse", code=code, redemption_id=wanted["redemption_id"])
    assert (back.status, back.json["uses_left"]) == (200, 1)
    assert holder(shop, "", code=code, redemption_id=named(), location="shop-2").status == 200

    def traced() -> list[dict[str, Any]] | None:
        steps = [step for step in shop.ops("GET", f"keys/{key_id}").json["trace"] if step.get("redemption_id")]
        return steps if len(steps) == 3 else None

    steps = eventually(traced)
    assert [step["what"] for step in steps] == [["key.redeemed"], ["key.reversed"], ["key.redeemed"]]
    assert (steps[0]["place"], steps[2]["place"]) == ("shop-1", "shop-2")
    assert steps[0]["by"] == f"partner:{shop.card['partner']['key']}/cashier-3"


def test_a_value_card_is_spent_in_parts(shop: Shop) -> None:
    code, _ = bought(shop, on_sale(shop, CARD))
    part = {"amount_minor": 6_000, "currency": "CNY"}
    spent = till(shop, "", code=code, redemption_id=named(), amount=part)
    assert spent.json["value_left"] == {"amount_minor": 4_000, "currency": "CNY"}
    refused = problem(till(shop, "", code=code, redemption_id=named(), amount=part), 409, "value_insufficient")
    assert refused["facts"] == {"left_minor": 4_000, "currency": "CNY"}
    problem(till(shop, "", code=code, redemption_id=named()), 422, "invalid_request")


def test_a_dynamic_code_is_worthless_until_its_buyer_asks(shop: Shop) -> None:
    code, _ = bought(shop, on_sale(shop, {"uses": 1, "activation": "on_demand", "active_ms": 300_000}))
    problem(till(shop, "", code=code, redemption_id=named()), 409, "not_active")
    active = holder(shop, "/activate", code=code)
    assert active.status == 200, active.text
    assert holder(shop, "/activate", code=code).json == active.json
    assert till(shop, "", code=code, redemption_id=named()).status == 200


def test_tills_at_once_on_the_last_use_are_one_success_and_refusals_that_name_it(shop: Shop) -> None:
    code, _ = bought(shop, on_sale(shop, ONCE))
    names = [named() for _ in range(TILLS)]
    with ThreadPoolExecutor(TILLS) as tills:
        answers = list(tills.map(lambda name: till(shop, "", code=code, redemption_id=name, location="shop-1"), names))
    (winner,) = [answer.json["redemption_id"] for answer in answers if answer.status == 200]
    refused = [problem(answer, 409, "already_redeemed") for answer in answers if answer.status != 200]
    assert len(refused) == TILLS - 1
    assert {document["facts"]["redemption_id"] for document in refused} == {winner}


@pytest.mark.parametrize("action", ["", "/verify", "/activate", "/reverse"])
def test_a_till_that_does_not_sign_as_agreed_is_refused(shop: Shop, action: str) -> None:
    refused = problem(till(shop, action, secret="x" * 64, code="whatever"), 401, "signature_invalid")
    assert "errors" not in refused


@pytest.fixture
def no_guess_outlives_the_test(shop: Shop) -> Iterator[None]:
    """All tests call from one address."""
    yield
    guards, dynamodb = shop.card["tables"]["guards"], shop.aws("dynamodb")
    for item in shop.table("guards"):
        dynamodb.delete_item(TableName=guards, Key={"pk": item["pk"]})
    time.sleep(3)  # until every process has read the list anew


@pytest.mark.usefixtures("no_guess_outlives_the_test")
def test_a_guesser_is_told_to_wait_and_tills_go_on(shop: Shop) -> None:
    code, _ = bought(shop, on_sale(shop, {"uses": 1}))
    problem(holder(shop, "/verify", code=f"{code[:-1]}{'0' if code[-1] != '0' else '1'}"), 422, "mistyped_code")
    until = time.monotonic() + 30
    while (answer := holder(shop, "/verify", code=new_code("E2R"))).status == 404:
        assert time.monotonic() < until
    problem(answer, 429, "too_many_attempts")
    assert 0 < int(answer.headers["retry-after"]) <= 900
    assert till(shop, "", code=code, redemption_id=named()).status == 200


def test_no_redeemed_code_is_kept_anywhere(shop: Shop) -> None:
    code, key_id = bought(shop, on_sale(shop, ONCE))
    holder(shop, "/verify", code=code)
    till(shop, "", code=code, redemption_id=code, location="shop-1")
    till(shop, "", code=code, redemption_id=named(), location="shop-1")
    till(shop, "", code=code, redemption_id=named(), location="shop-1")
    eventually(lambda: "key.redeemed" in json.dumps(shop.ops("GET", f"keys/{key_id}").json["trace"]) or None)
    assert leaks(dump(shop), [code, shop.card["partner"]["secret"]]) == []
