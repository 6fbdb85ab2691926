"""The local stack's accounts at payment providers: made fresh for each stack, told to the functions and to the card."""

from __future__ import annotations

import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from infra.local.deployment import client

NAME = "main"
_EPAY_PID = "1001"
_PROVIDERS_KEYS = "keyrail-local-provider-keys"
_RETURN_URL = "https://shop.example/thanks"
_LATE_AFTER_S = 30
"""Sooner than the order expires, so that nobody has to wait for a late payment: cancel the order meanwhile."""

Card = dict[str, Any]


def fill_payment_accounts(endpoint: str, secret_arn: str, base: str, api_url: str) -> tuple[Card, Card]:
    """Give each provider an account with secrets of its own, once in the life of a stack.

    Made anew at a later deployment they would differ from what a running function has already read. `base` is where the
    providers' stand-ins are. Returns the card's `payments`, and its `sandbox`.
    """
    store = client("secretsmanager", endpoint)
    known = json.loads(store.get_secret_value(SecretId=secret_arn)["SecretString"])
    keys = _providers_keys(store)
    accounts = {**_fresh_accounts(keys), **known}
    mine = {provider: named[NAME] for provider, named in accounts.items()}
    mine["stripe"]["api_base"] = mine["wechatpay"]["api_base"] = base
    mine["alipay"]["gateway_url"] = f"{base}/gateway.do"
    mine["sandbox"]["base_url"] = f"{api_url}/sandbox"
    store.put_secret_value(SecretId=secret_arn, SecretString=json.dumps(accounts))
    return _payments(mine, keys), _sandbox(mine["sandbox"])


def _payments(mine: dict[str, Card], keys: dict[str, str]) -> Card:
    """What a client needs to stand in for each provider, and no key of the merchant's that signs for us."""
    stripe, wechatpay, alipay, epay = (mine[name] for name in ("stripe", "wechatpay", "alipay", "epay"))
    (platform_serial,) = wechatpay["platform_keys"]
    return {
        "stripe": {
            "account": NAME,
            **{name: stripe[name] for name in ("account_id", "secret_key", "webhook_secret", "api_base")},
        },
        "wechatpay": {
            "account": NAME,
            **{name: wechatpay[name] for name in ("mchid", "appid", "serial", "api_base")},
            "apiv3_key": wechatpay["apiv3_keys"][0],
            "platform_serial": platform_serial,
            "platform_private_key": keys["wechatpay"],
            "merchant_public_key": _public_pem(keys["wechatpay_merchant"]),
        },
        "alipay": {
            "account": NAME,
            **{name: alipay[name] for name in ("app_id", "seller_id", "gateway_url")},
            "alipay_private_key": keys["alipay"],
            "app_public_key": _public_pem(keys["alipay_app"]),
        },
        "epay": {"account": NAME, "pid": epay["pid"], "key": epay["key"]},
    }


def _sandbox(account: Card) -> Card:
    return {
        "account": NAME,
        "merchant": account["merchant"],
        "base_url": account["base_url"],
        "secret": account["secrets"][0],
        "late_after_s": account["late_after_s"],
    }


def _providers_keys(store: Any) -> dict[str, str]:
    """Private keys in PEM, of both sides. They live in the local cloud, so that they end with it."""
    try:
        keys: dict[str, str] = json.loads(store.get_secret_value(SecretId=_PROVIDERS_KEYS)["SecretString"])
    except store.exceptions.ResourceNotFoundException:
        keys = {name: _private_pem() for name in ("wechatpay", "wechatpay_merchant", "alipay", "alipay_app")}
        store.create_secret(Name=_PROVIDERS_KEYS, SecretString=json.dumps(keys))
    return keys


def _fresh_accounts(keys: dict[str, str]) -> dict[str, dict[str, Card]]:
    return {
        "alipay": {
            NAME: {
                "app_id": f"2021{_digits(12)}",
                "seller_id": f"2088{_digits(12)}",
                "private_key": keys["alipay_app"],
                "alipay_public_keys": [_public_pem(keys["alipay"])],
                "return_url": _RETURN_URL,
            }
        },
        "epay": {
            NAME: {
                "pid": _EPAY_PID,
                "key": secrets.token_hex(16),
                "gateway_url": "https://pay.example",
                "return_url": _RETURN_URL,
                "currency": "CNY",
            }
        },
        "sandbox": {
            NAME: {
                "merchant": f"sbx_{secrets.token_hex(6)}",
                "secrets": [secrets.token_hex(32)],
                "return_url": _RETURN_URL,
                "late_after_s": _LATE_AFTER_S,
            }
        },
        "stripe": {
            NAME: {
                "account_id": f"acct_{secrets.token_hex(8)}",
                "secret_key": f"sk_test_{secrets.token_hex(16)}",
                "webhook_secret": f"whsec_{secrets.token_urlsafe(24)}",
                "return_url": _RETURN_URL,
            }
        },
        "wechatpay": {
            NAME: {
                "mchid": f"19{_digits(8)}",
                "appid": f"wx{secrets.token_hex(8)}",
                "serial": secrets.token_hex(20).upper(),
                "private_key": keys["wechatpay_merchant"],
                "platform_keys": {f"PUB_KEY_ID_{_digits(30)}": _public_pem(keys["wechatpay"])},
                "apiv3_keys": [secrets.token_hex(16)],
                "methods": ["native"],
            }
        },
    }


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def _private_pem() -> str:
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(private_pem: str) -> str:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(private_pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("not a key of ours")
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
