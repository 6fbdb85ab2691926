"""Starting payments at a WeChat Pay that verifies our signatures as the real one does."""

import base64
import json
import threading
import traceback
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from keyrail.payments.model.attempts import PaymentAttempt, PaymentRefused, ProviderUnavailable, attempt_id
from keyrail.payments.providers import Opening
from keyrail.payments.providers.http_client import MAX_REPLY_BYTES
from keyrail.payments.providers.qr import qr_svg
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.provider_server import Answer, address_of_nobody
from tests.wechat_platform import (
    APIV3_KEY,
    APPID,
    CERTIFICATE_MODE,
    CERTIFICATE_SERIAL,
    MCHID,
    NOW_S,
    PUBLIC_KEY_ID,
    Signer,
    account,
    certificate_pem,
    key,
    private_pem,
)
from tests.wechat_server import Wechat

CODE_URL = "weixin://wxpay/bizpayurl?pr=JyC91EIz1"
NATIVE, JSAPI, H5 = (f"/v3/pay/transactions/{method}" for method in ("native", "jsapi", "h5"))
ATTEMPT = PaymentAttempt(
    attempt_id=attempt_id(derived_id("ord", "open"), 1),
    provider="wechatpay",
    account="main",
    amount=Money(1990, "CNY"),
)
OPENING = Opening("VIP会员 & more", "https://api.example/hook", "https://shop.example/done?o=1&x=é", 1_790_000_900_000)
FROM_A_PHONE = replace(OPENING, payer_ip="203.0.113.7", payer_id="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")


def refusal_of(wechat: Wechat, attempt: PaymentAttempt = ATTEMPT, **settings: Any) -> None:
    """It could not be opened, may be asked again, and nothing of ours is in the error."""
    with pytest.raises(ProviderUnavailable) as refusal:
        wechat.account(**settings).open(attempt, FROM_A_PHONE)
    printed = "".join(traceback.format_exception(refusal.value))
    for secret in (APIV3_KEY, private_pem("merchant").splitlines()[1], "signature="):
        assert secret not in printed


def test_native_is_a_code_to_scan(wechat: Wechat) -> None:
    wechat.will_say(NATIVE, {"code_url": CODE_URL})
    action = wechat.account().open(ATTEMPT, OPENING)
    assert (action.type, action.content, action.svg) == ("qr_code", CODE_URL, qr_svg(CODE_URL))
    assert wechat.bodies() == [
        {
            "appid": APPID,
            "mchid": MCHID,
            "description": OPENING.title,
            "out_trade_no": ATTEMPT.attempt_id,
            "time_expire": "2026-09-21T22:28:20+08:00",
            "notify_url": OPENING.notify_url,
            "amount": {"total": 1990, "currency": "CNY"},
        }
    ]


def test_a_request_says_which_public_key_we_hold(wechat: Wechat) -> None:
    wechat.will_say(NATIVE, {"code_url": CODE_URL})
    wechat.account().open(ATTEMPT, OPENING)
    (sent,) = wechat.server.requests
    assert sent.headers["wechatpay-serial"] == PUBLIC_KEY_ID
    assert sent.headers["accept"] == sent.headers["content-type"] == "application/json"


def test_with_certificates_alone_wechat_chooses(wechat: Wechat) -> None:
    wechat.signer = CERTIFICATE_MODE
    wechat.will_say(NATIVE, {"code_url": CODE_URL})
    wechat.account(platform_keys={CERTIFICATE_SERIAL: certificate_pem()}).open(ATTEMPT, OPENING)
    assert "wechatpay-serial" not in wechat.server.requests[0].headers


