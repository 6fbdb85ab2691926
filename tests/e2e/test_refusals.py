"""Bad input: a clear typed refusal each time, and nothing half done."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from infra.local.demo_client import send
from tests.e2e.shop import Shop, problem, wanted


def with_payment(**changed: Any) -> dict[str, Any]:
    body = wanted("any-sku")
    return {**body, "payment": {**body["payment"], **changed}}


BODIES: dict[str, tuple[Any, int, str, str | None]] = {
    "unknown SKU": (wanted("no-such-sku"), 404, "unknown_sku", None),
    "unknown field": ({**wanted("any-sku"), "coupon_code": "X"}, 422, "invalid_request", "coupon_code"),
    "unknown nested field": (with_payment(bank="X"), 422, "invalid_request", "payment.bank"),
    "quantity 0": (wanted("any-sku", 0), 422, "invalid_request", "items.0.quantity"),
    "quantity below 0": (wanted("any-sku", -1), 422, "invalid_request", "items.0.quantity"),
    "quantity 10,000": (wanted("any-sku", 10_000), 422, "order_too_large", None),
    "quantity as text": (wanted("any-sku", "2"), 422, "invalid_request", "items.0.quantity"),
    "half a key": (wanted("any-sku", 1.5), 422, "invalid_request", "items.0.quantity"),
    "quantity true": (wanted("any-sku", True), 422, "invalid_request", "items.0.quantity"),
    "no items": ({**wanted("any-sku"), "items": []}, 422, "invalid_request", "items"),
    "a SKU twice": (
        {**wanted("any-sku"), "items": wanted("any-sku")["items"] * 2},
        422,
        "invalid_request",
        "items",
    ),
    "no e-mail address": (
        {**wanted("any-sku"), "contact": {"email": "nobody"}},
        422,
        "invalid_request",
        "contact.email",
    ),
    "a list": ([], 422, "invalid_request", None),
    "null": (None, 422, "invalid_request", None),
}


@pytest.fixture(autouse=True)
def nothing_is_stored(shop: Shop, well_stocked: str) -> Any:
    before = shop.stored()
    yield
    assert shop.stored() == before


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_wrong_is_refused_by_name(shop: Shop, case: str) -> None:
    body, status, code, field = BODIES[case]
    answer = send(
        "POST",
        f"{shop.api}/v1/orders",
        raw=b"null" if body is None else None,
        document=body,
        headers={"Idempotency-Key": secrets.token_hex(16)},
    )
    refused = problem(answer, status, code)
    if field:
        assert field in [error["field"] for error in refused["errors"]]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"items": [', b"\xff\xfe\x00", b"[" * 5_000, b"items=1"],
    ids=["empty", "a brace", "cut off", "no UTF-8", "a deep nest", "a form"],
)
def test_a_body_that_is_no_json_is_refused(shop: Shop, raw: bytes) -> None:
    for content_type in ("application/json", "application/octet-stream"):
        headers = {"Idempotency-Key": secrets.token_hex(16), "Content-Type": content_type}
        problem(send("POST", f"{shop.api}/v1/orders", raw=raw, headers=headers), 422, "invalid_request")


@pytest.mark.parametrize("size", [70_000, 5_000_000])
def test_a_body_that_is_too_large_is_refused_unread(shop: Shop, size: int) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(16), "Content-Type": "application/json"}
    raw = b'{"items": "' + b"x" * size + b'"}'
    problem(send("POST", f"{shop.api}/v1/orders", raw=raw, headers=headers), 413, "body_too_large")


@pytest.mark.parametrize("key", ["", "short", "x" * 129], ids=["none", "short", "long"])
def test_an_order_needs_a_proper_idempotency_key(shop: Shop, well_stocked: str, key: str) -> None:
    headers = {"Idempotency-Key": key} if key else {}
    answer = send("POST", f"{shop.api}/v1/orders", document=wanted(well_stocked), headers=headers)
    refused = problem(answer, 422, "invalid_request")
    assert [error["field"] for error in refused["errors"]] == ["Idempotency-Key"]


def test_payments_that_are_not_offered_are_refused_before_a_key_is_held(shop: Shop, well_stocked: str) -> None:
    def asked(**changed: Any) -> Any:
        body = wanted(well_stocked)
        return shop.ask({**body, "payment": {**body["payment"], **changed}})

    problem(asked(provider="paypal"), 422, "unknown_payment_provider")
    problem(asked(method="cash"), 422, "invalid_request")
    problem(asked(return_url="javascript:alert(1)"), 422, "invalid_request")


def test_a_changed_price_is_told_before_a_key_is_held(shop: Shop, well_stocked: str) -> None:
    expected = {"expected_total": {"amount_minor": 1, "currency": "CNY"}}
    problem(shop.ask({**wanted(well_stocked), **expected}), 409, "total_changed")


@pytest.mark.parametrize("path", ["?limit=0", "?limit=101", "?limit=many", "?cursor=!!", "?page=2"])
def test_a_query_that_is_wrong_is_refused(shop: Shop, path: str) -> None:
    problem(send("GET", f"{shop.api}/v1/products{path}"), 422, "invalid_request")


def test_what_is_not_there_is_said_to_be_so(shop: Shop) -> None:
    problem(send("GET", f"{shop.api}/v1/products/no-such-product"), 404, "unknown_product")
    problem(send("GET", f"{shop.api}/v1/no/such/route"), 404, "no_such_route")
    assert send("GET", f"{shop.api}/nowhere").status == 404


def test_an_order_opens_to_its_token_alone(shop: Shop, well_stocked: str) -> None:
    order_id = shop.table("orders")[0]["order_id"]["S"]
    for path in (order_id, "ord_00000000000000000000000000", "ord_", "%2e%2e"):
        url = f"{shop.api}/v1/orders/{path}"
        for token in (None, "tok_wrong", shop.operator):
            problem(send("GET", url, token=token), 404, "order_not_found")
            problem(send("POST", f"{url}/cancel", token=token), 404, "order_not_found")
            problem(send("POST", f"{url}/reveal", token=token), 404, "order_not_found")


def test_a_chinese_reader_gets_a_chinese_title(shop: Shop) -> None:
    for path in ("products/none", "no/such/route"):
        chinese = send("GET", f"{shop.api}/v1/{path}", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).json
        english = send("GET", f"{shop.api}/v1/{path}").json
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese["title"])
        assert english["title"].isascii()
        assert chinese["code"] == english["code"]


def test_a_shop_front_on_another_origin_may_call(shop: Shop) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    for path in ("/v1/orders", "/ops/v1/skus/any"):
        answer = send("OPTIONS", f"{shop.api}{path}", headers=asked)
        assert answer.status in {200, 204}
        allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert {"authorization", "content-type", "idempotency-key"} <= allowed
        assert answer.headers["access-control-allow-origin"] in {"*", "https://shop.example"}
