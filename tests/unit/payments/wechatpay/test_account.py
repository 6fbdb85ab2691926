"""An account at WeChat Pay: what it takes, what it refuses before anything is asked, and what it shows to nobody."""

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.providers import Means, Opening
from keyrail.payments.service.accounts import payment_accounts
from keyrail.platform.config import ConfigError
from keyrail.platform.documents import to_json
from keyrail.platform.errors import Invalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.wechat_platform import (
    APIV3_KEY,
    APPID,
    CERTIFICATE_SERIAL,
    MCHID,
    MERCHANT_SERIAL,
    PUBLIC_KEY_ID,
    account,
    certificate_pem,
    key,
    private_pem,
    public_pem,
)

ACCOUNT = account()
CNY = Money(1990, "CNY")
ATTEMPT = PaymentAttempt(
    attempt_id=attempt_id(derived_id("ord", "wechat"), 1), provider="wechatpay", account="main", amount=CNY
)
OPENING = Opening("VIP", "https://api.example/hook", None, 1_790_000_900_000)


def pem_of(private_key: Any) -> str:
    return str(private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def short_key() -> Any:
    return generate_private_key(65537, 1024)


def locked_pem() -> str:
    locked = BestAvailableEncryption(b"pass phrase")
    return key("merchant").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode()


def short_public_pem() -> str:
    public = short_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return str(public.decode())


def refusal_of(method: str | None = None, amount: Money = CNY, of: Any = ACCOUNT) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refusal:
        of.check(amount, Means(method=method))
    return [(wrong.field, wrong.reason) for wrong in refusal.value.fields]


@pytest.mark.parametrize("method", ["alipay", "NATIVE", "app", "", "../native"])
def test_a_method_that_nobody_granted_is_refused_before_anything_is_leased(method: str) -> None:
    assert refusal_of(method) == [("payment.method", "not_offered")]


def test_only_native_is_granted_unless_the_settings_say_more() -> None:
    plain = account(methods=["native"])
    assert refusal_of("h5", of=plain) == refusal_of("jsapi", of=plain) == [("payment.method", "not_offered")]
    assert plain.check(CNY, Means(method="native")) == plain.check(CNY, Means()) == ""


def test_another_currency_is_refused() -> None:
    assert refusal_of(amount=Money(1990, "USD")) == [("payment.provider", "currency_not_offered")]


def test_the_orders_page_goes_before_the_accounts() -> None:
    own = account(return_url="https://shop.example/thanks")
    assert own.check(CNY, Means(return_url="https://shop.example/o")) == "https://shop.example/o"
    assert own.check(CNY, Means()) == "https://shop.example/thanks"


def test_the_method_that_stands_in_asks_for_what_it_needs_too() -> None:
    inside = account(methods=["jsapi", "native"])
    assert refusal_of(of=inside) == [("payment.payer_id", "required")]
    assert inside.check(CNY, Means(payer_id="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")) == ""


@pytest.mark.parametrize("payer_ip", [None, "", "somewhere", "127.0.0.1\r\nx", "1.2.3"])
def test_h5_is_not_asked_for_without_the_payers_address(payer_ip: str | None) -> None:
    with pytest.raises(Invalid) as refusal:
        ACCOUNT.open(replace(ATTEMPT, method="h5"), replace(OPENING, payer_ip=payer_ip))
    with pytest.raises(Invalid):
        ACCOUNT.check(CNY, Means(method="h5", payer_ip=payer_ip))
    assert [(f.field, f.reason) for f in refusal.value.fields] == [("payment.method", "payer_address_unknown")]


@pytest.mark.parametrize("payer_id", [None, "", "o" * 129])
def test_jsapi_is_not_asked_for_without_the_payers_openid(payer_id: str | None) -> None:
    with pytest.raises(Invalid) as refusal:
        ACCOUNT.open(replace(ATTEMPT, method="jsapi"), replace(OPENING, payer_id=payer_id))
    with pytest.raises(Invalid):
        ACCOUNT.check(CNY, Means(method="jsapi", payer_id=payer_id))
    assert [(f.field, f.reason) for f in refusal.value.fields] == [("payment.payer_id", "required")]


def test_our_name_there_is_the_merchant_number_and_the_app() -> None:
    assert ACCOUNT.merchant == f"{MCHID}/{APPID}"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("account", ""),
        ("mchid", ""),
        ("mchid", 1900000109),
        ("mchid", "1900000109 "),
        ("mchid", '1","x="'),
        ("appid", ""),
        ("appid", "wx d6"),
        ("appid", None),
        ("serial", ""),
        ("serial", MERCHANT_SERIAL + "\n"),
        ("private_key", ""),
        ("private_key", None),
        ("private_key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        ("private_key", pem_of(short_key())),
        ("private_key", pem_of(generate_ec_key(SECP256R1()))),
        ("private_key", locked_pem()),
        ("platform_keys", {}),
        ("platform_keys", []),
        ("platform_keys", None),
        ("platform_keys", {PUBLIC_KEY_ID: ""}),
        ("platform_keys", {PUBLIC_KEY_ID: None}),
        ("platform_keys", {PUBLIC_KEY_ID: certificate_pem()}),
        ("platform_keys", {PUBLIC_KEY_ID: private_pem("public")}),
        ("platform_keys", {PUBLIC_KEY_ID: short_public_pem()}),
        ("platform_keys", {CERTIFICATE_SERIAL: public_pem("public")}),
        ("platform_keys", {MERCHANT_SERIAL: certificate_pem()}),
        ("platform_keys", {CERTIFICATE_SERIAL.lower(): certificate_pem()}),
        ("platform_keys", {"": public_pem("public")}),
        ("apiv3_keys", []),
        ("apiv3_keys", APIV3_KEY),
        ("apiv3_keys", [APIV3_KEY, ""]),
        ("apiv3_keys", [APIV3_KEY[:-1]]),
        ("apiv3_keys", [APIV3_KEY[:-1] + "é"]),
        ("apiv3_keys", [None]),
        ("methods", []),
        ("methods", "native"),
        ("methods", ["app"]),
        ("return_url", ""),
        ("read_timeout_s", 0),
        ("read_timeout_s", 11),
        ("read_timeout_s", True),
        ("read_timeout_s", "8"),
        ("api_base", ""),
        ("api_base", "http://api.mch.weixin.qq.com"),
        ("api_base", "http://localhost.attacker.example"),
        ("api_base", "https://"),
        ("api_base", "https://[oops"),
        ("api_base", "https://proxy.example/wechat"),
        ("api_base", "https://api.mch.weixin.qq.com?x"),
    ],
)
def test_a_setting_that_cannot_be_right_stops_the_start(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError) as error:
        account(**{setting: value})
    assert str(error.value) == f"wechatpay.{setting}"
    assert error.value.__cause__ is None


