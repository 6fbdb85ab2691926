"""A request to one of the stand-ins, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Asked:
    """`target` is the path with its query as sent; header names are in lower case; `base` is where it was sent to."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    base: str


@dataclass(frozen=True)
class Answered:
    status: HTTPStatus
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: HTTPStatus, document: Mapping[str, Any]) -> Answered:
    return Answered(status, json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
