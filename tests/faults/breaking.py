"""A wire to AWS that breaks on demand: at one request, in one way, at the very edge where botocore sends it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError


class Way(StrEnum):
    """What becomes of one request. botocore tries a request three times before it gives up."""

    REFUSED = "refused"  # it and its retries never arrive
    ANSWER_LOST = "answer_lost"  # it takes effect, its answer is lost, the retry arrives as a second one
    CUT_OFF = "cut_off"  # it takes effect, its answer is lost, no retry arrives
    KILLED = "killed"  # it takes effect, and the process is gone


# What only looks has no effect that could outlive its answer: refused and killed say all there is to say about it.
READS = ("GetItem", "Query", "Decrypt")
WAYS_OF_A_READ = frozenset({Way.REFUSED, Way.KILLED})


def breakable(requests: list[str], way: Way) -> list[int]:
    """The numbers of those requests that this way of breaking means anything for."""
    return [*range(len(requests))] if way in WAYS_OF_A_READ else writes(requests)


def writes(requests: list[str]) -> list[int]:
    return [number for number, request in enumerate(requests) if not request.endswith(READS)]


class Killed(BaseException):
    """The process is gone: no `except Exception` of ours may notice, and nothing is sent after it."""


@dataclass
class Wire:
    """Breaks at the request with the number `at` (from 0), if any, and remembers every request that was made."""

    at: int | None = None
    way: Way = Way.REFUSED
    requests: list[str] = field(default_factory=list)
    broken: bool = False
    _dead: bool = False
    _in_delivery: Any = None
    _numbers: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def carrying(self, *clients: Any) -> Iterator[None]:
        """All that the clients send goes over this wire, and nobody waits before a retry."""
        handlers = [(client, partial(self._pass, client)) for client in clients]
        for client, handler in handlers:
            client.meta.events.register_first("before-send", handler)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
                yield
        finally:
            for client, handler in handlers:
                client.meta.events.unregister("before-send", handler)

    def _pass(self, client: Any, event_name: str, request: Any, **_: Any) -> None:
        if request is self._in_delivery:
            return
        with self._lock:
            if self._dead:
                raise Killed
            number, is_retry = self._number(event_name, str(request.headers["amz-sdk-invocation-id"]))
            if number != self.at:
                return
            self.broken = True
            self._break(client, event_name, request, is_retry=is_retry)

    def _number(self, event_name: str, invocation: str) -> tuple[int, bool]:
        if invocation in self._numbers:
            return self._numbers[invocation], True
        self._numbers[invocation] = len(self.requests)
        self.requests.append(event_name.removeprefix("before-send."))
        return self._numbers[invocation], False

    def _break(self, client: Any, event_name: str, request: Any, *, is_retry: bool) -> None:
        if is_retry and self.way is Way.ANSWER_LOST:
            return
        if is_retry or self.way is Way.REFUSED:
            raise ConnectTimeoutError(endpoint_url=request.url)
        self._deliver(client, event_name, request)
        if self.way is Way.KILLED:
            self._dead = True
            raise Killed
        raise ReadTimeoutError(endpoint_url=request.url)

    def _deliver(self, client: Any, event_name: str, request: Any) -> None:
        """Let it take effect, and drop the answer. A double in memory answers in the place of the network."""
        self._in_delivery = request
        if client.meta.events.emit_until_response(event_name, request=request)[1] is None:
            client._endpoint.http_session.send(request)
