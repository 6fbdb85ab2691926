"""Refunds of what was delivered, and disputes, as finance meets them over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keyrail.payments.model.confirmations import DisputeNotice
from tests.integration.test_after_sales_desk import Desk, desk
from tests.world import SYSTEM

__all__ = ["desk"]

WHY = {"reason": "ticket 4711"}
LIMITS = '{"CNY": {"payment_minor": 1000, "day_minor": 100000}}'
NAME = "0123456789abcdef"


@pytest.fixture(autouse=True)
def limits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over what the desk's fixture has set."""
    monkeypatch.setenv("REFUND_LIMITS", LIMITS)


def post(
    desk: Desk, path: str, body: Any, *, user: str = "sue", group: str = "finance", name: str | None = None
) -> Any:
    headers = {"idempotency-key": name} if name else {}
    answer = desk.answer(group, "POST", path, body, user=user, headers=headers)
    return int(answer["statusCode"]), json.loads(answer["body"])


def test_finance_gives_one_unit_back_and_the_trace_of_its_key_says_so(desk: Desk) -> None:
    desk.world.stock_up(1)
    order_id, (key_id,), _ = desk.sell()
    status, order = post(desk, f"orders/{order_id}/refunds", WHY, name=NAME)
    (refund,) = order["refunds"]
    assert (status, order["status"], refund["status"]) == (201, "refunding", "due")
    assert (refund["request"]["by"], refund["request"]["why"]) == ("operator:sue", "ticket 4711")
    assert (refund["request"]["keys_seen"], "fingerprint" in refund["request"]) == (1, False)
    assert post(desk, f"orders/{order_id}/refunds", WHY, name=NAME)[1]["refunds"] == order["refunds"]
    assert (
        post(desk, f"orders/{order_id}/refunds", {"reason": "another"}, name=NAME)[1]["code"] == "idempotency_conflict"
    )
    key = desk.told("support", "GET", f"keys/{key_id}")
    assert (key["state"], key["refund_id"], "flagged_at" in key) == ("void", refund["refund_id"], True)
    (shown,) = desk.told("support", "GET", f"orders/{order_id}/keys")["keys"]
    assert (shown["key_id"], shown["refund_id"]) == (key_id, refund["refund_id"])


def test_who_may_not_and_what_is_no_request_changes_nothing(desk: Desk) -> None:
    desk.world.stock_up(1)
    order_id, _, _ = desk.sell()
    path = f"orders/{order_id}/refunds"
    tries: list[tuple[Any, dict[str, Any], tuple[int, str]]] = [
        (WHY, {"group": "support"}, (403, "not_in_group")),
        (WHY, {"group": "operator"}, (403, "not_in_group")),
        (WHY, {"name": None}, (422, "invalid_request")),
        (WHY, {"name": "short"}, (422, "invalid_request")),
        ({}, {}, (422, "invalid_request")),
        ({**WHY, "unit_ids": []}, {}, (422, "invalid_request")),
        ({**WHY, "unit_ids": "all"}, {}, (422, "invalid_request")),
        ({**WHY, "unit_ids": ["unt_none"]}, {}, (422, "invalid_request")),
        ({**WHY, "amount": 1}, {}, (422, "invalid_request")),
        ({**WHY, "even_if_used": "yes"}, {}, (422, "invalid_request")),
    ]
    before = desk.world.orders.of_operator(order_id)
    for body, how, expected in tries:
        status, answer = post(desk, path, body, **{"name": NAME, **how})
        assert (status, answer["code"]) == expected
    for step in ("approve", "reject"):
        assert post(desk, f"{path}/ref_none/{step}", WHY)[1]["code"] == "refund_not_found"
    assert post(desk, f"orders/ord_{'0' * 26}/refunds", WHY, name=NAME)[1]["code"] == "order_not_found"
    assert post(desk, f"orders/{order_id}/disputes/dp_1/unfreeze", WHY)[1]["code"] == "dispute_not_found"
    assert desk.world.orders.of_operator(order_id) == before


def test_what_is_above_the_limit_is_listed_until_somebody_else_decides(desk: Desk) -> None:
    desk.world.stock_up(2)
    order_id, _, _ = desk.sell(2)
    status, order = post(desk, f"orders/{order_id}/refunds", WHY, name=NAME)
    (refund,) = order["refunds"]
    assert (status, order["status"], refund["status"]) == (201, "delivered", "awaiting_approval")
    (waiting,) = desk.told("auditor", "GET", "refunds", query="status=awaiting_approval")["refunds"]
    assert (waiting["order_id"], waiting["refund"]) == (order_id, refund)
    path = f"orders/{order_id}/refunds/{refund['refund_id']}"
    assert post(desk, f"{path}/approve", WHY)[1]["code"] == "own_refund_request"
    assert post(desk, f"{path}/approve", WHY, user="joe", group="support")[0] == 403
    status, approved = post(desk, f"{path}/approve", {"reason": "checked"}, user="joe")
    assert (status, approved["status"], approved["refunds"][0]["request"]["decided_by"]) == (
        200,
        "refunding",
        "operator:joe",
    )
    assert desk.told("auditor", "GET", "refunds")["refunds"] == []
    assert desk.ask("auditor", "GET", "refunds", query="status=due")[0] == 422
    assert post(desk, f"{path}/reject", WHY)[1]["code"] == "refund_already_decided"


def test_a_disputed_order_shows_it_and_finance_lets_it_go_on(desk: Desk) -> None:
    desk.world.stock_up(1)
    order_id, (key_id,), _ = desk.sell()
    paid = desk.world.orders.of_operator(order_id).paid_attempt()
    assert paid is not None
    notice = DisputeNotice(
        provider=paid.provider,
        account=paid.account,
        dispute_id="dp_1",
        reference=paid.reference or "",
        attempt_id=None,
        amount=paid.amount,
        status="needs_response",
    )
    desk.world.disputes.hear(notice, SYSTEM)
    (dispute,) = desk.told("support", "GET", f"orders/{order_id}")["disputes"]
    assert (dispute["dispute_id"], dispute["state"], dispute["frozen"]) == ("dp_1", "open", True)
    assert desk.told("support", "GET", f"keys/{key_id}")["held_for"] == "dp_1"
    assert post(desk, f"orders/{order_id}/refunds", WHY, name=NAME)[1]["code"] == "order_disputed"
    path = f"orders/{order_id}/disputes/dp_1/unfreeze"
    assert post(desk, path, WHY, group="support")[0] == 403
    status, order = post(desk, path, WHY)
    assert (status, order["disputes"][0]["frozen"], order["disputes"][0]["released_by"]) == (200, False, "operator:sue")
    assert "held_for" not in desk.told("support", "GET", f"keys/{key_id}")
