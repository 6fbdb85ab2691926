"""The stand-ins of WeChat Pay and Alipay answer, signed, what the product's own adapters ask, and refuse the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.local import accounts
from infra.local.sandbox_providers import SandboxProviders, server
from keyrail.payments.model.attempts import PaymentAttempt, PaymentRefused, ProviderUnavailable, attempt_id
from keyrail.payments.model.confirmations import InquiryState
from keyrail.payments.providers import Opening
from keyrail.payments.providers.alipay.account import Alipay
from keyrail.payments.providers.wechatpay import WechatPay
from keyrail.payments.service.accounts import PaymentAccounts, payment_accounts
from keyrail.platform.clock import system_now_ms
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

METHODS = {"wechatpay": "native", "alipay": "qr"}


class SecretsInMemory:
    """Secrets Manager, as far as the card's maker uses it."""

    def __init__(self) -> None:
        self.secrets = {"arn": "{}"}
        self.exceptions = type("Errors", (), {"ResourceNotFoundException": KeyError})

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto's
        return {"SecretString": self.secrets[SecretId]}

    def put_secret_value(self, SecretId: str, SecretString: str) -> None:  # noqa: N803 - boto's
        self.secrets[SecretId] = SecretString

    def create_secret(self, Name: str, SecretString: str) -> None:  # noqa: N803 - boto's
        self.secrets[Name] = SecretString


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PaymentAccounts, dict[str, Any], Path]]:
    """The accounts as the functions read them, the card, and the server that has it."""
    store, path = SecretsInMemory(), tmp_path_factory.mktemp("card") / "stack.json"
    with pytest.MonkeyPatch.context() as patch, server(0, path) as serving:
        patch.setattr(accounts, "client", lambda *_: store)
        patch.setenv("KEYRAIL_STAGE", "local")
        Thread(target=serving.serve_forever, daemon=True).start()
        base, api = f"http://127.0.0.1:{serving.server_address[1]}", "http://127.0.0.1:1/api"
        payments, sandbox = accounts.fill_payment_accounts("", "arn", base, api)
        first = store.secrets["arn"]
        assert accounts.fill_payment_accounts("", "arn", base, api) == (payments, sandbox)
        assert json.loads(store.secrets["arn"]) == json.loads(first)
        path.write_text(json.dumps({"payments": payments, "sandbox": sandbox}))
        yield payment_accounts(first), {"payments": payments, "sandbox": sandbox}, path
        serving.shutdown()


def attempt(provider: str, number: int = 1) -> PaymentAttempt:
    return PaymentAttempt(
        attempt_id=attempt_id(derived_id("ord", provider, str(number)), 1),
        provider=provider,
        account="main",
        amount=Money(1990, "CNY"),
        method=METHODS[provider],
    )


def opening(title: str = "Order 1") -> Opening:
    return Opening(title, "https://api.example/hook", "https://shop.example", system_now_ms() // 10**6 * 10**6 + 10**7)


@pytest.mark.parametrize("provider", METHODS)
def test_a_code_to_scan_is_given_once_for_one_attempt(
    filled: tuple[PaymentAccounts, dict[str, Any], Path], provider: str
) -> None:
    account = filled[0].at(provider, "main")
    action = account.open(attempt(provider), opening())
    assert action.type == "qr_code"
    assert account.open(attempt(provider), opening()) == action
    assert account.open(attempt(provider, 2), opening()).content != action.content
    assert account.query(attempt(provider)).state is InquiryState.OPEN
    with pytest.raises((PaymentRefused, ProviderUnavailable)):
        account.open(attempt(provider), opening("Another order"))


def test_who_signs_with_another_key_is_refused(filled: tuple[PaymentAccounts, dict[str, Any], Path]) -> None:
    key = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    wechatpay, alipay = filled[0].at("wechatpay", "main"), filled[0].at("alipay", "main")
    assert isinstance(wechatpay, WechatPay)
    assert isinstance(alipay, Alipay)
    for account in (replace(wechatpay, private_key=key), replace(alipay, private_key=key)):
        with pytest.raises((PaymentRefused, ProviderUnavailable)):
            account.open(attempt("wechatpay" if isinstance(account, WechatPay) else "alipay", 3), opening())


def test_the_card_holds_no_key_that_signs_for_the_merchant(
    filled: tuple[PaymentAccounts, dict[str, Any], Path],
) -> None:
    known, card, _ = filled
    wechatpay, alipay = known.at("wechatpay", "main"), known.at("alipay", "main")
    assert isinstance(wechatpay, WechatPay)
    assert isinstance(alipay, Alipay)
    text = json.dumps(card)
    assert json.dumps(wechatpay.private_key)[1:-1] not in text
    assert json.dumps(alipay.private_key)[1:-1] not in text


def test_it_is_found_again_and_stopped(tmp_path: Path) -> None:
    providers = SandboxProviders(tmp_path)
    endpoint = providers.start(tmp_path / "stack.json")
    assert providers.start(tmp_path / "stack.json") == endpoint
    assert providers.stop()
    assert not providers.stop()
