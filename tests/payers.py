"""Each provider's genuine callbacks, as it would send them now: true ones, and signed ones that do not mean our money.

Stripe's and Alipay's are signed by their own SDKs; the others are written from the protocols' descriptions.
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.providers import Callback
from keyrail.payments.providers.sandbox.signing import CALLBACK, HEADER
from keyrail.platform.signed_messages import signed_header
from tests import alipay_gateway, epay_gateway, stripe_events, wechat_platform

REFUSED = "refused"  # nobody signed it like that, or it can be read in two ways
IGNORED = "ignored"  # genuine, and about no payment
Verdict = str
FORM = {"content-type": "application/x-www-form-urlencoded"}
SECRET = "sandbox-secret-of-the-test-0123456789"


@dataclass(frozen=True)
class Lie:
    """A signed callback that differs from the true one in one thing, and where it has to end."""

    name: str
    changes: dict[str, Any]
    verdict: Verdict


def lies(verdict: Verdict, *changes: dict[str, Any]) -> list[Lie]:
    return [Lie(f"{each}", each, verdict) for each in changes]


@dataclass(frozen=True)
class Payer:
    """A provider's side: `accounts` are ours there, of which the first is paid and the second has its secrets, too.

    `pay` signs what it says of an attempt, with `changes` of its own vocabulary; `doubled` says something twice.
    """

    name: str
    provider: str
    accounts: dict[str, dict[str, Any]] = field(repr=False)
    pay: Callable[..., Callback]
    doubled: Callable[[Callback], Callback]
    lies: list[Lie]
    answer: tuple[str, str]

    @property
    def account(self) -> str:
        return next(iter(self.accounts))

    @property
    def other_account(self) -> str:
        return list(self.accounts)[1]


def twice(text: str, name: str) -> str:
    """A member of a JSON object, said a second time."""
    begin = text.index(f'"{name}"')
    return f'{text[:begin]}"{name}": 1, {text[begin:]}'


# Stripe


def stripe_pay(attempt: PaymentAttempt, reference: str, /, **changes: Any) -> Callback:
    paid = {
        "client_reference_id": attempt.attempt_id,
        "amount_total": attempt.amount.amount_minor,
        "currency": attempt.amount.currency.lower(),
        "payment_intent": reference,
    }
    kind, top = changes.pop("kind", "checkout.session.completed"), changes.pop("top", None)
    return stripe_signed(stripe_events.event(kind, top, **{**paid, **changes}))


def stripe_signed(body: bytes) -> Callback:
    return Callback("POST", "", body, {"stripe-signature": stripe_events.sdk_header(body, int(time.time()))})


STRIPE = Payer(
    "stripe",
    "stripe",
    {
        name: {"account_id": number, "secret_key": "sk_test_1", "webhook_secret": stripe_events.SECRET}
        for name, number in (("main", "acct_1"), ("second", "acct_2"))
    },
    stripe_pay,
    lambda true: stripe_signed(twice(true.raw_body.decode(), "amount_total").encode()),
    [
        *lies(Mismatch.UNDER_PAID, {"amount_total": 989}, {"amount_total": 0}),
        *lies(Mismatch.OVER_PAID, {"amount_total": 991}),
        *lies(Mismatch.WRONG_CURRENCY, {"currency": "usd"}, {"currency": "xxx"}, {"currency": ["cny"]}),
        *lies(Mismatch.WRONG_CURRENCY, *({"amount_total": bad} for bad in ("990", 990.0, [990], None, True, -990))),
        *lies(Mismatch.WRONG_MERCHANT, {"top": {"account": "acct_2"}}, {"top": {"livemode": True}}),
        *lies(Mismatch.NOT_PAID, *({"payment_status": bad} for bad in ("unpaid", "no_payment_required", "PAID", ""))),
        *lies(Mismatch.NOT_PAID, {"payment_status": ["paid"]}, {"payment_status": None}),
        *lies(Mismatch.UNKNOWN_ATTEMPT, {"client_reference_id": ""}, {"client_reference_id": None}),
        *lies(IGNORED, {"kind": "checkout.session.expired"}, {"kind": "charge.succeeded"}, {"mode": "subscription"}),
    ],
    ("", "text/plain"),
)

# WeChat Pay


def wechat_pay(attempt: PaymentAttempt, reference: str, /, **changes: Any) -> Callback:
    amount = {"total": attempt.amount.amount_minor, "currency": attempt.amount.currency, **changes.pop("amount", {})}
    event = changes.pop("event", "TRANSACTION.SUCCESS")
    said = {"transaction_id": reference, "amount": amount, **changes}
    return wechat_signed(wechat_platform.notice_body(event, wechat_platform.transaction(attempt.attempt_id, **said)))


def wechat_signed(body: bytes) -> Callback:
    return wechat_platform.posted(body, wechat_platform.Signer(at_s=int(time.time())))


def wechat_account(appid: str) -> dict[str, Any]:
    return {
        "mchid": wechat_platform.MCHID,
        "appid": appid,
        "serial": wechat_platform.MERCHANT_SERIAL,
        "private_key": wechat_platform.private_pem("merchant"),
        "platform_keys": {wechat_platform.PUBLIC_KEY_ID: wechat_platform.public_pem("public")},
        "apiv3_keys": [wechat_platform.APIV3_KEY],
    }


WECHAT = Payer(
    "wechatpay",
    "wechatpay",
    {"main": wechat_account(wechat_platform.APPID), "second": wechat_account("wx0000000000000002")},
    wechat_pay,
    lambda true: wechat_signed(twice(true.raw_body.decode(), "resource_type").encode()),
    [
        *lies(Mismatch.UNDER_PAID, {"amount": {"total": 989}}, {"amount": {"total": 0}}),
        *lies(Mismatch.OVER_PAID, {"amount": {"total": 991}}),
        *lies(Mismatch.WRONG_CURRENCY, {"amount": {"currency": "USD"}}, {"amount": {"currency": None}}),
        *lies(Mismatch.WRONG_CURRENCY, *({"amount": {"total": bad}} for bad in ("990", 990.0, [990], None, True))),
        *lies(Mismatch.WRONG_MERCHANT, {"mchid": "1900000110"}, {"appid": "wx0000000000000002"}, {"appid": ""}),
        *lies(
            Mismatch.NOT_PAID,
            *({"trade_state": bad} for bad in ("REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR")),
            *({"trade_state": bad} for bad in ("success", "", None, ["SUCCESS"])),
        ),
        *lies(REFUSED, {"out_trade_no": ""}, {"out_trade_no": ["a", "b"]}, {"transaction_id": None}),
        *lies(IGNORED, {"event": "TRANSACTION.CLOSED"}, {"event": "PAYSCORE.USER_PAID"}),
    ],
    ("", "text/plain"),
)

# Alipay


def alipay_pay(attempt: PaymentAttempt, reference: str, /, **changes: Any) -> Callback:
    money = attempt.amount.decimal()
    paid = {"trade_no": reference, "out_trade_no": attempt.attempt_id, "total_amount": money, "receipt_amount": money}
    said = {name: value for name, value in {**alipay_gateway.PAID, **paid, **changes}.items() if value is not None}
    return alipay_gateway.callback(alipay_gateway.form(said))


def alipay_account(app_id: str) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "seller_id": alipay_gateway.SELLER_ID,
        "private_key": alipay_gateway.private_text("app"),
        "alipay_public_keys": [alipay_gateway.public_text("alipay")],
    }


ALIPAY = Payer(
    "alipay",
    "alipay",
    {"main": alipay_account(alipay_gateway.APP_ID), "second": alipay_account("2021000000000002")},
    alipay_pay,
    lambda true: alipay_gateway.callback(true.raw_body + b"&total_amount=0.01"),
    [
        *lies(Mismatch.UNDER_PAID, {"total_amount": "9.89"}, {"total_amount": "0.00"}),
        *lies(Mismatch.OVER_PAID, {"total_amount": "9.91"}, {"total_amount": "990"}),
        *lies(Mismatch.WRONG_CURRENCY, *({"total_amount": bad} for bad in ("9.901", "+9.90", "9,90", "NaN", "9.9e0"))),
        *lies(Mismatch.WRONG_MERCHANT, {"app_id": "2021000000000002"}, {"seller_id": "2088000000000009"}),
        *lies(Mismatch.WRONG_MERCHANT, {"seller_id": None}),
        *lies(
            Mismatch.NOT_PAID, *({"trade_status": bad} for bad in ("WAIT_BUYER_PAY", "TRADE_CLOSED", "trade_success"))
        ),
        *lies(REFUSED, {"total_amount": ""}, {"total_amount": " "}, {"total_amount": None}, {"trade_status": None}),
        *lies(REFUSED, {"total_amount": None, "total_amount[]": "9.90"}),
        *lies(IGNORED, {"notify_type": "open_app_auth_notify"}),
    ],
    ("success", "text/plain"),
)

# epay


def epay_said(attempt: PaymentAttempt, reference: str, changes: dict[str, Any]) -> dict[str, str]:
    said = {
        "pid": epay_gateway.PID,
        "trade_no": reference,
        "out_trade_no": attempt.attempt_id,
        "type": "alipay",
        "name": "VIP会员 30 天",
        "money": attempt.amount.decimal(),
        "trade_status": "TRADE_SUCCESS",
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


def epay_pay(attempt: PaymentAttempt, reference: str, /, **changes: Any) -> Callback:
    said = epay_said(attempt, reference, changes)
    digest = hashlib.md5((epay_gateway.signed_text(said) + epay_gateway.KEY).encode(), usedforsecurity=False)
    return Callback("GET", urlencode({**said, "sign": digest.hexdigest(), "sign_type": "MD5"}), b"", {})


def epay_pay_in_a_post(attempt: PaymentAttempt, reference: str, /, **changes: Any) -> Callback:
    return Callback("POST", "", epay_pay(attempt, reference, **changes).raw_query.encode(), FORM)


def epay_two_pay(attempt: PaymentAttempt, reference: str, /, **changes: Any) -> Callback:
    said = epay_said(attempt, reference, {"timestamp": str(int(time.time())), **changes})
    text = epay_gateway.signed_text(said).encode()
    sign = epay_gateway.rsa_key("platform").sign(text, padding.PKCS1v15(), hashes.SHA256())
    return Callback("GET", urlencode({**said, "sign": base64.b64encode(sign).decode(), "sign_type": "RSA"}), b"", {})


EPAY_ONE = {"key": epay_gateway.KEY}
EPAY_TWO = {
    "version": 2,
    "merchant_private_key": epay_gateway.private_pem("merchant"),
    "platform_public_keys": [epay_gateway.public_pem("platform")],
}
EPAY_LIES = [
    *lies(Mismatch.UNDER_PAID, {"money": "9.89"}, {"money": "0"}),
    *lies(Mismatch.OVER_PAID, {"money": "9.91"}, {"money": "990"}),
    *lies(Mismatch.WRONG_CURRENCY, *({"money": bad} for bad in ("9.901", "+9.90", "9,90", "NaN", "9.9e0", "-9.90"))),
    *lies(Mismatch.WRONG_MERCHANT, {"pid": "1002"}),
    *lies(Mismatch.NOT_PAID, *({"trade_status": bad} for bad in ("TRADE_CLOSED", "WAIT_BUYER_PAY", "trade_success"))),
    *lies(REFUSED, {"money": None, "money[]": "9.90"}, {"money": None}, {"trade_status": None}, {"pid": None}),
    *lies(REFUSED, {"out_trade_no": None}, {"trade_no": None}, {"trade_no": ""}),
]


def epay(name: str, settings: dict[str, Any], pay: Callable[..., Callback]) -> Payer:
    def doubled(true: Callback) -> Callback:
        if true.method == "GET":
            return Callback("GET", f"{true.raw_query}&money=0.01", b"", true.headers)
        return Callback("POST", "", true.raw_body + b"&money=0.01", true.headers)

    accounts = {
        f"{name}-{at}": {**settings, "gateway_url": f"https://{name}.example", "pid": pid}
        for at, pid in (("main", epay_gateway.PID), ("second", "1002"))
    }
    return Payer(name, "epay", accounts, pay, doubled, EPAY_LIES, ("success", "text/plain"))


# the sandbox


def sandbox_pay(attempt: PaymentAttempt, reference: str, /, **changes: Any) -> Callback:
    said = {
        "merchant": "sbx_1",
        "attempt_id": attempt.attempt_id,
        "reference": reference,
        "amount_minor": attempt.amount.amount_minor,
        "currency": attempt.amount.currency,
        "status": "paid",
        **changes,
    }
    return sandbox_signed(json.dumps(said).encode())


def sandbox_signed(body: bytes) -> Callback:
    return Callback("POST", "", body, {HEADER: signed_header(SECRET, CALLBACK, int(time.time()), body)})


SANDBOX = Payer(
    "sandbox",
    "sandbox",
    {
        name: {"merchant": number, "base_url": "https://sandbox.example", "secrets": [SECRET]}
        for name, number in (("main", "sbx_1"), ("second", "sbx_2"))
    },
    sandbox_pay,
    lambda true: sandbox_signed(twice(true.raw_body.decode(), "amount_minor").encode()),
    [
        *lies(Mismatch.UNDER_PAID, {"amount_minor": 989}),
        *lies(Mismatch.OVER_PAID, {"amount_minor": 991}),
        *lies(
            Mismatch.WRONG_CURRENCY, {"currency": "USD"}, *({"amount_minor": bad} for bad in ("990", 9.9, [990], True))
        ),
        *lies(Mismatch.WRONG_MERCHANT, {"merchant": "sbx_2"}),
        *lies(Mismatch.NOT_PAID, *({"status": bad} for bad in ("failed", "refunded", "PAID"))),
        *lies(REFUSED, {"status": ""}, {"status": ["paid"]}, {"attempt_id": ["a"]}, {"reference": ""}, {"more": 1}),
    ],
    ("success", "text/plain"),
)

PAYERS = (
    STRIPE,
    WECHAT,
    ALIPAY,
    epay("epay-one-get", EPAY_ONE, epay_pay),
    epay("epay-one-post", EPAY_ONE, epay_pay_in_a_post),
    epay("epay-two", EPAY_TWO, epay_two_pay),
    SANDBOX,
)


def accounts_secret() -> str:
    """What the secret of a merchant with an account and a second one at each of them says."""
    document: dict[str, dict[str, Any]] = {}
    for payer in PAYERS:
        document.setdefault(payer.provider, {}).update(payer.accounts)
    return json.dumps(document)
