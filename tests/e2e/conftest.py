"""The deployed stack, once a session: the real app, through the real command line, with IAM enforced.

Name the card of a running stack in `KEYRAIL_TEST_CARD` to save the deployment while working on a test.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.card import operator_token
from infra.local.ministack import MiniStack
from infra.local.sandbox_stripe import SandboxStripe
from infra.local.settings import STATE
from infra.local.up import bring_up
from tests.e2e.shop import Shop

Card = dict[str, Any]


@pytest.fixture(scope="session")
def stack() -> Iterator[Card]:
    """What `.local/stack.json` says, of a stack that only this session uses."""
    if running := os.environ.get("KEYRAIL_TEST_CARD"):
        yield json.loads(Path(running).read_text())
        return
    state = STATE / "test-stack"
    cloud = MiniStack(state)
    cloud.stop()
    try:
        yield bring_up(state, state / "stack.json")
    finally:
        SandboxStripe(state).stop()
        cloud.stop()


@pytest.fixture(scope="session")
def shop(stack: Card) -> Shop:
    return Shop(stack, operator_token(stack))


@pytest.fixture(scope="session")
def well_stocked(shop: Shop) -> str:
    """A SKU with more keys than all tests together buy one by one."""
    return shop.new_sku(keys=60)
