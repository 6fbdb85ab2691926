"""A recharge that is left to a person: from the buyer's payment over the desk to the delivered order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.demo_client import Answer, send
from tests.e2e.shop import Placed, Shop, eventually, problem, wanted

PHONE = "13912345678"
MASKED = "139****5678"
FIELDS = [{"name": "phone", "label": "Phone number", "kind": "phone"}]


def bought(shop: Shop) -> Placed:
    sku_id = shop.new_sku(kind="recharge", account_fields=FIELDS, work_minutes=5)
    by_hand = {"sources": [{"source_id": "by-hand", "kind": "manual"}], "reason": "a test"}
    assert shop.ops("PUT", f"skus/{sku_id}/sourcing", document=by_hand).status == 200
    body = wanted(sku_id, 1, "epay")
    body["items"][0]["recharge_account"] = {"phone": PHONE}
    placed = shop.ask(body).json
    shop.tokens.append(placed["access_token"])
    payment = placed["payment"]
    order = Placed(
        placed["order_id"],
        placed["access_token"],
        payment["attempt_id"],
        payment["action"]["url"],
        placed["total"],
    )
    assert shop.pay(order).status == 200
    return order


def job_of(shop: Shop, order: Placed, token: str) -> dict[str, Any] | None:
    found = send("GET", f"{shop.api}/ops/v1/work?limit=100", token=token).json["jobs"]
    return next((each for each in found if each["order_id"] == order.order_id), None)


def ask(shop: Shop, job: dict[str, Any], step: str, token: str, **more: Any) -> Answer:
    path = f"{shop.api}/ops/v1/orders/{job['order_id']}/units/{job['unit_id']}/{step}"
    return send("POST", path, token=token, document={"job": job["work"]["job"], "reason": "a test", **more})


def test_the_shelf_says_what_a_recharge_asks_for_and_what_does_not_fit_is_refused_by_its_field(shop: Shop) -> None:
    sku_id = shop.new_sku(kind="recharge", account_fields=FIELDS)
    (sku,) = send("GET", f"{shop.api}/v1/products/p-{sku_id}").json["skus"]
    assert (sku["kind"], sku["delivery"], sku["stock"]) == ("recharge", "manual", "in_stock")
    assert [(field["name"], field["kind"]) for field in sku["account_fields"]] == [("phone", "phone")]
    body = wanted(sku_id, 1, "epay")
    body["items"][0]["recharge_account"] = {"phone": PHONE[:-1]}
    place = "items.0.recharge_account.phone"
    refused = problem(shop.ask(body), 422, "invalid_request")
    assert refused["errors"] == [{"field": place, "reason": "not_a_mobile_number"}]


def test_a_recharge_that_nobody_sells_us_is_done_by_whoever_claims_it(shop: Shop, token_of: Callable[..., str]) -> None:
    order, first, second = bought(shop), token_of("support"), token_of("operator")
    job = eventually(lambda: job_of(shop, order, first))
    assert (job["waits_for"], job["account"], job["overdue"]) == ("manual", {"phone": MASKED}, False)
    problem(ask(shop, job, "done", first, reference="R-1"), 409, "work_not_claimed")
    problem(ask(shop, job, "claim", token_of("finance")), 403, "not_in_group")
    claimed = ask(shop, job, "claim", first)
    assert (claimed.status, claimed.json["account"]) == (200, {"phone": PHONE})
    problem(ask(shop, job, "claim", second), 409, "work_claimed")
    done = ask(shop, job, "done", first, reference="R-1")
    assert (done.status, done.json["status"]) == (200, "delivered")
    assert shop.status(order) == "delivered"
    trace = eventually(lambda: shown(shop, order))
    assert "order.work_claimed" in trace["what"]
    assert PHONE not in shop.ops("GET", f"orders/{order.order_id}").text


def shown(shop: Shop, order: Placed) -> dict[str, Any] | None:
    """The look at the account, on the order's trace."""
    trace = shop.seen_by_operator(order)["trace"]
    return next((step for step in trace if "order.account_shown" in step["what"]), None)


def test_what_a_person_cannot_recharge_goes_back(shop: Shop, token_of: Callable[..., str]) -> None:
    """Nobody is left then: the stream goes on with the unit, and finds that."""
    order, token = bought(shop), token_of("operator")
    job = eventually(lambda: job_of(shop, order, token))
    assert ask(shop, job, "claim", token).status == 200
    assert ask(shop, job, "fail", token, text="the number is not in use").status == 200
    again = eventually(lambda: going_back(shop, order))
    assert again["amount"] == order.total


def going_back(shop: Shop, order: Placed) -> dict[str, Any] | None:
    refunds = shop.buyer("GET", order).json["refunds"]
    return refunds[0] if refunds else None
