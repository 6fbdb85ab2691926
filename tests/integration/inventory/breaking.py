"""Processes that die, and requests that are counted, at the port to AWS."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

READS = {"get_item", "batch_get_item"}
WRITES = {"put_item", "update_item", "transact_write_items", "generate_data_key", "decrypt"}


class Killed(BaseException):
    """The process is gone. No `except Exception` of ours may notice."""


@dataclass
class Life:
    """How many writes a process sends before it dies: `after` says whether the last one still took effect."""

    writes: int | None = None
    after: bool = False
    sent: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def goes_on(self, operation: str) -> bool:
        """Raises Killed for every request behind the last; False says that this is the last."""
        with self._lock:
            if operation in READS or self.writes is None:
                self.sent.append(operation)
                return True
            written = sum(name not in READS for name in self.sent)
            if written >= self.writes:
                raise Killed
            self.sent.append(operation)
            if written + 1 < self.writes:
                return True
        if not self.after:
            raise Killed
        return False


class Watched:
    """A client before or behind whose requests something else happens: `meanwhile` is told each of them."""

    def __init__(self, client: Any, meanwhile: Callable[[str, dict[str, Any]], None], *, after: bool = False) -> None:
        self._client = client
        self._meanwhile = meanwhile
        self._after = after

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if name not in READS | WRITES:
            return attribute

        def call(**request: Any) -> Any:
            if not self._after:
                self._meanwhile(name, request)
            answer = attribute(**request)
            if self._after:
                self._meanwhile(name, request)
            return answer

        return call


class Mortal:
    """A client whose process dies; it counts what was sent."""

    def __init__(self, client: Any, life: Life) -> None:
        self._client = client
        self._life = life

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if name not in READS | WRITES:
            return attribute

        def call(**request: Any) -> Any:
            goes_on = self._life.goes_on(name)
            answer = attribute(**request)
            if not goes_on:
                raise Killed
            return answer

        return call
