"""Operators say where a SKU comes from and keep units from a supplier, on the deployed stack: with its own rights."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from tests.e2e.shop import Shop, eventually, problem

FIELDS = [{"name": "phone", "label": "Phone number", "kind": "phone"}]
WHY = "a test"


def sourcing_at(supplier: str) -> dict[str, Any]:
    price = {"amount_minor": 900, "currency": "CNY"}
    first = {"source_id": "first", "kind": "recharge", "supplier": supplier, "item": "1001", "cost": price, "quota": 5}
    return {"strategy": "cheapest", "sources": [first, {"source_id": "by-hand", "kind": "manual"}], "reason": WHY}


def trail(shop: Shop, subject: str, records: int) -> dict[str, Any] | None:
    """What is said of the subject, once it has that many records."""
    answer = shop.ops("GET", f"audit/verify?subject={subject}")
    found: dict[str, Any] = answer.json
    return found if answer.status == 200 and found["records"] >= records else None


def test_a_supplier_is_made_known_a_sku_comes_from_there_and_all_of_it_is_on_record(shop: Shop) -> None:
    supplier, sku_id = f"house-{secrets.token_hex(4)}", shop.new_sku(kind="recharge", account_fields=FIELDS)
    body = sourcing_at(supplier)
    refused = problem(shop.ops("PUT", f"skus/{sku_id}/sourcing", document=body), 422, "invalid_request")
    assert refused["errors"] == [{"field": "sources.0.supplier", "reason": "unknown"}]
    assert shop.ops("PUT", f"suppliers/{supplier}", document={"reason": WHY}).status == 200
    saved = shop.ops("PUT", f"skus/{sku_id}/sourcing", document=body)
    assert (saved.status, saved.json["version"]) == (200, 1)
    assert shop.ops("GET", f"skus/{sku_id}/sourcing").json == saved.json

    for change in ("open", "closed"):
        moved = shop.ops("POST", f"suppliers/{supplier}/breaker", document={"breaker": change, "reason": WHY})
        assert (moved.status, moved.json["breaker"]) == (200, change)
    off = shop.ops("PUT", f"suppliers/{supplier}", document={"disabled": True, "reason": WHY})
    assert (off.status, off.json["disabled"], off.json["version"]) == (200, True, 4)
    listed = {each["supplier"]: each for each in shop.ops("GET", "suppliers").json["suppliers"]}
    shown = shop.ops("GET", f"suppliers/{supplier}").json
    assert (listed[supplier], shown["figures"]["calls"]) == (shown["supplier"], 0)

    for subject, records in ((f"supplier:{supplier}", 4), (f"sourcing:{sku_id}", 1)):
        found = eventually(partial(trail, shop, subject, records))
        assert (found["intact"], found["records"]) == (True, records)
