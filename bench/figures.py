"""A measured figure, and what every measurement stands on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.meter import Meter
from tests.world import World


@dataclass(frozen=True)
class Figure:
    """`measured` against `limit`, or beside it without one; `why` says how it was counted."""

    budget: str
    measured: float
    limit: float | None = None
    why: str = ""

    @property
    def kept(self) -> bool:
        return self.limit is None or self.measured <= self.limit


@dataclass
class Bench:
    """`connect` makes clients of the engine under test, by service."""

    connect: Callable[[str], Any]

    def __post_init__(self) -> None:
        self.meter = Meter()
        self.dynamodb, self.kms = (self.meter.watch(self.connect(service)) for service in ("dynamodb", "kms"))

    def world(self) -> World:
        return World(self.dynamodb, self.kms)
