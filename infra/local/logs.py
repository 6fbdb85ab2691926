"""`make logs`: what the functions of the local stack logged, in the order in which it happened.

make logs                             everything
make logs ARGS="key_import"           one function
make logs ARGS="--follow"             and what comes
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from infra.local.deployment import client
from infra.local.settings import CARD

_PLATFORM_LINES = ("START ", "END ", "REPORT ", "INIT_START ")
_COLOURS = {"ERROR": "red", "CRITICAL": "red", "WARNING": "yellow"}
_POLL_S = 1.0
_Identity = tuple[str, str, int, str]
_SHOWN_FIRST = ("level", "message", "location", "timestamp", "service")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make logs", description="What the functions of the local stack logged.")
    parser.add_argument("functions", nargs="*", help="only these functions")
    parser.add_argument("--follow", action="store_true", help="go on with what comes")
    options = parser.parse_args()
    try:
        card = json.loads(CARD.read_text())
    except OSError:
        print("there is no local stack; `make up` brings one up", file=sys.stderr)
        return 1
    groups = {name: group for name, group in card["logs"].items() if not options.functions or name in options.functions}
    seen: set[_Identity] = set()
    console = Console(highlight=False, soft_wrap=True)
    try:
        while True:
            for at, name, message in _new_lines(card["endpoint_url"], groups, seen):
                console.print(_line(at, name, message))
            if not options.follow:
                return 0
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        return 0


def _new_lines(endpoint: str, groups: dict[str, str], seen: set[_Identity]) -> list[tuple[int, str, str]]:
    logs = client("logs", endpoint)
    lines = []
    for name, group in groups.items():
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
            for event in page["events"]:
                # The local cloud gives its events no id.
                identity = (name, event["logStreamName"], event["timestamp"], event["message"])
                if identity in seen or event["message"].startswith(_PLATFORM_LINES):
                    continue
                seen.add(identity)
                lines.append((event["timestamp"], name, event["message"].rstrip()))
    return sorted(lines)


def _line(at: int, name: str, message: str) -> Text:
    moment = datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    entry = _json_object(message)
    text = Text.assemble((moment, "dim"), " ", (f"{name:<16}", "cyan"), " ")
    if entry is None or "message" not in entry:
        return text.append(message)
    level = str(entry.get("level", ""))
    text.append(f"{level:<8}", _COLOURS.get(level, "green")).append(str(entry["message"]))
    for key, value in entry.items():
        if key not in _SHOWN_FIRST:
            text.append(f" {key}=", "dim").append(str(value))
    return text


def _json_object(message: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(message)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


if __name__ == "__main__":
    sys.exit(main())
