"""Workflows that are started by a name, and wait until somebody tells them to go on."""

import json

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.platform.aws import client
from keyrail.platform.errors import Unavailable

_NOBODY_WAITS = {"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"}


class WorkflowUnavailable(Unavailable):
    """It may have been started, or told: the same again has the effect of once."""

    code = "workflow_unavailable"


def start(machine_arn: str, name: str, about: dict[str, str]) -> bool:
    """False if one was started under that name before. Raises WorkflowUnavailable."""
    try:
        client("stepfunctions").start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(about))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionAlreadyExists":
            return False
        raise WorkflowUnavailable from error
    except BotoCoreError as error:
        raise WorkflowUnavailable from error
    return True


def go_on(token: str) -> bool:
    """Whoever waits with that token waits no more; False if nobody does. Raises WorkflowUnavailable."""
    try:
        client("stepfunctions").send_task_success(taskToken=token, output="{}")
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOBODY_WAITS:
            return False
        raise WorkflowUnavailable from error
    except BotoCoreError as error:
        raise WorkflowUnavailable from error
    return True
