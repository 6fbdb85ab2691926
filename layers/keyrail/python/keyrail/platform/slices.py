"""Work that takes longer than a call may: what a slice of it leaves goes back to the queue that the slice came from,
and work of many parts goes there part by part.
"""

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.platform.aws import client
from keyrail.platform.errors import Unavailable


class RestUnsent(Unavailable):
    """What is left to do could not be put on the queue; the message of this slice comes again instead."""

    code = "rest_unsent"


def send_rest(queue_url: str, message: dict[str, Any], delay_s: int = 0) -> None:
    """At most 900 s later. Raises RestUnsent."""
    try:
        client("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(message), DelaySeconds=delay_s)
    except (ClientError, BotoCoreError) as error:
        raise RestUnsent from error


def send_parts(queue_url: str, messages: Sequence[dict[str, Any]]) -> None:
    """At most ten, in one request. Raises RestUnsent if one of them was not taken; the others may have been."""
    entries: Any = [{"Id": str(number), "MessageBody": json.dumps(each)} for number, each in enumerate(messages)]
    try:
        answer = client("sqs").send_message_batch(QueueUrl=queue_url, Entries=entries)
    except (ClientError, BotoCoreError) as error:
        raise RestUnsent from error
    if answer.get("Failed"):
        raise RestUnsent
