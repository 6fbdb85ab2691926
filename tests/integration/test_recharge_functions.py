"""The functions around units that are supplied: their steps, what starts them, and who looks for forgotten ones."""

from __future__ import annotations

import json
import os
import secrets
from itertools import pairwise
from typing import Any

import pytest

from functions.direct_recharge import handler as direct_recharge
from functions.scheduled_jobs import handler as scheduled_jobs
from keyrail.fulfilment.service import forgotten
from keyrail.fulfilment.service.recharging import Turn
from keyrail.ordering.model.orders import Line, Order, OrderStatus, UnitStatus
from keyrail.ordering.model.steps import pay
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import DisputeState
from keyrail.platform import workflows
from keyrail.platform.metrics import Metric
from tests.disputes import dispute_of
from tests.integration.test_relay import Relay, relay
from tests.integration.test_triggers import Stage, stage
from tests.recharging import PATIENCE, PHONE, buy, recharge, sell, supplied, take, unit_of
from tests.supplier import Plan
from tests.world import SYSTEM, World

__all__ = ["relay", "stage"]


def begin(world: World, *plans: Plan) -> Placed:
    sku_id = sell(world, recharge("first"))
    world.wholesalers["first"].plans += plans
    return buy(world, sku_id)


def started(stage: Stage) -> dict[str, Any]:
    """Inputs by the names of all executions."""
    states, arn = stage.cloud.client("stepfunctions"), os.environ["DIRECT_RECHARGE_ARN"]
    executions = states.list_executions(stateMachineArn=arn)["executions"]
    return {
        each["name"]: json.loads(states.describe_execution(executionArn=each["executionArn"])["input"])
        for each in executions
    }


def step(name: str, placed: Placed, stage: Stage, **more: Any) -> dict[str, Any]:
    unit_id = unit_of(stage.world, placed).unit_id
    event = {"step": name, "order_id": placed.order.order_id, "unit_id": unit_id, "execution": "run-1", **more}
    return direct_recharge.handler(event, None)


def sweep(stage: Stage) -> None:
    record = {"messageId": "m-1", "body": json.dumps({"job": "sweep_units"})}
    assert scheduled_jobs.handler({"Records": [record]}, None) == {"batchItemFailures": []}


def relayed(relay: Relay, *orders: Order | None) -> None:
    pairs = [relay.record(0, (old, new), "orders") for old, new in pairwise(orders) if new]
    for record in pairs:
        record["dynamodb"]["Keys"] = {"order_id": record["dynamodb"]["NewImage"]["order_id"]}
    assert relay.relays(pairs) == []


def test_steps_say_what_is_next_and_leave_their_name_on_the_order(stage: Stage) -> None:
    placed = begin(stage.world)
    direct_recharge.recharging.cache_clear()
    left = step("leave", placed, stage)
    assert left == {"next": "person", "wait_s": 0}
    order = stage.world.orders.of_operator(placed.order.order_id)
    assert (order.changed_by, order.changed_from) == ("system:direct_recharge", "run-1")
    assert step("ask", placed, stage) == step("place", placed, stage) == left


def test_a_step_that_breaks_says_a_code_and_nothing_else(stage: Stage) -> None:
    placed = begin(stage.world)
    for event, code in (
        ({"step": "place", "order_id": PHONE, "unit_id": PHONE, "execution": "x"}, "order_not_found"),
        ({"step": "place", "order_id": placed.order.order_id}, "internal_error"),
        ({"step": PHONE}, "internal_error"),
    ):
        with pytest.raises(direct_recharge.StepFailed) as failed:
            direct_recharge.handler(event, None)
        assert (str(failed.value), failed.value.__suppress_context__) == (code, True)


def test_whoever_begins_to_wait_after_the_news_is_told_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(workflows, "go_on", told.append)
    placed = begin(stage.world)
    assert step("await", placed, stage, task_token="first", wait_s=60) == {}
    assert stage.world.news.tell(unit_of(stage.world, placed).unit_id) == "first"
    assert step("await", placed, stage, task_token="second", wait_s=60) == {}
    assert told == ["second"]


def test_nobody_waits_with_a_token_of_the_past(stage: Stage) -> None:
    assert workflows.go_on(secrets.token_hex(16)) is False


def test_a_paid_unit_is_started_once_by_its_own_name(stage: Stage, relay: Relay) -> None:
    placed = begin(stage.world)
    paid = stage.world.orders.of_operator(placed.order.order_id)
    for _ in range(2):
        relayed(relay, placed.order, paid)
    unit_id = paid.units[0].unit_id
    assert started(stage) == {unit_id: {"order_id": paid.order_id, "unit_id": unit_id}}
    assert PHONE not in json.dumps(relay.bus.told)


def test_an_order_of_keys_starts_nothing(stage: Stage, relay: Relay) -> None:
    placed = stage.world.order()
    stage.world.pay(placed.attempt)
    relayed(relay, None, placed.order, stage.world.orders.of_operator(placed.order.order_id))
    assert started(stage) == {}