def test_the_secret_names_the_account_and_the_stores_it_serves() -> None:
    settings = {
        "mchid": MCHID,
        "appid": APPID,
        "serial": MERCHANT_SERIAL,
        "private_key": private_pem("merchant"),
        "platform_keys": {PUBLIC_KEY_ID: public_pem("public")},
        "apiv3_keys": [APIV3_KEY],
        "stores": ["main"],
    }
    accounts = payment_accounts(to_json({"wechatpay": {"cn": settings}}).decode())
    assert accounts.account_for("wechatpay", "main") == "cn"
    assert accounts.at("wechatpay", "cn").merchant == f"{MCHID}/{APPID}"
    del settings["apiv3_keys"]
    with pytest.raises(ConfigError):
        payment_accounts(to_json({"wechatpay": {"cn": settings}}).decode())


def test_the_secrets_show_in_no_text() -> None:
    shown = repr(ACCOUNT) + repr(ACCOUNT._exchange)
    assert APIV3_KEY not in shown
    assert private_pem("merchant").splitlines()[1] not in shown
    assert repr(key("merchant")) not in shown


def test_importing_the_provider_loads_neither_the_http_nor_the_drawing_library() -> None:
    check = (
        "import keyrail.payments.providers.wechatpay, sys; sys.exit('urllib3' in sys.modules or 'segno' in sys.modules)"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", check], env=env, check=False, timeout=60).returncode == 0
