"""The function that asks: the clock's message finds the orders, and each order's message finds its payment."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.event_relay.stream import Change
from functions.event_relay.work import work_of
from functions.payment_inquiries.handler import WAITS_S
from keyrail.ordering.model.events import events_between
from keyrail.ordering.model.orders import OrderStatus
from keyrail.ordering.model.questions import AGES_MS
from keyrail.ordering.service.checkout import Placed, WayToPay
from tests.epay_gateway import KEY, PID, EpayGateway
from tests.integration import test_triggers
from tests.integration.test_triggers import forget, sample, secret, stage
from tests.provider_server import serving
from tests.world import BUYER

__all__ = ["stage"]

LOOK = {"job": "ask_about_unpaid"}


@pytest.fixture
def gateway(stage: test_triggers.Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[EpayGateway]:
    """epay's, on the loopback, for the account that orders are placed with."""
    with serving() as provider:
        epay = {"pid": PID, "key": KEY, "gateway_url": provider.url, "read_timeout_s": 1}
        settings = json.dumps({"epay": {"main": epay}})
        monkeypatch.setenv("PAYMENT_ACCOUNTS_SECRET_ARN", secret(stage.cloud, settings))
        forget()
        yield EpayGateway(provider, now_s=0)


def due_order(stage: test_triggers.Stage) -> Placed:
    stage.world.ahead_ms = -AGES_MS[0] - 1
    return stage.world.order()


def said(stage: test_triggers.Stage, *messages: dict[str, Any]) -> list[str]:
    """What the function reports as failed."""
    (record,) = sample("payment_inquiries")["Records"]
    records = [{**record, "messageId": str(at), "body": json.dumps(each)} for at, each in enumerate(messages)]
    failed = stage.call("payment_inquiries", {"Records": records})["batchItemFailures"]
    return [each["itemIdentifier"] for each in failed]


def test_a_callback_lost_altogether_is_made_up_for_by_the_clock(
    stage: test_triggers.Stage, gateway: EpayGateway
) -> None:
    placed, unpaid = due_order(stage), due_order(stage)
    gateway.paid(placed.attempt.attempt_id, placed.order.total.decimal())
    assert said(stage, LOOK) == []
    messages = stage.messages("inquiries")
    assert sorted(each["order_id"] for each in messages) == sorted([placed.order.order_id, unpaid.order.order_id])
    assert said(stage, *messages, *messages) == []
    order = stage.world.orders.of_operator(placed.order.order_id)
    assert (order.status, order.changed_by) == (OrderStatus.DELIVERED, "system:payment_inquiries")
    assert stage.world.orders.of_operator(unpaid.order.order_id) == unpaid.order
    assert said(stage, LOOK) == []
    assert stage.messages("inquiries") == []


def test_of_an_order_that_was_paid_in_one_of_several_ways_the_others_are_asked_about_for_a_while(
    stage: test_triggers.Stage, gateway: EpayGateway
) -> None:
    placed = stage.world.order()
    way = WayToPay(provider="epay", method="wxpay", return_url="https://shop.example")
    other = stage.world.checkout.start_payment(placed.order.order_id, placed.token, way, BUYER).attempt
    (message,) = work_of_paying(stage, placed)
    assert message == {"order_id": placed.order.order_id, "asked": 0}
    assert work_of_paying(stage, stage.world.order()) == []

    assert said(stage, message) == []
    assert waiting_later(stage) == 1
    gateway.paid(other.attempt_id, placed.order.total.decimal())
    for asked in range(1, len(WAITS_S) + 1):
        assert said(stage, {**message, "asked": asked}) == []
        assert waiting_later(stage) == min(asked + 1, len(WAITS_S))
    (refund,) = stage.world.orders.of_operator(placed.order.order_id).refunds
    assert (refund.attempt_id, refund.amount) == (other.attempt_id, placed.order.total)


def work_of_paying(stage: test_triggers.Stage, placed: Placed) -> list[dict[str, Any]]:
    """What the relay sends to queues for it."""
    before = stage.world.orders.of_operator(placed.order.order_id)
    stage.world.pay(placed.attempt)
    paid = stage.world.orders.of_operator(placed.order.order_id)
    return [dict(message) for _, message in work_of(Change(paid, events_between(before, paid), before))]


def waiting_later(stage: test_triggers.Stage) -> int:
    counted = stage.cloud.client("sqs").get_queue_attributes(
        QueueUrl=stage.queues["inquiries"], AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )
    return int(counted["Attributes"]["ApproximateNumberOfMessagesDelayed"])


def test_a_gateway_that_fails_is_asked_again_at_the_next_age_and_not_before(
    stage: test_triggers.Stage, gateway: EpayGateway
) -> None:
    placed = due_order(stage)
    gateway.provider.always(500, b"<html>")
    assert said(stage, {"order_id": placed.order.order_id}) == []
    assert stage.world.orders.of_operator(placed.order.order_id) == placed.order


def test_orders_that_could_not_be_put_on_the_queue_are_found_by_the_next_look(
    stage: test_triggers.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = due_order(stage)
    with monkeypatch.context() as broken:
        broken.setenv("INQUIRY_QUEUE_URL", f"{stage.queues['inquiries']}-gone")
        forget()
        assert said(stage, LOOK) == ["0"]
    forget()
    assert said(stage, LOOK) == []
    assert stage.messages("inquiries") == [{"order_id": placed.order.order_id}]


def test_a_look_that_takes_long_goes_on_with_a_message_of_its_own(
    stage: test_triggers.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyrail.ordering.service.questions.MAX_QUERIES", 7)
    placed = due_order(stage)
    waiting, found, parts = [LOOK], [], 0
    while waiting:
        message: dict[str, Any] = waiting.pop()
        parts += "job" in message
        if "job" in message:
            assert said(stage, message) == []
            waiting += stage.messages("inquiries")
        else:
            found.append(message)
    assert found == [{"order_id": placed.order.order_id}]
    assert parts > 1


@pytest.mark.parametrize("message", [{"job": "tidy_up"}, {}, {"job": "ask_about_unpaid", "look": {"since_ms": 1}}])
def test_a_message_that_nobody_understands_is_reported_and_stops_no_other(
    stage: test_triggers.Stage, message: dict[str, Any]
) -> None:
    placed = due_order(stage)
    assert said(stage, message, LOOK) == ["0"]
    assert stage.messages("inquiries") == [{"order_id": placed.order.order_id}]