def test_a_unit_that_cannot_be_started_comes_again(stage: Stage, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> bool:
        raise workflows.WorkflowUnavailable

    monkeypatch.setattr(workflows, "start", refuse)
    placed = begin(stage.world)
    record = relay.record(7, (placed.order, stage.world.orders.of_operator(placed.order.order_id)), "orders")
    record["dynamodb"]["Keys"] = {"order_id": record["dynamodb"]["NewImage"]["order_id"]}
    assert relay.relays([record]) == [f"{7:021d}"]


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has patience: whatever is not moving at this moment has not moved for long."""
    monkeypatch.setattr(forgotten, "STALE_MS", -1000)


@pytest.mark.usefixtures("late")
def test_a_forgotten_unit_is_started_again_and_is_a_persons_when_that_came_to_nothing(stage: Stage) -> None:
    placed, done = begin(stage.world), begin(stage.world)
    supplied(stage.world, done)
    sweep(stage)
    order = stage.world.orders.of_operator(placed.order.order_id)
    unit_id = order.units[0].unit_id
    assert started(stage) == {f"{unit_id}-{order.version}": {"order_id": order.order_id, "unit_id": unit_id}}
    sweep(stage)
    assert unit_of(stage.world, placed).work is not None
    sweep(stage)
    assert len(started(stage)) == 1
    assert unit_of(stage.world, done).status is UnitStatus.DELIVERED


@pytest.mark.usefixtures("late")
def test_a_unit_that_nobody_asks_about_any_more_is_asked_about_again(stage: Stage) -> None:
    waits, forgotten_unit = (begin(stage.world, Plan.STUCK) for _ in range(2))
    for each in (waits, forgotten_unit):
        take(stage.world, each.order.order_id, unit_of(stage.world, each).unit_id, Turn.PLACE)
    stage.world.news.wait(unit_of(stage.world, waits).unit_id, "token", stage.world.now_ms() + 60_000)
    sweep(stage)
    (name,) = started(stage)
    assert name.startswith(unit_of(stage.world, forgotten_unit).unit_id)


@pytest.mark.usefixtures("late")
def test_a_unit_whose_order_is_paid_and_no_more_is_found(stage: Stage) -> None:
    sku_id = sell(stage.world, recharge("first"))
    placed = stage.world.order(lines=(Line(sku_id, 1, recharge_account={"phone": PHONE}),))
    paid = pay(placed.order, placed.attempt.attempt_id, "T-1", SYSTEM, stage.world.now_ms())
    assert paid.status is OrderStatus.PAID
    assert stage.world.orders.replace(placed.order, paid)
    sweep(stage)
    assert [each["unit_id"] for each in started(stage).values()] == [paid.units[0].unit_id]


@pytest.mark.usefixtures("late")
def test_a_unit_that_stands_still_for_a_bank_is_not_forgotten(stage: Stage) -> None:
    stage.world.disputes.hear(dispute_of(begin(stage.world), DisputeState.OPEN), SYSTEM)
    sweep(stage)
    assert started(stage) == {}


@pytest.mark.usefixtures("late")
def test_a_round_goes_on_where_its_last_part_ended(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgotten, "PAGE_LENGTH", 1)
    monkeypatch.setattr(forgotten, "MAX_PAGES", 3)
    parts: list[dict[str, Any]] = [{"job": "sweep_units"}]
    monkeypatch.setattr(scheduled_jobs, "send_rest", lambda _, message: parts.append(json.loads(json.dumps(message))))
    placed = {begin(stage.world).order.order_id for _ in range(6)}
    for number, part in enumerate(parts):  # which grows meanwhile
        assert number < PATIENCE, "a round without an end"
        record = {"messageId": "m-1", "body": json.dumps(part)}
        assert scheduled_jobs.handler({"Records": [record]}, None) == {"batchItemFailures": []}
    assert (len(parts) > 2, {each["order_id"] for each in started(stage).values()}) == (True, placed)


@pytest.mark.usefixtures("late")
def test_an_order_that_nobody_understands_keeps_nobody_from_those_beside_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = [begin(stage.world) for _ in range(3)]
    stage.world.dynamodb.update_item(
        TableName=stage.world.names["orders"],
        Key={"order_id": {"S": placed[1].order.order_id}},
        UpdateExpression="SET store_id = :nonsense",
        ExpressionAttributeValues={":nonsense": {"N": "1"}},
    )
    rung: list[Metric] = []
    monkeypatch.setattr("keyrail.platform.metrics.count", rung.append)
    sweep(stage)
    understood = {each.order.order_id for each in (placed[0], placed[2])}
    assert {each["order_id"] for each in started(stage).values()} == understood
    assert rung == [Metric.ORDER_UNREADABLE]


def test_what_moved_a_moment_ago_is_not_forgotten(stage: Stage) -> None:
    begin(stage.world)
    sweep(stage)
    assert started(stage) == {}
