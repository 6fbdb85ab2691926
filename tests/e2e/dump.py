"""Everything that the stack keeps or says, read with the administrator's rights, and a search for secrets in it.

Left out is what keeps secrets on purpose (Secrets Manager, KMS) and what is code.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from infra.local.demo_client import send
from tests.e2e.shop import Shop

_MIN_FRAGMENT = 6  # letters of base 64 that do not depend on what stands beside the secret


def dump(shop: Shop) -> dict[str, bytes]:
    """What stands where, as bytes: each thing as text and each binary value as it is as well."""
    return dict(
        [
            *_tables(shop),
            *_queues(shop),
            *_logs(shop),
            *_workflows(shop),
            *_objects(shop),
            *_outside_world(shop),
            *_configuration(shop),
        ]
    )


def _tables(shop: Shop) -> Iterator[tuple[str, bytes]]:
    dynamodb = shop.aws("dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        pages = dynamodb.get_paginator("scan").paginate(TableName=name)
        yield f"table {name}", b"\n".join(_bytes_of(item) for page in pages for item in page["Items"])


def _queues(shop: Shop) -> Iterator[tuple[str, bytes]]:
    sqs = shop.aws("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        yield f"queue {url}", _bytes_of([found.get("Messages", []), attributes])
    yield "all queues", send("GET", f"{shop.card['endpoint_url']}/_ministack/sqs/messages").raw


def _logs(shop: Shop) -> Iterator[tuple[str, bytes]]:
    logs = shop.aws("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            events = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            lines = [event["message"] for found in events for event in found["events"]]
            yield f"log {group['logGroupName']}", "\n".join(lines).encode()


def _workflows(shop: Shop) -> Iterator[tuple[str, bytes]]:
    workflows = shop.aws("stepfunctions")
    for machine in workflows.list_state_machines()["stateMachines"]:
        for execution in workflows.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            history = workflows.get_execution_history(executionArn=execution["executionArn"])
            yield f"workflow {execution['name']}", _bytes_of(history["events"])


def _objects(shop: Shop) -> Iterator[tuple[str, bytes]]:
    s3, bucket = shop.aws("s3"), shop.card["bucket"]
    for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        yield f"object {entry['Key']}", s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()


def _outside_world(shop: Shop) -> Iterator[tuple[str, bytes]]:
    for kind in ("ses/messages", "sns/sms-messages"):
        yield kind, send("GET", f"{shop.card['endpoint_url']}/_ministack/{kind}").raw


def _configuration(shop: Shop) -> Iterator[tuple[str, bytes]]:
    functions, stacks = shop.aws("lambda"), shop.aws("cloudformation")
    yield "functions", _bytes_of(functions.list_functions()["Functions"])
    yield "stack", _bytes_of(stacks.describe_stacks()["Stacks"])
    yield "metrics", _bytes_of(shop.aws("cloudwatch").list_metrics()["Metrics"])


def _bytes_of(value: Any) -> bytes:
    binaries = list(_binaries(value))
    text = json.dumps(value, default=lambda odd: _text(odd) if isinstance(odd, bytes) else str(odd))
    return b"\n".join([text.encode(), *binaries])


def _binaries(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _binaries(item)
    elif isinstance(value, list):
        for item in value:
            yield from _binaries(item)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def leaks(found: dict[str, bytes], secrets: Iterable[str]) -> list[str]:
    """Where any of the secrets stands: as it is, in another case, without its dashes, encoded."""
    wanted = list(secrets)
    exact = {form for secret in wanted for form in _encoded(secret)}
    folded = {form for secret in wanted for form in _spelled(secret)}
    return [place for place, raw in found.items() if any(form in raw for form in exact) or _any_in(folded, raw.lower())]


def _any_in(forms: set[bytes], raw: bytes) -> bool:
    return any(form in raw for form in forms)


def _spelled(secret: str) -> set[bytes]:
    spellings = {secret, secret.replace("-", ""), secret.encode().hex(), quote(secret, safe="")}
    return {spelling.lower().encode() for spelling in spellings}


def _encoded(secret: str) -> set[bytes]:
    """Base 64 of the secret wherever it stands in what was encoded: at each of three offsets, its edges cut off."""
    forms = set()
    for text in {secret, secret.lower(), secret.upper(), secret.replace("-", "")}:
        for offset in range(3):
            raw = b"\0" * offset + text.encode()
            whole = base64.b64encode(raw)
            kept = whole[(offset * 8 + 5) // 6 : len(raw) * 8 // 6]
            assert len(kept) >= _MIN_FRAGMENT
            forms |= {kept, kept.replace(b"+", b"-").replace(b"/", b"_")}
    return forms
