"""Counts what botocore sends: requests, capacity with indexes, refused conditions."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
_MEASURED = {*_WRITES, "BatchGetItem", "GetItem", "Query"}


@dataclass
class Tally:
    """Since the last `reset`. A refused conditional write costs its unit, although the engine reports none for it."""

    requests: Counter[str] = field(default_factory=Counter)
    write_units: int = 0
    read_halves: int = 0
    refused: int = 0

    @property
    def dynamodb_requests(self) -> int:
        return sum(count for name, count in self.requests.items() if name in _MEASURED)

    @property
    def single_writes(self) -> int:
        return self.requests["PutItem"] + self.requests["UpdateItem"]


class Meter:
    """Listens to clients; ask it for a tally around a piece of work."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._lock = Lock()

    def watch(self, client: Any) -> Any:
        events = client.meta.events
        for operation in _MEASURED:
            events.register(f"provide-client-params.dynamodb.{operation}", _ask_for_capacity)
        events.register("before-send.*.*", self._sent)
        events.register("after-call.dynamodb.*", self._answered)
        return client

    @contextmanager
    def tally(self) -> Iterator[Tally]:
        with self._lock:
            self._tally = Tally()
        yield self._tally

    def _sent(self, event_name: str, **_: Any) -> None:
        with self._lock:
            self._tally.requests[event_name.rpartition(".")[2]] += 1

    def _answered(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        with self._lock:
            if parsed.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                self._tally.refused += 1
                self._tally.write_units += 1
                return
            consumed = parsed.get("ConsumedCapacity") or []
            for part in consumed if isinstance(consumed, list) else [consumed]:
                units = float(part["CapacityUnits"])
                if model.name in _WRITES:
                    self._tally.write_units += round(units)
                else:
                    self._tally.read_halves += round(units * 2)


def _ask_for_capacity(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**params, "ReturnConsumedCapacity": "INDEXES"}
