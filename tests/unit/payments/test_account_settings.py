"""What every adapter demands of its settings: one that is missing, empty, padded or pasted wrongly stops the start."""

import json
from typing import Any

import pytest

from keyrail.payments.service.accounts import payment_accounts
from keyrail.platform.config import ConfigError
from tests import alipay_gateway, wechat_platform
from tests.unit.payments.epay.test_version_two import key_of, private_pem, public_pem

EPAY = {"pid": "1001", "key": "a-key-of-the-test", "gateway_url": "https://pay.example"}
EPAY_TWO = {
    "pid": "1001",
    "version": 2,
    "gateway_url": "https://pay.example",
    "merchant_private_key": private_pem(key_of("merchant")).strip(),
    "platform_public_keys": [public_pem(key_of("platform"))],
}
STRIPE = {"account_id": "acct_1", "secret_key": "sk_test_1", "webhook_secret": "whsec_1"}
ALIPAY = {
    "app_id": alipay_gateway.APP_ID,
    "seller_id": alipay_gateway.SELLER_ID,
    "private_key": alipay_gateway.private_text("app"),
    "alipay_public_keys": [alipay_gateway.public_text("alipay")],
}
WECHATPAY = {
    "mchid": wechat_platform.MCHID,
    "appid": wechat_platform.APPID,
    "serial": wechat_platform.MERCHANT_SERIAL,
    "private_key": wechat_platform.private_pem("merchant"),
    "platform_keys": {wechat_platform.PUBLIC_KEY_ID: wechat_platform.public_pem("public")},
    "apiv3_keys": [wechat_platform.APIV3_KEY],
}
ACCOUNTS: dict[str, dict[str, Any]] = {
    "epay": EPAY,
    "epay of version 2": EPAY_TWO,
    "stripe": STRIPE,
    "alipay": ALIPAY,
    "wechatpay": WECHATPAY,
}  # fmt: skip
NEEDED = [(name, setting) for name, settings in ACCOUNTS.items() for setting in settings if setting != "version"]
OPTIONAL = [
    *((name, "return_url") for name in ACCOUNTS),
    *((name, "read_timeout_s") for name in ACCOUNTS),
    ("stripe", "api_base"),
    ("wechatpay", "api_base"),
    ("wechatpay", "methods"),
    ("alipay", "gateway_url"),
    ("epay", "currency"),
    ("epay", "key_joint"),
    ("epay", "opening"),
    ("epay", "refunds"),
]


def secret(name: str, settings: dict[str, Any]) -> str:
    return json.dumps({name.partition(" ")[0]: {"main": settings}})


def refused(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        payment_accounts(secret(name, settings))
    assert error.value.__suppress_context__ or error.value.__context__ is None
    told = str(error.value)
    assert not any(isinstance(value, str) and value.strip() and value.strip() in told for value in settings.values())


@pytest.mark.parametrize("name", ACCOUNTS)
def test_the_settings_are_those_of_an_account(name: str) -> None:
    assert payment_accounts(secret(name, ACCOUNTS[name])).accounts


@pytest.mark.parametrize(("name", "setting"), NEEDED)
def test_a_setting_that_is_missing_or_empty_stops_the_start(name: str, setting: str) -> None:
    settings = ACCOUNTS[name]
    refused(name, {key: value for key, value in settings.items() if key != setting})
    for empty in (None, "", " ", [], {}, [""], {"": ""}, 0, True):
        refused(name, {**settings, setting: empty})


@pytest.mark.parametrize(("name", "setting"), [each for each in NEEDED if "key" not in each[1] or each[1] == "key"])
def test_a_setting_with_white_space_around_it_stops_the_start(name: str, setting: str) -> None:
    value = ACCOUNTS[name][setting]
    for padded in (f" {value}", f"{value}\n", f"{value}\t"):
        refused(name, {**ACCOUNTS[name], setting: padded})


@pytest.mark.parametrize(("name", "setting"), [each for each in NEEDED if isinstance(ACCOUNTS[each[0]][each[1]], str)])
def test_half_a_character_stops_the_start(name: str, setting: str) -> None:
    refused(name, {**ACCOUNTS[name], setting: ACCOUNTS[name][setting] + "\ud800"})


@pytest.mark.parametrize(("name", "setting"), OPTIONAL)
def test_a_setting_that_need_not_be_there_is_right_where_it_is(name: str, setting: str) -> None:
    wrong: Any
    for wrong in (" ", "x ", 0, True, {}, ["x"], "https://shop.example/\n", "https://shop.example:99999/"):
        refused(name, {**ACCOUNTS[name], setting: wrong})


@pytest.mark.parametrize("name", ACCOUNTS)
@pytest.mark.parametrize("setting", ["account", "now_ms", "nonce", "_exchange", "gateway", "acknowledgement", "typo"])
def test_a_setting_that_no_adapter_takes_from_a_secret_stops_the_start(name: str, setting: str) -> None:
    refused(name, {**ACCOUNTS[name], setting: "x"})


@pytest.mark.parametrize(
    ("name", "setting", "own"),
    [
        ("wechatpay", "platform_keys", {wechat_platform.PUBLIC_KEY_ID: wechat_platform.public_pem("merchant")}),
        ("alipay", "alipay_public_keys", [alipay_gateway.public_text("alipay"), alipay_gateway.public_text("app")]),
        ("epay of version 2", "platform_public_keys", [public_pem(key_of("merchant"))]),
    ],
)
def test_our_own_public_key_in_the_place_of_the_providers_stops_the_start(name: str, setting: str, own: Any) -> None:
    refused(name, {**ACCOUNTS[name], setting: own})


@pytest.mark.parametrize(
    ("name", "setting"),
    [("stripe", "api_base"), ("wechatpay", "api_base"), ("alipay", "gateway_url"), ("epay", "gateway_url")],
)
def test_an_address_that_requests_would_not_reach_as_it_is_written_stops_the_start(name: str, setting: str) -> None:
    for right in ("https://pay.example", "http://127.0.0.1:8080", "http://[::1]:8080"):
        assert payment_accounts(secret(name, {**ACCOUNTS[name], setting: right})).accounts
    for wrong in (
        "http://pay.example",
        "http://127.0.0.1.pay.example",
        "https://user:word@pay.example",
        "https://pay.example?to=elsewhere",
        "https://pay.example#there",
        "https://pay.ex\nample",
        "https://pay.exam ple",
        "https:///v1",
        "https://[::1",
        "https://pay.example:99999",
        "//pay.example",
        "ftp://127.0.0.1",
    ):
        refused(name, {**ACCOUNTS[name], setting: wrong})
