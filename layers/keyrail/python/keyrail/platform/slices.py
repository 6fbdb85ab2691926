"""Work that takes longer than a call may: what a slice of it leaves goes back to the queue that the slice came from."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.platform.aws import client
from keyrail.platform.errors import Unavailable


class RestUnsent(Unavailable):
    """The rest of the work could not be put on the queue; the message of this slice comes again instead."""

    code = "rest_unsent"


def send_rest(queue_url: str, message: dict[str, Any], delay_s: int = 0) -> None:
    """At most 900 s later. Raises RestUnsent."""
    try:
        client("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(message), DelaySeconds=delay_s)
    except (ClientError, BotoCoreError) as error:
        raise RestUnsent from error
