"""Signatures in both directions, against WeChat Pay's Python SDK: each side accepts what the other one signs."""

import json
import time
from typing import Any

import pytest
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import build_authorization

from keyrail.payments.providers.wechatpay.opening import jsapi_action
from keyrail.payments.providers.wechatpay.signing import MerchantKey, PlatformKeys, platform_key
from keyrail.platform.errors import SignatureInvalid
from tests.wechat_platform import (
    APIV3_KEY,
    APPID,
    CERTIFICATE_MODE,
    CERTIFICATE_SERIAL,
    MCHID,
    MERCHANT_SERIAL,
    NOW_MS,
    NOW_S,
    PUBLIC_KEY_ID,
    PUBLIC_KEY_MODE,
    Signer,
    certificate_pem,
    key,
    private_pem,
    public_pem,
)

NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"
OURS = MerchantKey(MCHID, MERCHANT_SERIAL, key("merchant"))
PLATFORM = PlatformKeys(
    {
        PUBLIC_KEY_ID: platform_key(PUBLIC_KEY_ID, public_pem("public")),
        CERTIFICATE_SERIAL: platform_key(CERTIFICATE_SERIAL, certificate_pem()),
    }
)


def sdk() -> Any:
    """Offline: with a public key of its own it fetches no certificates."""
    return WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=MCHID,
        private_key=private_pem("merchant"),
        cert_serial_no=MERCHANT_SERIAL,
        appid=APPID,
        apiv3_key=APIV3_KEY,
        notify_url="https://api.example/hook",
        public_key=public_pem("public"),
        public_key_id=PUBLIC_KEY_ID,
    )


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/v3/pay/transactions/native", '{"description":"会员 & more","amount":{"total":1}}'),
        ("GET", "/v3/pay/transactions/out-trade-no/pay_1?mchid=1900000109", ""),
    ],
)
def test_a_request_is_signed_as_the_sdk_signs_it(
    monkeypatch: pytest.MonkeyPatch, method: str, target: str, body: str
) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW_S))
    theirs = build_authorization(target, method, MCHID, MERCHANT_SERIAL, key("merchant"), body, NONCE)
    assert OURS.authorization(method, target, body.encode(), NOW_S, NONCE) == theirs


def test_a_call_inside_wechat_is_signed_as_the_sdk_signs_it() -> None:
    said = {"prepay_id": "wx26112221580621e9b071c00d9e093b0000"}
    action = jsapi_action(said, OURS, APPID, NOW_S, NONCE)
    call = json.loads(action.content or "")
    assert call["paySign"] == sdk().sign([APPID, str(NOW_S), NONCE, "prepay_id=wx26112221580621e9b071c00d9e093b0000"])
    assert call["signType"] == "RSA"


@pytest.mark.parametrize("signer", [PUBLIC_KEY_MODE, CERTIFICATE_MODE])
@pytest.mark.parametrize("body", [b"", b'{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}', "支付".encode()])
def test_each_key_of_wechats_verifies(signer: Signer, body: bytes) -> None:
    PLATFORM.verify(signer.headers(body), body, NOW_MS)


def test_the_sdk_verifies_what_we_verify() -> None:
    body = b'{"resource_type":"none"}'
    headers = PUBLIC_KEY_MODE.headers(body)
    assert sdk()._core._verify_signature(headers, body.decode())
    PLATFORM.verify(headers, body, NOW_MS)


@pytest.mark.parametrize("age_s", [300, 0, -300])
def test_a_time_stamp_inside_the_window_is_accepted(age_s: int) -> None:
    PLATFORM.verify(Signer(at_s=NOW_S - age_s).headers(b"{}"), b"{}", NOW_MS)


@pytest.mark.parametrize("age_s", [301, -301, 365 * 86400])
def test_a_time_stamp_outside_of_it_is_refused_although_the_sdk_accepts_it(age_s: int) -> None:
    headers = Signer(at_s=NOW_S - age_s).headers(b"{}")
    with pytest.raises(SignatureInvalid):
        PLATFORM.verify(headers, b"{}", NOW_MS)
    assert sdk()._core._verify_signature(headers, "{}")


@pytest.mark.parametrize("name", ["", "PUB_KEY_ID_1", CERTIFICATE_SERIAL.lower(), MERCHANT_SERIAL])
def test_an_unknown_name_is_refused_without_asking_anybody(name: str) -> None:
    with pytest.raises(SignatureInvalid):
        PLATFORM.verify(Signer(name=name).headers(b"{}"), b"{}", NOW_MS)


@pytest.mark.parametrize(
    "signer", [Signer(CERTIFICATE_SERIAL, "public"), Signer(PUBLIC_KEY_ID, "certificate"), Signer(key_name="merchant")]
)
def test_a_key_signs_under_its_own_name_only(signer: Signer) -> None:
    with pytest.raises(SignatureInvalid):
        PLATFORM.verify(signer.headers(b"{}"), b"{}", NOW_MS)


@pytest.mark.parametrize("missing", ["serial", "timestamp", "nonce", "signature"])
def test_each_header_is_needed(missing: str) -> None:
    headers = PUBLIC_KEY_MODE.headers(b"{}")
    del headers[f"wechatpay-{missing}"]
    with pytest.raises(SignatureInvalid):
        PLATFORM.verify(headers, b"{}", NOW_MS)


def test_a_signature_without_its_type_is_one_of_the_only_type_there_was() -> None:
    headers = PUBLIC_KEY_MODE.headers(b"{}")
    del headers["wechatpay-signature-type"]
    PLATFORM.verify(headers, b"{}", NOW_MS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timestamp", f" {NOW_S}"),
        ("timestamp", f"0{NOW_S}"),
        ("timestamp", f"{NOW_S}.0"),
        ("timestamp", "１７９００００００００"),
        ("timestamp", "-1"),
        ("signature", "WECHATPAY/SIGNTEST/" + "A" * 325 + "=="),
        ("signature", "WECHATPAY/SIGNTEST/nobody"),
        ("signature", ""),
        ("signature", "=" * 8),
        ("signature", "é"),
        ("signature", "A" * 2000),
        ("signature-type", "WECHATPAY2-SM2-WITH-SM3"),
        ("signature-type", ""),
    ],
)
def test_what_is_not_of_the_agreed_form_is_refused(name: str, value: str) -> None:
    with pytest.raises(SignatureInvalid):
        PLATFORM.verify(PUBLIC_KEY_MODE.headers(b"{}") | {f"wechatpay-{name}": value}, b"{}", NOW_MS)


def test_the_lines_that_are_signed_cannot_be_moved_into_each_other() -> None:
    body = b"first\nsecond"
    headers = PUBLIC_KEY_MODE.headers(body)
    moved = headers | {"wechatpay-nonce": headers["wechatpay-nonce"] + "\nfirst"}
    with pytest.raises(SignatureInvalid):
        PLATFORM.verify(moved, b"second", NOW_MS)
