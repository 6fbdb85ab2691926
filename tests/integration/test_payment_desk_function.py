"""The desk of payments as finance meets it, and what the relay makes of each of its changes."""

from __future__ import annotations

import json

from keyrail.payments.model import desk as model
from keyrail.payments.model.desk import UnmatchedPayment
from tests.integration.ledger.test_relay_books import closings
from tests.integration.test_after_sales_desk import Desk, desk
from tests.integration.test_relay import Relay, relay
from tests.integration.test_triggers import Stage, stage
from tests.world import PROVIDER, World

__all__ = ["desk", "relay", "stage"]

WHY = {"reason": "ticket 4711"}
CLEARING, SUSPENSE = "clearing:epay/main:CNY", "suspense:CNY"


def under_paid(world: World, money: str = "5.00") -> UnmatchedPayment:
    world.stock_up(1)
    said = world.confirmed(world.callback(world.order().attempt, money=money))
    world.settlement.settle(said, PROVIDER)
    return world.desk.payment(model.payment_id(said))


def test_finance_gives_a_payment_back_and_sees_who_did(desk: Desk) -> None:
    payment = under_paid(desk.world)
    (waiting,) = desk.told("finance", "GET", "payments/unmatched")["payments"]
    assert (waiting["payment_id"], waiting["status"]) == (payment.payment_id, "waiting")
    given = desk.told("finance", "POST", f"payments/{payment.payment_id}/refund", WHY)
    assert (given["status"], given["refund"]["status"]) == ("refunding", "due")
    assert (given["decision"]["by"], given["decision"]["reason"]) == ("operator:sue", "ticket 4711")
    assert desk.told("finance", "GET", "payments/unmatched")["payments"] == []
    (refunding,) = desk.told("auditor", "GET", "payments/unmatched", query="status=refunding")["payments"]
    shown = desk.told("auditor", "GET", f"payments/{payment.payment_id}")
    assert refunding["decision"] == given["decision"] == shown["decision"]


def test_a_second_person_agrees_to_what_is_above_the_limit(desk: Desk) -> None:
    payment = under_paid(desk.world, "5.01")
    path = f"payments/{payment.payment_id}/refund"
    waiting = desk.told("finance", "POST", path, WHY)
    assert (waiting["status"], waiting["refund"]["request"]["by"]) == ("awaiting_approval", "operator:sue")
    (listed,) = desk.told("finance", "GET", "payments/unmatched", query="status=awaiting_approval")["payments"]
    assert listed["payment_id"] == payment.payment_id
    for command in ("approve", "reject"):
        assert desk.ask("operator", "POST", f"{path}/{command}", WHY)[1]["code"] == "not_in_group"
    status, refused = desk.ask("admin", "POST", f"{path}/approve", WHY)
    assert (status, refused["code"]) == (403, "own_refund_request")
    rejected = desk.told("finance", "POST", f"{path}/reject", WHY)
    assert (rejected["status"], rejected["refund"]["status"]) == ("waiting", "rejected")


def test_only_finance_decides_with_a_reason_and_of_what_is_there(desk: Desk) -> None:
    payment = under_paid(desk.world)
    decide = f"payments/{payment.payment_id}"
    refusals = [
        desk.ask(group, "POST", f"{path}/{command}", body)
        for command in ("accept", "refund", "dismiss")
        for group, path, body in (
            ("operator", decide, WHY),
            ("finance", decide, {}),
            ("finance", decide, {"reason": ""}),
            ("finance", decide, {**WHY, "amount": 1}),
            ("finance", "payments/upm_" + "0" * 26, WHY),
            ("finance", f"payments/{payment.order_id}", WHY),
        )
    ]
    codes = [(status, answer["code"]) for status, answer in refusals]
    expected = [(403, "not_in_group"), *[(422, "invalid_request")] * 3, *[(404, "payment_not_found")] * 2]
    assert codes == expected * 3
    for command in ("retry", "given-back"):
        said = WHY if command == "retry" else {**WHY, "reference": "T-77"}
        assert desk.ask("finance", "POST", f"{decide}/refund/{command}", said)[1]["code"] == "refund_not_found"
        path = f"payments/{payment.order_id}/refund/{command}"
        assert desk.ask("finance", "POST", path, said)[1]["code"] == "payment_not_found"
        path = f"orders/{payment.payment_id}/refunds/{model.refund_id(payment.payment_id)}/{command}"
        assert desk.ask("finance", "POST", path, said)[1]["code"] == "order_not_found"
    assert desk.ask("finance", "POST", f"{decide}/dismiss", WHY)[1]["code"] == "money_in_payment"
    assert desk.world.desk.payment(payment.payment_id) == payment


def test_finance_accepts_what_is_too_little_and_the_order_shows_what_came(desk: Desk) -> None:
    payment = under_paid(desk.world)
    accepted = desk.told("finance", "POST", f"payments/{payment.payment_id}/accept", WHY)
    assert (accepted["status"], accepted["decision"]["order_id"]) == ("accepted", payment.order_id)
    order = desk.told("finance", "GET", f"orders/{payment.order_id}")
    (attempt,) = order["payments"]
    assert (order["status"], attempt["status"], attempt["reference"]) == ("delivered", "paid", payment.reference)
    assert (attempt["received"]["amount_minor"], attempt["amount"]["amount_minor"]) == (500, 990)
    assert attempt["payment_id"] == payment.payment_id