def test_h5_is_wechats_page_that_comes_back_to_ours(wechat: Wechat) -> None:
    page = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=1234"
    wechat.will_say(H5, {"h5_url": page})
    action = wechat.account().open(replace(ATTEMPT, method="h5"), FROM_A_PHONE)
    assert action.type == "redirect"
    assert (action.url or "").startswith(page + "&redirect_url=https%3A%2F%2Fshop.example")
    assert parse_qs(urlsplit(action.url or "").query)["redirect_url"] == [OPENING.return_url]
    scene = {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}}
    assert wechat.bodies()[0]["scene_info"] == scene
    bare = wechat.account().open(replace(ATTEMPT, method="h5"), replace(FROM_A_PHONE, return_url=None))
    assert bare.url == page


def test_jsapi_is_a_call_inside_wechat_that_our_key_signs(wechat: Wechat) -> None:
    wechat.will_say(JSAPI, {"prepay_id": "wx26112221580621e9b071c00d9e093b0000"})
    action = wechat.account().open(replace(ATTEMPT, method="jsapi"), FROM_A_PHONE)
    assert action.type == "client_secret"
    assert wechat.bodies()[0]["payer"] == {"openid": FROM_A_PHONE.payer_id}
    call = json.loads(action.content or "")
    assert set(call) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert (call["appId"], call["timeStamp"], call["package"]) == (
        APPID,
        str(NOW_S),
        "prepay_id=wx26112221580621e9b071c00d9e093b0000",
    )
    signed = f"{call['appId']}\n{call['timeStamp']}\n{call['nonceStr']}\n{call['package']}\n".encode()
    key("merchant").public_key().verify(base64.b64decode(call["paySign"]), signed, PKCS1v15(), SHA256())


def test_the_first_method_granted_stands_in_where_none_is_named(wechat: Wechat) -> None:
    wechat.will_say(H5, {"h5_url": "https://wx.tenpay.com/c?prepay_id=1"})
    assert wechat.account(methods=["h5", "native"]).open(ATTEMPT, FROM_A_PHONE).type == "redirect"


def test_opening_again_asks_for_the_same(wechat: Wechat) -> None:
    wechat.will_say(NATIVE, {"code_url": CODE_URL})
    actions = [wechat.account().open(ATTEMPT, OPENING).content for _ in range(3)]
    assert actions == [CODE_URL] * 3
    assert len({sent.body for sent in wechat.server.requests}) == 1


def test_each_request_has_a_nonce_and_a_time_of_its_own() -> None:
    real = account(nonce=type(account()).nonce)
    assert len({real.nonce() for _ in range(100)}) == 100


def test_a_key_that_is_not_ours_is_found_out(wechat: Wechat) -> None:
    wechat.will_say(NATIVE, {"code_url": CODE_URL})
    refusal_of(wechat, private_key=private_pem("somebody else"))


@pytest.mark.parametrize(("status", "code"), [(400, "PARAM_ERROR"), (403, "ORDER_CLOSED"), (400, "ORDER_CLOSED")])
def test_what_wechat_will_never_open_is_refused_for_good(wechat: Wechat, status: int, code: str) -> None:
    wechat.will_refuse(NATIVE, status, code)
    with pytest.raises(PaymentRefused) as refusal:
        wechat.account().open(ATTEMPT, OPENING)
    assert not refusal.value.retryable
    assert "说明" not in "".join(traceback.format_exception(refusal.value))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "INVALID_REQUEST"),
        (400, "APPID_MCHID_NOT_MATCH"),
        (401, "SIGN_ERROR"),
        (403, "OUT_TRADE_NO_USED"),
        (403, "NO_AUTH"),
        (429, "FREQUENCY_LIMITED"),
        (500, "SYSTEM_ERROR"),
        (400, ""),
        (302, "PARAM_ERROR"),
        (204, "PARAM_ERROR"),
    ],
)
def test_a_refusal_that_is_not_about_this_payment_may_pass(wechat: Wechat, status: int, code: str) -> None:
    wechat.will_refuse(NATIVE, status, code)
    refusal_of(wechat)


