"""Messages of a work queue, each by itself."""

import json
from collections.abc import Callable
from typing import Any

from keyrail.platform import logs


def each_message(event: dict[str, Any], work: Callable[[dict[str, Any], str], object]) -> dict[str, Any]:
    """Have `work` done for the body and the id of each SQS message; the answer names those that failed.

    SQS brings a failed one again, and in the end to the dead-letter queue.
    """
    failed: list[dict[str, str]] = []
    for message in event["Records"]:
        message_id = message["messageId"]
        try:
            work(json.loads(message["body"]), message_id)
        except Exception as error:  # noqa: BLE001 - a poison message is its own problem, not its neighbours'
            logs.log_failure(error, message_id=message_id)
            failed.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failed}
