"""The workflow as Step Functions runs it, with a function that answers its steps by a script."""

from __future__ import annotations

import io
import json
import secrets
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from infra.constructs.workflow import definition_of
from tests.local_cloud import LocalCloud

PATIENCE_S = 60
ROLE = "arn:aws:iam::000000000000:role/test"
# The n-th step of an execution does what stands at the n-th place of its order's id; `told` is told by a callback.
SCRIPTED = """
import os, botocore.session
client = botocore.session.get_session().create_client
def handler(event, _):
    script = event.get("order_id", "").split(".")
    if event["step"] == "await":
        if "told" in event["unit_id"]:
            client("stepfunctions").send_task_success(taskToken=event["task_token"], output="{}")
        return {}
    taken = client("dynamodb").update_item(
        TableName=os.environ["TABLE"], Key={"pk": {"S": event["unit_id"]}}, ReturnValues="ALL_NEW",
        UpdateExpression="ADD steps :one", ExpressionAttributeValues={":one": {"N": "1"}},
    )
    said = script[int(taken["Attributes"]["steps"]["N"]) - 1]
    if said == "breaks":
        raise RuntimeError("a step")
    return {"next": said, "wait_s": 1}
"""


@dataclass(frozen=True)
class Machine:
    cloud: LocalCloud
    arn: str

    def run(self, *script: str, told: bool = False) -> tuple[str, list[str]]:
        """How an execution ends whose steps answer so, and the states that it enters."""
        states, unit_id = self.cloud.client("stepfunctions"), f"unt_{'told' if told else ''}{secrets.token_hex(8)}"
        about = {"order_id": ".".join(script), "unit_id": unit_id}
        execution = states.start_execution(stateMachineArn=self.arn, name=unit_id, input=json.dumps(about))
        arn = execution["executionArn"]
        until = time.monotonic() + PATIENCE_S
        while (ended := states.describe_execution(executionArn=arn)["status"]) == "RUNNING":
            assert time.monotonic() < until, "it does not end"
            time.sleep(0.1)
        events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
        return ended, entered


@pytest.fixture(scope="module")
def machine(local_cloud: LocalCloud) -> Iterator[Machine]:
    name = f"scripted-{secrets.token_hex(6)}"
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("scripted.py", SCRIPTED)
    local_cloud.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    function = local_cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=ROLE,
        Handler="scripted.handler",
        Code={"ZipFile": package.getvalue()},
        Timeout=20,
        Environment={"Variables": {"TABLE": name}},
    )["FunctionArn"]
    # Retries are for a test too slow; what they repeat is the function's to bear, and proven there.
    definition = json.loads(definition_of("direct_recharge").replace("${direct_recharge}", function))
    for state in definition["States"].values():
        state.pop("Retry", None)
    machine = local_cloud.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE
    )
    yield Machine(local_cloud, machine["stateMachineArn"])
    local_cloud.client("stepfunctions").delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def test_a_recharge_that_succeeds_at_once_is_over_after_three_states(machine: Machine) -> None:
    assert machine.run("done") == ("SUCCEEDED", ["Place", "WhatNext", "Over"])


def test_who_is_told_goes_on_and_who_is_not_goes_on_in_time(machine: Machine) -> None:
    expected = ["Place", "WhatNext", "Await", "Ask", "WhatNext", "Over"]
    assert machine.run("ask", "done", told=True) == ("SUCCEEDED", expected)
    assert machine.run("ask", "done") == ("SUCCEEDED", expected)


def test_a_unit_goes_to_the_next_source_and_ends_with_a_person(machine: Machine) -> None:
    ended, entered = machine.run("place", "wait", "ask", "ask", "person", told=True)
    assert (ended, entered[:6], entered.count("Ask"), entered[-1]) == (
        "SUCCEEDED",
        ["Place", "WhatNext", "Place", "WhatNext", "WaitForSource", "Place"],
        2,
        "Over",
    )


@pytest.mark.parametrize("script", [("breaks", "person"), ("ask", "breaks", "person"), ("breaks", "breaks")])
def test_what_breaks_is_left_to_a_person_and_heard_of(machine: Machine, script: tuple[str, ...]) -> None:
    ended, entered = machine.run(*script, told=True)
    assert (ended, entered[-2:]) == ("FAILED", ["Leave", "BrokenOff"])
