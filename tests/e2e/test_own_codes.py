"""Codes of our own on the deployed stack: generated for the pool, printed by two people, and nowhere to be read."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from infra.local.demo_client import Answer, send
from keyrail.vault.codes import OWN_ISSUER, check
from tests.e2e.dump import dump, leaks
from tests.e2e.shop import PRICE, Shop, eventually, problem
from tests.own_codes import printer

CODES = 120  # more than one chunk
PREFIX = "E2E"


def own_sku(shop: Shop) -> str:
    sku_id = f"own-{secrets.token_hex(6)}"
    assert shop.ops("PUT", f"products/p-{sku_id}", document={"name": "Vouchers", "reason": "test"}).status == 200
    sku = {
        "product_id": f"p-{sku_id}",
        "name": "A voucher",
        "price": PRICE,
        "issuer": OWN_ISSUER,
        "code_prefix": PREFIX,
        "reason": "test",
    }
    saved = shop.ops("PUT", f"skus/{sku_id}", document=sku)
    assert saved.status == 200, saved.text
    return sku_id


def generated(shop: Shop, sku_id: str, **wanted: Any) -> dict[str, Any]:
    document = {"sku_id": sku_id, "wanted": CODES, "expires_on": "2099-12-31", "reason": "test", **wanted}
    opened = shop.ops(
        "POST", "batches/own-codes", document=document, headers={"Idempotency-Key": secrets.token_hex(16)}
    )
    assert opened.status == 201, opened.text

    def done() -> dict[str, Any] | None:
        batch: dict[str, Any] = shop.ops("GET", f"batches/{opened.json['batch_id']}").json
        return batch if batch["status"] == "generated" else None

    batch = eventually(done)
    assert (batch["generated"], batch["report"]["accepted"]) == (CODES, CODES)
    return batch


def test_generated_codes_are_bought_like_any_others(shop: Shop) -> None:
    sku_id = own_sku(shop)
    generated(shop, sku_id)
    order = shop.order(sku_id, 3)
    shop.pay(order)
    unit, *_ = shop.buyer("POST", order, "/reveal").json["units"]
    codes = [key["code"] for key in unit["keys"]]
    assert len(set(codes)) == 3
    assert all(check(code) and code.startswith(PREFIX) for code in codes)


def test_two_people_print_a_batch_and_nothing_else_of_it_is_readable(shop: Shop, token_of: Callable[..., str]) -> None:
    one, two = token_of("operator"), token_of("admin")

    def ops(token: str, method: str, path: str, **sent: Any) -> Answer:
        return send(method, f"{shop.api}/ops/v1/{path}", token=token, **sent)

    batch_id = generated(shop, own_sku(shop), for_print=True)["batch_id"]
    asked = ops(
        one,
        "POST",
        f"batches/{batch_id}/exports",
        document={"certificate": printer().pem, "reason": "cards"},
        headers={"Idempotency-Key": secrets.token_hex(16)},
    )
    assert asked.status == 201, asked.text
    export, why = f"exports/{asked.json['export_id']}", {"reason": "compared"}
    problem(ops(one, "POST", f"{export}/approve", document=why), 403, "same_person")
    problem(ops(two, "POST", f"{export}/link", document=why), 409, "not_approved")
    assert ops(two, "POST", f"{export}/approve", document=why).status == 200
    eventually(lambda: ops(one, "GET", export).json["export"]["status"] == "made")

    link = ops(one, "POST", f"{export}/link", document=why)
    assert link.status == 200, link.text
    file = send("GET", link.json["url"])
    assert file.status == 200
    codes = [line.split(",")[1] for line in printer().opened(file.raw).decode().splitlines()[1:]]
    assert len(set(codes)) == CODES
    problem(ops(two, "POST", f"{export}/link", document=why), 409, "already_handed_out")

    def traced() -> list[str] | None:
        steps = [what for step in ops(two, "GET", export).json["trace"] for what in step["what"]]
        return steps if len(steps) == 4 else None

    assert eventually(traced) == ["export.requested", "export.approved", "export.made", "export.handed_out"]
    found = dump(shop)
    assert [name for name in found if "exports/" in name]
    assert leaks(found, codes) == []
