"""What is asked of Alipay: its pages' addresses, signed as its SDK signs, and the settings of an account."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from keyrail.payments.providers import Means, Opening
from keyrail.payments.service.accounts import payment_accounts
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import Invalid
from keyrail.platform.money import Money
from tests.alipay_gateway import (
    APP_ID,
    ATTEMPT_ID,
    NOW_IN_BEIJING,
    SELLER_ID,
    account,
    attempt,
    pem,
    private_text,
    public_text,
    sdk,
)

OPENING = Opening("VIP会员 30 天", "https://api.example/hook?a=1", "https://shop.example/done?o=1", 1_795_000_900_000)
CNY = Money(1990, "CNY")


def page(method: str | None, opening: Opening = OPENING, **settings: Any) -> tuple[str, dict[str, str]]:
    """The address without its query, and the query's parameters."""
    action = account(**settings).open(attempt(method), opening)
    assert (action.type, action.content, action.svg, action.fields) == ("redirect", None, None, None)
    address, _, query = (action.url or "").partition("?")
    pairs = parse_qsl(query, strict_parsing=True)
    assert len(pairs) == len(dict(pairs))
    return address, dict(pairs)


def test_a_page_is_an_address_that_the_sdk_would_sign_the_same() -> None:
    address, parameters = page("page")
    sign = parameters.pop("sign")
    assert address == "https://openapi.alipay.com/gateway.do"
    assert dict(parse_qsl(sdk("app", "alipay").sign_data(dict(parameters))))["sign"] == sign
    assert sdk("alipay", "app")._verify("&".join(f"{n}={v}" for n, v in sorted(parameters.items())), sign)
    content = json.loads(parameters.pop("biz_content"))
    assert parameters == {
        "app_id": APP_ID,
        "method": "alipay.trade.page.pay",
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": NOW_IN_BEIJING,
        "version": "1.0",
        "notify_url": OPENING.notify_url,
        "return_url": OPENING.return_url,
    }
    assert content == {
        "out_trade_no": ATTEMPT_ID,
        "total_amount": "19.90",
        "subject": "VIP会员 30 天",
        "time_expire": "2026-11-18 19:21:40",
        "product_code": "FAST_INSTANT_TRADE_PAY",
    }


def test_a_telephones_page_is_another_product_and_knows_the_way_back() -> None:
    _, parameters = page("wap")
    content = json.loads(parameters["biz_content"])
    assert parameters["method"] == "alipay.trade.wap.pay"
    assert (content["product_code"], content["quit_url"]) == ("QUICK_WAP_WAY", OPENING.return_url)


def test_without_a_method_the_buyer_gets_a_page() -> None:
    assert page(None) == page("page")


def test_opening_twice_is_the_same_payment() -> None:
    _, first = page("page")
    _, later = page("page", now_ms=lambda: 1_795_000_100_000)
    assert first["timestamp"] != later["timestamp"]
    assert first["biz_content"] == later["biz_content"]


def test_an_order_without_a_page_goes_to_the_accounts() -> None:
    _, parameters = page("page", replace(OPENING, return_url=None))
    assert parameters["return_url"] == "https://shop.example/thanks"


def test_a_title_has_no_letter_that_alipay_refuses_or_that_breaks_a_row_of_its_bill() -> None:
    _, parameters = page("page", replace(OPENING, title='A/B=C&D,"E"\n' + "x" * 300))
    subject = json.loads(parameters["biz_content"])["subject"]
    assert subject.startswith("A／B＝C＆D，＂E＂ xx")
    assert len(subject) == 256


@pytest.mark.parametrize("method", ["app", "face", "QR", "", "alipay.trade.page.pay"])
def test_a_method_that_is_not_offered_is_refused_before_anything_is_leased(method: str) -> None:
    with pytest.raises(Invalid) as refused:
        account().check(CNY, Means(method=method))
    assert refused.value.fields[0].field == "payment.method"


def test_only_yuan_within_alipays_bounds_are_taken() -> None:
    for amount in (Money(1, "CNY"), Money(10_000_000_000, "CNY")):
        assert account().check(amount, Means()) == "https://shop.example/thanks"
    for amount in (Money(1990, "HKD"), Money(0, "CNY"), Money(10_000_000_001, "CNY")):
        with pytest.raises(Invalid):
            account().check(amount, Means())
        with pytest.raises(Invalid):
            account().open(attempt("page", amount), OPENING)


