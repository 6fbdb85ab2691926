"""The back office: who may enter, and what they find."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.demo_client import send
from tests.e2e.shop import Shop, problem

PRODUCT = {"name": "Nobody's product", "reason": "test"}


@pytest.mark.parametrize("token", [None, "", "nonsense", "e30.e30.e30"])
def test_nobody_enters_without_a_token_of_the_pool(shop: Shop, token: str | None) -> None:
    for method, path in (("GET", "payments/unmatched"), ("PUT", "products/x"), ("POST", "batches")):
        assert send(method, f"{shop.api}/ops/v1/{path}", token=token, document=PRODUCT).status == 401


def test_a_buyers_token_opens_no_back_office(shop: Shop, well_stocked: str) -> None:
    token = shop.order(well_stocked).token
    assert send("GET", f"{shop.api}/ops/v1/skus/{well_stocked}", token=token).status == 401


def test_each_group_may_do_its_own_work_and_no_other(shop: Shop, token_of: Any, well_stocked: str) -> None:
    def status(token: str, method: str, path: str) -> int:
        document = PRODUCT if method == "PUT" else None
        return send(method, f"{shop.api}/ops/v1/{path}", token=token, document=document).status

    look, money, stock = ("GET", f"skus/{well_stocked}"), ("GET", "payments/unmatched"), ("PUT", "products/of-nobody")
    assert [status(token_of("support"), *call) for call in (look, money, stock)] == [200, 403, 403]
    assert [status(token_of("finance"), *call) for call in (look, money, stock)] == [200, 200, 403]
    assert [status(token_of("operator"), *call) for call in (look, money, stock)] == [200, 200, 200]
    assert [status(token_of(), *call) for call in (look, money, stock)] == [403, 403, 403]


def test_the_refusal_of_a_wrong_group_is_typed_and_changes_nothing(shop: Shop, token_of: Any) -> None:
    token, before = token_of("auditor"), shop.stored()
    problem(send("PUT", f"{shop.api}/ops/v1/products/x", token=token, document=PRODUCT), 403, "not_in_group")
    assert shop.stored() == before


def test_a_change_without_a_reason_is_refused(shop: Shop) -> None:
    refused = problem(shop.ops("PUT", "products/x", document={"name": "X"}), 422, "invalid_request")
    assert [error["field"] for error in refused["errors"]] == ["reason"]


def test_a_key_is_found_by_its_code_in_whatever_case_and_never_shown(shop: Shop) -> None:
    sku = shop.new_sku()
    (card,) = shop.stock_up(sku, 1)
    for code in (card.number, card.number.lower()):
        found = shop.ops("POST", "keys/find", document={"sku_id": sku, "code": code})
        assert found.status == 200
        assert card.number not in found.text
        assert card.password not in found.text
    problem(shop.ops("POST", "keys/find", document={"sku_id": sku, "code": "KR00-0000"}), 404, "key_not_found")


def test_an_order_is_found_by_its_status_and_by_the_providers_number(shop: Shop, well_stocked: str) -> None:
    order = shop.order(well_stocked)
    payment = shop.payment(order)
    shop.gateway.notify(payment)

    by_number = shop.ops("GET", f"orders?provider=epay&account=main&reference={payment.number}").json["orders"]
    by_status = shop.ops("GET", "orders?status=delivered&limit=1").json["orders"]

    assert [found["order_id"] for found in by_number] == [order.order_id]
    assert [found["order_id"] for found in by_status] == [order.order_id]
    problem(shop.ops("GET", "orders"), 422, "invalid_request")


def test_what_is_not_there_is_said_to_be_so(shop: Shop) -> None:
    problem(shop.ops("GET", "skus/none"), 404, "unknown_sku")
    problem(shop.ops("GET", "orders/ord_none"), 404, "order_not_found")
    problem(shop.ops("GET", "keys/bat_none"), 404, "key_not_found")
    problem(shop.ops("GET", "batches/key_none"), 404, "batch_not_found")