@pytest.mark.parametrize("signer", [Signer(key_name="merchant"), Signer(name="PUB_KEY_ID_7"), Signer(at_s=NOW_S - 301)])
@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_wechat_did_not_sign_now_is_not_believed(wechat: Wechat, signer: Signer, status: int) -> None:
    wechat.will_say(NATIVE, {"code_url": CODE_URL, "code": "PARAM_ERROR"}, status)
    wechat.signer = signer
    refusal_of(wechat)


@pytest.mark.parametrize("changes", [{"wechatpay-signature": "WECHATPAY/SIGNTEST/probe"}, {"wechatpay-nonce": "other"}])
def test_an_answer_with_a_changed_head_is_not_believed(wechat: Wechat, changes: dict[str, str]) -> None:
    right = wechat.signed(200, json.dumps({"code_url": CODE_URL}).encode())
    wechat.server.answer = lambda _, __: replace(right, headers=right.headers | changes)
    refusal_of(wechat)


@pytest.mark.parametrize("status", [200, 400, 502])
def test_a_page_instead_of_an_answer_is_none(wechat: Wechat, status: int) -> None:
    wechat.server.always(status, b"<html>maintenance</html>", content_type="text/html")
    refusal_of(wechat)


def test_a_server_error_is_tried_once_more_with_the_same_bytes(wechat: Wechat) -> None:
    wechat.server.in_turn(Answer(500), wechat.signed(200, json.dumps({"code_url": CODE_URL}).encode()))
    assert wechat.account().open(ATTEMPT, OPENING).content == CODE_URL
    first, second = wechat.server.requests
    assert (first.body, first.path) == (second.body, second.path)


def test_a_server_that_hangs_costs_the_buyer_one_time_out(wechat: Wechat) -> None:
    release = threading.Event()
    wechat.server.answer = lambda _, __: Answer() if release.wait(10) else None
    refusal_of(wechat)
    release.set()
    assert len(wechat.server.requests) == 1


def test_a_server_that_is_not_there_is_unavailable(wechat: Wechat) -> None:
    refusal_of(wechat, api_base=address_of_nobody())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_never_followed(wechat: Wechat, status: int) -> None:
    wechat.server.always(status, b"{}", location=f"{wechat.server.url}/elsewhere")
    refusal_of(wechat)
    assert {sent.path for sent in wechat.server.requests} == {NATIVE}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"code_url":"weixin://wxpay/a","code_url":"weixin://wxpay/b"}',
        b'{"code_url":["weixin://wxpay/a"]}',
        b'{"code_url":"https://elsewhere.example/"}',
        b'{"code_url":"weixin://' + b"x" * 600 + b'"}',
        b'{"code_url":"weixin://wxpay/a"}' + b" " * MAX_REPLY_BYTES,
    ],
)
def test_a_signed_answer_without_what_was_asked_for_opens_nothing(wechat: Wechat, body: bytes) -> None:
    wechat.will_say(NATIVE, body)
    refusal_of(wechat)


@pytest.mark.parametrize(
    "page",
    [
        None,
        "",
        "http://wx.tenpay.com/c?p=1",
        "https://wx.tenpay.com/c?p=\ud800",
        "javascript:alert(1)",
        "https://",
        "https://[oops",
        "https://a.b/c#d?p=1",
    ],
)
def test_a_page_that_a_browser_should_not_open_is_not_handed_out(wechat: Wechat, page: str | None) -> None:
    wechat.will_say(H5, {"h5_url": page})
    refusal_of(wechat, replace(ATTEMPT, method="h5"))


@pytest.mark.parametrize("prepay_id", [None, "", "x" * 65, 1, "wx\ud800"])
def test_a_call_without_a_prepaid_order_is_not_signed(wechat: Wechat, prepay_id: object) -> None:
    wechat.will_say(JSAPI, {"prepay_id": prepay_id})
    refusal_of(wechat, replace(ATTEMPT, method="jsapi"))
