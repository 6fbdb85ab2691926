"""What runs as the local cloud: MiniStack, with a bound on the processes of each function.

MiniStack starts another process for every call that finds all others busy, and each unpacks the layers for itself. A
hundred calls at once would be a hundred starts on a laptop's few cores, slower than any caller waits. Here a call
beyond the bound waits for a free process. No function of ours calls another one, so nobody waits for himself.

MiniStack takes a task's time-out for a number; in a workflow it may be an expression. It asks for a right of its own to
each of SQS's batches, where AWS asks for that to what stands in them; and where a task's token is sent, for a right to
everything, where AWS asks for one to the workflow whose task it is.

Runs in MiniStack's own environment, where nothing of this project is installed.
"""

from __future__ import annotations

import json
import os
import runpy
import threading
import time
from typing import Any

from ministack.core import iam_actions
from ministack.services import lambda_svc, stepfunctions

PROCESSES_A_FUNCTION = max(8, 2 * (os.cpu_count() or 1))
LONGEST_WAIT_S = 25.0
_LOOK_EVERY_S = 0.01
TOKENS_KNOWN = 10_000  # the youngest; who sends an older one is refused

_BATCHES = {each + "Batch": each for each in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")}

_acquire = lambda_svc.acquire_worker
_execute_task = stepfunctions._execute_task  # noqa: SLF001 - it offers no other place
_invoke_with_callback = stepfunctions._invoke_with_callback  # noqa: SLF001 - it offers no other place
_action_from_target = iam_actions._action_from_target  # noqa: SLF001 - it offers no other place
_extract_resource_arn = iam_actions.extract_resource_arn

_running = threading.local()
_machine_of: dict[str, str] = {}
"""By a task's token, also of one that is over: the workflow that it is of."""


def acquire_when_free(*arguments: Any, **named: Any) -> tuple[Any, str]:
    """As MiniStack's own; after the longest wait the call is throttled, as it would be on AWS."""
    until = time.monotonic() + LONGEST_WAIT_S
    while True:
        worker, reason = _acquire(*arguments, **{"max_concurrency": PROCESSES_A_FUNCTION, **named})
        if worker is not None or time.monotonic() > until:
            return worker, reason
        time.sleep(_LOOK_EVERY_S)


def execute_task_in_time(state: dict[str, Any], raw_input: Any, execution: Any, context: Any) -> Any:
    """As MiniStack's own, with a time-out that is reckoned first."""
    _running.machine = execution["stateMachineArn"]
    if isinstance(state.get("TimeoutSeconds"), str):
        seconds = stepfunctions._jsonata_state_field(  # noqa: SLF001 - as it reckons what it understands
            state, "TimeoutSeconds", "number", raw_input, context
        )
        state = {**state, "TimeoutSeconds": seconds}
    return _execute_task(state, raw_input, execution, context)


def invoke_with_known_token(resource: str, sent: Any, token: str, state: dict[str, Any]) -> Any:
    """As MiniStack's own; whose token it is is known from here on."""
    _machine_of[token] = _running.machine
    while len(_machine_of) > TOKENS_KNOWN:
        _machine_of.pop(next(iter(_machine_of)), None)
    return _invoke_with_callback(resource, sent, token, state)


def resource_by_token(service: str, *request: Any) -> str:
    """As MiniStack's own, with the workflow of the token that is sent."""
    found: str = _extract_resource_arn(service, *request)
    return found if service != "states" or found != "*" else _machine_of.get(_token(request[3]), found)


def _token(body: bytes) -> str:
    try:
        return str(json.loads(body)["taskToken"])
    except (ValueError, LookupError, TypeError):
        return ""


def action_by_target(headers: dict[str, str]) -> str | None:
    """As MiniStack's own, with the action that AWS authorizes a batch by."""
    action: str | None = _action_from_target(headers)
    return _BATCHES.get(action or "", action)


if __name__ == "__main__":
    lambda_svc.acquire_worker = acquire_when_free
    stepfunctions._execute_task = execute_task_in_time  # noqa: SLF001 - it offers no other place
    stepfunctions._invoke_with_callback = invoke_with_known_token  # noqa: SLF001 - it offers no other place
    iam_actions.extract_resource_arn = resource_by_token
    iam_actions._action_from_target = action_by_target  # noqa: SLF001 - it offers no other place
    runpy.run_module("ministack", run_name="__main__")
