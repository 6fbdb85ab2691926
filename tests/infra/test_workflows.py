"""Workflows: what their definitions say, read as Step Functions would, and what they are given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.constructs.workflow import definition_of
from keyrail.ordering.model.patience import PATIENCE_MS, next_look_s
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import SupplyAttempt
from keyrail.suppliers.model.waiting import wait_s
from keyrail.suppliers.providers.settings import HOUR_MS, MAX_SETTLEMENT_HOURS
from tests.infra.template import Template

MOST_TRANSITIONS = 8
MOST_EVENTS = 25_000  # of one execution; Step Functions ends it at the next
EVENTS = {"Task": 6, "Choice": 2, "Wait": 2}  # of a state that is entered, at most, where nothing breaks
DAY_MS = 24 * HOUR_MS
DEFINITION: dict[str, Any] = json.loads(definition_of("direct_recharge"))
STATES: dict[str, Any] = DEFINITION["States"]


def way(*answers: str) -> list[str]:
    """The states that an execution enters whose steps answer so, one after the other; each is a transition."""
    entered, waiting, name = [], list(answers), DEFINITION["StartAt"]
    answer = ""
    while name is not None:
        entered.append(name)
        state = STATES[name]
        if state["Type"] == "Choice":
            name = next(
                (c["Next"] for c in state["Choices"] if c["Condition"] == f"{{% $states.input.next = '{answer}' %}}"),
                state["Default"],
            )
            continue
        if state["Type"] == "Task" and "waitForTaskToken" not in state["Resource"]:
            answer = waiting.pop(0)
        name = state.get("Next")
    assert not waiting
    return entered


def test_a_recharge_that_succeeds_at_once_takes_few_transitions() -> None:
    assert len(way("done")) == 3 <= MOST_TRANSITIONS


def test_a_recharge_whose_callback_comes_takes_as_few() -> None:
    assert len(way("ask", "done")) == 6 <= MOST_TRANSITIONS


def test_a_unit_that_nobody_can_supply_for_the_moment_waits_and_is_placed_again() -> None:
    assert way("wait", "wait", "done") == [*(["Place", "WhatNext", "WaitForSource"] * 2), "Place", "WhatNext", "Over"]
    assert STATES["WaitForSource"]["Seconds"] == STATES["Pause"]["Seconds"] == "{% $states.input.wait_s %}"


@pytest.mark.parametrize("chance", [0, 0.5, 1])
def test_the_longest_settlement_fits_into_one_execution_and_into_its_history(chance: float) -> None:
    lasts_ms = MAX_SETTLEMENT_HOURS * HOUR_MS
    attempt = SupplyAttempt(
        reference="1",
        source_id="first",
        supplier="main",
        item="1001",
        quantity=1,
        limit=Money(1, "CNY"),
        asked_at_ms=0,
        until_ms=lasts_ms,
    )
    now_ms, asked = 0, 0
    while now_ms < lasts_ms:
        now_ms, asked = now_ms + 1000 * wait_s(attempt, now_ms, chance), asked + 1
    events = sum(EVENTS[STATES[name]["Type"]] for name in ("Await", "Ask", "WhatNext"))
    assert asked * events < 0.6 * MOST_EVENTS, "the rest is for news, and for what is repeated"
    assert now_ms + DAY_MS <= 1000 * DEFINITION["TimeoutSeconds"]


@pytest.mark.parametrize("chance", [0, 0.5, 1])
def test_a_unit_that_waits_in_vain_looks_so_often_and_no_more(chance: float) -> None:
    now_ms, looks = 0, 0
    while now_ms < PATIENCE_MS:
        now_ms, looks = now_ms + 1000 * next_look_s(PATIENCE_MS, now_ms, chance), looks + 1
    assert 3 * looks <= 66, "transitions"


def test_a_unit_goes_on_at_the_next_source_and_ends_where_a_person_has_it() -> None:
    assert way("place", "ask", "place", "person") == [
        *("Place", "WhatNext"),
        *("Place", "WhatNext"),
        *("Await", "Ask", "WhatNext"),
        *("Place", "WhatNext"),
        "Over",
    ]


def test_every_state_is_reached_and_every_way_leads_to_a_state() -> None:
    named = {DEFINITION["StartAt"]}
    for state in STATES.values():
        targets = [state, *state.get("Catch", []), *state.get("Choices", [])]
        named |= {each["Next"] for each in targets if "Next" in each} | {state.get("Default")} - {None}
    assert named == set(STATES)


def test_every_step_is_repeated_with_growing_waits_and_none_is_lost_when_it_breaks() -> None:
    for name, state in STATES.items():
        if state["Type"] != "Task":
            continue
        assert all(each["BackoffRate"] > 1 and each["JitterStrategy"] == "FULL" for each in state["Retry"]), name
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
        assert state["TimeoutSeconds"], name
    assert STATES["Place"]["Catch"][0]["Next"] == STATES["Ask"]["Catch"][0]["Next"] == "Leave"


def test_whoever_waits_asks_when_the_wait_is_over_and_when_nobody_can_be_told() -> None:
    timed_out, broken = STATES["Await"]["Catch"]
    assert (timed_out["ErrorEquals"], timed_out["Next"]) == (["States.Timeout"], "Ask")
    assert (STATES[broken["Next"]]["Type"], STATES[broken["Next"]]["Next"]) == ("Wait", "Ask")
    assert "States.ALL" not in [error for each in STATES["Await"]["Retry"] for error in each["ErrorEquals"]]


def test_nothing_but_ids_and_what_is_next_stands_in_the_history() -> None:
    payloads = [state["Arguments"]["Payload"] for state in STATES.values() if state["Type"] == "Task"]
    assert {name for each in payloads for name in each} == {
        "step",
        "order_id",
        "unit_id",
        "execution",
        "task_token",
        "wait_s",
    }


def test_a_workflow_is_logged_traced_and_may_call_its_function_alone(prod: Template) -> None:
    (machine,) = prod.all("AWS::StepFunctions::StateMachine")
    logging = machine.properties["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
    assert machine.properties["TracingConfiguration"] == {"Enabled": True}
    invoked = [
        statement
        for policy in prod.all("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
    ]
    assert len(invoked) == 1
    assert "DirectRecharge" in json.dumps(invoked[0]["Resource"])


def test_somebody_hears_of_a_workflow_that_breaks_off(prod: Template) -> None:
    watched = {
        alarm.properties["MetricName"]
        for alarm in prod.all("AWS::CloudWatch::Alarm")
        if alarm.properties.get("Namespace") == "AWS/States"
    }
    assert watched == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled"}
