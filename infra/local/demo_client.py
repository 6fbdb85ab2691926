"""A plain client of the HTTP API, as a shop or an operator's console would have one: it knows addresses and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 30


class Unreachable(Exception):
    """Nobody answers at the address."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def text(self) -> str:
        return self.raw.decode(errors="replace")

    @property
    def json(self) -> Any:
        """None where the body is no JSON."""
        try:
            return json.loads(self.raw)
        except ValueError:
            return None


def send(
    method: str,
    url: str,
    *,
    token: str | None = None,
    document: Any = None,
    raw: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request, straight to its host: no proxy, no redirect, no second try. Raises Unreachable."""
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    if document is not None:
        raw = json.dumps(document).encode()
        sent.setdefault("content-type", "application/json")
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT_S)
    try:
        connection.request(method, parts._replace(scheme="", netloc="").geturl(), body=raw, headers=sent)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read())
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{method} {parts.netloc}: {error}") from error
    finally:
        connection.close()