def test_a_page_needs_a_way_back_and_a_code_does_not() -> None:
    nowhere = account(return_url=None)
    for method in (None, "page", "wap"):
        with pytest.raises(Invalid) as refused:
            nowhere.check(CNY, Means(method=method))
        assert refused.value.fields[0].field == "payment.return_url"
    assert nowhere.check(CNY, Means(method="qr")) == ""
    assert nowhere.check(CNY, Means(method="page", return_url="https://shop.example/o")) == "https://shop.example/o"


def test_keys_are_taken_with_and_without_their_first_and_last_lines() -> None:
    files = account(
        private_key=pem(private_text("app"), "PRIVATE KEY"),
        alipay_public_keys=[pem(public_text("alipay"), "PUBLIC KEY")],
    )
    assert files.open(attempt("page"), OPENING) == account().open(attempt("page"), OPENING)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("account", ""),
        ("app_id", ""),
        ("app_id", 2021000000000001),
        ("app_id", "2021000000000001\n"),
        ("app_id", "2021/2088"),
        ("app_id", "２０２１"),
        ("seller_id", ""),
        ("seller_id", None),
        ("seller_id", "shop@example.com"),
        ("private_key", ""),
        ("private_key", None),
        ("private_key", "not a key"),
        ("private_key", "public"),
        ("alipay_public_keys", []),
        ("alipay_public_keys", None),
        ("alipay_public_keys", [""]),
        ("alipay_public_keys", [None]),
        ("alipay_public_keys", ["MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"]),
        ("alipay_public_keys", "one and not a list"),
        ("gateway_url", ""),
        ("gateway_url", "http://openapi.alipay.com/gateway.do"),
        ("gateway_url", "http://localhost.attacker.example/gateway.do"),
        ("gateway_url", "https://openapi.alipay.com/gateway.do?charset=gbk"),
        ("gateway_url", "https://user:word@openapi.alipay.com/gateway.do"),
        ("gateway_url", "https://"),
        ("gateway_url", "https://[oops"),
        ("gateway_url", "ftp://127.0.0.1/gateway.do"),
    ],
)
def test_a_setting_that_cannot_be_right_stops_the_start(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError) as error:
        account(**{setting: public_text("app") if value == "public" else value})
    assert str(error.value) == f"alipay.{setting}"


def test_a_key_of_another_kind_or_too_short_is_refused() -> None:
    """1024 bits, and an elliptic curve's."""
    short = (
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCqGKukO1De7zhZj6+H0qtjTkVxwTCpvKe4eCZ0FPqri0cb2JZfXJ/DgYSF6vUp"
        "wmJG8wVQZKjeGcjDOL5UlsuusFncCzWBQ7RKNUSesmQRMSGkVb1/3j+skZ6UtW+5u09lHNsj6tQ51s1SPrCBkedbNf0Tp0GbMJDy"
        "R4e9T04ZZwIDAQAB"
    )
    curve = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageE"
        "HWwHdBO6B+dFabmdT9POxg=="
    )
    for text in (short, curve):
        with pytest.raises(ConfigError) as error:
            account(alipay_public_keys=[text])
        assert str(error.value) == "alipay.alipay_public_keys"


def test_a_gateway_on_this_machine_may_be_http() -> None:
    assert account(gateway_url="http://127.0.0.1:8080/gateway.do").merchant == f"{APP_ID}/{SELLER_ID}"


def test_the_keys_show_in_no_text() -> None:
    shown = repr(account()) + repr(account().gateway) + repr(account().open(attempt("page"), OPENING))
    assert private_text("app")[:64] not in shown
    assert private_text("app")[-64:] not in shown


def test_the_secrets_json_makes_an_account() -> None:
    settings = {
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "private_key": private_text("app"),
        "alipay_public_keys": [public_text("alipay"), public_text("alipay-new")],
    }
    accounts = payment_accounts(json.dumps({"alipay": {"main": settings}}))
    assert accounts.at("alipay", "main").merchant == f"{APP_ID}/{SELLER_ID}"


def test_a_start_without_an_alipay_account_loads_nothing_of_it() -> None:
    check = (
        "import sys, keyrail.payments.service.accounts;"
        "print([name for name in sys.modules if 'alipay' in name or name.split('.')[0] == 'cryptography']);"
        "import keyrail.payments.providers.alipay.account;"
        "print([name for name in sys.modules if name in ('urllib3', 'segno')])"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", check], env=env, check=True, timeout=60, capture_output=True, text=True)
    assert ran.stdout.split() == ["[]", "[]"]


def test_the_host_of_the_page_is_the_gateways() -> None:
    address, _ = page("wap", gateway_url="https://openapi-sandbox.dl.alipaydev.com/gateway.do")
    assert urlsplit(address).hostname == "openapi-sandbox.dl.alipaydev.com"
