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


def under_paid(world: World) -> UnmatchedPayment:
    world.stock_up(1)
    said = world.confirmed(world.callback(world.order().attempt, money="5.00"))
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


def test_only_finance_decides_with_a_reason_and_of_what_is_there(desk: Desk) -> None:
    payment = under_paid(desk.world)
    decide = f"payments/{payment.payment_id}"
    refusals = [
        desk.ask(group, "POST", f"{path}/{command}", body)
        for command in ("refund", "dismiss")
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
    assert codes == expected * 2
    for command in ("retry", "given-back"):
        said = WHY if command == "retry" else {**WHY, "reference": "T-77"}
        assert desk.ask("finance", "POST", f"{decide}/refund/{command}", said)[1]["code"] == "refund_not_found"
        path = f"payments/{payment.order_id}/refund/{command}"
        assert desk.ask("finance", "POST", path, said)[1]["code"] == "payment_not_found"
    assert desk.ask("finance", "POST", f"{decide}/dismiss", WHY)[1]["code"] == "money_in_payment"
    assert desk.world.desk.payment(payment.payment_id) == payment


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
    assert closings(world) == {CLEARING: 0, SUSPENSE: 0}
    trace = world.audit.of(f"payment:{there.payment_id}")
    assert [record.what for record in trace.records] == [(name,) for name in relay.names()]


def test_a_queue_reports_the_message_of_a_payment_that_is_not_there(stage: Stage) -> None:
    message = {"messageId": "m", "body": json.dumps({"payment_id": "upm_" + "0" * 26})}
    assert stage.call("refunds", {"Records": [message]}) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
