"""`make up`: the stack on the local cloud, current and ready to use; does only what is not done yet."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.bundling.bundles import Bundles
from infra.local import deployment
from infra.local.card import make_card, write_card
from infra.local.ministack import MiniStack
from infra.local.sandbox_providers import SandboxProviders
from infra.local.settings import CARD, STATE
from infra.stages import LOCAL

_console = Console(highlight=False)


def bring_up(state: Path = STATE, card: Path = CARD) -> dict[str, Any]:
    """Every step is skipped if its result is there, and repaired if a kill left it half done."""
    cloud = MiniStack(state)
    with step("local cloud") as note:
        endpoint = cloud.start(enforce_iam=True)
        if deployment.is_broken(endpoint):
            note("a half-made stack was thrown away")
            cloud.stop()
            endpoint = cloud.start(enforce_iam=True)
        providers_base = SandboxProviders(state).start(card)
    if deployment.is_current(endpoint) and (known := read_card(card, endpoint, providers_base)):
        _console.print(f"[green]✓[/] stack is up to date at {endpoint}")
        return known
    with step("layers"):
        Bundles.build(LOCAL.target)
    with step("template, checked"):
        deployment.assembly("local")
    with step("deployment"):
        deployment.deploy(endpoint)
    with step("operator, and accounts with providers and suppliers"):
        content = make_card(endpoint, deployment.outputs(endpoint), providers_base)
        write_card(card, content)
    return content


def read_card(path: Path, endpoint: str, providers_base: str) -> dict[str, Any] | None:
    """The card, if it was written for the stack at this address, and for these stand-ins of the providers."""
    try:
        card: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    here = card.get("endpoint_url") == endpoint and card["payments"]["stripe"]["api_base"] == providers_base
    return card if here else None


@contextmanager
def step(title: str) -> Iterator[Any]:
    """Show that something long is under way, and how long it took."""
    notes: list[str] = []
    began = time.monotonic()
    if not _console.is_terminal:
        _console.print(f"  {title} ...")
    with _console.status(title):
        yield notes.append
    said = f" ({'; '.join(notes)})" if notes else ""
    _console.print(f"[green]✓[/] {title}{said} [dim]{time.monotonic() - began:.1f} s[/]")


def main() -> int:
    try:
        card = bring_up()
    except RuntimeError as error:
        _console.print("[red]✗[/]", end=" ")
        # Not the console's own wrapping and markup: this may be a stack trace with brackets in it.
        print(error, flush=True)
        return 1
    _console.print(f"  api       {card['api_url']}\n  endpoint  {card['endpoint_url']}\n  card      {CARD}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
