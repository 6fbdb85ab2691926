"""The local stack's suppliers: two accounts with the sandbox, made fresh for each stack."""

from __future__ import annotations

import json
import secrets
from typing import Any

from infra.local.deployment import client

NAMES = ("sandbox", "reserve")
"""Two, so that there is another one to go to."""

_IN_A_HURRY = {"settle_after_s": 1, "slow_after_s": 4, "hang_s": 0, "settlement_s": 45}
"""Nobody wants to wait a quarter of an hour for what becomes of an order that the supplier has lost."""

Card = dict[str, Any]


def fill_supplier_accounts(endpoint: str, secret_arn: str, api_url: str) -> Card:
    """Give the stack its suppliers, once in its life; returns the card's `suppliers`.

    Made anew at a later deployment they would differ from what a running function has already read.
    """
    store = client("secretsmanager", endpoint)
    known = json.loads(store.get_secret_value(SecretId=secret_arn)["SecretString"])
    accounts = {**{name: _fresh_account() for name in NAMES}, **known}
    for name in NAMES:
        accounts[name]["base_url"] = f"{api_url}/sandbox/supplier"
    store.put_secret_value(SecretId=secret_arn, SecretString=json.dumps(accounts))
    return {
        name: {
            "merchant": accounts[name]["merchant"],
            "base_url": accounts[name]["base_url"],
            "secret": accounts[name]["secrets"][0],
        }
        for name in NAMES
    }


def _fresh_account() -> Card:
    merchant = f"shop_{secrets.token_hex(6)}"
    return {"adapter": "sandbox", "merchant": merchant, "secrets": [secrets.token_hex(32)], **_IN_A_HURRY}
