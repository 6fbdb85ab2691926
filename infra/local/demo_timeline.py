"""The demo in the terminal: one line a step, with what came of it and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_INDENT = 12


class NotAsItShouldBe(Exception):
    """The product did something else than what the demo is there to show."""


def expect(holds: object, otherwise: str) -> None:
    """Raises NotAsItShouldBe."""
    if not holds:
        raise NotAsItShouldBe(otherwise)


class Timeline:
    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._began = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Yields what takes the step's result, which is shown beside its title."""
        said: list[str] = []
        began = time.monotonic()
        try:
            with self.console.status(title):
                yield said.append
        except BaseException:
            self._line("✗", "red", began, title, said)
            raise
        self._line("✓", "green", began, title, said)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(Padding(table, (0, 0, 0, _INDENT)))

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def _line(self, sign: str, style: str, began: float, title: str, said: Sequence[str]) -> None:
        took_ms = round((time.monotonic() - began) * 1000)
        line = Text.assemble(f"{took_ms:>6} ms ", (f" {sign}  ", style), (f"{title:<26}", "bold"), " ", "; ".join(said))
        self.console.print(line, soft_wrap=True)