def test_finance_says_which_order_a_stray_payment_is_of(desk: Desk) -> None:
    desk.world.stock_up(2)
    placed, other = desk.world.order(), desk.world.order()
    said = desk.world.confirmed(desk.world.callback(placed.attempt, out_trade_no="till-7"))
    desk.world.settlement.settle(said, PROVIDER)
    path, order_id = f"payments/{model.payment_id(said)}/assign", placed.order.order_id
    wrong = [
        desk.ask("finance", "POST", path, body)
        for body in (
            WHY,
            {**WHY, "order_id": "ord_nobody"},
            {**WHY, "order_id": order_id, "accept_amount": "yes"},
        )
    ]
    assert [answer["code"] for _, answer in wrong] == ["invalid_request", "order_not_found", "invalid_request"]
    assigned = desk.told("finance", "POST", path, {**WHY, "order_id": order_id})
    assert assigned == desk.told("finance", "POST", path, {**WHY, "order_id": order_id})
    _, refused = desk.ask("finance", "POST", path, {**WHY, "order_id": other.order.order_id})
    assert (refused["code"], refused["facts"]["order_id"]) == ("payment_already_decided", order_id)
    order = desk.told("finance", "GET", f"orders/{order_id}")
    first, second = order["payments"]
    assert (order["status"], first["status"]) == ("delivered", "open")
    assert (second["status"], second["known_as"], second["attempt_id"][-2:]) == ("paid", "till-7", "02")


def test_another_decision_is_told_what_was_decided_before(desk: Desk) -> None:
    payment = under_paid(desk.world)
    desk.told("finance", "POST", f"payments/{payment.payment_id}/refund", WHY)
    status, refused = desk.ask("admin", "POST", f"payments/{payment.payment_id}/dismiss", WHY)
    assert (status, refused["code"]) == (409, "payment_already_decided")
    assert (refused["facts"]["by"], refused["facts"]["status"]) == ("operator:sue", "refunding")


def test_a_payment_on_its_way_back_is_worked_on_from_the_stream_audited_and_booked(relay: Relay) -> None:
    world = relay.stage.world
    there = under_paid(world)
    due = world.payment_desk.refund(there.payment_id, PROVIDER)
    changes = [(None, there), (there, due)]
    assert relay.relays([relay.record(number, pair, "payments") for number, pair in enumerate(changes)]) == []
    assert relay.names() == ["payment.unmatched", "payment.refund_due"]
    assert relay.stage.messages("refunds") == [{"payment_id": there.payment_id}]
    assert closings(world) == {CLEARING: 500, SUSPENSE: -500}

    message = {"messageId": "m", "body": json.dumps({"payment_id": there.payment_id})}
    assert relay.stage.call("refunds", {"Records": [message]}) == {"batchItemFailures": []}
    refused = world.desk.payment(there.payment_id)
    assert refused.refund is not None
    assert (refused.refund.status, refused.refund.said) == ("failed", "not_supported")
    given = world.refund_desk.give_by_hand(there.payment_id, refused.refund.refund_id, "T-77", PROVIDER)
    later = [(due, refused), (refused, given)]
    assert relay.relays([relay.record(number, pair, "payments") for number, pair in enumerate(later, 2)]) == []
    assert relay.names()[2:] == ["payment.refund_failed", "payment.refund_succeeded"]
    assert closings(world) == {CLEARING: 500, "bank:CNY": -500, SUSPENSE: 0}  # it went by hand
    trace = world.audit.of(f"payment:{there.payment_id}")
    assert [record.what for record in trace.records] == [(name,) for name in relay.names()]


def test_an_accepted_payment_is_told_of_audited_and_booked_once_as_a_sale(relay: Relay) -> None:
    world = relay.stage.world
    there = under_paid(world)
    unpaid = world.orders.of_operator(str(there.order_id))
    accepted = world.payment_desk.accept(there.payment_id, PROVIDER)
    paid = world.orders.of_operator(str(there.order_id))
    records = [
        relay.record(0, (None, there), "payments"),
        relay.record(1, (there, accepted), "payments"),
        relay.record(2, (unpaid, paid), "orders"),
    ]
    assert relay.relays(records) == relay.relays(records) == []
    assert relay.names()[:4] == ["payment.unmatched", "payment.accepted", "order.paid", "order.delivered"]
    assert closings(world) == {CLEARING: 500, "sales:CNY": -500, SUSPENSE: 0}


def test_a_queue_reports_the_message_of_a_payment_that_is_not_there(stage: Stage) -> None:
    message = {"messageId": "m", "body": json.dumps({"payment_id": "upm_" + "0" * 26})}
    assert stage.call("refunds", {"Records": [message]}) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
