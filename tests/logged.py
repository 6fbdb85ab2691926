"""What a piece of code logs, as CloudWatch would have it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keyrail.platform import logs


@contextmanager
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that have come so far, read as JSON."""
    out = io.StringIO()
    listening = logging.StreamHandler(out)
    logger = logging.getLogger(logs.logger().name)
    listening.setFormatter(logger.handlers[0].formatter)
    logger.addHandler(listening)
    try:
        yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    finally:
        logger.removeHandler(listening)
