"""The deployed stack, once a session: the real app, through the real command line, with IAM enforced.

Name the card of a running stack in `KEYRAIL_TEST_CARD` to save the deployment while working on a test.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.card import operator_token
from infra.local.ministack import MiniStack
from infra.local.sandbox_providers import SandboxProviders
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
        SandboxProviders(state).stop()
        cloud.stop()


@pytest.fixture(scope="session")
def shop(stack: Card) -> Shop:
    return Shop(stack, operator_token(stack))


@pytest.fixture(scope="session")
def token_of(shop: Shop) -> Callable[..., str]:
    """Signs in a new person who is in the named groups."""
    cognito, pool = shop.aws("cognito-idp"), shop.card["operator"]["user_pool_id"]

    def sign_in(*groups: str) -> str:
        person = {"username": f"person-{secrets.token_hex(4)}", "password": f"Aa1-{secrets.token_hex(12)}"}
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=person["username"],
            TemporaryPassword=person["password"],
            MessageAction="SUPPRESS",
        )
        cognito.admin_set_user_password(
            UserPoolId=pool, Username=person["username"], Password=person["password"], Permanent=True
        )
        for group in groups:
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=person["username"], GroupName=group)
        return operator_token({**shop.card, "operator": {**shop.card["operator"], **person}})

    return sign_in


@pytest.fixture(scope="session")
def well_stocked(shop: Shop) -> str:
    """A SKU with more keys than all tests together buy one by one."""
    return shop.new_sku(keys=60)
